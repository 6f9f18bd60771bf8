#!/bin/bash
# Installs what skua needs from Debian's or Ubuntu's packages (Debian 12 and 13, Ubuntu 24.04).
# Usage: tools/setup.sh [build|check|all|fuzz]   build: the program; check: its tests too; all: what `check.sh --all`
# runs; fuzz: the program and what tests/fuzz/run needs
# What is there already is left alone: a second run needs neither network nor root. A word with "|" is met by any of its
# packages; the first is installed.
set -euo pipefail

build="gcc libc6-dev cmake ninja-build pkg-config libdnnl-dev zlib1g-dev libspng-dev libjpeg-dev libarchive-dev libyaml-dev
       libjansson-dev libcurl4-openssl-dev|libcurl4-gnutls-dev libssl-dev ca-certificates"
check="libcmocka-dev python3 python3-venv jq procps"
all="valgrind qemu-user|qemu-user-static"
fuzz="clang libclang-rt-dev llvm libomp-dev python3"

case "${1:-build}" in
build) wanted="$build" ;;
check) wanted="$build $check" ;;
all) wanted="$build $check $all" ;;
fuzz) wanted="$build $fuzz" ;;
*) echo "usage: tools/setup.sh [build|check|all|fuzz]" >&2; exit 2 ;;
esac

installed() {
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is neither Debian nor Ubuntu: going on with what is installed (wanted:" $wanted")" >&2
    exit 0
fi

missing=()
for word in $wanted; do
    found=
    for package in ${word//|/ }; do
        if installed "$package"; then found=yes; fi
    done
    [ -n "$found" ] || missing+=("${word%%|*}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing and need root to install: ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
fi
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
echo "setup: installing ${missing[*]}${root:+ (with sudo)}"
if ! "${apt[@]}" update || ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; then
    echo "setup: cannot install ${missing[*]} (network? on Ubuntu the part \"universe\" must be enabled)" >&2
    exit 1
fi
