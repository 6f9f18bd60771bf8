#!/bin/bash
# Gradients of one step of each kind of network beside PyTorch's.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need torch torchvision safetensors numpy
"$python" "$here/gradients.py" "$work" "$skua"
