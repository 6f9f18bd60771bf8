#!/bin/bash
# What a training may be told beside its optimizer, over two epochs beside PyTorch: parts of a batch, class weights, label
# smoothing, averaged weights, frozen parts, clipping.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need torch safetensors numpy
"$python" "$here/training.py" "$work" "$skua"
