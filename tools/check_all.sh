# The longer checks of `check.sh --all`, sourced by it: they use its functions and add to its counts.

# stage TITLE
stage() {
    echo
    echo "== $1"
}

# verdict NAME STATUS LOG: one check that is not a CTest
verdict() {
    case $2 in
    0) passed=$((passed + 1)); echo "passed  $1" ;;
    77) skipped=$((skipped + 1)); echo "skipped $1" ;;
    *) failed=$((failed + 1)); echo "FAILED  $1"; cat "$3" ;;
    esac
}

sanitized() {
    stage "address and undefined behaviour sanitizers: every test"
    if configure_and_build build-asan all -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSKUA_SANITIZE=address; then
        run_tests build-asan
    else
        failed=$((failed + 1))
    fi
    stage "thread sanitizer: the tests with threads of their own"
    if configure_and_build build-tsan tests_threads -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSKUA_SANITIZE=thread; then
        run_tests build-tsan -L threads
    else
        failed=$((failed + 1))
    fi
}

valgrinded() {
    stage "valgrind: the reference kernels"
    local test log=build/valgrind.log found=
    for test in build/tests/kern/test_ref*; do
        [ -x "$test" ] || continue
        found=yes
        SKUA_CPU=ref OMP_NUM_THREADS=2 valgrind -q --error-exitcode=9 --leak-check=full \
            --errors-for-leak-kinds=definite "$test" >"$log" 2>&1
        verdict "valgrind $(basename "$test")" $? "$log"
    done
    [ -n "$found" ] || { echo "no reference kernel test found" >"$log"; verdict "valgrind" 1 "$log"; }
}

# emulated CPU: a short training and an evaluation of its model on a processor that qemu plays
emulated() {
    local cpu=$1 log=build/emulated.log run=build/emulated-run qemu status
    qemu=$(command -v qemu-x86_64 || command -v qemu-x86_64-static)
    rm -rf "$run"
    if [ "$(uname -m)" != x86_64 ] || [ -z "$qemu" ]; then
        verdict "training on an emulated $cpu" 77 "$log"
        return
    fi
    "$qemu" -cpu "$cpu" build/skua train tests/emulated.yaml --out "$run" >"$log" 2>&1 &&
        "$qemu" -cpu "$cpu" build/skua eval "$run" >>"$log" 2>&1
    status=$?
    verdict "training on an emulated $cpu" $((status ? 1 : 0)) "$log"
    rm -rf "$run"
}

sanitized
valgrinded
stage "emulated processors: with AVX2 and no AVX-512, with SSE4 only"
emulated Haswell-noTSX
emulated Nehalem
