#!/bin/bash
# A training run beside PyTorch's float64 run on the same batches: every loss, and the total change of every tensor,
# within three times the drift of PyTorch's own float32 runs, with Winograd within six. SKUA_TRAJECTORY: the script that writes the reference.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
script=${SKUA_TRAJECTORY:-${SKUA_SOURCE:-$here/../..}/../shared/peers/trajectory.py}
[ -f "$script" ] || skip "no script that writes a reference at '$script' (SKUA_TRAJECTORY names another)"
need torch torchvision safetensors numpy
options=("$@")
[ ${#options[@]} -gt 0 ] || options=(--width 0.5 --steps 10)
"$python" "$script" "$work/reference" "${options[@]}"
"$python" "$here/trajectory.py" "$work" "$skua" "${options[@]}"
