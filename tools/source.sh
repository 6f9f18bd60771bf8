#!/bin/bash
# Checks the source text: a note of work left to do fails; lines over 120 columns, files over 450 lines and functions over
# 80 are only reported.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bad=0
mapfile -t files < <(find src include tests tools bench recipes docs -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.yaml' -o -name '*.md' -o -name '*.txt' -o -name '*.cmake' \
    -o -path 'bench/*' -o -path 'tests/fuzz/run' \) 2>/dev/null | sort)
files+=(CMakeLists.txt README.md CHANGELOG.md CONTRIBUTING.md check.sh demo.sh .ci/run)
mapfile -t code < <(printf '%s\n' "${files[@]}" | grep -E '\.[ch]$')

if grep -nwE 'TO''DO|FIX''ME|X''XX' "${files[@]}"; then
    echo "source: work left to do is done or left out, not noted"
    bad=1
fi
awk 'length > 120 { over[FILENAME]++ } END { for (f in over) print f ": " over[f] " lines over 120 columns" }' "${code[@]}"
awk 'FNR == 1 && name { if (lines > 450) print name ": " lines " lines" }
     FNR == 1 { name = FILENAME }
     { lines = FNR }
     /^{/ { start = FNR }
     /^}/ { if (start && FNR - start > 80) print FILENAME ":" start ": a function of " FNR - start " lines"; start = 0 }
     END { if (lines > 450) print name ": " lines " lines" }' "${code[@]}"
exit $bad
