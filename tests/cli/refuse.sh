# Bad input: one clear sentence, status 2, nothing left behind. A row: what the message must hold, then the command.
. "$(dirname "$0")/lib.sh"
run 0 train tiny.yaml --out run --set train.epochs=1

# ---- data ----
mkdir empty classes classes/a classes/b bad-cifar
refused "cannot open data 'nowhere': no such file or folder" train --data nowhere
refused "cannot tell what data 'empty' holds" train --data empty
refused "nowhere" eval run --data nowhere
head -c 1000 /dev/zero > bad-cifar/data_batch_1.bin
refused "bad-cifar" train cifar10-resnet18-5 --data bad-cifar
head -c 100 /dev/urandom > classes/a/x.png
cp classes/a/x.png classes/b/y.png
run 2 train --data classes --set data.val_fraction=0
says err "cannot decode 'classes/a/x.png': not a JPEG or PNG file"
refused "empty" data inspect --data empty
refused "'grey/images.npy'" train tiny.yaml --set data.source=npy --data grey
refused 'no folder of pictures is given: set data.path (--data DIR)' train tiny.yaml --set data.source=folder
mkdir -p latin/a latin/$'c\351'
cp classes/a/x.png latin/a/
cp classes/a/x.png latin/$'c\351'/
refused "'latin/c?': a class folder's name must be UTF-8 text" train tiny.yaml --set data.source=folder --data latin
refused 'data.source' train tiny.yaml --set data.source=cfiar10

# ---- recipes ----
printf 'train: {batch: 16\nmodel: x\n' > syntax.yaml
refused "line 2" train syntax.yaml
printf 'train: {batchsize: 16}\n' > key.yaml
refused "did you mean" train key.yaml
printf 'train: {batch: many}\n' > type.yaml
refused "recipe 'type.yaml' line 1" train type.yaml
says err "an integer from 1 to 65536, got 'many'"
printf '\001\002\003' > binary.yaml
refused "binary.yaml" train binary.yaml
refused "expected an integer from 1 to 65536, got '0'" train tiny.yaml --set train.batch=0
refused "expected an integer from 16 to 512, got '8'" train tiny.yaml --set data.image_size=8
refused "did you mean" train tiny.yaml --set train.btach=3
refused "expected KEY=VALUE" train tiny.yaml --set data.workers
refused "cifar10-resnet18-5" train cifar10-resnet19-5
refused "unknown model 'resnet19'" train tiny.yaml --set model.arch=resnet19
refused "is short for {arch: resnet18, stem: cifar, width: 0.5}" train tiny.yaml --set model.arch=narrow-resnet18-cifar
refused "train.schedule.warmup_epochs" train tiny.yaml --set train.schedule.warmup_epochs=9

# ---- recipe, data and network that do not fit ----
refused 'the training data has 10 classes, the model has 3 (model.classes)' train tiny.yaml --set model.classes=3
refused 'pictures of 16 x 16 (data.augment gives it by random_crop: 16), those for evaluation are 12 x 12 (data.prepare gives it by center_crop: 12): let data.prepare make them so' \
    train tiny.yaml --set 'data.prepare=[{center_crop: 12}]'
refused 'data.normalize has 2 values' train tiny.yaml --set 'data.normalize={mean: [0.5, 0.5], std: [1, 1]}'
if (ulimit -v 150000 && "$skua" info) > /dev/null 2>&1; then # not with a sanitizer, which maps far more
    (ulimit -v 150000 && "$skua" train tiny.yaml --out never > out 2> err)
    check 'too little address space is refused, whichever part needs it' [ $? -eq 2 -a "$(grep -c 'memory are needed.* are available' err)" -eq 1 ]
fi
refused 'GB of memory are needed' train tiny.yaml --set train.batch=65536 --set data.train_size=65536 --set data.image_size=32 \
    --set data.augment='[]' --set model.width=2
refused 'GB of memory are needed to load it' train tiny.yaml --set train.batch=65536 --set data.train_size=100000 \
    --set data.image_size=512 --set data.augment='[]'
refused 'the loss is nan at step' train tiny.yaml --quiet --out nan --set train.batch=4 --set train.optimizer.lr=1000 --set train.schedule='{name: constant}'
matches err '\(epoch 1\): .*; last good checkpoint: none$'
refused 'last good checkpoint: nan2/ckpt-' train tiny.yaml --quiet --out nan2 --set train.optimizer.lr=1000 --set train.schedule='{name: constant}' \
    --set train.checkpoint_every=1
matches err '; last good checkpoint: nan2/ckpt-[0-9]+$'
check 'which is there' [ -s "$(grep -o 'nan2/ckpt-[0-9]*' err)/model.safetensors" ]

# ---- models ----
refused "cannot open model 'nowhere': no such file or folder" eval nowhere
refused "cannot open model 'empty': expected a run with a checkpoint, a checkpoint or a safetensors file" eval empty
head -c 500 /dev/urandom > noise.safetensors
refused "'noise.safetensors' is not a safetensors file" eval noise.safetensors
head -c 5000 run/last/model.safetensors > cut.safetensors
refused "cut.safetensors" eval cut.safetensors
sed 's/"skua.recipe":/"skua.rexipe":/' run/last/model.safetensors > foreign.safetensors
refused "'foreign.safetensors' holds weights but no recipe: give the one they belong to with --recipe" eval foreign.safetensors
run 0 eval foreign.safetensors --recipe tiny.yaml
refused "tensor 'conv1.weight': the network expects shape [8, 3, 3, 3], the file has [4, 3, 3, 3]" \
    eval foreign.safetensors --recipe tiny.yaml --set model.width=0.125
refused "tensor 'fc.weight' has 10 rows, model.classes is 7" eval run --set model.classes=7
refused "tensor 'layer1.2.conv1.weight' of the network is missing" eval foreign.safetensors --recipe tiny.yaml \
    --set model.arch=resnet34
refused "expected train or val, got 'test'" eval run --split test
refused 'model.init' train tiny.yaml --set model.init=noise.safetensors
refused 'model.init' train tiny.yaml --set model.init=nowhere.safetensors

# ---- folders ----
mkdir mine
touch mine/thesis.txt
refused "the folder 'mine' is not empty" train tiny.yaml --out mine
check 'and is left as it was' [ "$(ls -A mine)" = thesis.txt ]
run 1 train tiny.yaml --out tiny.yaml
says err 'Not a directory'
check 'no run was made but those of the tests' [ -z "$(ls -d runs/* 2> /dev/null)" ]
finish
