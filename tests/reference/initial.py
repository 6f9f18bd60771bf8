"""Holds the weights that skua begins with against torchvision's: which are constant, and else mean, standard deviation and
kurtosis (3 of a normal, 1.8 of a uniform distribution). Usage: initial.py WORK SKUA"""
import functools
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import torch
import torchvision
from safetensors.numpy import load_file

SEED, CLASSES, NOTHING = 3, 10, 1e-20  # one step at a rate of 1e-30 changes a weight by less than NOTHING
SIGMAS = 6  # of the difference of two samples' statistics
RECIPE = """name: initial
data: {{source: npy, images: {work}/images.npy, labels: {work}/labels.npy}}
model: {{{model}, stem: imagenet}}
engine: {{precision: fp32, tune: off}}
train:
  seed: {seed}
  max_steps: 1
  batch: 2
  optimizer: {{name: sgd, lr: 1.0e-30, momentum: 0.0, nesterov: false, weight_decay: 0.0}}
  schedule: {{name: constant}}
"""
models = torchvision.models
NETWORKS = {
    "resnet18": (models.resnet18, "arch: resnet18"),
    "resnet18, zero": (functools.partial(models.resnet18, zero_init_residual=True),
                       "arch: resnet18, zero_init_residual: true"),
    "resnet50, zero": (functools.partial(models.resnet50, zero_init_residual=True),
                       "arch: resnet50, zero_init_residual: true"),
    "efficientnet_b0": (models.efficientnet_b0, "arch: efficientnet_b0"),
}
LEFT_OUT = ("fc.bias",)  # skua's begins at 0, torchvision's ResNets draw it


def of_skua(work, skua, section):
    recipe, run = work / "initial.yaml", work / "run"
    shutil.rmtree(run, ignore_errors=True)
    recipe.write_text(RECIPE.format(work=work, model=section, seed=SEED), encoding="utf-8")
    subprocess.run([skua, "train", str(recipe), "--out", str(run), "--quiet"], check=True)
    return load_file(run / "last" / "model.safetensors")


def moments(a):
    a = a.astype(np.float64).ravel()
    mean, std = a.mean(), a.std()
    return np.array([mean / std, np.log(std), ((a - mean) ** 4).mean() / std**4])


def differs(got, expected):
    """In words, or None."""
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    if expected.min() == expected.max():
        far = np.abs(got - expected.flat[0]).max()
        return f"expected all {expected.flat[0]:g}, found {far:g} off" if far > NOTHING else None
    if got.min() == got.max():
        return f"all {got.flat[0]:g}, expected a distribution"
    bound = SIGMAS * np.sqrt(2 / got.size) * np.array([1, np.sqrt(0.5), np.sqrt(24)])
    off = np.abs(moments(got) - moments(expected))
    return f"mean, log of the deviation, kurtosis differ by {off}, bounds {bound}" if (off > bound).any() else None


def compare(work, skua, name):
    make, section = NETWORKS[name]
    torch.manual_seed(SEED)
    expected = {key: value.detach().numpy() for key, value in make(num_classes=CLASSES).named_parameters()}
    got = of_skua(work, skua, section)
    wrong = {key: differs(got[key], value) for key, value in expected.items() if key not in LEFT_OUT}
    zeros = sum(key.endswith("weight") and not value.any() for key, value in expected.items())
    print(f"{name}: {len(expected)} parameters, {zeros} weights all zero")
    return [f"{name}: {key}: {words}" for key, words in wrong.items() if words]


def main():
    work, skua = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    rng = np.random.default_rng(SEED)
    np.save(work / "images.npy", rng.integers(0, 256, (CLASSES, 64, 64, 3), dtype=np.uint8))
    np.save(work / "labels.npy", np.arange(CLASSES))
    wrong = [line for name in NETWORKS for line in compare(work, skua, name)]
    sys.exit("\n".join(wrong) or 0)


main()
