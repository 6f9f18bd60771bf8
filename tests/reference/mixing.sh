#!/bin/bash
# MixUp and CutMix against torchvision, loss and gradient of mixed labels against PyTorch: new cases for the tests that hold
# stored ones.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need numpy torch torchvision safetensors
for seed in 11 12; do
    "$python" "$here/../backend/mix/make_mix.py" "$work/mix.safetensors" "$seed"
    for test in backend/test_cpu_mix train/test_mix; do
        SKUA_MIX_CASES=$work/mix.safetensors "./$test"
    done
done
