#!/bin/bash
# Sets up, builds and runs every test; closes with the line "N passed, N failed" (", N skipped" where some were).
# Usage: ./check.sh [--all]   --all adds sanitizers, valgrind and emulated older processors
# Exit status: 0 when nothing failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

passed=0 failed=0 skipped=0
jobs=$(nproc)

die() {
    echo "check: $1" >&2
    exit 1
}

# configure_and_build FOLDER TARGET CMAKE-OPTIONS...
configure_and_build() {
    local folder=$1 target=$2 log=$1/configure.log
    shift 2
    mkdir -p "$folder"
    if ! cmake -S . -B "$folder" -G Ninja -DSKUA_TESTS=ON "$@" >"$log" 2>&1; then
        cat "$log"
        echo "check: cannot configure $folder" >&2
        return 1
    fi
    cmake --build "$folder" --target "$target" && return
    echo "check: cannot build $folder" >&2
    return 1
}

# Adds up ctest's lines "3/40 Test #3: base/test_err ....   Passed    0.01 sec"; anything but Passed and Skipped failed.
count() {
    local ok bad away
    read -r ok bad away < <(awk '/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
            if ($0 ~ / Passed +[0-9.]+ sec/) ok++; else if ($0 ~ /\*\*\*Skipped/) away++; else bad++ }
        END { print ok + 0, bad + 0, away + 0 }' "$1")
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + away))
    [ $((ok + bad + away)) -gt 0 ] || { echo "check: no test ran"; failed=$((failed + 1)); }
}

# run_tests FOLDER CTEST-OPTIONS...
run_tests() {
    local folder=$1
    shift
    ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error "$@" 2>&1 | tee "$folder/check.log"
    count "$folder/check.log"
}

case "${1:-}" in
"") bash tools/setup.sh check || die "the set-up failed" ;;
--all) bash tools/setup.sh all || die "the set-up failed" ;;
*) echo "usage: ./check.sh [--all]" >&2; exit 2 ;;
esac

bash tools/python.sh || echo "check: no Python for tests/reference: they are skipped" >&2
configure_and_build build all || exit 1
run_tests build
if [ "${1:-}" = --all ]; then
    source tools/check_all.sh
fi

summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
