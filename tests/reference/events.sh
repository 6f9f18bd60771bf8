#!/bin/bash
# TensorBoard's own reader on the event files of skua: scalars as in log.jsonl, histograms by NumPy on the weights,
# pictures by Pillow, mistakes as skua eval names them, and a run that was killed and resumed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need tensorboard numpy PIL safetensors
"$python" "$here/events.py" "$work" "$skua"
