# skua eval: what it shows, what it writes, two models side by side, and what it refuses.
tests=$(cd "$(dirname "$0")" && pwd)
. "$tests/lib.sh"
command -v python3 > /dev/null || { echo 'SKIP: there is no python3'; exit 77; }

run 0 train tiny.yaml --out run
matches out '^Inference time per image: 0\.[0-9]{6} seconds \(median 0\.[0-9]{6}, p90 0\.[0-9]{6}, p99 0\.[0-9]{6}\)$'
logged() { grep -o "\"latency\":.*" run/log.jsonl | grep -o "\"$1\":[^,}]*" | cut -d: -f2; }
says out "$(printf 'Inference time per image: %.6f seconds (median %.6f, p90 %.6f, p99 %.6f)' \
    "$(logged mean)" "$(logged median)" "$(logged p90)" "$(logged p99)")"
check 'which is the last line' [ "$(tail -1 out | cut -d: -f1)" = 'Inference time per image' ]

# short by default; tables on demand
run 0 eval run
check 'four lines' [ "$(wc -l < out)" -eq 4 ]
matches out '^Macro F1: 0\.[0-9]{4}, ECE: [0-9.]+%$'
matches out '^Most confused: [a-z]+ as [a-z]+ [0-9]+ \([0-9.]+%\), [a-z]+ as [a-z]+ [0-9]+ \([0-9.]+%\), '
matches out '^Inference time per image: '
run 0 eval run --per-class
check 'ten classes and three averages' [ "$(wc -l < out)" -eq 19 ]
matches out '^weighted average +60 +0\.[0-9]{4} '
run 0 eval run --confusion
check 'a row for each class' [ "$(grep -cE '^[0-9]  [a-z]+( +[0-9]+){10}$' out)" -eq 10 ]
check 'which hold all pictures' [ "$(grep -E '^[0-9]  ' out | tr -s ' ' '\n' | grep -cE '^[0-9]+$')" -eq 110 ]
check 'and sum to their number' [ "$(grep -E '^[0-9]  ' out | awk '{ for (i = 3; i <= NF; i++) s += $i } END { print s }')" -eq 60 ]
run 0 eval run --calibration
matches out '^Temperature [0-9.]+, fitted to all 60 of these pictures: loss [0-9.]+ -> [0-9.]+, ECE '
run 0 eval run --mistakes 3
check 'three of them' [ "$(tail -n +6 out | wc -l)" -eq 4 ]
check 'the most probable first' [ "$(tail -3 out | awk '{ print $(NF - 1) }')" = "$(tail -3 out | awk '{ print $(NF - 1) }' | sort -r)" ]
run 0 eval run --tta flip
matches out ', 60 pictures and their mirror images, '
run 0 eval run --tta flip --json
says out '"tta":"flip"'
run 0 eval run --json
check 'no word of mirror images' [ "$(grep -c tta out)" -eq 0 ]
for key in macro micro weighted classes confusion confused calibration temperature mistakes latency; do
    says out "\"$key\":"
done
check 'twenty mistakes' [ "$(grep -o '"class_probability"' out | wc -l)" -eq 20 ]
check 'one line' [ "$(wc -l < out)" -eq 1 ]

# text and JSON tell the same; of 23 pictures not all classes have as many
same_text() { # same_text ARGUMENTS...: of eval
    run 0 eval "$@" --per-class "${tables[@]}"
    cp out text
    run 0 eval "$@" --json "${mistakes[@]}"
    cp out json
    check "eval $*: the text tells what the JSON does" python3 "$tests/eval_text.py" text json
}
tables=(--confusion --calibration --mistakes 4) mistakes=(--mistakes 4)
same_text run --set data.val_limit=23
tables=() mistakes=()

# predictions: names with commas, quotes and ends of lines; replaced as a whole or not at all
mkdir -p 'odd/train/a,b' 'odd/train/q"q' 'odd/val/a,b' 'odd/val/q"q'
run 0 data sample tiny.yaml --count 8 --out pictures
i=0
for file in pictures/*.png; do
    i=$((i + 1))
    cp "$file" "odd/train/$([ $((i % 2)) -eq 0 ] && echo 'a,b' || echo 'q"q')/"
    cp "$file" "odd/val/$([ $((i % 2)) -eq 0 ] && echo 'a,b' || echo 'q"q')/"
done
mv "$(ls -d odd/val/a,b/*.png | head -1)" 'odd/val/a,b/two
lines.png'
mv "$(ls -d odd/val/q\"q/*.png | head -1)" $'odd/val/q"q/no\xffutf.png'
run 0 train tiny.yaml --out odd-run --data odd --set data.source=folder --set model.classes=2 --set train.epochs=1
run 0 eval odd-run --predictions odd.csv --mistakes 2
check 'no part of it is left' [ -z "$(ls odd.csv.tmp* 2> /dev/null)" ]
check 'a heading, eight pictures, one of them in two lines' [ "$(wc -l < odd.csv)" -eq 10 ]
check 'the heading' [ "$(head -1 odd.csv)" = index,name,label,predicted,probability,label_probability,correct,top2,top2_probability,top3,top3_probability,top4,top4_probability,top5,top5_probability ]
matches odd.csv '^[0-9],"odd/val/a,b/two$'
matches odd.csv '^lines.png","a,b",("a,b"|"q""q"),[0-9.e-]+,[0-9.e-]+,(true|false),("a,b"|"q""q"),[0-9.e-]+,,,,,,$'
matches odd.csv '^[0-9],"odd/val/q""q/[^"]*","q""q",'
check 'what is no UTF-8 is ?' [ "$(iconv -f UTF-8 -t UTF-8 odd.csv | grep -cE '^[0-9],"odd/val/q""q/no\?utf.png","q""q",')" -eq 1 ]
cp odd.csv before.csv
run 1 eval odd-run --predictions odd
says err "skua: cannot write 'odd': it is a folder"
run 1 eval odd-run --predictions nowhere/odd.csv
matches err "^skua: cannot create 'nowhere/odd.csv.tmp-[0-9]+': No such file or directory$"
checks=$((checks + 1))
(
    ulimit -f 1 # 1024 bytes
    "$skua" eval run --split train --predictions odd.csv > out 2> err
)
[ $? -eq 1 ] || bad 'a file that may not grow: expected status 1'
matches err "^skua: cannot write 'odd.csv.tmp-[0-9]+': File too large$"
check 'the old one stays' cmp -s odd.csv before.csv
check 'and nothing beside it' [ -z "$(ls odd.csv.tmp* 2> /dev/null)" ]
check 'no figures either' [ ! -s out ]

# a pipe is written into, and stays one; a link stays, and what it leads to is replaced
mkfifo pipe
cat pipe > piped.csv &
pid=$!
run 0 eval odd-run --predictions pipe
wait $pid
check 'the pipe had all' cmp -s piped.csv before.csv
check 'and is one' [ -p pipe ]
mkdir far && echo old > far/odd.csv && ln -s far/odd.csv link.csv
run 0 eval odd-run --predictions link.csv
check 'what the link leads to is new' cmp -s far/odd.csv before.csv
check 'and it is a link' [ -L link.csv ]

# stopped: as if it had not been asked for
"$skua" eval run --set data.val_size=2000000 --predictions stopped.csv > out 2> err &
pid=$!
until ls stopped.csv.tmp-* > /dev/null 2>&1 || ! kill -0 $pid 2> /dev/null; do :; done
kill -INT $pid
wait $pid
check "Ctrl-C: expected status 130, got $?" [ $? -eq 130 ]
check 'no predictions, no figures' [ -z "$(ls stopped.csv* 2> /dev/null)" -a ! -s out ]

# two models
run 0 train tiny.yaml --out other --set train.seed=1 --set train.epochs=2
run 0 eval run other
says out '60 pictures'
matches out "^McNemar's test: [0-9]+ pictures only A got right, [0-9]+ only B: p = [0-9.e-]+ \(exact binomial, two-sided\)$"
matches out '^accuracy +[0-9.]+% +[0-9.]+% +[+-][0-9.]+$'
same_text run other --set data.val_limit=47
run 0 eval run run --per-class
says out 'test: 0 pictures only A got right, 0 only B: p = 1 (exact binomial'
check 'a model differs from itself in its time only' [ "$(grep -v '^inference time' out | grep -cE '[+-]0\.0+$')" -eq 16 ]
run 0 eval run other --json --tta flip
matches out '^\{"a":\{"model":"run/.*"b":\{"model":"other/.*"mcnemar":\{"only_a":[0-9]+,"only_b":[0-9]+,"p":[0-9.e-]+,"test":"exact binomial"\}\}$'
refused "'run/best/model.safetensors' has 10 classes, 'odd-run/best/model.safetensors' 2: they cannot be compared" eval run odd-run
run 0 train tiny.yaml --out fewer --set data.val_size=50 --set train.epochs=1
refused 'have different data for evaluation (60 and 50 pictures): give both the same with --data or --set' eval run fewer
run 0 eval run fewer --set data.val_size=70
for option in --confusion --calibration '--mistakes 3' '--predictions x.csv'; do
    refused "${option% *} is for one model" eval run other $option
done
check 'nothing was written' [ ! -e x.csv ]
sed 's/classes: 10/classes: 2/; s/shapes$/folder/; /image_size\|_size/d' tiny.yaml > two.yaml
mkdir -p named/train named/val
for split in train val; do
    cp -r "odd/$split/a,b" "named/$split/c"
    cp -r "odd/$split/q\"q" "named/$split/d"
done
run 0 train two.yaml --out named-run --data named --set train.epochs=1
refused "class 'a,b' of 'odd-run/best/model.safetensors' is not among those of 'named-run/best/model.safetensors': they cannot be compared" \
    eval odd-run named-run

# the same classes in another order
mkdir order
for split in train val; do
    { echo path,label; for file in named/$split/?/*.png; do case $file in *$'\n'* | *$'\xff'*) ;; *) echo "\"$PWD/${file//\"/\"\"}\",$(basename "$(dirname "$file")")" ;; esac; done; } > order/$split.csv
done
printf 'd\nc\n' > order/classes.txt
run 0 train two.yaml --out order-run --data order --set data.source=list --set train.seed=4 --set train.epochs=2
as_list=(--data order --set data.source=list)
same_text named-run order-run "${as_list[@]}"
run 0 eval named-run order-run "${as_list[@]}" --per-class
says err "the data has the network's classes in another order: they are matched by name"
matches out '^c +[0-9.]+ +[0-9.]+ +[+-]'
f1_of() { awk -v class="$1" -v column="$2" '$1 == class { x = $column } END { print x }' out; }
c=$(f1_of c 3) d=$(f1_of d 3)
run 0 eval order-run "${as_list[@]}" --per-class
check 'F1 of B are those of B alone' [ "$c $d" = "$(f1_of c 5) $(f1_of d 5)" ]
check 'which differ' [ "$c" != "$d" ]

# more classes than a matrix is made of
run 0 train tiny.yaml --out many --set model.classes=5000 --set train.max_steps=1
refused '--confusion: no matrix is made of more than 4096 classes, the network has 5000' eval many --confusion
run 0 eval many --json --mistakes 1
says out '"confusion":null,"confused":[],'

refused "--mistakes: expected an integer from 1 to 1000, got '0'" eval run --mistakes 0
refused 'unexpected' eval run other run
finish
