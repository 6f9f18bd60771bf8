#!/bin/bash
# Initial weights of networks beside torchvision's: zeros, ones, and the distributions of the rest.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need torch torchvision safetensors numpy
"$python" "$here/initial.py" "$work" "$skua"
