"""Trains skua on a reference trajectory (WORK/reference) and holds losses and final tensors against it.
Usage: trajectory.py WORK SKUA [--width W] [--steps N] [--batch N] [--lr RATE] [--seed N], as the reference was made"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file

LIMITS = {"off": 3.0, "safe": 6.0}  # times the yardstick, by engine.winograd
RECIPE = """name: trajectory
data: {{source: npy, images: {t}/images.npy, labels: {t}/labels.npy, shuffle: false}}
model: {{arch: resnet18, stem: cifar, width: {width}, classes: 10, init: {t}/init.safetensors}}
engine: {{precision: fp32, winograd: "{winograd}", tune: off}}
train:
  epochs: 1
  batch: {batch}
  log_every: 1
  optimizer: {{name: sgd, lr: {lr}, momentum: 0.9, nesterov: true, weight_decay: 5.0e-4}}
  schedule: {{name: constant}}
"""


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("skua")
    p.add_argument("--width", type=float, default=0.5)
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.005)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def train(args, reference, winograd):
    recipe, run = args.work / "trajectory.yaml", args.work / f"run-{winograd}"
    recipe.write_text(RECIPE.format(t=reference, width=args.width, batch=args.batch, lr=args.lr,
                                    winograd=winograd), encoding="utf-8")
    subprocess.run([args.skua, "train", str(recipe), "--out", str(run), "--quiet"], check=True)
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["loss"] for row in rows if "loss" in row], load_file(run / "last" / "model.safetensors")


def loss_shares(got, expected, yardstick, limit):
    assert len(got) == len(expected), f"{len(got)} losses logged, {len(expected)} expected"
    return [abs(g - e) / e / (limit * y) for g, e, y in zip(got, expected, yardstick)]


def change_shares(got, reference, yardstick, limit):
    start, final = (load_file(reference / f"{name}.safetensors") for name in ("init", "final"))
    missing = set(final) ^ {name for name in got if not name.endswith("num_batches_tracked")}
    assert not missing, f"tensors that only one side has: {sorted(missing)}"
    shares = {}
    for name, end in final.items():
        end = end.astype(np.float64)
        change = np.linalg.norm(end - start[name])
        assert got[name].shape == end.shape and change > 0, name
        shares[name] = np.linalg.norm(got[name] - end) / change / (limit * yardstick[name])
    return shares


def main():
    args = arguments()
    reference = (args.work / "reference").resolve()
    yardstick = json.loads((reference / "yardstick.json").read_text(encoding="utf-8"))
    expected = json.loads((reference / "losses.json").read_text(encoding="utf-8"))
    good = True
    for winograd, limit in LIMITS.items():
        losses, tensors = train(args, reference, winograd)
        by_step = loss_shares(losses, expected, yardstick["loss"], limit)
        by_name = change_shares(tensors, reference, yardstick["change"], limit)
        worst = max(by_name, key=by_name.get)
        print(f"engine.winograd {winograd}, shares of the limit ({limit:g} times the yardstick), width {args.width}, "
              f"seed {args.seed}:")
        print("losses " + " ".join(f"{share:.2f}" for share in by_step))
        print(f"changes of {len(by_name)} tensors: largest {by_name[worst]:.2f} ({worst}), "
              f"median {float(np.median(list(by_name.values()))):.2f}")
        good = good and max(*by_step, by_name[worst]) <= 1
    sys.exit(0 if good else 1)


main()
