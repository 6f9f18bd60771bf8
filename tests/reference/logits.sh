#!/bin/bash
# Logits of torchvision's networks, their weights and running statistics random, on the same pictures.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need torch torchvision safetensors numpy PIL
"$python" "$here/logits.py" "$work" "$skua"
