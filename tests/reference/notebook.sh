#!/bin/bash
# docs/explore-run.ipynb is run, cell by cell, on a tiny run, and what it read is what the log says. A Python for it:
# python3 -m venv DIR && DIR/bin/pip install nbclient ipykernel pandas matplotlib   (then SKUA_PYTHON=DIR/bin/python)
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export MPLCONFIGDIR=$work
need nbclient ipykernel pandas matplotlib
"$python" "$here/notebook.py" "$work" "$skua" "$here/../../docs/explore-run.ipynb"
