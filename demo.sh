#!/bin/bash
# Builds skua, trains a small network on the built-in pictures for about a minute, evaluates it and classifies a few
# pictures. A second run sets nothing up again.
# Usage: ./demo.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

stage() {
    printf '\n== %s\n' "$1"
}

bash tools/setup.sh build
if [ ! -f build/build.ninja ]; then
    stage "configuring"
    mkdir -p build
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DSKUA_TESTS=OFF >build/configure.log ||
        { cat build/configure.log; exit 1; }
fi
stage "building build/skua"
cmake --build build --target skua

run=runs/demo-$(date +%Y%m%d-%H%M%S)
stage "training a small ResNet-18 on ten classes of drawn pictures (Ctrl-C stops and saves)"
build/skua train shapes-demo --out "$run"
stage "evaluating it on pictures that it has not seen"
build/skua eval "$run"
stage "classifying four of them; the file names tell what they are"
build/skua data sample shapes-demo --out "$run/pictures" --count 4 >"$run/pictures.txt"
mapfile -t pictures <"$run/pictures.txt"
build/skua predict "$run" "${pictures[@]}"

cat <<END

The run is in $run. What to try next:
  # layers, parameters and memory of the network
  build/skua info $run
  # the whole of it as one page, $run/report.html
  build/skua report $run
  # real pictures (170 MB)
  build/skua data get cifar10
  build/skua train cifar10-resnet18-5 --data cifar-10-binary.tar.gz
  # your own: a folder of JPEG or PNG for each class
  build/skua train --data DIR
README.md and docs/guide.md tell more; build/skua help lists everything.
END
