"""Twenty updates by torch.optim in float64, and by the formulas of their papers for LARS and LAMB, against the values
stored for the tests of exec.
Usage: optim.py tests/exec/optim_steps.h [--write]"""
import pathlib
import re
import sys

import numpy as np
import torch

STEPS = 20
LAST = 0.5  # the rate falls to this share of itself
CASES = {
    "{name: sgd, lr: 0.1, momentum: 0, nesterov: false, weight_decay: 0}": lambda p: torch.optim.SGD(p, 0.1),
    "{name: sgd, lr: 0.1, momentum: 0.9, nesterov: false, weight_decay: 0.05}":
        lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.05),
    "{name: sgd, lr: 0.1, nesterov: true, weight_decay: 0.05}":
        lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.05, nesterov=True),
    "{name: sgd, lr: 0.1, nesterov: false, dampening: 0.3, weight_decay: 0.05}":
        lambda p: torch.optim.SGD(p, 0.1, 0.9, 0.3, weight_decay=0.05),
    "{name: sgd, lr: 0.1, momentum: 0, nesterov: false, dampening: 0.3, weight_decay: 0.05}":
        lambda p: torch.optim.SGD(p, 0.1, 0, 0.3, weight_decay=0.05),
    "{name: sgd, lr: 0.1, nesterov: false, weight_decay: 0.05, decay_norm_bias: false}":
        lambda p: torch.optim.SGD([{"params": p[:1], "weight_decay": 0.05}, {"params": p[1:]}], 0.1, 0.9),
    "{name: sgd, lr: 0.1, nesterov: false, weight_decay: 0.05, clip_norm: 3.5}":
        lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.05),
    "{name: sgd, lr: 0.1, nesterov: false, weight_decay: 0, clip_value: 0.75}":
        lambda p: torch.optim.SGD(p, 0.1, 0.9),
    "{name: adam, lr: 0.01, weight_decay: 0.05}": lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.05),
    "{name: adam, lr: 0.01, weight_decay: 0.05, decoupled: true, clip_norm: 3.5}":
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.05),
    "{name: adamw, lr: 0.01, beta1: 0.8, beta2: 0.95, eps: 0.001, weight_decay: 0.05}":
        lambda p: torch.optim.AdamW(p, 0.01, (0.8, 0.95), 0.001, weight_decay=0.05),
    "{name: rmsprop, lr: 0.01, weight_decay: 0.05}": lambda p: torch.optim.RMSprop(p, 0.01, weight_decay=0.05),
    "{name: rmsprop, lr: 0.01, momentum: 0.9, centered: true, rho: 0.9, weight_decay: 0}":
        lambda p: torch.optim.RMSprop(p, 0.01, 0.9, momentum=0.9, centered=True),
    "{name: adagrad, lr: 0.1, weight_decay: 0.05}": lambda p: torch.optim.Adagrad(p, 0.1, weight_decay=0.05),
    "{name: adadelta, lr: 1, weight_decay: 0.05}": lambda p: torch.optim.Adadelta(p, 1.0, weight_decay=0.05),
    # keys that are not theirs change nothing
    "{name: lars, lr: 2, trust: 0.05, weight_decay: 0.05, nesterov: true, dampening: 0.3, decoupled: true}":
        lambda p: Lars(p, 2, 0.05, 0.05),
    "{name: lamb, lr: 0.1, weight_decay: 0.05, trust: 0.05, decoupled: true, decay_norm_bias: true}":
        lambda p: Lamb(p, 0.1, 0.05),
}


class Lars:
    """You, Gitman, Ginsburg: Large Batch Training of Convolutional Networks, algorithm 1; vectors as in their code."""
    def __init__(self, params, lr, trust, decay):
        self.param_groups = [{"params": params, "lr": lr}]
        self.trust, self.decay, self.v = trust, decay, [np.zeros(p.shape) for p in params]

    def step(self):
        for i, p in enumerate(self.param_groups[0]["params"]):
            w, g, local, decay = p.detach().numpy(), p.grad.numpy(), 1.0, 0.0
            if w.ndim > 1:
                decay = self.decay
                local = self.trust * np.linalg.norm(w) / (np.linalg.norm(g) + decay * np.linalg.norm(w))
            self.v[i] = 0.9 * self.v[i] + self.param_groups[0]["lr"] * local * (g + decay * w)
            p.data -= torch.from_numpy(self.v[i])


class Lamb:
    """You et al.: Large Batch Optimization for Deep Learning, algorithm 2, phi(x) = x; vectors without ratio and decay."""
    def __init__(self, params, lr, decay):
        self.param_groups = [{"params": params, "lr": lr}]
        self.decay, self.t = decay, 0
        self.m, self.v = ([np.zeros(p.shape) for p in params] for _ in range(2))

    def step(self):
        self.t += 1
        for i, p in enumerate(self.param_groups[0]["params"]):
            w, g = p.detach().numpy(), p.grad.numpy()
            self.m[i] = 0.9 * self.m[i] + 0.1 * g
            self.v[i] = 0.999 * self.v[i] + 0.001 * g * g
            r = self.m[i] / (1 - 0.9**self.t) / (np.sqrt(self.v[i] / (1 - 0.999**self.t)) + 1e-6)
            u = r + (self.decay * w if w.ndim > 1 else 0)
            ratio = np.linalg.norm(w) / np.linalg.norm(u) if w.ndim > 1 else 1.0
            p.data -= torch.from_numpy(self.param_groups[0]["lr"] * ratio * u)


def given():
    r = np.random.default_rng(6)
    draw = lambda *shape: r.standard_normal(shape).astype(np.float32)
    return draw(15), draw(5), draw(STEPS, 15), draw(STEPS, 5)


def clip(settings, params):
    norm, value = (re.search(rf"{key}: ([\d.]+)", settings) for key in ("clip_norm", "clip_value"))
    if norm:
        torch.nn.utils.clip_grad_norm_(params, float(norm[1]))
    if value:
        torch.nn.utils.clip_grad_value_(params, float(value[1]))


def run(settings, make):
    w, b, gw, gb = (torch.from_numpy(x).double() for x in given())
    params = [torch.nn.Parameter(w.reshape(3, 5).clone()), torch.nn.Parameter(b.clone())]
    o = make(params)
    top = [group["lr"] for group in o.param_groups]
    for t in range(STEPS):
        for group, lr in zip(o.param_groups, top):
            group["lr"] = lr * (1 - (1 - LAST) * t / (STEPS - 1))
        params[0].grad, params[1].grad = gw[t].reshape(3, 5).clone(), gb[t].clone()
        clip(settings, params)
        o.step()
    return np.concatenate([p.detach().numpy().ravel() for p in params])


def array(values, style):
    return "{" + ", ".join(style % v for v in np.ravel(values)) + "}"


def text():
    w, b, gw, gb = given()
    out = ["/* Made by tests/reference/optim.py, with PyTorch and NumPy in float64: parameters, the gradients of twenty steps,",
           " * and for each optimizer the parameters after them. */", "enum { STEPS = 20, MATRIX = 15, VECTOR = 5 };"]
    for name, size, values in (("start", "MATRIX + VECTOR", np.concatenate([w, b])),
                               ("matrix_gradient", "STEPS * MATRIX", gw), ("vector_gradient", "STEPS * VECTOR", gb)):
        out.append(f"static const float {name}[{size}] = {array(values, '%.9gf')};".replace("ef", "e0f"))
    out.append("static const struct {\n    const char *optimizer;\n    double end[MATRIX + VECTOR];\n} cases[] = {")
    out += [f'    {{"{s}",\n     {array(run(s, make), "%.12g")}}},' for s, make in CASES.items()]
    return "\n".join(out) + "\n};\n"


def numbers(source):
    return [float(x) for x in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", source)]


def main():
    path = pathlib.Path(sys.argv[1])
    now = text()
    if "--write" in sys.argv:
        import textwrap
        lines = [x if len(x) < 118 or "optimizer" in x else "\n".join(textwrap.wrap(x, 118, subsequent_indent="    "))
                 for x in now.splitlines()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    stored = path.read_text(encoding="utf-8")
    missing = [s for s in CASES if s not in stored]
    assert not missing, f"not stored: {missing}"
    a, b = np.array(numbers(stored)), np.array(numbers(now))
    assert len(a) == len(b), f"{len(a)} numbers stored, {len(b)} made"
    assert np.allclose(a, b, rtol=1e-9, atol=1e-12), f"stored values differ by {np.abs(a - b).max()}"
    print(f"{len(CASES)} optimizers, {len(a)} numbers agree")


main()
