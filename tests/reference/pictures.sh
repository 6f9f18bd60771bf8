#!/bin/bash
# Decoding, resizing and cropping of pictures of every kind against Pillow, by way of `skua data sample --prepared`.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need numpy PIL
"$python" "$here/pictures.py" "$work" "$skua"
