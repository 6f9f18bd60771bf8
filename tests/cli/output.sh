# What a user sees: help, versions, names that are nearly right, and standard output that cannot be written.
. "$(dirname "$0")/lib.sh"

run 0
says out 'usage: skua COMMAND'
run 0 --help
run 0 --version
matches out '^skua [0-9]+\.[0-9]+\.[0-9]+$'
for command in train eval predict info data bench profile reproduce help; do
    run 0 $command --help
    matches out "^usage: skua $command"
    mv out help
    run 0 help $command
    check "help $command is $command --help" cmp -s out help
done
run 0 help
check 'the helps of all commands begin in one column' [ "$(grep '^  [a-z]' out | cut -c35-36 | grep -vc '^ [a-z]')" -eq 0 ]
run 0 help recipe
for key in data.source train.optimizer.lr engine.precision expect.accuracy; do
    says out "${key##*.}"
done
says out 'installed recipes: a-cifar10-resnet18-224 a-scaling b-imagenet-resnet50 c1 c2 c3 c4 c5 c6 c6-usual c7 '

refused "unknown command 'trian': did you mean 'train'?" trian
refused "unknown command 'xyzzyxyzzy': see skua help" xyzzyxyzzy
refused "did you mean '--resume'?" train tiny.yaml --resum
refused "unknown option '--frobnicate' of 'skua eval': see skua help eval" eval run --frobnicate
refused 'options are written --name' train -v
refused "--json takes no value" train tiny.yaml --json=yes
refused '--set needs a value: --set KEY=VALUE' train tiny.yaml --set
refused "--top: expected an integer from 1 to 1000, got '0'" predict run x.png --top 0
refused "--batch: expected an integer from 1 to 65536, got '12x'" bench --batch=12x
refused 'skua eval needs MODEL' eval
refused "unexpected 'b'" train a b
refused "give a recipe, or --data DIR" train
refused "expected convert, get, inspect, sample or verify, got 'frob'" data frob
refused "unknown data set 'mnist'" data get mnist
refused "--job: expected train, infer or load, got 'x'" bench --job x
refused "--model: unknown model 'resnet19'" bench --model resnet19
refused "engine.precision" bench --precision fp8

run 0 train tiny.yaml --out run --set train.epochs=1
# a full disk, a closed pipe, no standard output at all: said, status 1; training itself is not lost
for file in 'info' 'eval run' 'data inspect tiny.yaml' 'help recipe'; do
    checks=$((checks + 1))
    "$skua" $file > /dev/full 2> err
    [ $? -eq 1 ] || bad "skua $file to a full disk: expected status 1"
    says err 'skua: cannot write to standard output: No space left on device'
    checks=$((checks + 1))
    "$skua" $file >&- 2> err
    [ $? -eq 1 ] || bad "skua $file without standard output: expected status 1"
    says err 'skua: cannot write to standard output: '
done
checks=$((checks + 1))
{ "$skua" train tiny.yaml --out piped 2> err; echo $? > status; } | true
[ "$(cat status)" -eq 1 ] || bad "a closed pipe: expected status 1, got $(cat status)"
check 'a closed pipe is no reason to complain' bash -c '! grep -q "cannot write" err'
check 'the run was finished all the same' [ "$(readlink piped/last)" = ckpt-36 ]
checks=$((checks + 1))
"$skua" train tiny.yaml --out closed <&- >&- 2>&-
[ $? -eq 1 ] || bad 'nothing open at all: expected status 1'
check 'no output got into the run' [ "$(grep -c Epoch closed/log.jsonl closed/.lock closed/recipe.yaml | grep -cv ':0')" -eq 0 ]
finish
