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

# ---- a network begun from another ----
run 0 train tiny.yaml --data two --out on --set model.init=run "${small[@]}"
says err "the data has 2 of the network's 4 classes"
run 0 eval on --split train --predictions on.csv
check 'trained with the labels of the first' named_right on.csv
run 0 train --resume --out on --set train.epochs=2
run 0 eval on --data four --split train --predictions on.csv
check 'and gone on with' named_right on.csv
refused 'model.new_head: true' train tiny.yaml --data other --out none --set model.init=run "${small[@]}"
run 0 train tiny.yaml --data other --out new --set model.init=run/best --set model.new_head=true "${small[@]}"

finish
