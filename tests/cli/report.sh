#!/bin/bash
# skua report: whole pages read by a parser of HTML, the figures they hold, runs that are damaged, unfinished or of
# different data, and names that mean something in HTML.
reader=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/page.py
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v python3 > /dev/null || { echo 'SKIP: there is no python3 to read pages with'; exit 77; }

page() { check "page.py $*" python3 "$reader" "$@"; }
# shows PAGE TEXT...: the page is whole, and has each text
shows() {
    local file=$1 text
    shift
    page "$file" whole
    python3 "$reader" "$file" text > text 2>> err
    for text in "$@"; do
        says text "$text"
    done
}

# ---- one run ----
run 0 train tiny.yaml --out one --set expect.accuracy=0.01
run 0 report one
says out 'one/report.html'
shows one/report.html 'Reached:' '(expected 1.00%, tolerance 1.00%)' 'Where the time went' 'The worst mistakes' 'Calibration' \
    'Training pictures' 'layer4.1.conv2' 'skua train recipe.yaml --out again' 'skua report one again --out both.html' 'resnet18 on shapes, 188 pictures' 'weight_decay: 0.0005'
page one/report.html epochs one/log.jsonl
check 'the inference time is that of the log' python3 - << 'PY'
import json
*_, end = map(json.loads, open("one/log.jsonl"))
time = {key: f"{1e3 * end['latency'][key]:.3g}" for key in ("median", "p90", "p99")}
figure = f"{time['median']} ms <small>median of {end['latency']['samples']}; p90 {time['p90']}, p99 {time['p99']}</small>"
assert figure in open("one/report.html").read(), figure
PY
run 0 eval one --json
cp out eval.json
page one/report.html eval eval.json
run 0 info one --json
check 'figures of the model are those of skua info' python3 - out << 'PY'
import json, sys
info, text = json.load(open(sys.argv[1])), open("one/report.html").read()
assert f"{info['params']:,} parameters" in text and f"{info['macs']:,} multiply-adds" in text
assert all(f"<td>{layer['name']}</td>" in text for layer in info["layers"])
PY
check 'the page is small' [ "$(stat -c %s one/report.html)" -lt 1000000 ]
check 'nothing else is left' [ "$(ls -A one | grep -c tmp)" -eq 0 ]
run 0 report one --no-eval --out short.html
shows short.html 'Reached:'
check 'without an evaluation' sh -c '! grep -q "Calibration" text'
run 0 train tiny.yaml --out missed --set expect.accuracy=0.99 --set train.epochs=1
run 0 report missed --quiet
shows missed/report.html 'Not reached:' '(expected 99.00%, tolerance 1.00%)' 'Table of the 1 epoch'
# what the recipe expects does not count where it trains something else, and report says so too
{ cat tiny.yaml; echo 'expect: {accuracy: 0.99}'; } > strict.yaml
run 0 train strict.yaml --out changed --set train.epochs=1 --set model.width=0.125
says err "model.width is not that of the recipe 'tiny': the accuracy that it expects does not count"
check 'and nothing is judged' sh -c '! grep -q "expected accuracy" err'
run 0 report changed --no-eval
shows changed/report.html 'Finished:' '(no accuracy was expected)' 'accuracy: none'
run 0 train strict.yaml --out given --set train.epochs=1 --set expect.accuracy=0.99
says err 'expected accuracy 99.00% (tolerance 1.00%): not reached'
run 0 report given --no-eval
shows given/report.html 'Not reached:'
cp -r one found # a source that was found is not known by its name
sed -i 's/source: shapes/source: auto/' found/recipe.yaml
run 0 report found --no-eval
shows found/report.html 'resnet18, 188 pictures, sgd'
(cd one && "$skua" report . --no-eval --out ../dot.html > /dev/null)
shows dot.html 'skua: one'

# ---- several ----
run 0 train tiny.yaml --out wide --set model.width=0.125 --set train.epochs=2 --set train.ema=0.9
run 0 report wide --no-eval
page wide/report.html epochs wide/log.jsonl
run 0 report one wide --out two.html
page two.html compare one/log.jsonl wide/log.jsonl
run 0 report one wide missed --out several.html
shows several.html '3 runs side by side' 'What differs in the recipes' 'model.width' '0.0625' '0.125' 'Evaluated: macro F1' 'Inference time per image, median' 'averaged weights' '±0.00'
check 'the same data is compared' sh -c '! grep -q "not compared" text'
page several.html epochs one/log.jsonl # the first table of epochs is that of the first run
run 0 train tiny.yaml --out other --set data.shapes_seed=9 --set train.epochs=1
for how in '' --no-eval; do
    # shellcheck disable=SC2086 # no word where it is empty
    run 0 report one other $how --out different.html
    shows different.html 'The runs are of different data' 'data.shapes_seed'
    check 'accuracies of different data are not set against each other' python3 - << 'PY'
import re
text = open("different.html").read()
row = re.search(r"Validation accuracy, last epoch</td>(.*?)</tr>", text)[1]
assert re.findall(r"<small>(.*?)</small>", row) == [], row
row = re.search(r"Parameters</td>(.*?)</tr>", text)[1]
assert re.findall(r"<small>(.*?)</small>", row) == ["&times;1"], row
PY
done
# evaluations on the same pictures say nothing of what was logged on others
run 0 report one other --set data.shapes_seed=0 --out same.html
shows same.html 'The runs are of different data'
check 'only what the report evaluated is compared' python3 - << 'PY'
import re
text = open("same.html").read()
compared = {name: bool(re.findall("<small>[^<]", re.search(f"{name}</td>(.*?)</tr>", text)[1]))
            for name in ("Validation accuracy, last epoch", "Training loss", "Evaluated: accuracy")}
assert list(compared.values()) == [False, False, True], compared
PY
run 0 train tiny.yaml --out half-val --set data.val_size=30 --set train.epochs=1
run 0 report one half-val --no-eval --out different.html
shows different.html 'The runs are of different data'
mkdir tiny-loss # numbers that are hardly any
for n in 1 2; do
    echo "{\"step\":$n,\"epoch\":$n,\"epochs\":2,\"train_loss\":${n}e-310,\"train_top1\":0.5,\"seconds\":1,\"complete\":true}"
done | sed 's/2e-310/5e-309/' > tiny-loss/log.jsonl
checks=$((checks + 1))
timeout -s KILL 20 "$skua" report tiny-loss --no-eval > out 2> err || bad 'a report of losses near 0 does not end'
run 0 report one one --no-eval
shows report.html 'Nothing: they are the same'
run 0 train tiny.yaml --out fewer --set data.val_limit=30 --set train.epochs=1
run 0 report one fewer --no-eval --out different.html # the same training pictures
shows different.html 'The runs are of different data' 'data.val_limit'
run 0 report one wide other missed given --no-eval --out letters.html # more than have room by their names
page letters.html whole
check 'curves and heads have letters' python3 - << 'PY'
import re
text = open("letters.html").read()
assert "<b>A</b> one " in text and "<b>E</b> given " in text
heads = [re.findall(r"</span>([^<]*)</th>", head) for head in re.findall(r"<thead>(.*?)</thead>", text)[:2]]
assert heads == [list("ABCDE")] * 2, heads
chart = re.search(r"<figcaption>Accuracy.*?</figure>", text, re.S)[0]
labels = re.findall(r'style="fill:var\(--c(\d)\)">([^<]*) [0-9.]+%</text>', chart)
assert sorted(labels) == [(str(k), "ABCDE"[k]) for k in range(5)], labels
PY
run 0 train tiny.yaml --out early --set train.early_stop=1 --set train.epochs=20
check 'it stopped early' sh -c '! grep -q "\"epoch\":20," early/log.jsonl'
run 0 report early --no-eval
shows early/report.html 'Finished:'

# ---- what a run may lack ----
mkdir begun
cp one/recipe.yaml begun
run 0 report begun
shows begun/report.html 'Nothing to judge' 'log.jsonl is missing' 'no checkpoint' 'layer4.1.conv2'
: > begun/log.jsonl
run 0 report begun
shows begun/report.html 'log.jsonl holds no step'
head -5 one/log.jsonl > begun/log.jsonl
exec 9> begun/.lock
flock 9
run 0 report begun
shows begun/report.html 'Still running: no epoch is logged yet' 'no checkpoint yet' 'Loss'
printf '{"step":6,"ep' >> begun/log.jsonl # it is being written
run 0 report begun
shows begun/report.html 'Still running'
check 'a line that is being written is no damage' sh -c '! grep -q "left out" text'
exec 9>&-
run 0 report begun
shows begun/report.html 'a cut last line is left out'
cp -r one grown # a finished run that goes on
sed -i 's/^  epochs: 3$/  epochs: 10/' grown/recipe.yaml
run 0 report grown
shows grown/report.html 'Stopped after epoch 3 of 10' 'The best checkpoint, of step'
rm grown/best grown/ckpt-12 -r
sed -i 's/"best":true/"best":false/; s/"val_top1":[0-9.]*,//' grown/log.jsonl
run 0 report grown
shows grown/report.html 'The checkpoint of step 36'
head -14 one/log.jsonl > begun/log.jsonl
run 0 report begun
shows begun/report.html 'Stopped after epoch 1 of 3'
python3 - > begun/log.jsonl << 'PY'
for e in range(1, 100001):
    print('{"step":%d,"epoch":%d,"epochs":100000,"train_loss":%f,"val_top1":%f,"val_loss":1,"complete":true}' % (e, e, 1 / e, e == 7))
PY
run 0 report begun
shows begun/report.html 'Table of the 100000 epochs' 'One in 250, and the best' '99750'
check 'the best is among them' grep -q '<td>7 <span' begun/report.html
check 'a page of a hundred thousand epochs is small' [ "$(stat -c %s begun/report.html)" -lt 300000 ]
rm begun/recipe.yaml
run 0 report begun begun --out both.html
shows both.html 'recipe.yaml is missing' 'Whether the runs are of the same data is not known' 'a recipe is missing'
printf '\0\1\377{"step":' > begun/log.jsonl
run 0 report begun
shows begun/report.html 'a cut last line is left out'
cp -r one damaged
{ echo '{"step": 3'; head -c 300 /dev/urandom | tr '\n' x; echo; cat one/log.jsonl; printf '{"step":9'; } > damaged/log.jsonl
run 0 report damaged
shows damaged/report.html '2 damaged lines (1, 2) and a cut last line are left out' 'Reached:'
page damaged/report.html epochs one/log.jsonl
echo 'model: [' > damaged/recipe.yaml
run 0 report damaged
shows damaged/report.html 'recipe.yaml cannot be read' 'Reached:'
for file in damaged/ckpt-*/model.safetensors; do
    head -c 1000 /dev/zero > "$file"
done
run 0 report damaged
shows damaged/report.html 'The checkpoint cannot be read'
shows damaged/report.html 'Finished:' '(what was expected is not known)'
check 'a mended run is not evaluated' sh -c '! grep -q "Calibration" text'

# ---- data of its own: names that mean something, data that moved, pictures of floats, many classes ----
python3 - << 'PY'
import struct, zlib
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + bytes((x * 16, y * 16, 128)[c] for x in range(16) for c in range(3)) for y in range(16))
open("dot.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0))
                            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PY
odd=$(printf '<b>&"\047 x\ny')
for class in "$odd" '<script>alert(1)<x>' plain; do # a name of a folder has no slash
    for split in train val; do
        mkdir -p "pictures/$split/$class"
        cp dot.png "pictures/$split/$class/1 < 2.png"
        cp dot.png "pictures/$split/$class/2.png"
    done
done
run 0 train tiny.yaml --out names --set data.source=folder --data pictures --set model.classes=0 --set train.epochs=1
run 0 report names
shows names/report.html '<b>&"'"' x?y" '<script>alert(1)<'
mv pictures moved
run 0 report names
shows names/report.html 'The model is not evaluated' '--data DIR' 'Finished:'
says err 'say where it lies with --data DIR'
run 0 report names --data moved
shows names/report.html 'The worst mistakes'

array() { # array FILE TYPE SHAPE: begins an npy array
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }" > "$1"
}
array float.npy '<f4' '(60, 16, 16, 1)'
head -c $((60 * 256 * 4)) "$skua" | LC_ALL=C tr '\000-\377' '[\075*128][\076*128]' >> float.npy
array labels.npy '|u1' '(60,)'
for i in $(seq 60); do printf "\\x$(printf %x "$i")"; done >> labels.npy
run 0 train tiny.yaml --out floats --set data.source=npy --set data.images=float.npy --set data.labels=labels.npy \
    --set data.val_images=float.npy --set data.val_labels=labels.npy --set 'data.normalize={mean: [0.5], std: [0.25]}' \
    --set data.augment=[] --set model.classes=0 --set train.epochs=1
run 0 report floats
shows floats/report.html 'they are floats' 'in the order of the classes'
run 0 train tiny.yaml --out unjudged --set train.epochs=1 --set data.source=npy --set data.images=float.npy \
    --set data.labels=labels.npy --set 'data.normalize={mean: [0.5], std: [0.25]}' --set data.augment=[] --set model.classes=0
run 0 report unjudged
shows unjudged/report.html 'nothing was validated' 'The model is not evaluated'
run 0 report unjudged one --no-eval --out mixed.html
check 'its training is dashed, beside a validation that is not' python3 - << 'PY'
import re
for title in "Loss", "Accuracy":
    chart = re.search(f"<figcaption>{title}.*?</figure>", open("mixed.html").read(), re.S)[0]
    lines = re.findall(r'<path( class="dashed")? stroke="var\(--c(\d)\)" d="M', chart)
    assert sorted(lines) == [("", "1"), (' class="dashed"', "0"), (' class="dashed"', "1")], lines
    assert re.search(r'style="fill:var\(--c0\)">unjudged|>A ', chart), chart
PY

# ---- refused; stopped ----
refused "cannot open the run 'absent': no such folder" report absent
mkdir empty
refused "'empty' is no run: expected a folder of skua train with recipe.yaml or log.jsonl" report empty
mkdir sweep
: > sweep/sweep.yaml
refused "'sweep' is a sweep, which is no run; its runs side by side: skua sweep --out sweep --table, and up to 8 of them: skua report sweep/NAME..." report sweep
check 'nothing is left in it' [ -z "$(ls -A empty)" ]
refused 'skua report' report
refused 'skua report: expected at most 8 of RUN..., found 9' report one one one one one one one one one
run 1 report one --out absent/page.html
says err "cannot create 'absent/page.html"
if [ -e /dev/full ]; then
    cp one/report.html kept.html
    (ulimit -f 8; exec "$skua" report one --out kept.html > out 2> err)
    check 'a page that cannot be written whole is not written' cmp one/report.html kept.html
    rm -f kept.html.tmp-*
fi
run 0 train tiny.yaml --out long --set data.val_size=60 --set train.epochs=1
before=$(ls -A long)
"$skua" report long --set data.val_size=60000 > out 2> err &
pid=$!
sleep 0.5
kill -INT $pid
wait $pid
check 'stopped by Ctrl-C' [ $? -eq 130 ]
check 'and nothing is left' [ "$(ls -A long)" = "$before" ]
finish
