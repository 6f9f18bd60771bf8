# skua reproduce: recipes by their task, the exit status by what they expect, and c1 to c4 on a small CIFAR-10.
. "$(dirname "$0")/lib.sh"

# CIFAR-10 as published, but of a few records of noise.
for name in data_batch_{1..5} test_batch; do
    for label in {0..9}; do
        printf "\\x0$label"
        head -c 3072 /dev/urandom
    done > "$name.bin"
done
mkdir cifar
mv ./*.bin cifar
printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck > cifar/batches.meta.txt
quick=(--data cifar --set engine.tune=off --set model.width=0.0625 --set train.batch=16)

# ---- c1: loss and top-1 of every batch; the status tells whether the accuracy is reached ----
run 1 reproduce c1 "${quick[@]}" --set train.epochs=2 --set expect.accuracy=0.99 --out c1-run
for epoch in 1 2; do
    for batch in 1 2 3 4; do
        matches out "^Epoch $epoch/2, Batch $batch/4, Loss: [0-9.]+, Top-1: [0-9.]+%\$"
    done
    matches out "^Epoch $epoch/2, Train Loss: [0-9.]+, Val Loss: [0-9.]+, Accuracy: [0-9.]+%"
done
matches err "^skua: the recipe 'c1' expects an accuracy of 99.00% \(tolerance 2.00%\), it reached [0-9.]+%\$"
check 'which is told once' [ "$(grep -c 'expect' err)" -eq 1 ]
run 0 reproduce c1 "${quick[@]}" --set train.epochs=2 --out c1-short
says err "model.width is not that of the recipe 'c1': the accuracy that it expects does not count"
check 'a run like any other' [ -f c1-run/last/model.safetensors ]
run 0 reproduce c1 "${quick[@]}" --set train.epochs=1 --set expect.accuracy=0 --out c1-fine --json
check 'an object for each batch' [ "$(grep -c '^{"event":"step","step":[1-4],"epoch":1,"batch":[1-4],"loss":[0-9.]*,"top1":[0-9.]*,"lr":' out)" -eq 4 ]
check 'they are those of the log' [ "$(sed -n 's/.*"loss":\([0-9.e-]*\),"top1".*/\1/p' out)" = "$(sed -n 's/.*"loss":\([0-9.e-]*\),"top1".*/\1/p' c1-fine/log.jsonl)" ]
run 0 reproduce c1 "${quick[@]}" --set train.epochs=1 --set expect.accuracy=none --set train.log_every=3 --out c1-some
check 'as often as the log' [ "$(grep -c ', Batch ' out)" -eq 1 ]

# ---- c2: each epoch's times ----
run 0 reproduce c2 "${quick[@]}" --set profile.epochs=3
check 'three epochs' [ "$(grep -cE '^Epoch [123]/3, Loading: [0-9.]+s in its threads, Waiting for it: [0-9.]+s, Training: [0-9.]+s, Total: [0-9.]+s$' out)" -eq 3 ]
matches out '^Mean of 3 epochs, '

# ---- c3: loading with numbers of workers; c4: beside computing ----
run 0 reproduce c3 "${quick[@]}" --svg c3.svg
check 'a row for each' [ "$(grep -cE '^ +[01248] +[0-9.]+ +[0-9.]+ +[0-9]+$' out)" -eq 5 ]
matches out '^best: [01248] workers?, '
check 'a chart' [ -s c3.svg ]
run 0 reproduce c4 "${quick[@]}" --set profile.steps=2
check 'a row for each' [ "$(grep -cE '^ +[0124] +[0-9.]+ +[0-9.]+ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+%$' out)" -eq 4 ]
matches out '^best: [0124] workers?, .* waiting for data; '
check 'one worker is compared, unless it is the best' [ "$(grep -cE '^(1 worker against [024]|best: 1 worker)' out)" -eq 1 ]

# ---- what is refused ----
refused 'skua reproduce needs RECIPE' reproduce
refused '--svg is for sweeps and recipes that measure' reproduce c1 --data cifar --svg x.svg
refused '--out is for recipes that train' reproduce c2 --data cifar --out x
refused "task: expected train, profile or sweep, got 'sweeps'" reproduce c1 --data cifar --set task=sweeps
refused 'profile.network: loading alone' reproduce c2 --data cifar --set profile.network=false --set profile.epochs=1
refused 'profile.epochs: 5 epochs are not measured for several profile.workers: set it to 1' reproduce c2 --data cifar --set profile.workers=0,1
run 0 reproduce c2 "${quick[@]}" --set profile.steps=3
says err 'profile.steps (3) are measured: profile.epochs (5) does not count'
refused "got '0,0'" reproduce c3 --data cifar --set profile.workers=0,0
run 1 reproduce tiny.yaml --out tiny-run --set expect.accuracy=1 --set expect.tolerance=0 --set train.max_steps=2
run 0 reproduce tiny.yaml --out tiny-fine --set train.max_steps=2 --quiet

# ---- the verdict: figures, time, seed, versions; of a run that has ended, again ----
"$skua" train tiny.yaml --out plain --json > plain.json 2> err
last=$(grep -o '"val_top1":[0-9.]*' plain.json | tail -1 | cut -d: -f2)
best=$(grep -o '"best":[0-9.]*' plain.json | tail -1 | cut -d: -f2)
percent() { awk -v x="$1" 'BEGIN { printf "%.2f%%", 100 * x }'; }
wanted="^Accuracy $(percent "$last") \(best $(percent "$best")\), expected 100.00% \(tolerance 0.00%\): not reached$"
all=(--out verdict --set expect.accuracy=1 --set expect.tolerance=0)
run 1 reproduce tiny.yaml "${all[@]}"
matches out "$wanted"
matches out '^3 epochs in [0-9]+:[0-9][0-9], seed 0; skua [0-9.]+ on '
matches out '; oneDNN [0-9.]+$'
run 1 reproduce tiny.yaml "${all[@]}" --quiet
check 'nothing is trained again' [ "$(grep -c Epoch out)" -eq 0 ]
matches out "$wanted"
says err "the run 'verdict' is finished: 3 of 3 epochs are done"
run 0 reproduce tiny.yaml --out verdict --set expect.accuracy="$last" --set expect.tolerance=0 --json # to the digit
tail -1 out > verdict.json
matches verdict.json "^\\{\"event\":\"verdict\",\"recipe\":\"tiny\",\"reached\":true,\"accuracy\":$last,\"best\":$best,\"expected\":$last,\"tolerance\":0.0,\"epochs\":3,\"seconds\":[0-9.e-]+,\"seed\":0,\"version\":\"[0-9.]+\","
run 0 reproduce tiny.yaml --out verdict --set expect.accuracy="$(awk -v x="$last" 'BEGIN { print x + 0.2 }')" --set expect.tolerance=0.2
run 0 reproduce tiny.yaml --out verdict --json
matches out '"reached":null,.*"expected":null'
cp -r verdict torn
sed -i '/"epoch":3,"epochs"/d' torn/log.jsonl
run 1 reproduce tiny.yaml --out torn --set expect.accuracy=0.01
matches out '^Accuracy not known \(its log lacks the last epoch\), expected'
refused "train.batch was 16 in the run, is 32 now" reproduce tiny.yaml --out verdict --set train.batch=32

# ---- what the recipe expects is for what it trains: with any seed, threads and place of the data, and longer ----
{ cat tiny.yaml; echo 'expect: {accuracy: 1.0, tolerance: 0.0}'; } > strict.yaml
run 1 reproduce strict.yaml --out seed --set train.seed=3 --set engine.threads=2 --set train.epochs=4
for change in train.epochs=2 train.max_steps=3 data.train_limit=32 data.val_limit=10 model.width=0.125 train.batch=8; do
    run 0 reproduce strict.yaml --out "changed-$change" --set $change
    says err "${change%=*} is not that of the recipe 'tiny': the accuracy that it expects does not count"
    matches out '%\), nothing expected$'
done
run 1 reproduce strict.yaml --out given --set train.epochs=2 --set expect.accuracy=1.0 # the recipe's own, given
says out 'expected 100.00% (tolerance 0.00%): not reached'

# ---- Ctrl-C, a kill: the same command goes on, to the bits of a run that was not stopped ----
"$skua" reproduce tiny.yaml --out whole --set train.epochs=40 > whole.out 2> err
stop() { # stop SIGNAL
    "$skua" reproduce tiny.yaml --out halves --set train.epochs=40 > out 2> err &
    local pid=$!
    until [ "$(cat halves/log.jsonl 2> /dev/null | wc -l)" -ge "$2" ] || ! kill -0 $pid 2> /dev/null; do :; done
    kill -"$1" $pid
    wait $pid 2> /dev/null
}
stop INT 30
check 'Ctrl-C ends it with 130' [ $? -eq 130 ]
says err 'to go on: skua reproduce halves/recipe.yaml --out halves'
stop KILL 120
run 0 reproduce halves/recipe.yaml --out halves
matches out '^40 epochs in '
check 'the same verdict' [ "$(grep '^Accuracy' out)" = "$(grep '^Accuracy' whole.out)" ]
same_run whole halves
refused "is not empty: choose another --out" reproduce tiny.yaml --out cifar

# ---- a sweep is not judged ----
run 0 reproduce strict.yaml --out sweep --set task=sweep --set sweep.seeds='[1, 2]' --set train.epochs=1
says err 'expect.accuracy is for task: train'
check 'nor are its runs' [ "$(cat sweep/*/recipe.yaml | grep -c 'accuracy: none')" -eq 2 ]
finish
