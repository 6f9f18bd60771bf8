#!/bin/bash
# How far data.decode: fast is from exact, on photographs. SKUA_PHOTOGRAPHS: a tar of a folder val with one for each class.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
photographs=${SKUA_PHOTOGRAPHS:-${SKUA_SOURCE:-$here/../..}/../shared/data/imagenet-sample.tar}
[ -f "$photographs" ] || skip "no photographs at '$photographs' (SKUA_PHOTOGRAPHS names others)"
need numpy PIL
mkdir "$work/data"
tar -xf "$photographs" -C "$work/data"
ln -s val "$work/data/train"
"$python" "$here/decode_fast.py" "$work" "$skua"
