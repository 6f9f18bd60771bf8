#!/bin/bash
# docs/explore-run.ipynb is run, cell by cell, on a tiny run, and what it read is what the log says.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export MPLCONFIGDIR=$work
need nbclient ipykernel pandas matplotlib
"$python" "$here/notebook.py" "$work" "$skua" "$here/../../docs/explore-run.ipynb"
