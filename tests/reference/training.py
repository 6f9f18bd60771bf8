"""Trains a narrow ResNet-18 with skua and with PyTorch in float64, from the same weights on the same batches, and holds
losses, weights and averaged weights against each other. Usage: training.py WORK SKUA"""
import copy
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

SEED, SIDE, CLASSES, WIDTH, GROUPS, EPOCHS, RATE, DECAY = 4, 16, 5, 8, 4, 2, 0.005, 0.01
LOSS_LIMIT = 1e-5
# Errors of a tensor, as shares of how far it went, or so many times the error of PyTorch in float32. A ReLU whose input
# is next to zero may let pass here and not there; a wrong rule is wrong with any start. So one of a few must be right.
LIMIT, YARDSTICKS, DRAWS = 2e-3, 5, 5
WEIGHTS = [1.0, 2.0, 0.0, 0.5, 7.0]
ONE_CYCLE = "{name: one_cycle, cycle_momentum: true, base_momentum: 0.7, max_momentum: 0.95}"
USUAL = {"norm": "group", "samples": 25, "batch": 10, "accumulate": 1, "ema": 0.0, "smoothing": 0.0, "weights": [],
         "freeze": [], "clip_norm": 0.0, "bn_momentum": 0.1, "optimizer": "sgd", "schedule": "{name: constant}"}
CASES = {
    "plain": {},
    "parts of 4, 4, 2 and 4, 1": {"accumulate": 3},
    "parts, the last batch one sample": {"accumulate": 3, "samples": 21},
    "parts with batch norm": {"accumulate": 2, "norm": "batch", "bn_momentum": 0.3},
    "smoothing": {"smoothing": 0.3},
    "class weights": {"weights": WEIGHTS},
    "class weights, smoothing, parts": {"weights": WEIGHTS, "smoothing": 0.2, "accumulate": 3},
    "parts, clipped": {"accumulate": 3, "clip_norm": 0.5},
    "averaged": {"ema": 0.9, "norm": "batch"},
    "averaged, little": {"ema": 0.05, "norm": "batch", "accumulate": 2},
    "frozen": {"freeze": ["stem", "layer1"], "norm": "batch", "clip_norm": 0.3},
    "one cycle of rate and momentum": {"schedule": ONE_CYCLE},
    "one cycle of rate and momentum, adam": {"schedule": ONE_CYCLE, "optimizer": "adam"},
    "frozen, averaged": {"freeze": ["stem", "layer1", "layer2"], "norm": "batch", "ema": 0.5},
}
RECIPE = """name: training
data: {{source: npy, images: x.npy, labels: y.npy, val_images: x.npy, val_labels: y.npy, shuffle: false,
       normalize: {{mean: [0.5], std: [0.25]}}}}
model: {{arch: resnet18, stem: cifar, width: {width}, classes: {classes}, init: init.safetensors, norm: {norm},
        norm_groups: {groups}, bn_momentum: {bn_momentum}}}
engine: {{precision: fp32, winograd: "off", tune: off}}
train:
  epochs: {epochs}
  batch: {batch}
  accumulate: {accumulate}
  ema: {ema}
  freeze: [{freeze}]
  loss: {{label_smoothing: {smoothing}, class_weights: {weights}}}
  optimizer: {{name: {optimizer}, lr: {rate}, weight_decay: {decay}, clip_norm: {clip_norm}}}
  schedule: {schedule}
"""


def norm(case, channels):
    if case["norm"] == "group":
        return nn.GroupNorm(GROUPS, channels)
    return nn.BatchNorm2d(channels, momentum=case["bn_momentum"])


class Block(nn.Module):
    def __init__(self, case, inside, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False), norm(case, out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), norm(case, out)
        skip = [nn.Conv2d(inside, out, 1, stride, bias=False), norm(case, out)] if inside != out else []
        self.downsample = nn.Sequential(*skip)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.downsample(x))


class Net(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False), norm(case, WIDTH)
        wide = [WIDTH, WIDTH, 2 * WIDTH, 4 * WIDTH, 8 * WIDTH]
        for i in range(1, 5):
            blocks = Block(case, wide[i - 1], wide[i], 1 if i == 1 else 2), Block(case, wide[i], wide[i], 1)
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.fc = nn.Linear(wide[4], CLASSES)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.fc(x.mean((2, 3)))


def begin(case):
    """Norms that do something, statistics that are not those of a fresh network."""
    net = Net(case)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("running_var"):
                value *= torch.empty_like(value).uniform_(0.7, 1.3)
            elif value.ndim == 1:
                value += 0.1 * torch.randn_like(value)
    return net


def state(net):
    return {name: value.detach().clone() for name, value in net.state_dict().items() if value.is_floating_point()}


def average(before, now, decay, step):
    """As TensorFlow's averages with num_updates: (1 + t) / (10 + t) until the decay is reached, the first a copy."""
    d = min(decay, step / (step + 9))
    return {name: d * before[name] + (1 - d) * value for name, value in now.items()} if before else now


def names_of(part):
    return ("conv1.", "bn1.") if part == "stem" else (part + ".",)


def optimizer_of(case, params):
    adam = case["optimizer"] == "adam"
    made = (torch.optim.Adam(params, RATE, weight_decay=DECAY) if adam
            else torch.optim.SGD(params, RATE, 0.9, weight_decay=DECAY, nesterov=True))
    steps = EPOCHS * -(-case["samples"] // case["batch"])
    if case["schedule"] != ONE_CYCLE:
        return made, None
    return made, torch.optim.lr_scheduler.OneCycleLR(made, RATE, total_steps=steps, base_momentum=0.7)


def train(case, net, x, y, dtype):
    frozen = tuple(name for part in case["freeze"] for name in names_of(part))
    net = net.to(dtype).train()
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d) and (name + ".").startswith(frozen):
            module.eval()
    params = [p for name, p in net.named_parameters() if not name.startswith(frozen)]
    optimizer, scheduler = optimizer_of(case, params)
    weight = torch.tensor(case["weights"], dtype=dtype) if case["weights"] else None
    part, losses, mean = -(-case["batch"] // case["accumulate"]), [], None
    for start in list(range(0, len(x), case["batch"])) * EPOCHS:
        pixels, labels = x[start:start + case["batch"]].to(dtype), y[start:start + case["batch"]]
        whole = len(labels) if weight is None else weight[labels].sum()
        optimizer.zero_grad()
        losses.append(0.0)
        for i in range(0, len(labels), part):
            each = F.cross_entropy(net(pixels[i:i + part]), labels[i:i + part], weight=weight, reduction="none",
                                   label_smoothing=case["smoothing"])
            loss = each.sum() / whole
            loss.backward()
            losses[-1] += loss.item()
        if case["clip_norm"]:
            nn.utils.clip_grad_norm_(params, case["clip_norm"])
        optimizer.step()
        if scheduler:
            scheduler.step()
        if case["ema"]:
            mean = average(mean, state(net), case["ema"], len(losses) - 1)
    return losses, {"model": state(net), "model-ema": mean}


def by_skua(case, skua, folder):
    values = {**case, "freeze": ", ".join(case["freeze"])}
    text = RECIPE.format(**values, width=WIDTH / 64, classes=CLASSES, groups=GROUPS, epochs=EPOCHS, rate=RATE,
                         decay=DECAY)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    subprocess.run([skua, "train", "recipe.yaml", "--out", "run", "--quiet"], check=True, cwd=folder,
                   stdout=subprocess.DEVNULL)
    rows = [json.loads(line) for line in (folder / "run/log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def worst_share(got, want, yardstick, start):
    """The largest error, as a share of its limit; what PyTorch leaves as it is must have the same bits."""
    shares = {}
    for name, value in want.items():
        change, error = ((value - x.double()).norm().item() for x in (start[name], got[name]))
        limit = max(LIMIT * change, YARDSTICKS * (yardstick[name].double() - value).norm().item())
        shares[name] = error / limit if limit > 0 else 0.0 if torch.equal(got[name], start[name]) else float("inf")
    return max((share, name) for name, share in shares.items())


def compare(title, case, skua, folder, seed):
    folder.mkdir()
    random = np.random.default_rng(seed)
    x = random.integers(0, 256, (case["samples"], SIDE, SIDE, 3), dtype=np.uint8)
    y = random.integers(0, CLASSES, case["samples"]).astype(np.uint8)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    torch.manual_seed(seed)
    net = begin(case)
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, folder / "init.safetensors")
    pixels, labels = (torch.from_numpy(x).permute(0, 3, 1, 2).double() / 255 - 0.5) / 0.25, torch.from_numpy(y).long()
    start = state(net)
    want_losses, want = train(case, copy.deepcopy(net), pixels, labels, torch.float64)
    _, yardstick = train(case, copy.deepcopy(net), pixels, labels, torch.float32)
    losses = by_skua(case, skua, folder)
    assert len(losses) == len(want_losses), f"{title}: {len(losses)} losses, not {len(want_losses)}"
    error = max(abs(a - b) / b for a, b in zip(losses, want_losses))
    files = [name for name in want if want[name]]
    worst = [worst_share(load_file(folder / f"run/last/{f}.safetensors"), want[f], yardstick[f], start) for f in files]
    print(f"{title}, seed {seed}: losses {error:.1e}, " +
          ", ".join(f"{file} {share:.2f} of the limit ({name})" for file, (share, name) in zip(files, worst)))
    return error <= LOSS_LIMIT and all(share <= 1 for share, _ in worst)


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)  # networks as small as this are no faster with more
    print(f"PyTorch {torch.__version__}")
    wrong = [title for i, (title, case) in enumerate(CASES.items())
             if not any(compare(title, {**USUAL, **case}, skua, work / f"{i}-{d}", SEED + d) for d in range(DRAWS))]
    sys.exit(f"not what PyTorch trains: {', '.join(wrong)}" if wrong else 0)


main()
