# A disk that fills up while training: training goes on where it can, the last good checkpoint stays, the end says so.
. "$(dirname "$0")/lib.sh"

# Files may not grow past 150 kB: the log can, weights and optimizer state (180 kB each) cannot.
run 0 train tiny.yaml --out full --set train.epochs=1
checks=$((checks + 1))
(
    ulimit -f 150
    "$skua" train --resume --out full --set train.epochs=3 > out 2> err
)
[ $? -eq 1 ] || bad 'expected status 1'
check 'training went on to the end' [ "$(grep -c '^Epoch' out)" -eq 2 ]
check 'told once, and at the end' [ "$(grep -c 'could not be saved' err)" -eq 2 ]
says err 'step 24 could not be saved: '
says err 'File too large; training goes on, last good checkpoint: full/ckpt-12'
says err 'training ended, but step 36 could not be saved: '
check 'the good one stays' [ "$(readlink full/last)" = ckpt-12 ]
check 'no part of another is left' [ -z "$(ls -d full/*tmp* 2> /dev/null)" ]
run 0 eval full
run 0 train --resume --out full
run 0 train tiny.yaml --out whole
same_run whole full

# stopped while nothing can be saved
checks=$((checks + 1))
run 0 train tiny.yaml --out stuck --set train.epochs=1
(
    ulimit -f 150
    "$skua" train --resume --out stuck --set train.epochs=400 > out 2> err &
    pid=$!
    until [ -s err ] && [ "$(wc -l < stuck/log.jsonl)" -ge 16 ] || ! kill -0 $pid 2> /dev/null; do :; done
    kill -TERM $pid
    wait $pid
)
[ $? -eq 1 ] || bad 'expected status 1'
matches err '^skua: stopped after step [0-9]+, which could not be saved: .*; last good checkpoint: stuck/ckpt-12$'

# TensorBoard's events find no room where the weights still do: told once, and at the end; the rest of the run is whole.
checks=$((checks + 1))
(
    ulimit -f 200
    "$skua" train tiny.yaml --out crowded --set train.tensorboard=true --set train.histograms=1 > out 2> err
)
[ $? -eq 1 ] || bad 'expected status 1'
check 'told once' [ "$(grep -c "cannot write the logs of 'crowded': File too large; training goes on" err)" -eq 1 ]
matches err "^skua: cannot write 'crowded/events.out.tfevents.[0-9]+.skua': File too large$"
same_run whole crowded

# The run's folder is taken away while it trains: it goes on, and says at the end that nothing could be saved.
checks=$((checks + 1))
"$skua" train tiny.yaml --out gone --set train.tensorboard=true --set train.epochs=60 > out 2> err &
pid=$!
until [ "$(cat gone/log.jsonl 2> /dev/null | wc -l)" -ge 14 ] || ! kill -0 $pid 2> /dev/null; do :; done
mv gone away
wait $pid
[ $? -eq 1 ] || bad 'expected status 1'
check 'training went on to the end' [ "$(grep -c '^Epoch' out)" -eq 60 ]
check 'told once, and at the end' [ "$(grep -c 'could not be saved' err)" -eq 2 ]

# A read-only file system and one that is full, where the system lets us mount one of our own.
mkdir disk
if unshare -rm mount -t tmpfs tmpfs disk 2> /dev/null; then
    run 0 train tiny.yaml --out short --set train.epochs=1
    cat > inner.sh <<'INNER'
mount -t tmpfs -o size=4m tmpfs disk
cp -r short disk/run
mount -o remount,ro disk
"$1" train --resume --out disk/run --set train.epochs=3 > ro.out 2> ro.err
echo $? > ro.status
"$1" eval disk/run > ro.eval
mount -o remount,rw disk
dd if=/dev/zero of=disk/filler bs=1k 2> /dev/null
truncate -s -200K disk/filler
"$1" train tiny.yaml --out disk/new > full.out 2> full.err
echo $? > full.status
dd if=/dev/zero of=disk/filler2 bs=1k 2> /dev/null
"$1" train tiny.yaml --out disk/newer > none.out 2> none.err
echo $? > none.status
INNER
    check 'the disk is there' unshare -rm bash inner.sh "$skua"
    check 'status of the read-only run' [ "$(cat ro.status)" -eq 1 ]
    says ro.err 'Read-only file system'
    says ro.eval 'Accuracy'
    check 'status of the run that found no room for weights' [ "$(cat full.status)" -eq 1 ]
    check 'which trained all the same' [ "$(grep -c '^Epoch' full.out)" -eq 3 ]
    says full.err 'No space left on device; training goes on, last good checkpoint: none'
    check 'status of the run that found no room at all' [ "$(cat none.status)" -eq 1 ]
    matches none.err '^skua: cannot .*: No space left on device$'
fi
finish
