# MixUp and CutMix in whole trainings: the same bits with any number of workers and after any interruption, the loss of a
# mixed batch, and values that are refused.
. "$(dirname "$0")/lib.sh"

mixed=(--set train.mixup_alpha=0.4 --set train.cutmix_alpha=1.0)
run 0 train tiny.yaml --out whole "${mixed[@]}"

for workers in 0 1 2; do
    run 0 train tiny.yaml --out "workers-$workers" "${mixed[@]}" --set data.workers=$workers
    same_run whole "workers-$workers"
done

# stopped within the second epoch, and within the third: what is drawn goes on where it was
run 0 train tiny.yaml --out parts "${mixed[@]}" --set train.max_steps=17
run 0 train --resume --out parts --set train.max_steps=29
run 0 train --resume --out parts --set train.max_steps=36
for file in model state; do
    check "resumed to the same $file" cmp <(tensors whole/last/$file.safetensors) <(tensors parts/last/$file.safetensors)
done

run 0 train tiny.yaml --out again "${mixed[@]}" --set engine.recompute=true
check 'values made again are the same' cmp <(tensors whole/last/model.safetensors) <(tensors again/last/model.safetensors)
run 0 train tiny.yaml --out plain
losses() { grep -o '"loss":[^,]*' "$1/log.jsonl" | head -12; }
check 'mixing changes the losses' [ "$(losses plain)" != "$(losses whole)" ]
refused 'train.mixup_alpha was 0.4 in the run' train --resume --out whole --set train.mixup_alpha=0.2

# weights of classes, of mixed labels too: a part of the batch counts as its samples do
run 0 train tiny.yaml --out weighted "${mixed[@]}" --set train.loss.class_weights=balanced --set train.accumulate=2
check 'weights change the losses' [ "$(losses weighted)" != "$(losses whole)" ]

# each alone, grey and float pixels, a batch of one, half precision
array() { # array FILE TYPE SHAPE: begins an npy array
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }" > "$1"
}
array grey.npy '|u1' '(21, 16, 16, 1)'
head -c $((21 * 256)) "$skua" >> grey.npy
array float.npy '<f4' '(21, 16, 16, 3)' # every byte 0x3d or 0x3e: 0.046 to 0.19
head -c $((21 * 256 * 3 * 4)) "$skua" | LC_ALL=C tr '\000-\377' '[\075*128][\076*128]' >> float.npy
array labels.npy '|u1' '(21,)'
printf '\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7\0\1\2\3\4' >> labels.npy
for key in mixup cutmix; do
    for pixels in grey float; do
        for batch in 1 8; do
            run 0 train tiny.yaml --out "$key-$pixels-$batch" --set train.${key}_alpha=1 --set data.source=npy \
                --set data.images=$pixels.npy --set data.labels=labels.npy --set 'data.normalize={mean: [0.5], std: [0.25]}' \
                --set data.augment=[] --set train.batch=$batch --set train.max_steps=6 --set engine.precision=bf16
        done
    done
done

refused "train.mixup_alpha: expected a number from 0 to 1000, got '-1'" train tiny.yaml --set train.mixup_alpha=-1
refused "train.cutmix_alpha: expected a number from 0 to 1000, got 'nan'" train tiny.yaml --set train.cutmix_alpha=nan
refused "train.cutmix_alpha: expected a number from 0 to 1000, got '1e9'" train tiny.yaml --set train.cutmix_alpha=1e9
finish
