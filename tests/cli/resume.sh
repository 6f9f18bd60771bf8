# Resuming gives bit for bit what an uninterrupted run gives, however and wherever it was interrupted.
. "$(dirname "$0")/lib.sh"

run 0 train tiny.yaml --out whole

# stop SIGNAL STATUS LINES DIR ARGUMENTS...: trains and sends SIGNAL once the log has LINES lines. Where the run was quicker
# than we were, it is tried again.
stop() {
    local signal=$1 status=$2 lines=$3 dir=$4 try got pid
    shift 4
    checks=$((checks + 1))
    for try in 1 2 3 4 5; do
        rm -f err
        "$skua" train "$@" --out "$dir" > out 2> err &
        pid=$!
        until { [ -s err ] && [ "$(cat "$dir/log.jsonl" 2> /dev/null | wc -l)" -ge "$lines" ]; } ||
            ! kill -0 $pid 2> /dev/null; do
            :
        done
        kill -"$signal" $pid 2> /dev/null
        wait $pid 2> /dev/null
        got=$?
        [ "$got" -ne 0 ] && break
        rm -rf "$dir"
    done
    [ "$got" -eq "$status" ] || bad "$signal: expected status $status, got $got"
}

# Ctrl-C, then SIGTERM later in the same run, each within an epoch; then to the end with other workers
for try in 1 2 3 4 5; do # on a busy machine the signal may come too late
    rm -rf ctrl-c
    stop INT 130 5 ctrl-c tiny.yaml
    at=$(readlink ctrl-c/last)
    [ "${at#ckpt-}" -lt 12 ] && break
done
says err 'finishing the step'
says err 'to go on: skua train --resume --out ctrl-c'
check 'stopped within the first epoch' [ "${at#ckpt-}" -lt 12 ]
stop TERM 75 20 ctrl-c --resume
run 0 train --resume --out ctrl-c --set data.workers=2
same_run whole ctrl-c

# killed outright: from the last checkpoint, the log is cut back
stop KILL 137 18 killed tiny.yaml --set train.checkpoint_every=5 --set data.workers=0
run 0 train --resume --out killed --set train.checkpoint_every=0
same_run whole killed

# killed again and again
rm -rf often
for lines in 8 16 24 32; do
    stop KILL 137 $lines often tiny.yaml --resume --set train.checkpoint_every=3
done
run 0 train tiny.yaml --resume --out often
same_run whole often

# stopped as it begins, by the terminal that goes away
stop HUP 75 0 early tiny.yaml
run 0 train --resume --out early
same_run whole early

# kernels chosen by timing: the checkpoint says which, and evaluation gives the logged figures again
quick=(--set engine.tune=quick --set engine.precision=bf16 --set engine.threads=0)
run 0 train tiny.yaml --out quick "${quick[@]}"
cp -r quick requick
rm -r requick/ckpt-36
run 0 train --resume --out requick
same_run quick requick
run 0 eval quick/last --json
check 'the logged figures again' [ "$(grep -o '"val_loss":[^,]*,"val_top1":[^,]*' quick/log.jsonl | tail -1 | sed 's/val_//g')" = \
    "$(grep -o '"loss":[^,]*,"top1":[^,]*' out)" ]

# logs with a cut last line; a table that is not there
run 0 train tiny.yaml --out cut --set train.epochs=1
printf '{"step":13,"epo' >> cut/log.jsonl
printf '2,2' >> cut/metrics.csv
run 0 train tiny.yaml --resume --out cut --set train.epochs=2
rm cut/metrics.csv
sed -i '$s/.*/rubbish/' cut/log.jsonl # in place of the inference time
run 0 train tiny.yaml --resume --out cut --set train.epochs=3
says err "line 27 of 'cut/log.jsonl' is damaged: it and those after it are dropped"
same_run whole cut
check 'a row an epoch' [ "$(cut -d, -f1 cut/metrics.csv | tr '\n' ' ')" = 'epoch 1 2 3 ' ]

# what TensorBoard gets changes nothing that is trained
run 0 train tiny.yaml --out shown --set train.tensorboard=true --set train.histograms=2
same_run whole shown
check 'one event file' [ "$(ls shown | grep -c '^events.out.tfevents.')" -eq 1 ]
check 'none without the key' [ "$(ls whole | grep -c '^events.out.tfevents.')" -eq 0 ]

# more epochs later are the same as all at once, for the schedule's length is given
run 0 train tiny.yaml --out grown --set train.epochs=2
run 0 train --resume --out grown --set train.epochs=3
same_run whole grown

# a schedule as long as the training is another one then
run 0 train tiny.yaml --out stretched --set train.epochs=2 --set train.schedule.epochs=0
run 0 train --resume --out stretched --set train.epochs=4
says err 'the schedule is stretched from 24 to 48 steps: the learning rate jumps'

# killed before there was anything but a lock and a part of the recipe
mkdir first
echo 1 > first/.lock
echo name > first/recipe.yaml.tmp-12
cp -r first second
refused 'holds no run to resume' train --resume --out first
run 0 train tiny.yaml --out first
same_run whole first
run 0 train tiny.yaml --resume --out second
says err 'has no checkpoint: training starts anew'
same_run whole second

# more epochs than can be counted
stop KILL 137 2 endless tiny.yaml --set train.batch=188 --set train.max_steps=1000000000000
says endless/log.jsonl '"epochs":4294967295'

# more steps later, from within an epoch
run 0 train tiny.yaml --out steps --set train.max_steps=17
run 0 train --resume --out steps --set train.max_steps=36
check 'no line twice' [ "$(wc -l < steps/log.jsonl)" -eq 40 ]
check 'the same losses' diff <(grep -o '"step":[0-9]*,"epoch":[0-9]*,"loss":[^,]*' whole/log.jsonl) \
    <(grep -o '"step":[0-9]*,"epoch":[0-9]*,"loss":[^,]*' steps/log.jsonl)
check 'the same weights' cmp steps/last/state.safetensors whole/last/state.safetensors

# its checkpoints were removed: the log stays
cp -r whole bare
rm -r bare/ckpt-* bare/last bare/best
refused "the run 'bare' has no checkpoint, but a log of 3 epochs" train --resume --out bare
check 'the log is as it was' cmp whole/log.jsonl bare/log.jsonl

# a folder that is no run
mkdir -p photos/mine.old-2019
refused 'is not empty' train tiny.yaml --resume --out photos
check 'nothing of it is removed' [ -d photos/mine.old-2019 ]

# one wish to stop that comes twice, as from `timeout`, saves; a later one would stop at once
echo 'kill -INT $1 $1; sleep 0.05; kill -INT $1' > twice
"$skua" train tiny.yaml --out twofold --set train.epochs=400 --set expect.accuracy=1 > out 2> err &
pid=$!
until [ "$(cat twofold/log.jsonl 2> /dev/null | wc -l)" -ge 3 ]; do :; done
sh twice $pid 2> /dev/null
wait $pid
check 'saved' [ $? -eq 130 ]
says err 'to go on: skua train --resume --out twofold'
check 'what was expected is not judged of a part' [ "$(grep -c 'reached' err)" -eq 0 ]

# finished; nothing to resume; a damaged checkpoint
run 0 train --resume --out whole
says err 'is finished: 3 of 3 epochs are done; a larger train.epochs continues it'
check 'nothing was printed' [ ! -s out ]
run 0 train tiny.yaml --resume --out fresh
says err 'has no checkpoint: training starts anew'
same_run whole fresh
cp -r whole damaged
truncate -s 1000 damaged/ckpt-36/model.safetensors
run 0 train --resume --out damaged
says err "damaged/ckpt-36' is passed over: "
same_run whole damaged

# all of them damaged: nothing is touched, least of all the log
cp -r whole lost
for file in lost/ckpt-*/state.safetensors; do truncate -s 1000 "$file"; done
cp lost/log.jsonl lost.jsonl
list=$(ls lost)
run 2 train tiny.yaml --resume --out lost --set train.epochs=4
says err "the run 'lost' has no checkpoint that can be used (another --out starts anew); the newest: 'lost/ckpt-36/state.safetensors' is damaged"
check 'the log is whole' cmp lost/log.jsonl lost.jsonl
check 'all files are there' [ "$(ls lost)" = "$list" ]
sed -i 's/"version": 1/"version": 7/' lost/ckpt-36/state.json
refused 'written by a newer skua' train --resume --out lost
check 'all files are still there' [ "$(ls lost)" = "$list" ]

# refused: another model, other data, another job on the run
refused 'model.width was 0.0625 in the run, is 0.125 now' train tiny.yaml --resume --out whole --set model.width=0.125
refused 'train.batch was 16 in the run, is 8 now' train --resume --out whole --set train.batch=8
refused 'train.epochs was 3 in the run, is 2 now' train --resume --out whole --set train.epochs=2
refused 'exists already' train tiny.yaml --out whole
refused '--resume needs the run' train tiny.yaml --resume
refused 'holds no run to resume' train --resume --out nowhere
check 'nothing was made' [ ! -e nowhere ]
mkdir pictures classes classes/a classes/b
run 0 data sample tiny.yaml --count 40 --out pictures
n=0
find pictures -name '*.png' | sort > list
while read -r file; do
    n=$((n + 1))
    cp "$file" "classes/$([ $n -le 20 ] && echo a || echo b)/"
done < list
run 0 train tiny.yaml --data classes --out changed --set data.augment='[]' --set train.epochs=1 --set model.classes=2
rm "$(find classes/a -name '*.png' | sort | head -1)"
refused 'the training data changed' train --resume --out changed --set train.epochs=2

# validation that fails costs no step: its epoch is saved, and a resume goes on there
mkdir -p set/train set/val/a set/val/b
mv classes/? set/train/
cp -r set/train/a/. set/val/a
cp -r set/train/b/. set/val/b
pictures=(train tiny.yaml --data set --set data.augment='[]' --set train.epochs=2 --set model.classes=2
    --set train.tensorboard=true --set train.histograms=1)
run 0 "${pictures[@]}" --out sound
cp -r set/val sound-val
for file in set/val/b/*; do echo damaged > "$file"; done
run 2 "${pictures[@]}" --out unsound
matches err "^skua: the validation of epoch 1 failed, --resume goes on with it from 'unsound/ckpt-3': .*cannot decode 'set/val/b/"
run 2 train --resume --out unsound
matches err "^skua: the validation of epoch 1 failed, --resume goes on with it from 'unsound/ckpt-3': .*cannot decode 'set/val/b/"
rm -r set/val
mv sound-val set/val
run 0 train --resume --out unsound
same_run sound unsound
for run in sound unsound; do
    check 'each epoch has its histogram once' [ "$(cat $run/events.* | grep -ao 'weights/fc.weight' | wc -l)" -eq 2 ]
done

"$skua" train tiny.yaml --out busy --set train.epochs=1000 > /dev/null 2>&1 &
pid=$!
until [ "$(cat busy/log.jsonl 2> /dev/null | wc -l)" -ge 14 ] || ! kill -0 $pid 2> /dev/null; do :; done
refused "is in use by process $pid" train --resume --out busy
refused "is in use by process $pid" train tiny.yaml --out busy
kill -KILL $pid
wait $pid 2> /dev/null
stop TERM 75 30 busy --resume
finish
