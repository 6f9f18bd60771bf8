#!/bin/bash
# Seeds for the fuzzers of sources: seeds_sources.sh DIR makes DIR/fuzz_tar, DIR/fuzz_gzip, DIR/fuzz_list and
# DIR/fuzz_labels, to be given to them as their corpus.
set -euo pipefail
mkdir -p "$1"/{fuzz_tar,fuzz_gzip,fuzz_list,fuzz_labels}
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
