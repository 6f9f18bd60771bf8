"""Holds the gradients of one training step of skua against PyTorch's in float64. Usage: gradients.py WORK SKUA"""
import copy
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from networks import NETWORKS, randomize

SEED, BATCH, SIDE, CLASSES, RATE = 5, 8, 64, 10, 100.0
# Errors of a tensor's gradient, as shares of its norm (or of SMALL of the largest norm). A ReLU whose input is next to zero
# may let pass here and not there, with some pictures; a wrong rule is wrong with all. So one of a few draws must be right.
LIMIT, YARDSTICKS, SMALL, DRAWS = 1e-3, 3, 1e-3, 5  # or so many times the error of PyTorch in float32
LEFT_OUT = ("resnet50", "wide_resnet50_2", "seresnet50")  # like others, and large
RECIPE = """name: gradients
data: {{source: npy, images: {work}/images.npy, labels: {work}/labels.npy, shuffle: false}}
model: {{{model}, stem: imagenet, classes: {classes}, init: {work}/{name}.safetensors}}
engine: {{precision: fp32, winograd: off, tune: off}}
train:
  max_steps: 1
  batch: {batch}
  optimizer: {{name: sgd, lr: {rate}, momentum: 0.0, nesterov: false, weight_decay: 0.0}}
  schedule: {{name: constant}}
"""


def gradients(model, pixels, labels, dtype):
    model = copy.deepcopy(model).to(dtype).train()
    torch.nn.functional.cross_entropy(model(pixels.to(dtype)), labels).backward()
    return {name: parameter.grad.double() for name, parameter in model.named_parameters()}


def of_skua(skua, work, name, section):
    recipe, run = work / f"{name}.yaml", work / f"run-{name}"
    shutil.rmtree(run, ignore_errors=True)
    recipe.write_text(RECIPE.format(work=work, model=section, classes=CLASSES, name=name, batch=BATCH, rate=RATE),
                      encoding="utf-8")
    subprocess.run([skua, "train", str(recipe), "--out", str(run), "--quiet"], check=True)
    before, after = load_file(work / f"{name}.safetensors"), load_file(run / "last" / "model.safetensors")
    return {key: (before[key].double() - after[key].double()) / RATE for key in before if "running" not in key and "tracked" not in key}


def error(got, expected):
    largest = max(g.norm() for g in expected.values())
    return {name: ((got[name] - g).norm() / max(g.norm(), SMALL * largest)).item() for name, g in expected.items()}


def draw(work, seed):
    """Pictures of noise, for skua as files, for PyTorch as a tensor; and their labels."""
    images = np.random.default_rng(seed).integers(0, 256, (BATCH, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(BATCH, dtype=np.int64) % CLASSES
    np.save(work / "images.npy", images)
    np.save(work / "labels.npy", labels)
    return torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255, torch.from_numpy(labels)


def compare(work, skua, name, seed):
    """The gradient that is farthest off, as a share of the limit."""
    make, section = NETWORKS[name]
    torch.manual_seed(seed)
    pixels, labels = draw(work, seed)
    model = randomize(make(num_classes=CLASSES))
    save_file(model.state_dict(), work / f"{name}.safetensors")
    expected = gradients(model, pixels, labels, torch.float64)
    yardstick = error(gradients(model, pixels, labels, torch.float32), expected)
    got = error(of_skua(skua, work, name, section), expected)
    share = {key: got[key] / max(LIMIT, YARDSTICKS * yardstick[key]) for key in expected}
    worst = max(share, key=share.get)
    print(f"{name}, seed {seed}: {len(got)} gradients, median error {np.median(list(got.values())):.1e}, worst {got[worst]:.1e} "
          f"({worst}; PyTorch in float32 {yardstick[worst]:.1e}), {share[worst]:.2f} of the limit", flush=True)
    return share[worst]


def main():
    work, skua = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    names = [name for name in NETWORKS if name not in LEFT_OUT]
    wrong = [name for name in names if all(compare(work, skua, name, SEED + i) > 1 for i in range(DRAWS))]
    sys.exit(f"not the gradients of PyTorch: {', '.join(wrong)}" if wrong else 0)


main()
