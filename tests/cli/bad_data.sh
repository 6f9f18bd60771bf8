# Folders as they are found: names in any characters, links that lead nowhere or round, pipes and devices, empty files,
# and files without permission. What is written for machines is valid JSON and HTML whatever the names are.
. "$(dirname "$0")/lib.sh"

picture() { # picture NUMBER PATH: a copy of a drawn picture
    mkdir -p "$(dirname "$2")"
    cp "${drawn[$1]}" "$2"
}

run 0 data sample shapes-demo --split train --count 12 --out drawn
drawn=(drawn/*.png)
latin=$(printf 'caf\xe9')
i=0
for name in plain 'with spaces' 'ünïcode 図' $'new\nline' $'tab\tand \e[1mescape' "quote'\"<b>&amp;" "$latin" '--json'; do
    picture $i "names/first/$name.png"
    picture $i "names/second/$name.jpg"
    i=$((i + 1))
done
echo 'no picture' > "names/first/damaged $latin"$'\n<i>.png'

# Names in messages are one line each, in JSON and HTML they are what those allow.
run 0 data inspect names --html page.html
matches out '^pictures +15$' # of 17: two are kept for validation
matches out '^damaged +1, the first: .*damaged'
run 0 data inspect names --json
check 'inspect --json is valid' jq -es 'length == 1 and .[0].damaged == 1' out
check 'the page is UTF-8' iconv -f UTF-8 -t UTF-8 -o page.utf8 page.html
check 'no name is markup' [ "$(grep -c '<i>\|<b>&amp;amp;' page.html)" -eq 0 ]
run 1 data verify names
check 'a line a picture' [ "$(wc -l < out)" -eq 3 ]
check 'no control characters' [ -z "$(LC_ALL=C tr -d '\n\40-\377' < out)" ]
run 1 data verify names --json
check 'verify --json is valid' jq -es '.[0].damaged == 1 and (.[0].samples | length) == 1' out
check 'and UTF-8' iconv -f UTF-8 -t UTF-8 -o out.utf8 out

small=(--set 'data.augment=[{resize: {size: [16, 16]}}]' --set 'data.prepare=[{resize: {size: [16, 16]}}]'
    --set data.source=auto --set model.classes=2 --set train.epochs=2 --set train.batch=4)
run 0 train tiny.yaml --data names --out run --json "${small[@]}"
check 'train --json is valid' jq -es 'map(select(.event == "epoch").replaced) == [1, 1]' out
check 'and UTF-8' iconv -f UTF-8 -t UTF-8 -o out.utf8 out
check 'the log is valid' jq -es 'map(select(.damaged)) | length == 2' run/log.jsonl
says err '1 training sample is damaged and replaced by others (2 times in all)'
run 2 predict run --json names/first/*.png
check 'predict --json is valid' jq -es 'length == 8' out
check 'and UTF-8' iconv -f UTF-8 -t UTF-8 -o out.utf8 out
says err '1 of 9 pictures could not be classified'
run 1 data verify names --split train
run 0 data convert names --out shards
check 'the shards hold what is whole' [ "$(cat shards/train/*.tar | tar -tf - | grep -c 'cls$')" -ge 10 ]

# Lists quote what they must.
mkdir list
cp "names/first/with spaces.png" 'list/a, "b".png'
cp "names/first/plain.png" 'list/ünïcode 図.png'
printf 'path,label\n"a, ""b"".png",x\nünïcode 図.png,y\n' > list/train.csv
run 0 data inspect list/train.csv --set data.val_fraction=0
matches out '^pictures +2$'
cp "names/first/plain.png" "list/$latin.png"
printf 'path,label\n%s.png,x\n' "$latin" > list/latin.csv
run 0 data inspect list/latin.csv --set data.val_fraction=0
matches out '^pictures +1$'
check 'and is read' [ "$(grep -c damaged out)" -eq 0 ]

# What is no file is passed over: nothing waits for a pipe, and no device is read.
mkdir -p odd/a odd/b odd/a/loop1
picture 0 odd/a/1.png
picture 1 odd/b/2.png
mkfifo odd/a/pipe.png odd/b/pipe.jpg odd/pipe.csv
ln -s /dev/zero odd/a/zero.png
ln -s nowhere odd/a/lost.png
ln -s self.png odd/a/self.png
ln -s ../loop1 odd/a/loop1/again
touch odd/b/empty.png
run 0 data inspect odd --set data.val_fraction=0
matches out '^pictures +3$'
matches out "^damaged +1, the first: .*'odd/b/empty.png': the file is empty"
for path in odd/a/pipe.png odd/pipe.csv; do
    run 2 data inspect "$path"
    check "one sentence for $path" [ "$(wc -l < err)" -eq 1 ]
done
run 2 predict run odd/a/pipe.png
run 2 predict run odd/a/zero.png
says err 'regular file'

# Files without permission: asked as somebody else, since nothing is forbidden to root.
picture 0 locked/a/1.png
picture 1 locked/a/2.png
picture 2 locked/b/3.png
chmod 0 locked/a/2.png
as=()
if [ "$(id -u)" -eq 0 ]; then
    as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    chmod 755 "$scratch"
    chmod -R a+rX names run list
fi
if "${as[@]}" "$skua" --version > out 2> err; then
    "${as[@]}" "$skua" data inspect locked --set data.val_fraction=0 > out 2> err
    check 'a locked picture is a damaged one' [ $? -eq 0 ]
    matches out "^damaged +1, the first: cannot open 'locked/a/2.png': Permission denied"
    chmod 0 locked/b
    "${as[@]}" "$skua" data inspect locked --set data.val_fraction=0 > out 2> err
    check 'a locked folder is refused' [ $? -ne 0 ]
    says err "'locked/b': Permission denied"
    chmod 0 locked/a
    "${as[@]}" "$skua" train tiny.yaml --data locked --out locked/run "${small[@]}" > out 2> err
    check 'so is a run in a folder of others' [ $? -ne 0 ]
    chmod -R u+rwX locked
else
    echo 'skipped: files without permission, since this user cannot act as another'
fi

# Outputs that cannot be written are told before the work, and nothing is left of the asking.
run 1 data inspect names --html nowhere/page.html
says err "nowhere/page.html"
check 'before the work' [ ! -s out ]
run 1 data inspect names --html names
says err "cannot write 'names': it is a folder"
run 1 profile tiny.yaml --steps 1 --html nowhere/page.html
check 'before the work' [ ! -s out ]
run 1 profile tiny.yaml --steps 1 --trace nowhere/trace.json
run 1 profile tiny.yaml --workers 0,1 --load-only --svg nowhere/chart.svg
run 2 data inspect nowhere --html asked.html
check 'no empty file is left' [ ! -e asked.html ]

refused 'skua data inspect names' info names
finish
