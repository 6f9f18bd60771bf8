"""Learning rates of `skua info --schedule --json` against torch.optim.lr_scheduler, step by step.
Usage: schedules.py SKUA"""
import json
import subprocess
import sys

import torch
from torch.optim import lr_scheduler as s

STEPS = 60


def sequence(o, first, then, at):
    return s.SequentialLR(o, [first, then], [at])


def warm(o, then, steps):
    """Linear from lr / steps to lr over the warm-up's steps."""
    return sequence(o, s.LinearLR(o, 1 / steps, 1, steps - 1), then, steps)


# settings of the recipe, peak rate, PyTorch's schedule of an optimizer; one step an epoch
CASES = [
    ("{name: constant}", 0.3, lambda o: s.ConstantLR(o, 1, 1)),
    ("{name: step, step_epochs: 7, gamma: 0.3}", 0.1, lambda o: s.StepLR(o, 7, 0.3)),
    ("{name: multi_step, milestones: [5, 20, 21, 50], gamma: 0.2}", 0.1, lambda o: s.MultiStepLR(o, [5, 20, 21, 50], 0.2)),
    ("{name: cosine, min_lr: 0.001}", 0.1, lambda o: s.CosineAnnealingLR(o, STEPS, 0.001)),
    ("{name: cosine, warmup_epochs: 6}", 0.1, lambda o: warm(o, s.CosineAnnealingLR(o, STEPS - 6), 6)),
    ("{name: one_cycle}", 0.175, lambda o: s.OneCycleLR(o, 0.175, total_steps=STEPS)),
    ("{name: one_cycle, pct_start: 0.21, div_factor: 7, final_div_factor: 99}", 0.3,
     lambda o: s.OneCycleLR(o, 0.3, total_steps=STEPS, pct_start=0.21, div_factor=7, final_div_factor=99)),
    ("{name: polynomial, power: 2.5}", 0.1, lambda o: s.PolynomialLR(o, STEPS, 2.5)),
    ("{name: polynomial, epochs: 45}", 0.1, lambda o: s.PolynomialLR(o, 45, 1.0)),
    ("{name: polynomial, warmup_epochs: 10}", 0.1, lambda o: warm(o, s.PolynomialLR(o, STEPS - 10, 1.0), 10)),
    ("{name: exponential, gamma: 0.95}", 0.1, lambda o: s.ExponentialLR(o, 0.95)),
    ("{name: exponential, gamma: 0.95, warmup_epochs: 7}", 0.1, lambda o: warm(o, s.ExponentialLR(o, 0.95), 7)),
    ("{name: multi_step, milestones: [20, 40], warmup_epochs: 5}", 0.1,
     lambda o: warm(o, s.MultiStepLR(o, [15, 35]), 5)),
    ("{name: flat_linear, flat_epochs: 40}", 0.1,
     lambda o: sequence(o, s.ConstantLR(o, 1, 1), s.LinearLR(o, 1, 0, STEPS - 40), 40)),
]


def by_torch(lr, make):
    o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr)
    scheduler, rates = make(o), []
    for _ in range(STEPS):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step()
    return rates


def by_skua(skua, lr, settings):
    with open("schedule.yaml", "w", encoding="utf-8") as f:
        f.write("name: schedule\n")
    out = subprocess.run([skua, "info", "schedule.yaml", "--schedule", "--json", "--set", "data={source: shapes, train_size: 8, val_size: 8}",
                          "--set", f"train.epochs={STEPS}", "--set", "train.batch=8", "--set", f"train.optimizer.lr={lr}",
                          "--set", f"train.schedule={settings}"], check=True, capture_output=True, text=True)
    found = json.loads(out.stdout)
    assert found["steps"] == STEPS and found["steps_per_epoch"] == 1 and found["steps_known"], found
    return found["epoch_lr"]


def main():
    import warnings
    warnings.filterwarnings("ignore")
    for settings, lr, make in CASES:
        got, want = by_skua(sys.argv[1], lr, settings), by_torch(lr, make)
        assert len(got) == len(want)
        for step, (a, b) in enumerate(zip(got, want)):
            assert abs(a - b) <= 5e-9 * max(want), f"{settings}: step {step}: {a}, PyTorch {b}"
    print(f"{len(CASES)} schedules of {STEPS} steps agree")


main()
