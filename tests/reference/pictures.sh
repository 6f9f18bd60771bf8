#!/bin/bash
# Decoding, resizing and augmenting pictures of every kind against Pillow and torchvision, by way of `skua data sample --prepared`.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need numpy PIL torchvision
"$python" "$here/pictures.py" "$work" "$skua"
