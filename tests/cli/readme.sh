#!/bin/bash
# The commands that README.md, docs/guide.md and docs/data.md show, run as they stand: every ```sh block, in order, one folder for
# each document, on small made-up data of the names used there. A block after `<!-- test: skip REASON -->` is left out,
# and told.
set -euo pipefail

skua=${SKUA:?path of the program}
source=${SKUA_SOURCE:?folder of the source}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The blocks of a document as a script that says what it runs.
blocks() {
    awk -v name="$(basename "$1")" '
        function say(what) { printf "echo \"%s %s:%d%s\"\n", what, name, NR, reason ? ": " reason : "" }
        function fail(why) { printf "echo \"%s:%d: %s\"; exit 1\n", name, NR, why }
        /^<!-- test:/ {
            if (!match($0, /^<!-- test: skip .+ -->$/)) { fail("unknown mark"); next }
            reason = substr($0, 17, length($0) - 20); marked = NR; next
        }
        reason && !inside && NR == marked + 1 && !/^```sh$/ { fail("mark without a block") }
        /^```sh$/ { inside = 1; say(reason ? "SKIP" : "RUN"); next }
        /^```$/ && inside { inside = 0; reason = ""; count++; next }
        inside && !reason { print }
        END { if (inside || !count) fail("no block, or one without end") }' "$1"
}

# CIFAR-10 as published, but of a few records of noise.
make_cifar() {
    local folder=$1/cifar-10-batches-bin name label
    mkdir -p "$folder"
    for name in data_batch_{1..5} test_batch; do
        for label in {0..9}; do
            printf "\\x0$label"
            head -c 3072 /dev/urandom
        done >"$folder/$name.bin"
    done
    printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck >"$folder/batches.meta.txt"
    tar -C "$1" -czf "$1/cifar-10-binary.tar.gz" cifar-10-batches-bin
    rm -r "$folder"
}

make_photos() {
    local kind
    "$skua" data sample shapes-demo --split train --count 80 --out "$1/drawn" >"$1/drawn.txt"
    for kind in circle:cat star:dog; do
        mkdir -p "$1/photos/${kind#*:}"
        cp "$1/drawn/${kind%:*}"-*.png "$1/photos/${kind#*:}"
    done
}

# run_document FILE FOLDER
run_document() {
    mkdir -p "$2/build"
    ln -s "$(realpath "$skua")" "$2/build/skua"
    blocks "$1" >"$2/script.sh"
    (cd "$2" && PATH="$2/build:$PATH" bash -euo pipefail script.sh </dev/null)
}

mkdir "$work/readme" "$work/guide" "$work/data"
make_cifar "$work/readme"
make_photos "$work/readme"
make_photos "$work/data"
run_document "$source/README.md" "$work/readme"
run_document "$source/docs/guide.md" "$work/guide"
run_document "$source/docs/data.md" "$work/data"

# What the texts say of files.
[ -f "$work/readme/runs/cifar/best/model.safetensors" ]
[ -f "$work/readme/runs/photos/recipe.yaml" ]
for name in recipe.yaml log.jsonl last/state.json last/plan.json last/state.safetensors; do
    [ -f "$work/guide/runs/shapes/$name" ] || { echo "the guide names $name in a run, which is not there"; exit 1; }
done
