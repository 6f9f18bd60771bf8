"""Runs the notebook on a run of two epochs (and beside it one without an evaluation) and checks what it found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

work, skua, path = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
TINY = ["--set", "data.source=shapes", "--set", "data.image_size=16", "--set", "data.train_size=96", "--set",
        "data.val_size=40", "--set", "model.arch=resnet18", "--set", "model.stem=cifar", "--set", "model.width=0.0625",
        "--set", "model.classes=10", "--set", "train.batch=16", "--set", "train.epochs=2", "--set", "engine.tune=off"]


def call(*arguments):
    return subprocess.run([skua, *arguments], check=True, capture_output=True, text=True).stdout


def outputs(book):
    return "".join(
        out.get("text", "") + out.get("data", {}).get("text/plain", "")
        for cell in book.cells if cell.cell_type == "code" for out in cell.outputs
    )


def execute(book):
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(work)}}).execute()
    return book


def run(name):
    book = nbformat.read(path, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in book.cells if cell.cell_type == "code"), \
        "the repository holds no outputs: clear them"
    book.cells.append(nbformat.v4.new_code_cell("print(epochs.to_json(), steps.shape, sorted(weights)[0], sorted(runs))"))
    os.environ["SKUA_RUN"] = str(work / "runs" / name)
    return execute(book)


(work / "recipe.yaml").write_text("name: tiny\n")
for name in ("first", "second"):
    call("train", str(work / "recipe.yaml"), *TINY, "--out", str(work / "runs" / name), "--quiet")
(work / "runs/first/eval.json").write_text(call("eval", str(work / "runs/first"), "--json"))
with open(work / "runs/second/log.jsonl", "a") as log:
    log.write('{"step": 13, "ep')  # as a run that goes on

book = run("first")
text = outputs(book)
found = text[text.rindex('{"step"'):].splitlines()[0]
read = json.JSONDecoder().raw_decode(found)[0]
logged = [json.loads(line) for line in open(work / "runs/first/log.jsonl")]
for e in (line for line in logged if "train_loss" in line):
    for key in ("train_loss", "val_top1", "step"):
        assert abs(read[key][str(e["epoch"])] - e[key]) < 1e-9, (key, e)
assert "(12, " in found and "bn1.bias" in found and "['first', 'second']" in found, found
pictures = sum("image/png" in out.get("data", {}) for cell in book.cells if cell.cell_type == "code" for out in cell.outputs)
assert pictures == 4, pictures
text = outputs(run("second"))
assert "line 15 of" in text and "no " in text, text[:2000]

for name, log in ("begun", 5), ("new", 0):  # in the first epoch, before its first step: nothing but steps, then nothing at all
    folder = work / "runs" / name
    folder.mkdir()
    (folder / "recipe.yaml").write_text("name: tiny\n")
    (folder / "log.jsonl").write_text("".join(open(work / "runs/first/log.jsonl").readlines()[:log]))
    (folder / "metrics.csv").write_text(open(work / "runs/first/metrics.csv").readline())
    book = nbformat.read(path, as_version=4)
    os.environ["SKUA_RUN"] = str(folder)
    text = outputs(execute(book))
    assert "no epoch is logged yet" in text and "no checkpoint in" in text, text[:2000]
print("the notebook read two runs and two that had only begun")
