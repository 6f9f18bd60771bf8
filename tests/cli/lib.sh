# What the tests of whole commands share: a scratch folder, a tiny recipe, checks that say what they saw.
# Each test file sources this and ends with `finish`.
set -u
skua=${SKUA:?the path of the program}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/skua-cli-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
export SKUA_CACHE=$scratch/cache
checks=0
failures=0

# A network and a data set so small that an epoch of 12 steps takes a blink; the same bits each time.
cat > tiny.yaml <<'YAML'
name: tiny
data:
  source: shapes
  image_size: 16
  train_size: 188
  val_size: 60
  augment: [{random_crop: {size: 16, padding: 2}}, {horizontal_flip: {p: 0.5}}]
  normalize: {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]}
model: {arch: resnet18, stem: cifar, width: 0.0625, classes: 10, dropout: 0.2}
engine: {precision: fp32, threads: 1, tune: off}
train:
  epochs: 3
  batch: 16
  optimizer: {name: sgd, lr: 0.02, momentum: 0.9, nesterov: true, weight_decay: 5.0e-4}
  schedule: {name: cosine, warmup_epochs: 1, epochs: 3}
  loss: {label_smoothing: 0.05}
YAML

bad() { # bad MESSAGE: a check failed
    failures=$((failures + 1))
    printf 'FAILED line %s: %s\n' "${BASH_LINENO[${2:-1}]}" "$1"
    [ -s out ] && sed 's/^/  out: /' out | head -20
    [ -s err ] && sed 's/^/  err: /' err | head -20
    return 0
}

check() { # check MESSAGE COMMAND...: the command must succeed
    local message=$1
    shift
    checks=$((checks + 1))
    "$@" || bad "$message"
}

# run STATUS ARGUMENTS...: runs skua; its output is left in the files out and err.
run() {
    local want=$1 got
    shift
    checks=$((checks + 1))
    "$skua" "$@" > out 2> err
    got=$?
    [ "$got" -eq "$want" ] || bad "skua $*: expected status $want, got $got"
}

# refused TEXT ARGUMENTS...: skua must end with status 2 and one sentence on standard error that holds TEXT.
refused() {
    local text=$1 lines
    shift
    run 2 "$@"
    checks=$((checks + 1))
    lines=$(wc -l < err)
    [ "$lines" -eq 1 ] || bad "skua $*: expected one sentence, got $lines lines"
    grep -q '^skua: [a-z0-9'"'"'-]' err || bad "skua $*: the message does not begin like one"
    grep -qF -- "$text" err || bad "skua $*: the message lacks '$text'"
}

says() { # says FILE TEXT
    checks=$((checks + 1))
    grep -qF -- "$2" "$1" || bad "'$1' lacks '$2'"
}

matches() { # matches FILE REGULAR-EXPRESSION
    checks=$((checks + 1))
    grep -qE -- "$2" "$1" || bad "'$1' has no line that matches '$2'"
}

# Lines of a log without what depends on time or on the length of the training.
timeless() {
    sed -E '/"latency"/d; s/,"(epochs|seconds|wait_seconds|compute_seconds|val_seconds|images_per_s)":[^,}]*//g' "$1"
}

# The same of metrics.csv.
timeless_table() {
    cut -d, -f1,2,4-10,16- "$1"
}

# The tensors of a safetensors file, without the header, which holds the recipe.
tensors() {
    tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"
}

# same_run A B: two runs ended with the same log and the same bytes of weights and optimizer state.
same_run() {
    local file
    checks=$((checks + 1))
    diff <(timeless "$1/log.jsonl") <(timeless "$2/log.jsonl") > log.diff || {
        bad "the logs of $1 and $2 differ"
        head -5 log.diff
    }
    diff <(timeless_table "$1/metrics.csv") <(timeless_table "$2/metrics.csv") > log.diff || {
        bad "metrics.csv of $1 and $2 differs"
        head -5 log.diff
    }
    for file in model.safetensors state.safetensors; do
        cmp <(tensors "$1/last/$file") <(tensors "$2/last/$file") || bad "$file of $1 and $2 differs"
    done
    cmp "$1/plan.json" "$2/plan.json" || bad "plan.json of $1 and $2 differs"
    [ "$(readlink "$1/best")" = "$(readlink "$2/best")" ] || bad "best of $1 and $2 differs"
}

finish() {
    if [ "$failures" -gt 0 ]; then
        echo "$failures of $checks checks failed"
        exit 1
    fi
    echo "$checks checks passed"
    exit 0
}
