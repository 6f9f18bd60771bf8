# Choice of kernels: measured once and remembered, shown by info --plan, forced by SKUA_FORCE. A machine on which oneDNN
# has but one implementation for each op has nothing to measure.
. "$(dirname "$0")/lib.sh"
quick=(--set engine.tune=quick)
told='skua: kernels are being measured, once for this machine, network and batch: see '

# ---- info --plan: every op, the alternatives of a key once ----
run 0 info tiny.yaml --plan "${quick[@]}"
mv out plan
says plan 'training, batch 16'
says plan 'evaluation, batch 16'
matches plan '^forward  conv  +layer1\.0\.conv1  +f32 16x16x16x4  +[a-z]+ .* [0-9]+$'
matches plan '^backward conv_grad_weight  +conv1\.grad_weight  +f32 4x3x3x3  +[a-z]+ '
matches plan '^prepare  fold_norm  +conv1\.folded '
matches plan '^arena [0-9.]+ (bytes|[kMGT]B), kept [0-9.]+ (bytes|[kMGT]B)$'
check 'lines fit' [ "$(awk '/^phase/ { plan = 1 } plan && length($0) > 160' plan | wc -l)" -eq 0 ]
alternatives() { # alternatives NAME: how many lines follow the op of that name
    awk -v name="$1" '$3 == name { of = 1; next } $1 != "-" { of = 0 } of { n++ } END { print n + 0 }' plan
}
check 'alternatives of a key are there' [ "$(alternatives layer1.0.conv1)" -ge 1 ]
check 'alternatives of a key are there once' [ "$(alternatives layer1.1.conv1)" -eq 0 ]
if grep -qE '^ +- .* [0-9]+\.[0-9]{3}$' plan; then
    says err "$told'$SKUA_CACHE/kernels.json'"
    says plan '- ref: reference: not timed'
    check 'the record is there' [ -s "$SKUA_CACHE/kernels.json" ]
fi

# ---- once: another process chooses the same, and says nothing ----
run 0 info tiny.yaml --plan "${quick[@]}"
check 'nothing to tell' [ ! -s err ]
check 'the same plan' cmp -s out plan
run 0 info tiny.yaml --plan --json "${quick[@]}"
check 'a line for the layers and one for each plan' [ "$(wc -l < out)" -eq 3 ]
sed -n 2p out | tr '{' '\n' > training.json
awk '/^training/ { of = 1 } /^arena/ { of = 0 } of && /^(prepare|forward|backward|gather|update) /' plan > kernels
check 'as many ops as lines of text' [ "$(grep -c '"phase":' training.json)" -eq "$(wc -l < kernels)" ]
sed -n 's/.*"phase".*"kernel":"\([^"]*\)".*/\1/p' training.json | paste -d '\t' kernels - > both
check 'the same kernels' awk -F '\t' '$2 == "" || index($1, " " $2 " ") == 0 { exit 1 }' both
matches training.json '"plan":"training","batch":16'
bytes=$(sed -n 's/.*"arena_bytes":\([0-9]*\),.*/\1/p' training.json)
says plan "arena $(awk -v bytes="$bytes" 'BEGIN { printf "%.1f", bytes / 1e6 }') MB, kept "
run 0 train tiny.yaml --out first --set train.epochs=1 "${quick[@]}"
run 0 train tiny.yaml --out second --set train.epochs=1 "${quick[@]}"
same_run first second
run 0 info first --plan
matches out '^forward  conv  +layer1\.0\.conv1  .*  plan\.json$'

# ---- off: the fixed order; without a record ----
run 0 info tiny.yaml --plan
check 'nothing is measured' [ "$(grep -c ' kernels are being measured' err)" -eq 0 ]
check 'no alternative has a time' [ "$(grep -cE '^ +- .* [0-9]+\.[0-9]{3}$' out)" -eq 0 ]
SKUA_CACHE=off run 0 info tiny.yaml --plan "${quick[@]}"
check 'no name of a record' [ "$(grep -c "$told" err)" -eq 0 ]

# ---- a damaged record is told, and replaced ----
printf '{"version": 1, "machines": {' > "$SKUA_CACHE/kernels.json"
run 0 info tiny.yaml --plan "${quick[@]}"
says err "measured kernels are not read, but measured anew: '$SKUA_CACHE/kernels.json' line 1: not valid JSON"
run 0 info tiny.yaml --plan "${quick[@]}"
check 'it was replaced' [ ! -s err ]

# ---- stopped while it measures: nothing was begun ----
SKUA_CACHE=$scratch/stopped "$skua" train tiny.yaml --out stopped-run --set model.width=1 --set train.batch=128 \
    --set data.image_size=32 --set 'data.augment=[]' "${quick[@]}" > out 2> err &
pid=$!
until grep -qF "$told" err || ! kill -0 $pid 2> /dev/null; do sleep 0.01; done
if kill -INT $pid 2> /dev/null; then
    wait $pid
    check 'the status of Ctrl-C' [ $? -eq 130 ]
    says err 'stopped while kernels were being measured'
    check 'nothing is said of saving' [ "$(grep -c saving err)" -eq 0 ]
    check 'no run' [ ! -e stopped-run ]
fi

# ---- SKUA_FORCE ----
SKUA_FORCE=conv:ref,linear:ref run 0 info tiny.yaml --plan "${quick[@]}"
says err 'skua: kernels are forced: SKUA_FORCE=conv:ref,linear:ref'
matches out '^forward  conv  +layer1\.0\.conv1  +f32 16x16x16x4  +ref .* SKUA_FORCE$'
matches out '^forward  linear .* ref .* SKUA_FORCE$'
check 'no other is used' [ "$(grep -cE '^forward  (conv|linear) .* onednn' out)" -eq 0 ]
SKUA_FORCE=conv:ref run 0 eval first --json
SKUA_FORCE=cnv:ref refused "unknown op 'cnv' in SKUA_FORCE: those with several kernels are conv, conv_grad_data" info tiny.yaml --plan
SKUA_FORCE=conv:nought refused "unknown kernel 'nought' in SKUA_FORCE: conv has " info tiny.yaml --plan
SKUA_FORCE=conv refused "expected OP:KERNEL[,OP:KERNEL...] in SKUA_FORCE, got 'conv'" train tiny.yaml --out refused
SKUA_FORCE='conv:ref nought' run 2 train tiny.yaml --out refused
says err "no kernel 'ref nought', which SKUA_FORCE asks for, can run 'conv1' (conv f32 16x16x16x3"
finish
