#!/bin/bash
# From the call of skua to its first training step, on unpacked CIFAR-10.
# Usage: bench/start_time.sh DIR [ROUNDS] [skua's options...]   DIR: cifar-10-batches-bin or -py, or the folder above
# SKUA: the program (build/skua). Prints one JSON object a round: seconds until skua says that training starts (data
# read, kernels chosen, memory laid out), and until its first step is done and logged; then the least of both.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: bench/start_time.sh DIR [ROUNDS] [skua's options...]" >&2; exit 2; }
data=$1 rounds=${2:-3}
shift $(($# < 2 ? $# : 2))
skua=${SKUA:-$(dirname "${BASH_SOURCE[0]}")/../build/skua}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

now() {
    date +%s%N
}

# Seconds since $1, with three digits.
since() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b - a) / 1e9 }'
}

for ((round = 1; round <= rounds; round++)); do
    run=$work/run$round
    mkfifo "$work/out$round"
    called=$(now)
    "$skua" train c1 --data "$data" --out "$run" --json --quiet \
        --set train.max_steps=1 --set data.val_limit=1 "$@" >"$work/out$round" &
    pid=$!
    exec 3<"$work/out$round"
    IFS= read -r line <&3 || true
    started=$(now)
    if [[ ${line:-} != *'"event":"start"'* ]]; then
        wait "$pid" || exit $?
        echo "start_time: expected the start, got '${line:-}'" >&2
        exit 1
    fi
    until [ -s "$run/log.jsonl" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    stepped=$(now)
    cat <&3 >/dev/null
    exec 3<&-
    wait "$pid"
    printf '{"round":%d,"start_s":%s,"first_step_done_s":%s}\n' "$round" "$(since "$called" "$started")" \
        "$(since "$called" "$stepped")"
done | tee "$work/rounds"
awk -F'[:,}]' '{ if (NR == 1 || $4 < a) a = $4; if (NR == 1 || $6 < b) b = $6 }
    END { printf "{\"rounds\":%d,\"start_s\":%s,\"first_step_done_s\":%s}\n", NR, a, b }' "$work/rounds"
