"""Holds skua's logits against torchvision's: same weights, same pictures. Usage: logits.py WORK SKUA"""
import copy
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from networks import NETWORKS, randomize

LIMIT = 1e-4  # of the largest logit
SEED, PICTURES, SIDE = 20, 3, 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPE = """data: {{source: folder, prepare: [], normalize: {{mean: {mean}, std: {std}}}}}
model: {{{model}, stem: imagenet, classes: 1000}}
engine: {{precision: fp32}}
"""


def make_pictures(folder):
    """Smooth colours with noise over them."""
    random, paths = np.random.default_rng(SEED), []
    for i in range(PICTURES):
        coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        coarse = coarse.resize((SIDE, SIDE), Image.BILINEAR)
        noise = random.integers(-30, 31, (SIDE, SIDE, 3))
        paths.append(folder / f"picture{i}.png")
        Image.fromarray(np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8)).save(paths[-1])
    return paths


def normalized(paths):
    pixels = torch.stack([torch.from_numpy(np.array(Image.open(p))).double().permute(2, 0, 1) / 255 for p in paths])
    mean, std = (torch.tensor(v, dtype=torch.float64).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    return (pixels - mean) / std


def reference(model, pixels):
    with torch.no_grad():
        return copy.deepcopy(model).double()(pixels).numpy()


def flip_error(skua, weights, recipe, model, paths, work):
    """Relative error of the loss of `skua eval --tta flip`: picture i is of class i."""
    pixels, data = normalized(paths), work / f"{weights.stem}-data"
    for i, path in enumerate(paths):
        (data / "val" / f"class{i}").mkdir(parents=True)
        (data / "val" / f"class{i}" / path.name).symlink_to(path)
    both = [torch.from_numpy(reference(model, x)).softmax(1) for x in (pixels, pixels.flip(3))]
    losses = [-torch.log(p.diagonal()).mean().item() for p in (both[0], (both[0] + both[1]) / 2)]
    command = [skua, "eval", weights, "--recipe", recipe, "--data", data, "--json", "--tta", "flip"]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    error = abs(json.loads(done.stdout)["loss"] / losses[1] - 1)
    print(f"loss with mirror images {losses[1]:.6f}, without {losses[0]:.6f}: error {error:.2e}")
    assert abs(losses[0] / losses[1] - 1) > 10 * LIMIT, "mirror images change nothing: this test would show nothing"
    return error


def of_skua(skua, weights, recipe, paths):
    command = [skua, "predict", weights, *paths, "--recipe", recipe, "--json", "--logits", "--top", "1"]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["image"] for row in rows] == list(map(str, paths)), "the pictures are not answered in order"
    return np.array([row["logits"] for row in rows]), [row["top"][0]["index"] for row in rows]


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    paths, failed = make_pictures(work), False
    torch.manual_seed(SEED)
    print(f"seed {SEED}, torchvision {torchvision.__version__}")
    for arch, (make, section) in NETWORKS.items():
        model = randomize(make()).eval()
        save_file(model.state_dict(), work / f"{arch}.safetensors")
        recipe = RECIPE.format(model=section, mean=list(MEAN), std=list(STD))
        (work / f"{arch}.yaml").write_text(recipe, encoding="utf-8")
        expected = reference(model, normalized(paths))
        got, top = of_skua(skua, work / f"{arch}.safetensors", work / f"{arch}.yaml", paths)
        error = np.abs(got - expected).max() / np.abs(expected).max()
        spread = np.abs(expected - expected.mean(axis=0)).max() / np.abs(expected).max()
        print(f"{arch}: error {error:.2e} of the largest logit (limit {LIMIT:.0e}); pictures differ by {spread:.2e}")
        assert spread > 10 * LIMIT, "the pictures give all the same logits: this test would show nothing"
        if arch == "resnet18":
            failed |= not flip_error(skua, work / f"{arch}.safetensors", work / f"{arch}.yaml", model, paths, work) < LIMIT
        failed |= not error <= LIMIT or top != list(expected.argmax(axis=1))
    sys.exit(1 if failed else 0)


main()
