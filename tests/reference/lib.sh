# What the comparisons with PyTorch share, sourced by them: a Python with its packages, or a skip, and a scratch folder.
set -euo pipefail

python=${SKUA_PYTHON:-$HOME/.cache/skua-peers/bin/python}
skua=${SKUA:?path of the program}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
    echo "skipped: $1"
    exit 77
}

# need PACKAGE...: skips where that Python cannot import them
need() {
    local imports
    imports=$(IFS=,; echo "$*")
    "$python" -c "import $imports" 2>/dev/null ||
        skip "no Python with $* at '$python' (SKUA_PYTHON names another)"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
