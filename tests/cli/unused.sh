# Keys without effect are told by the commands that run a recipe, and by none that reads what a run left.
. "$(dirname "$0")/lib.sh"
silent() { check "told of a key: $(grep 'no effect' err)" test "$(grep -c 'no effect' err)" -eq 0; }

trust=(--set train.optimizer.trust=0.01 --set train.epochs=1)
run 0 train tiny.yaml --out run "${trust[@]}"
says err 'train.optimizer.trust has no effect with sgd'
run 0 train --resume --out run --set train.epochs=2
silent
run 0 eval run
silent
run 0 report run
silent
run 0 info run
silent
run 0 data sample tiny.yaml --count 1 --out pictures
run 0 predict run pictures/*
silent
run 0 reproduce tiny.yaml --out again "${trust[@]}" --quiet
says err 'train.optimizer.trust has no effect with sgd'

# Of a sweep each setting is looked at, as it is trained.
sweep=(--set 'sweep.grid={train.optimizer.name: [sgd, adam]}' --set train.optimizer.nesterov=false --set train.epochs=1)
run 0 sweep tiny.yaml --out swept "${sweep[@]}" --quiet
says err 'train.optimizer.nesterov has no effect with adam'
check 'told of sgd' test "$(grep -c 'no effect with sgd' err)" -eq 0
run 0 sweep --out swept --table
silent
finish
