# skua sweep: all settings are trained and set beside each other; killed and stopped sweeps go on to the same bits; what is
# wrong is told before the first run; a run that fails stops no other.
. "$(dirname "$0")/lib.sh"
command -v python3 > /dev/null || { echo 'SKIP: there is no python3'; exit 77; }

cat > sweep.yaml << 'YAML'
task: sweep
sweep:
  list: [{name: plain}, {name: "no, <shortcuts>", model.residual: false}]
  grid: {train.optimizer.lr: [0.02, 0.002]}
  seeds: [1, 2, 5]
YAML
cat tiny.yaml >> sweep.yaml

# ---- a whole sweep: its runs are those that skua train makes, its figures those of their logs ----
run 0 sweep sweep.yaml --out whole --csv whole.csv --svg whole.svg
check 'twelve runs' [ "$(ls -d whole/*/last | wc -l)" -eq 12 ]
check 'epoch lines with the run' [ "$(grep -cE '^(plain|no-shortcuts)-lr=0\.0+2-seed-[125]: Epoch [123]/3, Train Loss: ' out)" -eq 36 ]
matches out '^setting +runs +best acc +last acc +val loss +train loss +s/epoch +parameters'
check 'a row for each setting' [ "$(grep -cE '^(plain|no, <shortcuts>), lr=0\.0+2 +3 +[0-9.]+ .* [0-9.]+%' out)" -eq 4 ]
run 0 train tiny.yaml --out alone --set train.seed=5 --set train.optimizer.lr=0.002 --set model.residual=false
same_run alone 'whole/no-shortcuts-lr=0.002-seed-5'
run 0 eval 'whole/plain-lr=0.02-seed-1'
check 'the chart is well-formed' python3 -c 'import sys, xml.dom.minidom; t = xml.dom.minidom.parse("whole.svg").toxml()
sys.exit(t.count("<rect") != 4 or t.count("class=\"deviation\"") != 4 or "no, &lt;shortcuts&gt;" not in t)'
run 0 sweep --out whole --table
cp out whole.txt
run 0 sweep --out whole --table --json
cp out whole.json
check 'means and deviations are those of Python from the logs' python3 - << 'PYTHON'
import csv, json, math, statistics, sys
objects = [json.loads(line) for line in open("whole.json")]
runs = [o for o in objects if o["event"] == "run"]
settings = [o for o in objects if o["event"] == "setting"]
assert len(runs) == 12 and len(settings) == 4
rows = {r["setting"]: r for r in csv.DictReader(open("whole.csv"))}
def epochs(run):
    lines = [json.loads(line) for line in open(f"whole/{run}/log.jsonl")]
    return [e for e in lines if "train_loss" in e]
mean = statistics.mean
of = {"best_accuracy": lambda e: max(x["val_top1"] for x in e), "last_accuracy": lambda e: e[-1]["val_top1"],
      "last_top5": lambda e: e[-1]["val_top5"],
      "val_loss": lambda e: e[-1]["val_loss"], "train_loss": lambda e: e[-1]["train_loss"],
      "train_accuracy": lambda e: e[-1]["train_top1"], "mean_train_loss": lambda e: mean(x["train_loss"] for x in e),
      "mean_train_accuracy": lambda e: mean(x["train_top1"] for x in e),
      "epoch_seconds": lambda e: mean(x["seconds"] for x in e), "images_per_s": lambda e: mean(x["images_per_s"] for x in e)}
for s in settings:
    mine = [epochs(r["run"]) for r in runs if r["setting"] == s["setting"]]
    assert len(mine) == 3 == s["runs"] == s["done"]
    for name, get in of.items():
        values = [get(e) for e in mine]
        close = lambda a, b: math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
        assert close(s[name]["mean"], mean(values)), name
        assert close(s[name]["deviation"], statistics.stdev(values)), name
        assert close(float(rows[s["setting"]][name]), mean(values)), name
        assert close(float(rows[s["setting"]][name + "_deviation"]), statistics.stdev(values)), name
    assert s["samples"]["mean"] == 188
means = [s["best_accuracy"]["mean"] for s in settings]
assert means == sorted(means, reverse=True)
PYTHON
check 'the keys that vary are columns, and values in JSON' python3 - << 'PYTHON'
import csv, json
objects = [json.loads(line) for line in open("whole.json")]
rows = {r["setting"]: r for r in csv.DictReader(open("whole.csv"))}
assert len(rows) == 4
for name, lr in (("plain", 0.02), ("plain", 0.002), ("no, <shortcuts>", 0.02), ("no, <shortcuts>", 0.002)):
    setting = f"{name}, lr={lr}"
    keys = {"train.optimizer.lr": lr} if name == "plain" else {"model.residual": False, "train.optimizer.lr": lr}
    mine = [o for o in objects if o.get("setting") == setting]
    assert len(mine) == 4 and all(o["keys"] == keys for o in mine), mine
    assert float(rows[setting]["train.optimizer.lr"]) == lr
    assert rows[setting]["model.residual"] == ("" if name == "plain" else "false")
PYTHON
check 'table and chart show these means and deviations' python3 - << 'PYTHON'
import json, re, xml.dom.minidom
settings = [o for o in map(json.loads, open("whole.json")) if o["event"] == "setting"]
lines = [re.sub(" +", " ", line).replace("+-", "\u00b1") for line in open("whole.txt", encoding="utf-8").read().splitlines()[1:]]
def figure(s, name, scale, digits, unit):
    return f"{scale * s[name]['mean']:.{digits}f} \u00b1 {scale * s[name]['deviation']:.{digits}f}{unit}"
columns = [("best_accuracy", 100, 2, "%"), ("last_accuracy", 100, 2, "%"), ("val_loss", 1, 4, ""), ("train_loss", 1, 4, ""),
           ("epoch_seconds", 1, 3, "")]
for s, line in zip(settings, lines, strict=True):
    wanted = " ".join([s["setting"], "3", *(figure(s, *c) for c in columns), f"{round(s['parameters']['mean']):,}"])
    assert line.startswith(wanted + " "), (line, wanted)
page = xml.dom.minidom.parse("whole.svg")
bars = page.getElementsByTagName("rect")
spreads = [x for x in page.getElementsByTagName("line") if x.getAttribute("class") == "deviation"]
of = lambda element, name: float(element.getAttribute(name))
best = [s["best_accuracy"] for s in settings]
unit = of(bars[0], "width") / best[0]["mean"]
for b, bar, spread in zip(best, bars, spreads, strict=True):
    ends = [of(bar, "x") + unit * (b["mean"] + sign * b["deviation"]) for sign in (0, -1, 1)]
    for got, want in zip((of(bar, "x") + of(bar, "width"), of(spread, "x1"), of(spread, "x2")), ends):
        assert abs(got - want) < 0.2, (got, want)
PYTHON
run 0 info 'whole/plain-lr=0.02-seed-1' --json
check 'parameters as of skua info' [ "$(grep -o '"params":[0-9]*' out | head -1 | tr -dc 0-9)" -eq \
    "$(grep -m1 '"setting":"plain' whole.json | grep -o '"parameters":[0-9]*' | tr -dc 0-9)" ]

# ---- again: nothing is trained twice ----
touch stamp
run 0 sweep sweep.yaml --out whole --quiet
check 'nothing is written anew' [ -z "$(find whole/*/ -name log.jsonl -newer stamp)" ]
check 'the table alone' [ "$(wc -l < out)" -eq 5 ]

# ---- killed in the middle, again and again; then to the end ----
# stop SIGNAL STATUS DIR N ARGUMENTS...: sends SIGNAL once N runs have begun and the last of them is in its second epoch;
# where it was quicker than we were, again.
stop() {
    local signal=$1 status=$2 dir=$3 begun=$4 try got pid
    shift 4
    checks=$((checks + 1))
    for try in 1 2 3 4 5; do
        "$skua" sweep "$@" --out "$dir" > out 2> err &
        pid=$!
        until [ "$(cat "$dir"/*/log.jsonl 2> /dev/null | wc -l)" -ge $((39 * begun - 20)) ] || ! kill -0 $pid 2> /dev/null; do
            :
        done
        kill -"$signal" $pid 2> /dev/null
        wait $pid 2> /dev/null
        got=$?
        [ "$got" -ne 0 ] && break
        rm -rf "$dir"
    done
    [ "$got" -eq "$status" ] || bad "$signal: expected status $status, got $got"
}
# Runs of a sweep that was killed end by themselves; until then it is in use.
go_on() {
    local try
    for try in $(seq 200); do
        "$skua" sweep --out "$1" > out 2> err
        got=$?
        grep -q 'is in use by' err || break
        sleep 0.1
    done
    check "$1 goes on to the end" [ "$got" -eq 0 ]
}
same_sweep() {
    local run
    for run in whole/*/; do
        same_run "${run%/}" "$1/$(basename "$run")"
    done
}
stop KILL 137 killed 3 sweep.yaml
run 0 sweep --out killed --table --json
check 'some are done, some are not' [ "$(grep -c '"event":"run".*"state":"done"' out)" -lt 12 ]
check 'some are done, some are not' [ "$(grep -c '"event":"run".*"state":"done"' out)" -ge 1 ]
go_on killed
same_sweep killed

# ---- Ctrl-C: each run saves, and the sweep says how to go on ----
stop INT 130 ctrl-c 5 sweep.yaml
says err 'to go on: skua sweep --out ctrl-c'
check 'it said once that it saves' [ "$(grep -c 'finishing the step' err)" -eq 1 ]
for half in ctrl-c/*/; do
    [ -e "$half/sweep.json" ] || check 'a stopped run has a checkpoint' [ -f "$half/last/model.safetensors" ]
done
run 0 sweep --out ctrl-c
same_sweep ctrl-c

# ---- one that is running: its table is shown, a second is refused ----
"$skua" sweep sweep.yaml --out busy --set train.epochs=1000 > /dev/null 2> busy.err &
pid=$!
until [ "$(cat busy/*/log.jsonl 2> /dev/null | wc -l)" -ge 5 ] || ! kill -0 $pid 2> /dev/null; do
    :
done
run 0 sweep --out busy --table
matches out '^plain-lr=0.02-seed-1: running$'
refused "the run 'busy' is in use by process" sweep --out busy
kill -INT $pid
wait $pid
check 'Ctrl-C ends it' [ $? -eq 130 ]
run 0 sweep --out busy --table
matches out '^plain-lr=0.02-seed-1: stopped$'

# ---- two at a time, stopped from outside ----
parallel=(--set sweep.parallel=2 --set engine.threads=2)
stop TERM 75 two 6 sweep.yaml "${parallel[@]}"
run 0 sweep --out two
same_sweep two
run 0 sweep sweep.yaml --out two-one --set sweep.parallel=4 --quiet --set sweep.seeds='[1]' --set sweep.list='[]'
says err 'sweep.parallel: 4 runs at a time would share 1 thread: 1 at a time'

# ---- longer now: the runs go on; changed: refused with the key ----
run 0 sweep sweep.yaml --out longer --set sweep.list='[]' --set sweep.seeds='[1]' --set train.epochs=2 --quiet
run 0 sweep --out longer --set train.epochs=3 --quiet
same_run longer/lr=0.02-seed-1 whole/plain-lr=0.02-seed-1
refused "the sweep's recipe changed: 'lr=0.02-seed-1': train.batch was 16 in the run, is 32 now" \
    sweep --out longer --set train.batch=32
run 0 sweep --out longer --set sweep.seeds='[1, 2]' --quiet
cp -r longer torn
echo '{' > torn/lr=0.02-seed-1/recipe.yaml
run 0 sweep --out torn --table
matches out '^lr=0.02-seed-1: failed: .*torn/lr=0.02-seed-1/recipe.yaml'
matches out '1/2'
check 'a further seed' [ -f longer/lr=0.002-seed-2/last/model.safetensors ]

# ---- a run that fails, a run that is killed; the others are trained ----
cat > failing.yaml << 'YAML'
task: sweep
sweep:
  list:
    - name: lost
      data: {source: npy, images: nothing.npy, labels: nothing.npy}
    - name: fine
YAML
cat tiny.yaml >> failing.yaml
run 1 sweep failing.yaml --out failing
matches err "^lost: failed: .*nothing.npy"
says err '1 of 2 runs failed; to try them again: skua sweep --out failing'
says err 'settings differ in data.source: their accuracies and losses are not of the same pictures'
matches out '^lost: failed: .*nothing.npy'
matches out '^fine +1 +[0-9.]+%'
check 'what failed comes last' [ "$(grep -nE '^(fine|lost) +[01]' out | tail -1 | grep -c lost)" -eq 1 ]
run 0 sweep --out failing --table --json
matches out '"run":"lost".*"state":"failed","why":"[^"]*nothing.npy'
run 1 sweep --out failing --quiet
stop_one() {
    local try pid
    for try in 1 2 3 4 5; do
        rm -rf one
        "$skua" sweep sweep.yaml --out one --set sweep.seeds='[1]' --set sweep.list='[]' > out 2> err &
        pid=$!
        until [ "$(cat one/*/log.jsonl 2> /dev/null | wc -l)" -ge 5 ] || ! kill -0 $pid 2> /dev/null; do
            :
        done
        kill -KILL $(ps -o pid= --ppid $pid) 2> /dev/null
        wait $pid
        got=$?
        [ "$got" -ne 0 ] && break
    done
}
stop_one
check 'a run that is killed has failed' [ "$got" -eq 1 ]
matches err '^lr=0.02-seed-1: failed: killed by signal 9$'
run 0 sweep --out one
same_run one/lr=0.02-seed-1 whole/plain-lr=0.02-seed-1
same_run one/lr=0.002-seed-1 whole/plain-lr=0.002-seed-1

# ---- data that changed between two goes ----
run 0 sweep tiny.yaml --out changed --set sweep.list='[{name: a}, {name: b}]' --quiet
run 0 train tiny.yaml --out other --set data.shapes_seed=7
cp other/last/state.json changed/b/last/state.json
run 0 sweep --out changed --table
says err "'a' and 'b' were trained on different data"

# ---- one setting is a sweep, too; figures stay short ----
run 0 sweep tiny.yaml --out single --set sweep.grid='{train.optimizer.lr: [0.02]}' --quiet --svg single.svg
matches out '^lr=0.02 +1 '
check 'the title of the chart is in words' grep -q '>tiny: best accuracy<' single.svg
sed -i -E 's/"val_loss":[^,}]+/"val_loss":8.9e25/' single/lr=0.02/log.jsonl
run 0 sweep --out single --table
matches out '^lr=0.02 +1 +[0-9.]+% +[0-9.]+% +8.9e\+25 '
run 0 sweep tiny.yaml --out single-list --set sweep.list='[{train.optimizer: {name: adam, lr: 0.003}}]' --quiet --json
matches out '"event":"setting".*"keys":\{"train.optimizer.name":"adam","train.optimizer.lr":0.003\}'

# ---- fits, chosen columns, a device that is not there ----
run 0 sweep tiny.yaml --out fit --set sweep.grid='{model.width: [0.0625, 0.125], data.train_limit: [32, 64, 96]}' \
    --set train.epochs=1 --set sweep.fit='{x: [samples, parameters], y: epoch_seconds}' --set sweep.show='[epoch_seconds, mean_train_loss]'
matches out '^setting +runs +s/epoch +mean train loss +$|^setting +runs +s/epoch +mean train loss$'
matches out '^width=0.0625: epoch_seconds = [-0-9.e]+ [+-] [0-9][-+0-9.e]* \* samples, R\^2 [-0-9.]+ over 3 runs$'
matches out '^width=0.125: epoch_seconds = '
says err 'no line through epoch_seconds over parameters: it takes three runs'
echo '{"status": "failed", "why": "a test"}' > fit/width=0.125-train_limit=64/sweep.json
run 0 sweep --out fit --table
check 'only runs that are done count' [ "$(grep -c '^width=0.0625: epoch_seconds = ' out)$(grep -c '^width=0.125: epoch_seconds = ' out)" = 10 ]
says err 'no line through epoch_seconds over samples: it takes three runs'
run 0 sweep tiny.yaml --out fit-named --set sweep.list='[{name: s, model.width: 0.0625}, {name: m, model.width: 0.125},
    {name: l, model.width: 0.1875}]' --set train.epochs=1 --set sweep.fit='{x: [parameters], y: epoch_seconds}' --quiet
matches out '^epoch_seconds = [-0-9.e]+ [+-] [0-9][-+0-9.e]* \* parameters, R\^2 [-0-9.]+ over 3 runs$'
run 0 sweep tiny.yaml --out devices --set sweep.grid='{engine.device: [cpu, cuda]}' --set train.epochs=1
matches out '^device=cpu +1 '
grep -qE '^device=cuda +1 ' out || matches out '^device=cuda: left out: engine.device: '

# ---- by skua reproduce; a sweep's recipe trained as it stands ----
run 0 reproduce sweep.yaml --out again --set sweep.seeds='[1]' --set sweep.list='[]' --svg again.svg --json
check 'its runs' [ "$(grep -c '"event":"run"' out)" -eq 2 ]
check 'its chart' [ -s again.svg ]
run 0 train sweep.yaml --out plain --set train.max_steps=2
says err "the recipe 'tiny' is a sweep: skua sweep trains its settings"
for recipe in c5 c6 c6-usual c7 d-ablations a-scaling; do
    run 0 info "$recipe"
done

# ---- refused before anything is trained ----
refused "the recipe 'tiny' is no sweep" sweep tiny.yaml --out none
refused "sweep.grid: unknown key 'train.optimiser.lr' (did you mean 'train.optimizer.lr'?)" \
    sweep tiny.yaml --out none --set sweep.grid='{train.optimiser.lr: [1]}'
sed 's/model.residual/model.residuals/' sweep.yaml > unknown.yaml
refused "recipe 'unknown.yaml' line 3: sweep.list: entry 2: unknown key 'model.residuals' (did you mean 'model.residual'?)" \
    sweep unknown.yaml --out none
refused "sweep, setting 'warmup_epochs=9'" sweep tiny.yaml --out none --set sweep.grid='{train.schedule.warmup_epochs: [0, 9]}'
refused "sweep, setting 'norm=group': resnet18" sweep tiny.yaml --out none --set model.norm_groups=7 \
    --set sweep.grid='{model.norm: [batch, group]}'
refused "sweep, setting 'path=nowhere': cannot open data 'nowhere': no such file or folder" sweep tiny.yaml --out none \
    --set data.source=folder --set data.path=. --set sweep.grid='{data.path: [., nowhere]}'
refused "unknown model 'resnet19' (did you mean 'resnet18'?)" sweep tiny.yaml --out none --set sweep.grid='{model.arch: [resnet18, resnet19]}'
refused "the setting 'lr=0.1' is there twice" sweep tiny.yaml --out none --set sweep.grid='{train.optimizer.lr: [0.1, 0.1]}'
refused "two settings would have the folder 'a-b-2'" sweep tiny.yaml --out none \
    --set sweep.list='[{name: a b}, {name: a/b}, {name: a-b-2}]'
refused "sweep.show: unknown column 'accuracy'" sweep sweep.yaml --out none --set sweep.show='[accuracy]'
refused 'sweep.fit.x: expected samples or parameters' sweep sweep.yaml --out none --set sweep.fit='{x: [val_loss], y: train_loss}'
refused "'none' holds no sweep" sweep --out none
refused 'give a recipe, or the sweep to go on with' sweep
refused "'whole' is the folder of a sweep; to go on with it: skua sweep --out whole" sweep whole
refused "the recipe 'c3' profiles and is no sweep: skua reproduce c3" sweep c3 --out none
refused '--table shows the sweep in --out DIR' sweep sweep.yaml --table
mkdir full && touch full/x
refused "is not empty: choose another --out" sweep sweep.yaml --out full
refused "'alone' is a run, not a sweep: choose another --out" sweep sweep.yaml --out alone
check 'nothing is left' [ ! -e none ]
finish
