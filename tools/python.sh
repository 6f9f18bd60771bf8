#!/bin/bash
# Makes the Python of tests/reference, once, in ~/.cache/skua-python: its packages are in tests/reference/packages.txt.
# PyTorch is not among them (some gigabytes): the comparisons with it want another Python, SKUA_PYTHON.
# Usage: tools/python.sh   Status 1 where it cannot be made (no network); the tests that need it are then skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
packages=tests/reference/packages.txt
folder=${XDG_CACHE_HOME:-$HOME/.cache}/skua-python

# A Python that was updated since finds nothing in it.
cmp -s "$packages" "$folder/packages.txt" && "$folder/bin/python" -c 'import sklearn, tensorboard' 2>/dev/null && exit 0
echo "python: installing $(tr '\n' ' ' <"$packages")below $folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$packages"
cp "$packages" "$folder/packages.txt"
