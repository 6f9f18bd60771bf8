# Own pictures from the first look to a network that others' pictures are given to: classes matched by name, headers of
# lists, shards that hold the folder's splits, sizes that do not fit, networks begun from others.
. "$(dirname "$0")/lib.sh"

# Four classes of shapes under other names.
run 0 data sample shapes-demo --split train --count 80 --out drawn
of=(ring:bird square:cat cross:dog triangle:fish)
for pair in "${of[@]}"; do
    mkdir -p "four/${pair#*:}"
    cp drawn/"${pair%:*}"-* "four/${pair#*:}/"
done
check 'eight pictures a class' [ "$(ls four/dog | wc -l)" -eq 8 ]
small=(--set 'data.augment=[{resize: {size: [16, 16]}}]' --set 'data.prepare=[{resize: {size: [16, 16]}}]'
    --set data.source=auto --set model.classes=0 --set train.batch=4 --set train.epochs=1 --set data.normalize=none)
small=("${small[@]:0:8}" --set train.batch=4 --set train.epochs=1)
run 0 train tiny.yaml --data four --out run "${small[@]}"

# ---- other classes than the network's: by name, never by place ----
named_right() { # named_right CSV: each label is the name of the picture's folder
    [ "$(tail -n +2 "$1" | awk -F, '{ n = split($2, part, "/"); if (part[n - 1] != $3) print }' | wc -l)" -eq 0 ]
}
mkdir two && cp -r four/cat four/dog two/
run 0 eval run --data two --split train --predictions two.csv
says err "the data has 2 of the network's 4 classes: they are matched by name"
check 'once' [ "$(grep -c 'matched by name' err)" -eq 1 ]
check 'labels are names' named_right two.csv
run 0 eval run --data four --split train --predictions four.csv
check 'the same classes need no word' [ ! -s err -o "$(grep -c 'matched' err)" -eq 0 ]
check 'and have their labels' named_right four.csv
mkdir other && cp -r four/cat other/ && cp -r four/dog other/walrus
refused "the data has a class 'walrus' that the network does not know; its classes: bird, cat, dog, fish" eval run --data other
mv other/walrus other/dogs
refused "'dogs' that the network does not know (did you mean 'dog'?)" eval run --data other
printf 'path,label\n%s,dog\n%s,cat\n' "$PWD/$(ls four/dog/* | head -1)" "$PWD/$(ls four/cat/* | head -1)" > pair.csv
printf 'dog\ncat\n' > classes.txt # another order than the network's
run 0 eval run --data pair.csv --set data.val_fraction=0 --split train --predictions pair-out.csv
check 'labels of a list are names' named_right pair-out.csv
rm classes.txt
printf 'path,label\n%s,0\n%s,3\n' "$PWD/$(ls four/bird/* | head -1)" "$PWD/$(ls four/fish/* | head -1)" > pair.csv
run 0 eval run --data pair.csv --set data.val_fraction=0 --split train --predictions pair-out.csv
check 'numbers are places' named_right pair-out.csv
run 0 eval run run --data two
check 'two models: told once' [ "$(grep -c 'matched by name' err)" -eq 1 ]
refused "'dogs' that the network does not know" eval run run --data other
run 0 report run --data two --out two.html
says err 'matched by name'

# ---- headers of lists ----
one=four/cat/$(ls four/cat | head -1) other=four/dog/$(ls four/dog | head -1)
for header in image,category img,target file_name,class image_path,label id,category Path,Label filename,class_name; do
    printf '%s\n%s,cat\n%s,dog\n' "$header" "$one" "$other" > list.csv
    run 0 data inspect list.csv --set data.val_fraction=0
    matches out '^pictures +2$'
    matches out '^classes +2$'
done
printf 'id,label,image,category,split\n1,0,%s,cat,train\n2,1,%s,dog,train\n' "$one" "$other" > list.csv
run 0 data inspect list.csv --set data.val_fraction=0
matches out '^0 +1$' # image and label, which stand before id and category
for header in picture_of,what path,species; do
    printf '%s\n%s,cat\n%s,dog\n' "$header" "$one" "$other" > list.csv
    refused "'list.csv' line 1: there is no picture '${header%,*}', and no header that is known: it names columns path, file" data inspect list.csv
done
printf 'path,species,split\n%s,cat,train\n' "$one" > list.csv
refused "'list.csv' line 1: expected a path and a label, or a header that names columns path, file," data inspect list.csv
printf '%s,cat\n%s,dog\n' "$one" "$other" > list.csv
run 0 data inspect list.csv --set data.val_fraction=0
matches out '^pictures +2$'
printf 'gone.png,cat\nlost.png,dog\n' > list.csv # pictures that are not there are damage, header or none
run 0 data inspect list.csv --set data.val_fraction=0
matches out '^damaged +2'

# ---- a network begun from another ----
run 0 train tiny.yaml --data two --out on --set model.init=run "${small[@]}"
says err "the data has 2 of the network's 4 classes"
run 0 eval on --split train --predictions on.csv
check 'trained with the labels of the first' named_right on.csv
run 0 train --resume --out on --set train.epochs=2
run 0 eval on --data four --split train --predictions on.csv
check 'and gone on with' named_right on.csv
refused "cannot resume 'run/ckpt-" train --resume --out run --data other --set train.epochs=2
says err "'dogs' that the network does not know"
mkdir swapped && cp -r four/cat four/fish swapped/ # known classes, but other data
run 2 train --resume --out run --data swapped --set train.epochs=2
says err 'the training data changed'
refused 'model.new_head: true' train tiny.yaml --data other --out none --set model.init=run "${small[@]}"
refused "has a classifier of 4 classes, the training has 2: with model.new_head: true it is not taken but trained anew" \
    train tiny.yaml --data two --out none --set model.init=run "${small[@]}" --set model.classes=2
run 0 train tiny.yaml --data other --out new --set model.init=run/best --set model.new_head=true "${small[@]}"

# ---- shards hold the splits that the folder has ----
content() { # content SHARDS: the checksum of each picture in them
    cat "$1"/*.tar | tar -xf - --ignore-zeros --to-command='md5sum' --wildcards '*.png' | cut -d' ' -f1 | sort
}
listed() { # listed CSV: the same of the pictures of a list of predictions
    tail -n +2 "$1" | cut -d, -f2 | xargs md5sum | cut -d' ' -f1 | sort
}
run 0 data convert four --out shards --set train.seed=5
says err 'training on the source keeps for validation (data.val_fraction 0.1, train.seed 5)'
says err 'try: skua train --data shards'
matches out '^train: 28 pictures in 1 shard, '
matches out '^val: 4 pictures in 1 shard, '
for split in train val; do
    run 0 eval run --data four --set train.seed=5 --split $split --predictions $split.csv
    check "the same pictures for $split" [ "$(content shards/$split)" = "$(listed $split.csv)" ]
done
run 0 data convert four --out whole --set data.val_fraction=0
matches out '^train: 32 pictures in 1 shard, '
check 'nothing for validation' [ ! -e whole/val ]
run 0 data convert four --out part --set data.train_limit=7 --set data.val_limit=3
matches out '^train: 7 pictures '
matches out '^val: 3 pictures '
run 0 eval run --data four --set data.train_limit=7 --split train --predictions first.csv
check 'the first seven, as training takes them' [ "$(content part/train)" = "$(listed first.csv)" ]

# what is told to do next works as it stands, quotes and all
says_next() {
    local line
    line=$(sed -n 's/^try: skua //p' err)
    checks=$((checks + 1))
    eval "\"$skua\" $line --out next-$checks --set train.max_steps=1 ${1-}" > out 2> err || bad "'$line' does not work"
}
run 0 data convert tiny.yaml --out 'shards of tiny'
says_next
run 0 data convert tiny.yaml --out more --set data.source=folder --data four --set data.train_fraction=0.5 --set data.also=four
says err '--set data.source=auto --set data.also=[] --set data.train_fraction=1'
says_next "--set model.classes=0 --set 'data.augment=[]' --set 'data.prepare=[]'"
refused "'shards' holds no CIFAR-10: expected" train tiny.yaml --set data.source=cifar10 --data shards
says err 'it holds what data.source: tar reads (--set data.source=auto)'

# ---- what is damaged ----
run 0 data verify four --split val
matches out '^val: 4 pictures, 0 damaged$'
cp -r two broken && echo 'no picture' > broken/cat/none.png
run 1 data verify broken
says err '1 picture is damaged: delete it, or skua data convert writes shards without it'
run 1 data verify broken --json
matches out '"name":"broken/cat/none.png"'
run 2 data verify whole/train/000000.tar --split val --set data.val_fraction=0
says err 'no validation split'
for i in 1 2 3 4; do cp broken/cat/none.png broken/dog/none$i.png; done # 5 of 21
run 2 train tiny.yaml --data broken --out run-broken "${small[@]}" --set data.val_fraction=0
says err 'than the 1% of 21 that may be replaced (data.max_damaged; skua data verify lists them, skua data convert leaves them out)'
run 0 train tiny.yaml --data broken --out run-broken1 "${small[@]}" --set data.val_fraction=0 --set data.max_damaged=0.25
says err 'replaced by others'
run 2 train tiny.yaml --data broken --out run-broken2 "${small[@]}" --set data.val_fraction=0 --set data.max_damaged=0.2
matches err 'more (damaged samples in a row|than 20% of the samples are damaged)'
refused 'data.max_damaged' train tiny.yaml --set data.max_damaged=0

# ---- sizes: where each comes from, and which to change ----
crop=(--set 'data.prepare=[{resize: 40}, {center_crop: 32}]' --set model.classes=0 --set data.source=auto)
refused '(data.augment gives it by random_resized_crop: 24), those for evaluation are 32 x 32 (data.prepare gives it by center_crop: 32): let data.prepare make them so, as [{resize: 27}, {center_crop: 24}]' \
    train tiny.yaml --data four "${crop[@]}" --set 'data.augment=[{random_resized_crop: 24}]' --out none
refused '(data.augment gives no size of its own), those for evaluation are 24 x 24 (data.prepare gives it by center_crop: 24): add a step to data.augment that makes pictures 24 x 24' \
    train tiny.yaml --data four "${crop[@]}" --set 'data.prepare=[{center_crop: 24}]' --set 'data.augment=[{rand_augment: {}}]' --out none
run 0 train tiny.yaml --data four "${crop[@]}" --set 'data.augment=[{random_resized_crop: 24}]' --out sized \
    --set 'data.prepare=[{resize: 27}, {center_crop: 24}]' --set train.max_steps=1

# ---- a folder alone is shown as training would get it ----
run 0 data inspect four --html four.html
check 'with versions' grep -q 'what four epochs make of them' four.html
run 0 data sample four --split train --prepared --count 2 --out prepared
run 0 data sample four --split train --count 2 --out plain
check 'augmented' [ "$(cat prepared/*.png | md5sum)" != "$(cat plain/*.png | md5sum)" ]
check 'few pictures matter to training alone' [ "$(grep -c 'learns little' err)" -eq 0 ]
run 0 train --data four --out by-default --set train.max_steps=1 --set model.width=0.1
says err 'only 28 training pictures'
says err 'model.init=MODEL --set model.new_head=true'

# ---- small things ----
mkdir -p extras && cp -r two/. extras && touch extras/cat/{a,b,c}.webp extras/dog/notes.txt && ln -s nowhere extras/dog/gone.png
run 0 data inspect extras
says err "'extras': left out 4 files that are not .jpg, .jpeg or .png (.webp 3, .txt 1)"
says err "'extras': left out 1 link that leads nowhere"
refused "'run' is a run, not data; 'run/recipe.yaml' names the data that it was trained on" data inspect run
run 0 data inspect four --html mixed.html --set train.cutmix_alpha=1
check 'mixed batches have labels' [ "$(grep -oE '<figcaption>([0-9]+% [a-z]+, )?[0-9]+% [a-z]+</figcaption>' mixed.html | wc -l)" -eq 32 ]
refused "unknown key 'train.lr' (did you mean 'train.optimizer.lr'?)" train tiny.yaml --set train.lr=1
refused "unknown key 'train.mixup' (did you mean 'train.mixup_alpha'?)" train tiny.yaml --set train.mixup=1

finish
