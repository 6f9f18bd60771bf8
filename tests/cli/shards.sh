# skua data convert and verify as commands: shards that train, a stop by Ctrl-C, what is damaged and the exit status.
. "$(dirname "$0")/lib.sh"
run 0 data sample shapes-demo --split train --count 60 --out drawn
for class in circle star; do
    mkdir -p "photos/$class"
    cp drawn/$class-*.png "photos/$class"
done
cp photos/circle/"$(ls photos/circle | head -1)" 'photos/circle/a name
with é and a line.png'

run 0 data convert photos --out shards --shard-samples 5
matches out "^train: [0-9]+ pictures in [0-9]+ shards, 'shards/train'$"
says err 'try: skua train --data shards'
check 'the classes are listed' [ "$(tr '\n' ' ' < shards/classes.txt)" = 'circle star ' ]
check 'tar reads them' [ "$(cat shards/*/*.tar | tar -tf - --ignore-zeros | grep -c 'png$')" -eq "$(ls photos/* | grep -c 'png$')" ]
run 0 data verify shards
matches out '^train: [0-9]+ pictures, 0 damaged$'
run 0 train tiny.yaml --set data.source=auto --data shards --out run --set train.max_steps=2 --set model.classes=2 \
    --set 'data.augment=[{resize: {size: [16, 16]}}]' --set 'data.prepare=[{resize: {size: [16, 16]}}]'

# The same command again writes nothing; other options need another folder.
sum() { cat shards/train/*.tar | cksum; }
before=$(sum)
rm shards/train/000001.tar
run 0 data convert photos --out shards --shard-samples 5
says err 'of the shards were there already'
check 'the missing shard is the same again' [ "$(sum)" = "$before" ]
refused "holds shards of other data or other options" data convert photos --out shards --shard-samples 6
refused "skua data convert needs --out DIR" data convert photos
refused "expected one of them" data convert photos --out x --shard-samples 6 --shard-size 3
refused "--quality is for pictures that --resize writes" data convert photos --out x --quality 80
refused "no such file or folder" data convert --data nowhere --out x
refused "the data is given twice" data verify photos --data shards

# The same shards, packed by gzip(1), two of them in one file by Python, and one of the folder as a file.
mkdir -p packed/train
for shard in shards/train/*.tar; do
    gzip -c "$shard" > "packed/train/$(basename "$shard").gz"
done
cp shards/classes.txt packed
python3 - <<'PYTHON'
import glob, gzip, os, tarfile
first, second = sorted(glob.glob("packed/train/*.tar.gz"))[:2]
with tarfile.open("packed/train/both.tgz", "w:gz", format=tarfile.PAX_FORMAT) as both:
    for name in (first, second):
        with tarfile.open(name) as shard:
            for member in shard:
                both.addfile(member, shard.extractfile(member))
os.remove(first), os.remove(second)
PYTHON
run 0 data inspect shards --json --set data.val_fraction=0
cp out plain.json
run 0 data inspect packed --json --set data.val_fraction=0
check 'they hold the same pictures' [ "$(grep -c . out)" -gt 0 -a "$(grep -o '"mean":[^]]*' out)" = "$(grep -o '"mean":[^]]*' plain.json)" ]
run 0 data verify packed
matches out '^train: [0-9]+ pictures, 0 damaged$'
run 0 data verify packed/train/both.tgz
matches out ' 0 damaged$'
run 0 data convert packed --out unpacked --shard-samples 5
matches out "^train: [0-9]+ pictures in [0-9]+ shards, 'unpacked/train'$"
for workers in 0 3; do
    run 0 train tiny.yaml --set data.source=auto --data packed --out "run-packed-$workers" --set train.max_steps=3 \
        --set model.classes=2 --set data.workers=$workers --set 'data.augment=[{resize: {size: [16, 16]}}]' \
        --set 'data.prepare=[{resize: {size: [16, 16]}}]' --set data.shuffle_buffer=8
    mv out "trained-$workers"
done
loss() { grep -o 'Train Loss: [0-9.]*' "$1"; }
check 'any number of workers trains alike' [ "$(loss trained-0)" = "$(loss trained-3)" ]
run 0 eval run-packed-0
run 0 train tiny.yaml --set data.source=auto --data shards --out run-plain --set train.max_steps=1 --set model.classes=2 \
    --set 'data.augment=[{resize: {size: [16, 16]}}]' --set 'data.prepare=[{resize: {size: [16, 16]}}]' \
    --set data.shuffle_buffer=8
says err "data.shuffle_buffer has no effect: no training picture lies in a gzip'd shard"
head -c 1000 packed/train/both.tgz > cut.tgz
refused "'cut.tgz' is cut off: its gzip data goes on behind byte 1000, where it ends" data inspect cut.tgz

# Ctrl-C: what is whole stays under its name, and nothing else but the part that was being written is lost.
"$skua" data convert shapes-demo --set data.train_size=100000 --set data.image_size=64 --out many --shard-samples 50 \
    > out 2> err &
pid=$!
for _ in $(seq 600); do
    [ -e many/train/000002.tar ] && break
    sleep 0.05
done
kill -INT $pid
wait $pid
check 'a stop ends with status 130' [ $? -eq 130 ]
says err 'the same command goes on with the others'
check 'no part is left' [ -z "$(find many -name '*.part')" ]
check 'whole shards are left' tar -tf many/train/000000.tar
refused "shards of its conversion: the same skua data convert command writes the others" data verify many

# A conversion of which something is missing is not taken for whole, whatever it is; nor is a shard with a hole.
mv shards/classes.txt kept.txt
refused "'shards' is no whole conversion, since it has no classes.txt" train --data shards --out never
mv kept.txt shards/classes.txt
mv shards/train/000001.tar kept.tar
refused "shards of its conversion: the same skua data convert command writes the others" data inspect shards
mv kept.tar shards/train/000001.tar
mkdir -p hole
cp shards/train/000000.tar hole
dd if=/dev/zero of=hole/000000.tar bs=512 count=1 conv=notrunc status=none \
    seek="$(tar --block-number -tf shards/train/000000.tar | sed -n '3s/^block \([0-9]*\):.*/\1/p')"
refused "a lone block of zeros is there, behind which it goes on" data verify hole
cat shards/train/000000.tar shards/train/000001.tar > hole/000000.tar
refused "behind the zeros at byte" data verify hole

# Damaged pictures are named, and the exit status tells.
echo nothing > photos/star/damaged.jpg
mkdir -p photos/star/sub
touch photos/star/sub/empty.png
ln -s nowhere photos/star/broken.png
run 1 data verify photos
says out "cannot decode 'photos/star/damaged.jpg': not a JPEG or PNG file"
says out "'photos/star/sub/empty.png'"
matches out '^train: [0-9]+ pictures, [12] damaged$' # the seed decides which of the splits they are in
matches out '^val: [0-9]+ pictures?, [01] damaged$'
says err '2 pictures are damaged'
run 1 data verify photos --json
check 'an object a split' jq -es '(map(.split) | join(" ")) == "train val" and (map(.damaged) | add) == 2' out
run 0 data convert photos --out good
check 'which are left out' [ "$(grep -o '^left out [12] damaged' err | awk '{ n += $3 } END { print n }')" -eq 2 ]
run 0 data verify good
head -c 3000 shards/train/000000.tar > cut.tar
refused "'cut.tar' is cut off" data verify cut.tar
first=$(($(tar --block-number -tf shards/train/000000.tar | sed -n '3s/^block \([0-9]*\):.*/\1/p') * 512))
head -c "$first" shards/train/000000.tar > cut.tar
refused "'cut.tar' is cut off: the two blocks of zeros that end a tar archive are not there" data verify cut.tar
finish
