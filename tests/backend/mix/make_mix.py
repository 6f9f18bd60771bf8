"""Writes FILE.safetensors: batches mixed by torchvision's v2.MixUp and v2.CutMix for given parameters, their loss and its
gradient by PyTorch's cross-entropy of soft targets, with and without weights of classes, and the boxes that v2.CutMix
makes of what it draws.
Usage: make_mix.py FILE [SEED]"""
import sys
from unittest import mock

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn import functional as F
from torchvision.transforms import v2

CLASSES = 6
CASES = [  # shape [N, H, W, C], type, share (mixup) or box left, top, right, bottom (cutmix), label smoothing
    ((5, 6, 7, 3), np.uint8, 0.3, 0.1),
    ((5, 6, 7, 3), np.uint8, (2, 1, 6, 5), 0.1),
    ((4, 8, 8, 1), np.float32, 0.8125, 0.0),
    ((4, 8, 8, 1), np.float32, (0, 0, 3, 8), 0.0),
    ((1, 6, 6, 3), np.uint8, 0.25, 0.05),
    ((2, 1, 520, 1), np.uint8, 0.55, 0.0),
    ((3, 4, 6, 3), np.uint8, (0, 0, 6, 4), 0.0),  # the whole picture
    ((3, 4, 6, 3), np.uint8, (2, 1, 2, 1), 0.2),  # nothing of it
    ((3, 4, 6, 3), np.float32, 1.0, 0.1),
    ((3, 4, 6, 3), np.uint8, 0.0, 0.1),
]


def transform(how, height, width):
    """The transform and its parameters; the last five numbers are skua's: lambda, top, left, bottom, right."""
    if isinstance(how, float):
        return v2.MixUp(num_classes=CLASSES), {"lam": how}, [how, 0, 0, 0, 0]
    left, top, right, bottom = how
    share = 1 - (right - left) * (bottom - top) / (width * height)
    return v2.CutMix(num_classes=CLASSES), {"box": how, "lam_adjusted": share}, [share, top, left, bottom, right]


def loss_and_gradient(logits, target, smoothing, weights):
    loss = F.cross_entropy(logits, target, weight=weights, label_smoothing=smoothing)
    gradient, = torch.autograd.grad(loss, logits)
    return np.array([loss.item()], np.float32), gradient.numpy().astype(np.float32)


def case(rng, shape, dtype, how, smoothing):
    batch, height, width, channels = shape
    pixels = rng.integers(0, 256, shape).astype(np.uint8) if dtype == np.uint8 else rng.normal(size=shape).astype(dtype)
    mean, std = rng.uniform(0.2, 0.6, 3).astype(np.float32), rng.uniform(0.1, 0.4, 3).astype(np.float32)
    logits = rng.normal(0, 3, (batch, CLASSES)).astype(np.float32)
    labels = rng.integers(0, CLASSES, batch)
    share = float(np.float32(how)) if isinstance(how, float) else how
    t, params, mix = transform(share, height, width)
    unit = 255.0 if dtype == np.uint8 else 1.0
    x = (torch.from_numpy(pixels).double() / unit - torch.from_numpy(mean[:channels]).double())
    x = (x / torch.from_numpy(std[:channels]).double()).permute(0, 3, 1, 2).contiguous()
    y, z = torch.from_numpy(labels), torch.from_numpy(logits).double().requires_grad_()
    params |= {"labels": y, "batch_size": batch}
    pictures, target = t.transform(x, params), t.transform(y, params).double()
    weights = np.random.default_rng(batch + height).uniform(0, 3, CLASSES).round(3).astype(np.float32)
    weights[2] = 0
    plain, dplain = loss_and_gradient(z, target, smoothing, None)
    weighted, dweighted = loss_and_gradient(z, target, smoothing, torch.from_numpy(weights).double())
    return {"pixels": pixels, "mix": np.array(mix, np.float32), "norm": np.concatenate([mean, std]), "logits": logits,
            "labels": labels.astype(np.int32), "smoothing": np.array([smoothing], np.float32),
            "pictures": pictures.permute(0, 2, 3, 1).contiguous().numpy().astype(np.float32),
            "loss": plain, "dlogits": dplain, "weights": weights, "weighted_loss": weighted, "weighted_dlogits": dweighted}


def box(rng):
    """lambda, x, y, height, width as drawn, then left, top, right, bottom and lambda as torchvision makes them."""
    height, width = (int(rng.integers(1, 40)) for _ in range(2))
    x, y, share = int(rng.integers(width)), int(rng.integers(height)), float(rng.beta(0.7, 0.7))
    t = v2.CutMix(num_classes=CLASSES)
    with mock.patch.object(t, "_dist") as dist, mock.patch("torch.randint") as draw:
        dist.sample.return_value = torch.tensor(share, dtype=torch.float64)
        draw.side_effect = [torch.tensor([x]), torch.tensor([y])]
        p = t.make_params([torch.zeros(2, 3, height, width)])
    return [share, x, y, height, width, *p["box"], p["lam_adjusted"]]


def main():
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    tensors = {"boxes": np.array([box(rng) for _ in range(100)], np.float64)}
    for i, c in enumerate(CASES):
        tensors |= {f"{i}.{name}": np.ascontiguousarray(a) for name, a in case(rng, *c).items()}
    save_file(tensors, sys.argv[1])


main()
