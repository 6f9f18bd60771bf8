"""Reads skua's event files with TensorBoard. Usage: events.py WORK SKUA"""
import csv
import io
import json
import logging
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
from PIL import Image
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
SIDE, SAMPLES, BATCH, LR = 16, 188, 16, 0.1
STEPS = -(-SAMPLES // BATCH)
STEP_TAGS = {"train/loss": "loss", "train/accuracy": "top1", "lr": "lr"}
EPOCH_TAGS = {"epoch/train_loss": "train_loss", "epoch/train_accuracy": "train_top1", "val/loss": "val_loss",
              "val/accuracy": "val_top1", "val/top5": "val_top5", "images_per_s": "images_per_s"}
AVERAGE_TAGS = {"ema/loss": "ema_loss", "ema/accuracy": "ema_top1", "ema/top5": "ema_top5"}
TIMES = {"seconds", "wait_seconds", "compute_seconds", "val_seconds", "images_per_s"}


def make_data():
    rng = np.random.default_rng(3)
    data = work / "data"
    data.mkdir()
    np.save(data / "images.npy", rng.integers(0, 256, (SAMPLES, SIDE, SIDE, 3), np.uint8))
    np.save(data / "labels.npy", rng.integers(0, 10, SAMPLES))
    np.save(data / "val_images.npy", rng.integers(0, 256, (60, SIDE, SIDE, 3), np.uint8))
    np.save(data / "val_labels.npy", rng.integers(0, 10, 60))
    recipe = f"""
name: small
data: {{source: npy, images: {data}/images.npy, labels: {data}/labels.npy, val_images: {data}/val_images.npy,
       val_labels: {data}/val_labels.npy, shuffle: false, augment: [], workers: 0}}
model: {{arch: resnet18, stem: cifar, width: 0.0625, classes: 10}}
engine: {{precision: fp32, threads: 1, tune: off}}
train: {{batch: {BATCH}, tensorboard: true, histograms: 2, epochs: 4,
        optimizer: {{name: sgd, lr: {LR}, momentum: 0.0, nesterov: false, weight_decay: 0.0}},
        schedule: {{name: constant}}}}
"""
    (work / "small.yaml").write_text(recipe)


def train(out, *arguments):
    subprocess.run([skua, "train", *arguments, "--out", work / out], check=True, capture_output=True)


def log_of(run):
    lines = [json.loads(line) for line in (work / run / "log.jsonl").read_text().splitlines()]
    return [l for l in lines if "loss" in l], [l for l in lines if "train_loss" in l]


def board(run):
    reader = EventAccumulator(str(work / run), size_guidance={k: 0 for k in ("scalars", "histograms", "images")})
    reader.Reload()
    return reader


def check_scalars(run, epoch_tags=EPOCH_TAGS):
    reader = board(run)
    steps, epochs = log_of(run)
    assert set(reader.Tags()["scalars"]) == {*STEP_TAGS, *epoch_tags, "waited"}, reader.Tags()
    for tags, lines in (STEP_TAGS, steps), (epoch_tags, epochs):
        for tag, key in tags.items():
            events = reader.Scalars(tag)
            assert [e.step for e in events] == [l["step"] for l in lines], (run, tag, [e.step for e in events])
            np.testing.assert_allclose([e.value for e in events], [l[key] for l in lines], rtol=1e-6, err_msg=tag)
    waited = [l["wait_seconds"] / (l["seconds"] - l["val_seconds"]) for l in epochs]
    np.testing.assert_allclose([e.value for e in reader.Scalars("waited")], waited, rtol=1e-5)
    return sum(len(reader.Scalars(tag)) for tag in reader.Tags()["scalars"])


def check_histogram(h, values, atol, name):
    """values: what was counted, known to within atol (0: exactly)."""
    values = values.astype(np.float64).ravel()
    assert h.num == values.size == sum(h.bucket), name
    np.testing.assert_allclose([h.min, h.max], [values.min(), values.max()], rtol=0, atol=atol, err_msg=name)
    np.testing.assert_allclose(h.sum, values.sum(), rtol=1e-9, atol=1e-9 + atol * values.size, err_msg=name)
    squares = 1e-9 + 2 * atol * np.abs(values).sum() + atol**2 * values.size
    np.testing.assert_allclose(h.sum_squares, (values**2).sum(), rtol=1e-9, atol=squares, err_msg=name)
    if atol == 0:
        below = [(values < limit).sum() for limit in h.bucket_limit]
        np.testing.assert_array_equal(np.cumsum(h.bucket), below, err_msg=name)


def check_histograms(run):
    """Weights against the checkpoint; gradients of the last step against what plain SGD did to the weights."""
    reader = board(run)
    last = int((work / run / "last").resolve().name.removeprefix("ckpt-"))
    now = load_file(work / run / f"ckpt-{last}" / "model.safetensors")
    before = load_file(work / run / f"ckpt-{last - 1}" / "model.safetensors")
    names = [t.removeprefix("weights/") for t in reader.Tags()["histograms"] if t.startswith("weights/")]
    params = {n for n in now if "running_" not in n and "num_batches" not in n}
    assert set(names) == params, set(names) ^ params
    assert set(reader.Tags()["histograms"]) == {f"{k}/{n}" for n in names for k in ("weights", "gradients")}
    for name in names:
        weights, gradients = reader.Histograms(f"weights/{name}"), reader.Histograms(f"gradients/{name}")
        assert [h.step for h in weights] == [h.step for h in gradients] == [2 * STEPS, 4 * STEPS], name
        check_histogram(weights[-1].histogram_value, now[name], 0, name)
        rounding = np.abs(now[name]).max() * 2**-23 / LR
        check_histogram(gradients[-1].histogram_value, (before[name] - now[name]) / np.float32(LR), rounding, name)
        assert gradients[-1].histogram_value.sum_squares > 0, name
    return len(names)


def check_pictures(run):
    """Without shuffling and augmentation the first step has the first pictures, eight in a row."""
    images = board(run).Images("train/pictures")
    assert [i.step for i in images] == [1]
    grid = np.array(Image.open(io.BytesIO(images[0].encoded_image_string)))
    assert grid.shape == (images[0].height, images[0].width, 3) == (2 * SIDE, 8 * SIDE, 3), grid.shape
    cells = grid.reshape(2, SIDE, 8, SIDE, 3).swapaxes(1, 2).reshape(16, SIDE, SIDE, 3)
    np.testing.assert_array_equal(cells, np.load(work / "data" / "images.npy")[:BATCH])


def kill_at(run, lines, *arguments):
    """Trains, and kills the process once its log has so many lines."""
    log = work / run / "log.jsonl"
    process = subprocess.Popen([skua, "train", *arguments, "--out", work / run], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < lines):
        pass
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def table(run):
    rows = list(csv.DictReader(open(work / run / "metrics.csv")))
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def check_killed():
    """Killed within epochs 1, 2 and 4, once with a part of an event in the file: all as in a run that was not."""
    killed = [kill_at("killed", 6, work / "small.yaml", "--set", "train.checkpoint_every=3")]
    killed.append(kill_at("killed", 20, "--resume"))
    with open(sorted((work / "killed").glob("events.*"))[-1], "ab") as file:
        file.write(b"\x40\0\0\0\0\0\0\0\1\2\3\4half of it")
    killed.append(kill_at("killed", 46, "--resume"))
    assert sum(killed) >= 1, "the runs were over before they could be killed"
    train("killed", "--resume")
    check_scalars("killed")
    assert table("killed") == table("whole") and len(table("whole")) == 4
    reader = board("killed")
    assert [i.step for i in reader.Images("train/pictures")] == [1]
    for tag in reader.Tags()["histograms"]:
        steps = [h.step for h in reader.Histograms(tag)]
        assert steps == [2 * STEPS, 4 * STEPS], (tag, steps)
    return sum(killed)


def check_stopped():
    """Stopped between an epoch's last step and the end of its validation: its histograms are there, and there once."""
    def stop(*arguments):
        log, lines = work / "stopped" / "log.jsonl", 0
        process = subprocess.Popen([skua, "train", *arguments, "--out", work / "stopped"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and lines < STEPS:
            lines = log.read_bytes().count(b"\n") if log.exists() else 0
        process.send_signal(signal.SIGINT)
        return process.wait() == 130 and log.read_bytes().count(b"\n") == STEPS
    for _ in range(20):
        if stop(work / "small.yaml", "--set", "train.histograms=1"):
            break
        shutil.rmtree(work / "stopped")
    else:
        raise AssertionError("the validation was over before it could be stopped")
    train("stopped", "--resume")
    reader = board("stopped")
    for tag in reader.Tags()["histograms"]:
        assert [h.step for h in reader.Histograms(tag)] == [STEPS * e for e in (1, 2, 3, 4)], tag
    assert table("stopped") == table("whole")


def check_table(run):
    """metrics.csv holds the epochs of log.jsonl."""
    rows = list(csv.DictReader(open(work / run / "metrics.csv")))
    epochs = log_of(run)[1]
    assert len(rows) == len(epochs)
    for row, line in zip(rows, epochs):
        row = {key: text for key, text in row.items() if text}
        assert set(row) == set(line), set(row) ^ set(line)
        for key, text in row.items():
            assert json.loads(text) == line[key], (key, text, line[key])


logging.getLogger("tensorboard").setLevel(logging.ERROR)
make_data()
train("whole", work / "small.yaml", "--set", "train.checkpoint_every=1")
count = check_scalars("whole")
weights = check_histograms("whole")
check_pictures("whole")
check_table("whole")
train("averaged", work / "small.yaml", "--set", "train.ema=0.9", "--set", "train.epochs=2")
check_scalars("averaged", EPOCH_TAGS | AVERAGE_TAGS)
kills = check_killed()
check_stopped()
print(f"{count} scalars as in the log, histograms of {weights} weights and gradients, pictures, a run killed {kills} times")
