# skua predict: text with bars, JSON, several pictures, pictures that are none; skua info and the machine.
. "$(dirname "$0")/lib.sh"
run 0 train tiny.yaml --out run --set train.epochs=1
run 0 data sample tiny.yaml --count 2 --out pictures
one=$(ls pictures/*.png | head -1)
two=$(ls pictures/*.png | tail -1)

run 0 predict run "$one"
check 'the path and five classes' [ "$(wc -l < out)" -eq 6 ]
says out "$one"
matches out '^ +[a-z]+ +[0-9]+\.[0-9]{2}%'
check 'the most probable first' diff <(grep -oE '[0-9.]+%' out) <(grep -oE '[0-9.]+%' out | sort -rn)
run 0 predict run "$one" --top 3
check 'three classes' [ "$(wc -l < out)" -eq 4 ]
run 0 predict run "$one" "$two" --json --top 1000
check 'an object a picture' [ "$(grep -c '^{"image":"pictures/.*\.png","top":\[{"class":".*}\]}$' out)" -eq 2 ]
check 'all ten classes' [ "$(head -1 out | grep -o '"class"' | wc -l)" -eq 10 ]
head -1 out | grep -oE '"probability":[^}]*' | cut -d: -f2 > probabilities
check 'they sum to one' awk '{ s += $1 } END { exit !(s > 0.9999 && s < 1.0001) }' probabilities

# a model that is not what the checkpoint has the checksum of
cp -rL run/last damaged
printf 'damage' | dd of=damaged/model.safetensors bs=1 seek=$(($(stat -c %s damaged/model.safetensors) - 100)) conv=notrunc 2> /dev/null
refused "'damaged/model.safetensors' is damaged: its checksum differs from that in state.json" predict damaged "$one"
refused "'damaged/model.safetensors' is damaged: its checksum differs from that in state.json" eval damaged
echo '{' > damaged/state.json
run 0 predict damaged "$one"
says err "'damaged/state.json' holds no checksum of the model: it is not checked"

# any size: scaled and cropped, which is said once
run 0 data sample tiny.yaml --count 2 --out large --set data.image_size=50 --set data.augment='[]'
run 0 predict run large/*.png
check 'said once' [ "$(grep -c "scaled and cropped to the network's 16 x 16" err)" -eq 1 ]

# so oblong that the whole would be too large once it is scaled: only what is cropped is made
for size in '1, 5000' '5000, 1'; do
    run 0 data sample tiny.yaml --count 1 --out "oblong $size" --set "data.augment=[{resize: {size: [$size]}}]"
    run 0 predict run "oblong $size"/*.png
done

# broken ones do not keep the others from their turn
head -c 100 "$one" > cut.png
: > empty.png
cp tiny.yaml text.jpg
run 2 predict run cut.png "$one" empty.png text.jpg nowhere.png "$two"
check 'two were classified' [ "$(grep -c '\.png$' out)" -eq 2 ]
for name in cut.png empty.png text.jpg nowhere.png; do
    matches err "^skua: cannot .*'$name'"
done
says err '4 of 6 pictures could not be classified'
refused "cannot decode 'empty.png'" predict run empty.png

# a folder: the pictures that lie in it, by name
mkdir -p mixed/below
cp "$one" mixed/b.png
cp "$two" mixed/a.PNG
cp "$two" mixed/below/
echo text > mixed/notes.txt
run 0 predict run mixed "$one" --top 1
check 'two and one' [ "$(grep '^[a-z]' out | tr '\n' ' ')" = "mixed/a.PNG mixed/b.png $one " ]
mkdir mixed/none
refused "the folder 'mixed/none' holds no .jpg, .jpeg or .png file (folders in it are not entered)" predict run mixed/none

# ---- info ----
run 0 info
for word in processor cores memory 'backend cpu: ' 'backend cuda: '; do
    says out "$word"
done
run 0 info --json
matches out '^\{"version":.*"threads":[1-9]'
run 0 info cifar10-resnet18-5
says out 'parameters   11,173,962'
matches out '^layer4\.1\.conv2 +conv +4x4x512 +2,359,296 +37,748,736'
run 0 info cifar10-narrow-resnet18
says out 'parameters   2,797,610'
run 0 info cifar10-resnet18-5 --set model.arch=resnet50 --set model.stem=imagenet --set model.classes=1000 \
    --set 'data.prepare=[{resize: 256}, {center_crop: 224}]'
says out 'parameters   25,557,032'
matches out 'MACs +4,0[0-9]{2},[0-9]{3},[0-9]{3} a picture'
run 0 info resnet50
says out 'parameters   25,557,032'
matches out 'MACs +4,0[0-9]{2},[0-9]{3},[0-9]{3} a picture'
run 0 info narrow-resnet18-cifar --set model.classes=10
says out 'parameters   2,797,610'
run 0 info tiny.yaml --json
matches out '"params":44622,"macs":[1-9][0-9]*,.*"layers":\[\{"name":'
run 0 info run --plan
says out 'run/best/model.safetensors, step 12, recipe tiny'
says out 'training, batch 16'
says out 'evaluation, batch 16'
refused 'model.classes is 0' info tiny.yaml --set model.classes=0 --set data.source=folder --set data.path=nowhere

# ---- bench, inspect ----
run 0 bench --job train --model narrow-resnet18-cifar --precision fp32 --batch 2 --steps 1 --threads 1 --json
for key in job model precision batch threads images_per_s ms peak_rss_mb; do
    says out "\"$key\":"
done
run 0 bench --job infer --model narrow-resnet18-cifar --precision fp32 --batch 2 --steps 1
matches out '^infer narrow-resnet18-cifar, fp32, batch 2, [0-9]+ threads: [0-9.]+ img/s'
run 0 data inspect tiny.yaml --json --split val
matches out '"split":"val","count":60,"classes":\[\{"name":.*"height":\[16,16\].*"mean":\[0\.[0-9]+,0\.[0-9]+,0\.[0-9]+\]'
run 0 data inspect tiny.yaml --html page.html --set 'data.augment=[{horizontal_flip: {p: 0.5}}]'
check 'five pictures of each sample' [ $(($(grep -o '<img' page.html | wc -l) % 5)) -eq 0 ]
matches page.html 'src="data:image/png;base64,iVBORw0KGgo'
says page.html '</html>'
run 0 data inspect tiny.yaml --html mixed.html --set train.mixup_alpha=1 --set train.cutmix_alpha=1
says mixed.html '<h2>Mixed batches</h2>'
check 'four batches of eight more' [ $(($(grep -o '<img' mixed.html | wc -l) - $(grep -o '<img' page.html | wc -l))) -eq 32 ]
run 0 data inspect tiny.yaml
matches out '^size +16 x 16 x 3, 8 bits$'
finish
