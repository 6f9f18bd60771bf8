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
says err "the training is shorter than that of the recipe 'c1': the accuracy that it expects does not count"
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
check 'a row for each' [ "$(grep -cE '^ +[01248] +[0-9.]+ +[0-9]+$' out)" -eq 5 ]
matches out '^best: [01248] workers?, '
check 'a chart' [ -s c3.svg ]
run 0 reproduce c4 "${quick[@]}" --set profile.steps=2
check 'a row for each' [ "$(grep -cE '^ +[0124] +[0-9.]+ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+%$' out)" -eq 4 ]
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
finish
