#!/bin/bash
# The built-in shapes are no toy: a linear model on their pixels stays under 60%.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need numpy PIL sklearn
"$python" "$here/shapes_linear.py" "$work" "$skua"
