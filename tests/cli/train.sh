# skua train and eval: what a run leaves, what is printed, and that evaluation gives the logged figures again.
. "$(dirname "$0")/lib.sh"

run 0 train tiny.yaml --out run
matches out '^Epoch 1/3, Train Loss: [0-9]+\.[0-9]{4}, Val Loss: [0-9]+\.[0-9]{4}, Accuracy: [0-9]+\.[0-9]{2}%, Time: [0-9]+\.[0-9]{2}s, Top-5: '
matches out ' img/s, waited [0-9.]+s$'
check 'one line an epoch, and one of the inference time' [ "$(wc -l < out)" -eq 4 ]
for file in recipe.yaml plan.json log.jsonl last/model.safetensors last/state.safetensors last/state.json best/model.safetensors; do
    check "run/$file is there" [ -s "run/$file" ]
done
check 'the last checkpoint is that of step 36' [ "$(readlink run/last)" = ckpt-36 ]
check '36 steps, 3 epochs and the inference time are logged' [ "$(wc -l < run/log.jsonl)" -eq 40 ]
matches run/log.jsonl '^\{"step":1,"epoch":1,"loss":[0-9.]{6,},"top1":[0-9.]+,"lr":0\.00166666667\}$'
says run/recipe.yaml 'tiny'

# the logged figures again, with other workers and another number of threads' worth of time
logged=$(grep -o '"val_loss":[^,]*,"val_top1":[^,]*,"val_top5":[^,]*' run/log.jsonl | tail -1)
run 0 eval run/last --json --set data.workers=3
loss=$(grep -o '"loss":[^,]*,"top1":[^,]*,"top5":[^,]*' out)
check "eval gives $logged, not $loss" [ "$(echo "$logged" | sed 's/val_//g')" = "$loss" ]
run 0 eval run
matches out '^Loss: [0-9.]+, Accuracy: [0-9.]+%, Top-5: [0-9.]+%, 60 pictures, [0-9]+ img/s$'
run 0 eval run/ckpt-36/model.safetensors --split train --json
says out '"count":188'

# with mirror images: other figures; the mean of a picture and its mirror image is that of the mirror image and the picture
figures() { grep -o '"loss":[^,]*,"top1":[^,]*,"top5":[^,]*' out; }
run 0 eval run/last --json --tta flip
both=$(figures)
check 'mirror images change the loss' [ "$both" != "$loss" ]
run 0 eval run/last --json --tta flip --set data.workers=0
check 'and give the same again' [ "$(figures)" = "$both" ]
run 2 eval run/last --tta rotate
says err "--tta: expected flip, got 'rotate'"

# machines
run 0 train tiny.yaml --out json --json --set train.epochs=1
check 'start, epoch and end, nothing else' [ "$(grep -c '^{"event":"[a-z]*",.*}$' out)" -eq 3 ]
matches out '^\{"event":"end",.*,"latency":\{"samples":[0-9]+,"mean":[0-9.e-]+,"median":[0-9.e-]+,"p90":[0-9.e-]+,"p99":[0-9.e-]+\}\}$'
check 'no noise beside JSON' [ ! -s err ]
run 0 train tiny.yaml --out quiet --quiet --set train.epochs=1
check 'nothing but results when quiet' [ ! -s err ]

# the same seed: the same bits; workers do not matter, another seed does
run 0 train tiny.yaml --out again --set data.workers=0
same_run run again
run 0 train tiny.yaml --out seed --set train.seed=1 --set train.epochs=1
check 'another seed, other losses' [ "$(head -1 seed/log.jsonl)" != "$(head -1 run/log.jsonl)" ]

# values made again in the backward pass: the same losses; a run may go on so
run 0 train tiny.yaml --out recompute --set engine.recompute=true
same_run run recompute
run 0 train tiny.yaml --out switch --set train.epochs=1
run 0 train tiny.yaml --resume --out switch --set engine.recompute=true --set train.epochs=3
check 'goes on as it would have without' [ "$(grep -o '"val_loss":[^,]*' switch/log.jsonl)" = "$(grep -o '"val_loss":[^,]*' run/log.jsonl)" ]

# steps instead of epochs; a run that ends within an epoch is evaluated too
run 0 train tiny.yaml --out steps --set train.max_steps=15 --set train.log_every=5
says err 'train.max_steps (15) ends the training: train.epochs (3) does not count'
matches out '^Epoch 2/2, .*, ended within the epoch$'
check '15 steps by five, two epochs, the inference time' [ "$(wc -l < steps/log.jsonl)" -eq 6 ]

# what is checked before training; what has no validation
run 0 train tiny.yaml --out big --set train.batch=1000 --set train.epochs=1
says big/log.jsonl '"step":1,"epoch":1'
refused 'train.drop_last' train tiny.yaml --set train.batch=1000 --set train.drop_last=true --set data.train_limit=100
run 0 train tiny.yaml --out limit --set data.train_limit=32 --set train.epochs=1
check 'two steps' [ "$(grep -c '"loss"' limit/log.jsonl)" -eq 2 ]

# checkpoints within an epoch: two are kept besides those linked
run 0 train tiny.yaml --out often --set train.checkpoint_every=2
same_run run often
check 'few checkpoints stay' [ "$(ls -d often/ckpt-* | wc -l)" -le 3 ]

# initial weights from a file; then from one that does not fit
run 0 train tiny.yaml --out init --set train.epochs=1 --set "model.init=$PWD/run/last/model.safetensors"
check 'begins where the other ended' [ "$(head -1 init/log.jsonl)" != "$(head -1 run/log.jsonl)" ]
refused "model.init: it is of a network with model.width: 0.0625: '" train tiny.yaml --out no --set model.width=0.125 --set "model.init=$PWD/run/last/model.safetensors"
check 'a run that came to nothing leaves no folder' [ ! -e no ]

# a default recipe: small pictures as they are, others scaled; one without validation says so
mkdir -p small/a small/b
run 0 data sample tiny.yaml --count 20 --out pictures
i=0
for file in pictures/*.png; do
    i=$((i + 1))
    cp "$file" "small/$([ $((i % 2)) -eq 0 ] && echo a || echo b)/"
done
run 0 train --data small --out small-run --set train.max_steps=2 --set train.batch=4 --set model.width=0.0625
matches err '^resnet18, [0-9,]+ parameters, 16x16x3 pictures, 2 classes; (fp32|bf16), [0-9]+ threads?$'
says small-run/recipe.yaml 'augment: [{random_crop: {size: 16, padding: 2, mode: zero}}, {horizontal_flip: {p: 0.5}}]'
says small-run/recipe.yaml 'name: small'
run 0 data sample tiny.yaml --count 1 --out wide --set data.image_size=24 --set data.augment='[]'
cp wide/*.png small/a/0.png
run 0 train --data small --out large-run --set train.max_steps=2 --set train.batch=2 --set model.width=0.0625 \
    --set data.val_fraction=0
says err 'has no validation split'
says err '224x224x3 pictures'
matches out '^Epoch 1/1, Train Loss: [0-9.]+, Time: '
refused 'has no validation split' eval large-run

# weights that are no numbers any more are never saved, and no figures are made of them
cat > floats.yaml <<'YAML'
name: floats
data: {source: npy, images: x.npy, labels: y.npy, val_images: v.npy, val_labels: y.npy}
model: {arch: resnet18, stem: cifar, width: 0.0625}
engine: {precision: fp32, threads: 1, tune: off}
train: {batch: 8, epochs: 3, checkpoint_every: 1}
YAML
array() { # array FILE TYPE SHAPE: begins an npy array
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }" > "$1"
}
pixels() { # pixels FILE OCTAL: 8 grey pictures of 8 x 8, each byte of each float the same
    array "$1" '<f4' '(8, 8, 8, 1)'
    head -c 2048 /dev/zero | tr '\000' "\\$2" >> "$1"
}
array y.npy '|u1' '(8,)'
printf '\0\1\0\1\0\1\0\1' >> y.npy
pixels x.npy 075
pixels v.npy 075
run 0 train floats.yaml --out floats
check 'which is what these pictures give otherwise' [ -s floats/best/model.safetensors ]

printf '\x99\x76\x96\x7e' | dd of=x.npy bs=1 seek=400 conv=notrunc 2> /dev/null # 1e38: the loss is finite, its square is not
run 2 train floats.yaml --out overflow
matches err "^skua: 'bn1.running_var' became nan or infinite at or before step 1: .*; last good checkpoint: none$"
check 'nothing was saved' [ -z "$(ls -d overflow/ckpt* overflow/last overflow/best 2> /dev/null)" ]

pixels x.npy 075
pixels v.npy 155 # 5e27
run 2 train floats.yaml --out useless
matches err '^skua: the validation loss is (nan|infinite) at step 1 \(epoch 1\): .*; last good checkpoint: none$'
check 'no figure was printed' [ ! -s out ]
check 'nothing was saved' [ -z "$(ls -d useless/ckpt* useless/last useless/best 2> /dev/null)" ]

spoil() { # spoil FILE TENSOR BYTES: the tensor's first value
    local at
    cp floats/ckpt-3/model.safetensors "$1"
    at=$(grep -ao "\"$2\":{[^}]*}" "$1" | grep -o '\[[0-9]*,[0-9]*\]}' | tr -dc '0-9,' | cut -d, -f1)
    printf "$3" | dd of="$1" bs=1 seek=$((8 + $(od -An -t u8 -N 8 "$1") + at)) conv=notrunc 2> /dev/null
}
spoil nan.safetensors layer1.0.conv1.weight '\x00\x00\xc0\x7f'
refused "'nan.safetensors': tensor 'layer1.0.conv1.weight' holds a nan or an infinity" eval nan.safetensors
spoil negative.safetensors bn1.running_var '\x00\x00\x80\xbf'
refused "'negative.safetensors': tensor 'bn1.running_var' holds -1, a negative variance" eval negative.safetensors
spoil large.safetensors layer4.1.bn2.weight '\x00\x00\x7f\x7f' # 3.4e38: what is computed with it is infinite
refused "'large.safetensors': the output of the network for 'validation picture 0' is not finite: class 0 has the logit " eval large.safetensors
refused "'large.safetensors': the output of the network for 'validation picture 0' is not finite: class 0 has the logit " eval large.safetensors --json
check 'no figure was printed' [ ! -s out ]

# evaluation that memory cannot hold is refused before the first step, however small the training is
refused 'evaluation data: a batch of 65536 pictures of 512x512x3: ' train tiny.yaml --out too-large --set train.batch=65536 \
    --set data.train_size=8 --set data.val_size=65536 --set data.image_size=512 --set data.augment='[]'
refused 'evaluation with a batch of 65536: ' train tiny.yaml --out too-large --set train.batch=65536 --set data.train_size=8 \
    --set data.val_size=65536 --set data.image_size=32 --set data.augment='[]' --set model.width=4
check 'nothing was made' [ ! -e too-large ]

# more threads than processors
run 0 train tiny.yaml --out threads --set train.max_steps=1 --set engine.threads=$(($(nproc) + 1))
says err 'will get in each other'
[ "$(nproc)" -ge 64 ] || refused 'engine.threads: 1024 threads are too many for the ' info tiny.yaml --plan --set engine.threads=1024

# the default name
run 0 train tiny.yaml --set train.max_steps=1
matches err '^runs/tiny-[0-9]{8}-[0-9]{6}$'
check 'runs/NAME-DATE-TIME' [ -d "$(grep '^runs/' err)" ]
finish
