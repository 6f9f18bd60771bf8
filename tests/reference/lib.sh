# What the comparisons share, sourced by them: a Python with the packages they compare with, or a skip, and a scratch
# folder.
set -euo pipefail

pythons=("${SKUA_PYTHON:-$HOME/.cache/skua-peers/bin/python}"
    "${XDG_CACHE_HOME:-$HOME/.cache}/skua-python/bin/python") # of tools/python.sh
skua=${SKUA:?path of the program}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
    echo "skipped: $1"
    exit 77
}

# need PACKAGE...: sets python to one that can import them; skips where there is none
need() {
    local imports
    imports=$(IFS=,; echo "$*")
    for python in "${pythons[@]}"; do
        if "$python" -c "import $imports" 2>/dev/null; then return; fi
    done
    skip "no Python with $* (SKUA_PYTHON names one; tools/python.sh makes one without PyTorch)"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
