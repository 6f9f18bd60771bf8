# skua profile: its figures, its files, the sweep over workers, and what it refuses.
. "$(dirname "$0")/lib.sh"

run 0 profile tiny.yaml --steps 3 --html page.html --trace trace.json --trace-steps 2
matches out '^tiny: resnet18, 3 steps of up to 16 pictures, 1 thread, [0-9]+ workers?: [0-9.]+ img/s, [0-9.]+ ms a step$'
for part in 'wait for data' forward backward update other; do
    matches out "^$part +[0-9.]+ +[0-9.]+%\$"
done
for stage in read decode augment copy; do
    matches out "^$stage +[0-9.]+ +[0-9.]+% +[0-9.]+\$"
done
matches out '^op +kernel +count +ms +share +GFLOP/s +of peak +MB +GB/s +floor ms +times floor +bound by$'
matches out '^layer +forward ms +backward ms +update ms +share +GFLOP/s +of peak +MB +GB/s$'
matches out '^layer1.0.conv1 '
matches out '^layer4.1.bn2 '
check 'layers stand in the order of the network' [ "$(sed -n 's/^\(layer1.0.[cb][on][n0-9v]*\) .*/\1/p' out | tr '\n' ' ')" = 'layer1.0.conv1 layer1.0.bn1 layer1.0.conv2 layer1.0.bn2 ' ]
check 'every op belongs to a layer' [ "$(grep -c '[.]again ' out)" -eq 0 ]
check 'the verdict is the last line, with numbers' [ "$(tail -1 out | grep -cE '[0-9]%.*;')" -eq 1 ]
check 'the page is whole' [ "$(tail -1 page.html)" = '</body></html>' ]
check 'the page needs no network' [ -z "$(grep -oE 'https?://|<script|<link|src=' page.html)" ]
says page.html 'prefers-color-scheme: dark'
check 'the files are named' [ "$(cat err | tr '\n' ' ')" = 'trace.json page.html ' ]

run 0 profile tiny.yaml --epochs 1 --workers 2 --json
matches out '^\{"profile":"tiny","steps":12,"samples":188,"partial_batches":1,"batch":16,"threads":1,"workers":2,'
matches out '"ms_a_step":\{"wait for data":[0-9.e-]+,"forward":[0-9.e-]+,"backward":[0-9.e-]+,"update":[0-9.e-]+,"other":'
matches out '"ms_a_picture":\{"read":[0-9.e-]+,"decode":[0-9.e-]+,"augment":[0-9.e-]+,"copy":[0-9.e-]+\}'
check 'every layer' [ "$(grep -c '^{"layer":"layer' out)" -ge 30 ]
check 'nothing is said besides' [ ! -s err ]

run 0 profile tiny.yaml --steps 2 --workers 0,2,1 --svg chart.svg --html workers.html
matches out '^workers +loading alone s +least..most +img/s +training s +least..most +waiting s +computing s +waits$'
for workers in 0 1 2; do
    matches out "^ +$workers +[0-9.]+ +[0-9.]+ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+%\$"
    for what in loading waiting computing; do
        matches out "^ +$workers $what .* [0-9.]+ s\$"
    done
done
matches out '^of 32 pictures; medians of 3 turns$'
matches out '^best: [012] workers?, [0-9.e+-]+ ms a picture \([0-9.e+-]+ to [0-9.e+-]+\), .*(-bound|not enough cores|no cause stands out|to tell a cause)'
check 'the page holds table and chart' [ "$(grep -c '^<tr><td>[012]</td>' workers.html),$(grep -c '<rect' workers.html),$(tail -1 workers.html)" = '3,9,</body></html>' ]
check 'the chart is whole' [ "$(tail -1 chart.svg)" = '</svg>' ]
check 'three groups of three bars' [ "$(grep -c '<rect' chart.svg)" -eq 9 ]
run 0 profile tiny.yaml --steps 2 --workers 0,1 --json
check 'a line for each, and the verdict' [ "$(grep -c '^{"workers":' out),$(grep -c '^{"best_workers":[01],' out)" = 2,1 ]

run 0 profile tiny.yaml --steps 1 --cost
matches out '^profiling costs -?[0-9.]+% of the time of training \(quartiles -?[0-9.]+% to -?[0-9.]+%, 11 pairs of turns with and without\)$'
run 0 profile tiny.yaml --steps 1 --workers 1 --load-only --cost --json
matches out '^\{"cost_of":"loading","pairs":11,"median":[0-9.e-]+,"quartiles":\[[0-9.e-]+,[0-9.e-]+\]\}$'

run 0 profile tiny.yaml --epochs 1 --workers 1,0 --load-only
matches out '^workers +loading alone s +least..most +img/s$'
matches out '^of 188 pictures; medians of 3 turns$'
check 'loading alone: two rows, two bars and a verdict' [ "$(grep -c . out)" -le 8 ]
matches out '^best: 1 worker, [0-9.e+-]+ ms a picture \([0-9.e+-]+ to [0-9.e+-]+\); '
run 0 profile tiny.yaml --epochs 2 --set data.workers=1
for epoch in 1 2; do
    matches out "^Epoch $epoch/2, Loading: [0-9.]+s in its threads, Waiting for it: [0-9.]+s, Training: [0-9.]+s, Total: [0-9.]+s\$"
done
matches out '^Mean of 2 epochs, Loading: '
run 0 profile tiny.yaml --epochs 2 --json
check 'an object for each epoch' [ "$(grep -c '^{"epoch":[12],"epochs":2,"load_seconds":' out)" -eq 2 ]

refused "--workers: expected up to 16 numbers from 0 to 64, none twice, as in 0,1,2,4; got '1,1'" profile tiny.yaml --workers 1,1
refused "got '1,'" profile tiny.yaml --workers 1,
refused "got '65'" profile tiny.yaml --workers 65
refused "got 'auto'" profile tiny.yaml --workers auto
refused "got '0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16'" profile tiny.yaml --workers 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
refused '--epochs and --steps exclude each other' profile tiny.yaml --epochs 1 --steps 2
refused '--trace shows one number of workers' profile tiny.yaml --workers 0,1 --trace x.json
refused '--cost tells one figure' profile tiny.yaml --workers 0,1 --cost
refused '--svg charts several' profile tiny.yaml --svg x.svg
refused '--load-only needs numbers of workers' profile tiny.yaml --load-only
refused '--trace-steps needs --trace' profile tiny.yaml --trace-steps 2
refused "recipe 'nothing': no such file or installed recipe" profile nothing
run 1 profile tiny.yaml --steps 1 --html /nowhere/x.html
check 'nothing else was made' [ ! -e x.html ] && [ ! -e x.svg ] && [ ! -d runs ]
finish
