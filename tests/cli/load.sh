# Loading: skua bench --job load, and what a run says of samples that are damaged.
. "$(dirname "$0")/lib.sh"

# ---- loading alone ----
shapes='--set data.source=shapes --set data.train_size=50'
for workers in 0 2; do
    # shellcheck disable=SC2086
    run 0 bench --job load $shapes --workers $workers --batch 16 --json
    matches out "^\{\"job\":\"load\",\"workers\":$workers,\"batch\":16,\"height\":32,\"width\":32,\"channels\":3,\"samples\":50,\"rounds\":3,"
    matches out '"images_per_s":[0-9.]+,"median_images_per_s":[0-9.]+,"ms":[0-9.e-]+,"median_ms":[0-9.e-]+,'
    check 'one line' [ "$(wc -l < out)" -eq 1 ]
done
# shellcheck disable=SC2086
run 0 bench --job load $shapes --set train.batch=10 --steps 1 --json
says out '"batch":10,'
run 0 bench --job load $shapes --batch 16 --steps 2 --set data.image_size=64 --json
matches out '"height":224,"width":224,"channels":3,"samples":32,'
# shellcheck disable=SC2086
run 0 bench --job load $shapes --set 'data.augment=[{resize: 20}]'
matches out '^load 20 x 20 x 3 floats, batch 128, 1 worker: [0-9.]+ img/s, [0-9.]+ ms a picture'
refused 'no data is given' bench --job load
refused "cannot open data 'nowhere'" bench --job load --data nowhere
refused '--data is for --job load' bench --data nowhere
refused '--workers is for --job load' bench --workers 1
refused 'expected train, infer or load' bench --job loading
# shellcheck disable=SC2086
refused 'normalization has 2 values' bench --job load $shapes --set 'data.normalize={mean: [0.5, 0.5], std: [1, 1]}'

# ---- damaged samples are named at the end, and in the log ----
"$skua" data sample shapes-demo --split train --count 240 --out drawn > drawn.txt
for kind in circle star; do
    mkdir -p "photos/$kind"
    for i in $(seq 5); do
        for file in drawn/$kind-*.png; do
            cp "$file" "photos/$kind/$i-${file##*/}"
        done
    done
done
echo 'no picture' > photos/star/broken.png
printf '\377\330\377' > $'photos/circle/cut \351.jpg' # a name that is no UTF-8
cat > photos.yaml <<'YAML'
data: {path: photos, val_fraction: 0.1, augment: [{random_crop: {size: 32, padding: 4}}]}
model: {arch: resnet18, stem: cifar, width: 0.0625}
engine: {precision: fp32, threads: 1, tune: off}
train: {epochs: 2, batch: 32, optimizer: {lr: 0.02}}
YAML
run 0 train photos.yaml --out photos-run --set train.seed=1
count=$(grep -c '"damaged":\[' photos-run/log.jsonl)
check 'some are in the training part' [ "$count" -ge 1 ]
matches err '^[12] training samples? (is|are) damaged and replaced by others \([1-4] times in all\):$'
matches err "^  cannot decode 'photos/(star/broken.png|circle/cut .\.jpg)': "
if command -v python3 > /dev/null; then
    check 'every line of the log is JSON' python3 -c '
import json
for line in open("photos-run/log.jsonl", encoding="utf-8"): json.loads(line)'
else
    echo 'SKIP: no python3 to read the log with'
fi
matches photos-run/log.jsonl '"damaged":\["cannot decode '
run 0 train tiny.yaml --out whole --set train.max_steps=2
check 'nothing is said where nothing is damaged' [ -z "$(grep damaged err whole/log.jsonl)" ]
finish
