#!/bin/bash
# The updates stored for tests/exec/test_optimizers.c are those that PyTorch makes now.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need torch numpy
"$python" "$here/optim.py" "$here/../exec/optim_steps.h"
