#!/bin/bash
# Averaged weights, batches in parts, plateau and early stopping over a resume; another head on frozen stages.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

same() { cmp -s "one/last/$1" "two/last/$1"; }
all='{epochs: 4, accumulate: 3, ema: 0.9, early_stop: 9, optimizer: {name: sgd, clip_norm: 1.0}, schedule: {name: plateau, warmup_epochs: 0.5, patience: 0, gamma: 0.5}}'
run 0 train tiny.yaml --quiet --out one --set "train=$all"
run 0 train tiny.yaml --quiet --out two --set "train=$all" --set train.max_steps=19
run 0 train tiny.yaml --quiet --out two --set "train=$all" --set train.max_steps=0 --resume
for file in model.safetensors state.safetensors model-ema.safetensors; do
    check "a run resumed within an epoch has another $file" same "$file"
done
check "no EMA figures in the log" grep -q '"ema_top1"' one/log.jsonl
check "the rate never dropped" grep -q '"lr":0.01[,}]' one/log.jsonl

# What the epoch says of the averaged weights, eval says of their file.
figure() { grep -o "\"$1\":[^,}]*" "$2" | tail -1 | cut -d: -f2; }
run 0 eval one/last/model-ema.safetensors --json
check "eval gives another loss of the averaged weights: $(figure loss out), not $(figure ema_loss one/log.jsonl)" \
    awk -v a="$(figure loss out)" -v b="$(figure ema_loss one/log.jsonl)" 'BEGIN { exit !(a > 0 && (a - b)^2 < 1e-10) }'
run 0 train tiny.yaml --quiet --out none
check "a run without train.ema has averaged weights" test ! -e none/last/model-ema.safetensors

# A rate of nearly nothing brings nothing: stopped after the first epoch that is not better, and told.
run 0 train tiny.yaml --quiet --out still --set train.optimizer.lr=1e-12 --set train.schedule='{name: constant, warmup_epochs: 0}' \
    --set train.epochs=9 --set train.early_stop=2 --set model.bn_momentum=0
check "not stopped early: $(tail -1 err)" grep -q 'stopped early: 2 epochs without a better accuracy' err
check "not three epochs" test "$(grep -c '"val_loss"' still/log.jsonl)" -eq 3
run 0 train tiny.yaml --quiet --out still --resume --set train.optimizer.lr=1e-12 --set train.schedule='{name: constant, warmup_epochs: 0}' \
    --set train.epochs=9 --set train.early_stop=2 --set model.bn_momentum=0
check "a finished run is not told" grep -q 'stopped early after 3 epochs' err

# Ten classes before, seven now.
tune='model={classes: 12, init: one/last/model.safetensors}'
refused "has a classifier of 10 classes, the training has 12: with model.new_head: true" train tiny.yaml --out tuned --set "$tune"
run 0 train tiny.yaml --quiet --out tuned --set "$tune" --set model.new_head=true --set 'train.freeze=[stem, layer1, layer2]' \
    --set train.tensorboard=true --set train.histograms=1
check 'all histograms but those of what is frozen' sh -c '! grep -q "no histograms" err'
refused "begins with 'layer9'" train tiny.yaml --out wrong --set 'train.freeze=[layer9]'

# Weights of classes.
refused "expected a weight for each of 10 classes, got 2" train tiny.yaml --out wrong --set 'train.loss.class_weights=[1, 2]'
run 0 train tiny.yaml --quiet --out weighted --set train.loss.class_weights=balanced --set train.accumulate=2

run 0 data sample tiny.yaml --out pictures --count 47
mkdir -p sorted/train/a sorted/train/b
find pictures -name '*.png' | sort > all
head -32 all | xargs -I{} cp {} sorted/train/a
tail -15 all | xargs -I{} cp {} sorted/train/b
cp -r sorted/train sorted/val
part=(--data sorted --set data.source=folder --set model.classes=0 --set train.drop_last=true --set train.epochs=2)
run 0 train tiny.yaml --quiet --out one-cut "${part[@]}" --set train.loss.class_weights=balanced
run 0 train tiny.yaml --quiet --out two-cut "${part[@]}" --set train.loss.class_weights='[0.734375, 1.5666666666666667]'
check 'balanced counts all pictures, not those of whole batches' cmp one-cut/last/state.safetensors two-cut/last/state.safetensors

# Batch norm needs more than one value of a channel.
refused 'batch norm in training needs more than one value of a channel' train tiny.yaml --out wrong --set train.batch=1 \
    --set model.stem=imagenet

# Schedules that the number of steps does not suffice for.
refused "train.schedule.epochs: expected at least a step, which is 1/12 of an epoch, got 0.01" train tiny.yaml --out wrong \
    --set 'train.schedule={warmup_epochs: 0, epochs: 0.01}'
run 0 train tiny.yaml --quiet --out brief --set train.max_steps=5
says err 'the training ends within its warm-up (train.schedule.warmup_epochs: 1): the learning rate stays below 0.02'

run 0 info tiny.yaml --schedule
check "no curve" grep -q '####' out
refused "is a model" info one --schedule
finish
