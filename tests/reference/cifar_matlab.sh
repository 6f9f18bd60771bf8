#!/bin/bash
# CIFAR-10 and CIFAR-100 of random pictures in every published layout, written by NumPy, pickle and SciPy: the pictures,
# labels and names that skua reads are those that were written.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need numpy scipy PIL
export SKUA_CACHE=off
"$python" "$here/cifar_matlab.py" "$work" "$skua"
