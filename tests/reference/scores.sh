#!/bin/bash
# Scores against scikit-learn and SciPy: new random cases for the test that holds stored ones, and a whole `skua eval`,
# whose figures are made again from the predictions that it wrote.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need numpy scipy sklearn safetensors
for seed in 21 22 23; do
    "$python" "$here/../train/scores/make_scores.py" "$work/scores.safetensors" "$seed"
    SKUA_SCORES_CASES=$work/scores.safetensors ./train/test_scores
done
export SKUA_CACHE=$work/cache
"$python" "$here/scores.py" "$work" "$skua"
