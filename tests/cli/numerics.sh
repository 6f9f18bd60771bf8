# bench/numerics: finished runs are left alone, a stopped one goes on, the results tell of all of them.
. "$(dirname "$0")/lib.sh"
command -v python3 > /dev/null || { echo 'SKIP: there is no python3'; exit 77; }
study=${SKUA_SOURCE:?the folder of the source}/bench/numerics

numerics() { # numerics STATUS ARGUMENTS...
    local want=$1 got
    shift
    checks=$((checks + 1))
    python3 "$study" --skua "$skua" --out runs --set data.source=shapes --set data.train_size=64 --set data.val_size=20 \
        --set train.batch=16 --set train.epochs=2 --set model.width=0.0625 "$@" > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || bad "numerics $*: expected status $want, got $got"
}

numerics 0 --list
check 'eleven runs, bf16 safe first' [ "$(wc -l < out) $(head -c 19 out)" = '11 narrow-bf16-safe-s0' ]
numerics 1 --only 'wide-*'
says err 'names none of: narrow-bf16-safe-s0, narrow-bf16-fast-s0, narrow-fp32-safe-s0, narrow-bf16-safe-s1'
numerics 2 --only 'narrow-fp32-*' --set model.arch=resnet99
says err "did you mean 'resnet18'?"
check 'what every run would meet ends the study' [ "$(grep -c '^numerics: .* train ' err)" -eq 1 ]

# stopped in its second epoch, as by Ctrl-C: the checkpoint of the first is there
run 0 train cifar10-narrow-resnet18 --out runs/narrow-fp32-safe-s0 --set data.source=shapes --set data.train_size=64 \
    --set data.val_size=20 --set train.batch=16 --set train.epochs=2 --set train.max_steps=6 --set model.width=0.0625 \
    --set engine.precision=fp32 --set train.seed=0
numerics 0 --only 'narrow-fp32-safe-s0' --list
says out 'epochs done: 1'
numerics 0 --only 'narrow-fp32-*' --set train.max_steps=0
check 'the first goes on with its second epoch' [ "$(grep -c '^numerics: narrow-fp32-safe-s0: epoch' err)" -eq 1 ]
matches err '^numerics: narrow-fp32-safe-s0: epoch 2/2: accuracy [0-9.]+%, loss [0-9.]+, [0-9]+ images/s$'
matches err '^numerics: .* --out runs/narrow-fp32-safe-s0 .* --resume$'
check 'every run has its two epochs' \
    [ "$(cat runs/narrow-fp32-safe-s[012]/log.jsonl | grep -c '"val_loss".*"complete":true')" -eq 6 ]
for seed in 0 1 2; do
    matches out "^\| fp32 \| safe \| $seed \| [0-9.]+, [0-9.]+ \| [0-9.]+, [0-9.]+ \|"
done
top1=$(grep -h '"epoch":2,.*val_top1' runs/narrow-fp32-safe-s[012]/log.jsonl | sed 's/.*"val_top1":\([0-9.]*\).*/\1/' |
    awk '{ all += $1 } END { printf "%.2f", 100 * all / NR }')
matches out "^\| fp32 \| safe \| 0, 1, 2 \| $top1 \| [0-9.]+ \([0-9.]+ to [0-9.]+\) \|"
check 'the Markdown file is what was printed' cmp -s <(cat runs/results.md; echo) out
check 'JSON holds the runs' python3 -c 'import json
runs = json.load(open("runs/results.json"))["runs"]
assert [run["name"] for run in runs] == ["narrow-fp32-safe-s%d" % seed for seed in range(3)], runs
assert all(run["finished"] and len(run["epochs"]) == 2 for run in runs), runs'

numerics 1 --only 'narrow-bf16-*' --set train.optimizer.lr=1000 --set train.optimizer.weight_decay=1
check 'runs that diverge do not end the study' [ "$(grep -c '^numerics: .* train ' err)" -eq 6 ]
says err 'numerics: failed: narrow-bf16-safe-s0 (status '
numerics 0 --only 'narrow-fp32-*'
check 'finished runs are left alone' [ ! -s err ]
finish
