# skua bench: what it reports, that its figures agree with each other, and the times of the ops.
. "$(dirname "$0")/lib.sh"

number() { # number FIELD: its value in the first line of out
    sed -n "1s/.*\"$1\":\\([^,}]*\\).*/\\1/p" out
}

# near A B: two numbers of six digits are the same
near() {
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d * d <= 1e-8 * b * b) }'
}

between() { # between LOW X HIGH
    awk -v a="$1" -v x="$2" -v b="$3" 'BEGIN { exit !(x != "" && x + 0 > a && x + 0 < b) }'
}

# Sum over the lines of out that are ops (but for the last, all of them) of an expression of their fields: v["ms"], ...
sum() {
    sed -n '/^{"op":"all"/d; s/^{"op"/&/p' out | awk -F'[,{}]' "{ delete v; for (i = 1; i <= NF; i++) { at = index(\$i, \":\");
        v[substr(\$i, 2, at - 3)] = substr(\$i, at + 1) }; all += $1 } END { printf \"%.9g\", all }"
}

# ResNet-18 for 32x32x3 and 10 classes: 555,422,720 multiply-adds a picture, 1,769,472 of them in the first layer, whose
# gradient of the data nobody needs.
for job in infer train; do
    gflop=$([ $job = infer ] && echo 2.22169088 || echo 6.657994752) # two pictures
    run 0 bench --job $job --batch 2 --steps 2 --threads 1 --set engine.winograd=off --json --ops
    check "$job: one summary" [ "$(grep -c '"job":"'$job'"' out)" -eq 1 ]
    for field in images_per_s ms gflops_direct gflops_actual peak_gflops share_of_peak read_gb_per_s triad_gb_per_s; do
        check "$job: $field is a positive number" between 0 "$(number $field)" 1e9
    done
    matches out '"peak_by":"[^"]+"'
    check "$job: a share" between 0 "$(number share_of_peak)" 20 # AMX, which is not in the peak, is worth eight times
    check "$job: the share is that of the operations done" near "$(number share_of_peak)" \
        "$(awk -v a="$(number gflops_actual)" -v b="$(number peak_gflops)" 'BEGIN { printf "%.9g", a / b }')"
    check "$job: without Winograd all operations are done" near "$(number gflops_actual)" "$(number gflops_direct)"
    check "$job: the operations of the definition" near $gflop \
        "$(awk -v a="$(number gflops_direct)" -v b="$(number ms)" 'BEGIN { printf "%.9g", a * b / 1000 }')"
    check "$job: images and milliseconds" near "$(number images_per_s)" \
        "$(awk -v a="$(number ms)" 'BEGIN { printf "%.9g", 2000 / a }')"
    check "$job: ops, their shares make one" near 1 "$(sum 'v["share"]')"
    check "$job: their operations make the step's" near $gflop "$(sum 'v["gflops_direct"] * v["ms"] / 1000')"
    check "$job: the last row is their sum" near "$(sed -n 's/^{"op":"all".*"ms":\([^,]*\).*/\1/p' out)" "$(sum 'v["ms"]')"
    check "$job: their floors" between 0 "$(sum 'v["floor_ms"]')" 1e9
    check "$job: each knows its bound" [ "$(grep -c '^{"op"' out)" -eq "$(grep -cE '"bound":"(arithmetic|memory)"' out)" ]
done
kinds=$(grep -c '^{"op"' out)
run 0 bench --job infer --model narrow-resnet18-cifar --set train.batch=3 --steps 1 --threads 1 --json
says out '"batch":3,'
run 0 bench --batch 2 --steps 1 --threads 1 --json --each-op
check 'a row an op' [ "$(grep -c '"name":"layer' out)" -gt "$kinds" ]
says out '"name":"layer4.1.conv2.grad_data"'
check 'training: their shares make one' near 1 "$(sum 'v["share"]')"

run 0 bench --job infer --model narrow-resnet18-cifar --batch 1 --steps 1 --threads 1 --ops --each-op
matches out '^infer narrow-resnet18-cifar, .* img/s'
matches out 'GFLOP/s direct-equivalent, .*% of the peak of [0-9]+ GFLOP/s by '
matches out '^memory: [0-9.]+ GB/s read, [0-9.]+ GB/s triad$'
matches out '^op +kernel +count +ms +share +GFLOP/s +of peak +MB +GB/s +floor ms +times floor +bound by$'
matches out '^layer1.0.conv1 .*(arithmetic|memory)$'
check 'two tables, each with a total' [ "$(grep -c '^all .* 100.0%' out)" -eq 2 ]
run 0 bench --job infer --model narrow-resnet18-cifar --batch 1 --steps 1 --threads 1
check 'no table without being asked' [ "$(wc -l < out)" -eq 3 ]
finish
