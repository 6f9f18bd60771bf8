#!/bin/bash
# Seeds for the fuzzers: seeds.sh DIR makes a folder DIR/fuzz_NAME for each, from the tests' files and from texts below.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
for source in "$root"/tests/fuzz/fuzz_*.c; do
    mkdir -p "$1/$(basename "$source" .c)"
done
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Shards in each format that tar writes, with long names, links, a hole, and labels of both kinds.
deep=$work/in/$(printf 'a long name of a folder/%.0s' {1..6})
mkdir -p "$deep"
printf 'no picture' | tee "$work/in/1.jpg" "$work/in/2.png" >"$deep/3.jpeg"
printf '7' >"$work/in/1.cls"
printf '{"label": "red panda"}' >"$work/in/2.json"
printf 'cat\n' >"$deep/3.cls"
ln -s 1.jpg "$work/in/link.jpg"
truncate -s 20k "$work/in/4.jpg"
for format in v7 ustar gnu oldgnu posix; do
    tar --format=$format --sort=name -C "$work/in" -cf "fuzz_tar/$format" . 2>/dev/null || rm -f "fuzz_tar/$format"
    tar --format=$format --sort=name --sparse -C "$work/in" -cf "fuzz_tar/$format-sparse" . 2>/dev/null ||
        rm -f "fuzz_tar/$format-sparse"
done
head -c 2000 fuzz_tar/ustar >fuzz_tar/cut
tar -C "$work/in" -P --transform 's,^,../,' -cf fuzz_tar/above 1.jpg 1.cls

# Stored and packed, with and without a name, two members, zeros behind, cut off.
head -c 3000 fuzz_tar/ustar | gzip -c >fuzz_gzip/plain
gzip -1c "$work/in/1.jpg" >fuzz_gzip/named
{ cat fuzz_gzip/plain fuzz_gzip/named; head -c 100 /dev/zero; } >fuzz_gzip/two
head -c 2000 /dev/urandom | gzip -c >fuzz_gzip/stored
head -c 150 fuzz_gzip/plain >fuzz_gzip/cut

# The first byte is the form: 0 CSV, 1 JSON lines, 2 plain.
printf '\0path,label\na.jpg,cat\n"b ""c"", d.jpg",dog\r\n' >fuzz_list/csv
printf '\0a.jpg,0\nb.jpg,1\n' >fuzz_list/csv-numbers
printf '\1{"path": "a.jpg", "label": "cat"}\n{"path": "b.jpg", "label": 3}\n' >fuzz_list/jsonl
printf '\2ILSVRC2012_val_00000001.JPEG n01440764\nILSVRC2012_val_00000002.JPEG n01443537\n' >fuzz_list/plain
printf '\0020\n1\n2\n' >fuzz_list/labels

printf 'n01440764 tench, Tinca tinca\nn01443537 goldfish\n\0n01443537\n0\n1\n' >fuzz_labels/wordnet
printf 'cat\ndog\nred panda\n\0cat\nred panda\n2\n' >fuzz_labels/names
printf '\0000\n17\n3\n' >fuzz_labels/numbers

cp "$root"/recipes/*.yaml fuzz_recipe
printf 'train.epochs=3' >fuzz_recipe/set
cp "$root"/tests/data/pictures/*.{png,jpg} fuzz_decode
cp "$root"/tests/data/pictures/{one_pixel.jpg,grey_1.png,palette_1.png}.npy fuzz_npy
cp "$root"/tests/data/pickles/*.pickle fuzz_pickle

# The first byte: 0 a whole file, 1 an array of it (behind the header) that the fuzzer compresses.
for file in "$root"/tests/data/mats/*.mat; do
    { printf '\0'; cat "$file"; } >"fuzz_mat/$(basename "$file" .mat)"
done
for name in batch names others; do
    { printf '\1'; tail -c +129 "$root/tests/data/mats/$name.mat"; } >"fuzz_mat/compress-$name"
done

# tensor FILE HEADER BYTES: a safetensors file: the header's length in eight bytes, the header, zeros.
tensor() {
    { printf "\\x$(printf %02x $((${#2} % 256)))\\x$(printf %02x $((${#2} / 256)))\0\0\0\0\0\0"
      printf %s "$2"; head -c "$3" /dev/zero; } >"fuzz_safetensors/$1"
}
tensor plain '{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"n":{"dtype":"I64","shape":[],"data_offsets":[24,32]}}' 32
tensor model '{"__metadata__":{"skua.classes":"[\"cat\", \"dog\"]","skua.shape":"32x32x3 u8","skua.step":"7",
"skua.recipe":"name: x\ntrain:\n  epochs: 3\n"},"w":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}' 4

# The first byte is the kind of labels: 0 CIFAR-10, 1 and 2 CIFAR-100's; records are labels and 3072 bytes.
head -c 3072 /dev/urandom >"$work/pixels"
{ printf '\3'; cat "$work/pixels"; printf '\11'; cat "$work/pixels"; } >"$work/data_batch_1.bin"
{ printf '\0'; cat "$work/data_batch_1.bin"; } >fuzz_cifar/ten
{ printf '\1\4\11'; cat "$work/pixels"; } >fuzz_cifar/hundred
{ printf '\0'; seq -f 'class %.0f' 10; } >fuzz_cifar/names
{ printf '\0'; tar -C "$work" -c data_batch_1.bin; } >fuzz_cifar/archive
{ printf '\0'; tar -C "$work" -cz data_batch_1.bin; } >fuzz_cifar/archive-gz

sum=$(printf '0%.0s' {1..64})
cat >fuzz_checkpoint/state <<END
{"version":1,"epoch":2,"step":36,"batch":0,"reported":36,"samples":600,"batch_size":32,"count":64,"correct1":32,
"correct5":60,"best":0.5,"loss_sum":1.5,"seconds":1.5,"epoch_seconds":0.5,"wait_seconds":0.1,"compute_seconds":0.4,
"fingerprint":"0123456789abcdef",
"sha256":{"model.safetensors":"$sum","state.safetensors":"$sum","plan.json":"$sum"}}
END
printf '{"threads":2,"precision":"fp32","ops":{"conv 3x3 64":"wino","linear":"onednn"}}' >fuzz_checkpoint/plan

cat >fuzz_log/run <<'END'
{"step":1,"epoch":1,"loss":2.5,"top1":0.25,"lr":0.1}
{"step":1,"epoch":1,"epochs":2,"train_loss":2.5,"train_top1":0.25,"val_loss":null,"best":true,"replaced":3,"complete":true}
{"step":2,"epoch":1,"lo
END
