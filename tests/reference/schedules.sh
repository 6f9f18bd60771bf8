#!/bin/bash
# The learning rate of every schedule at every step is PyTorch's.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need torch
cd "$work"
"$python" "$here/schedules.py" "$skua"
