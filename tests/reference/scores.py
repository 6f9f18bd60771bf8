"""Trains a little on the built-in shapes, evaluates, and makes the figures again with scikit-learn from the CSV of the
predictions. Usage: scores.py WORK SKUA"""
import csv
import json
import pathlib
import subprocess
import sys

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

SETTINGS = ["data.val_size=150", "data.train_size=4000", "train.batch=32", "train.optimizer.lr=0.05", "engine.tune=off"]


def run(skua, *words):
    done = subprocess.run([skua, *map(str, words), "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, f"skua {words}: {done.stderr}"
    return done.stdout


def train(skua, out, epochs, seed):
    settings = [word for s in SETTINGS + [f"train.epochs={epochs}", f"train.seed={seed}"] for word in ("--set", s)]
    run(skua, "train", "shapes-demo", "--out", out, *settings)


def evaluate(skua, run_dir, table, *more):
    found = json.loads(run(skua, "eval", run_dir, "--json", "--predictions", table, "--mistakes", 7, *more))
    with open(table, newline="") as file:
        return found, list(csv.DictReader(file))


def near(what, got, want, tolerance=2e-9):  # JSON has nine digits
    assert np.allclose(got, want, rtol=tolerance, atol=tolerance), f"{what}: {got}, expected {want}"


def check(found, rows):
    names = [c["name"] for c in found["classes"]]
    label, predicted = [r["label"] for r in rows], [r["predicted"] for r in rows]
    assert [int(r["index"]) for r in rows] == list(range(found["count"])) and len({r["name"] for r in rows}) == len(rows)
    assert [r["correct"] for r in rows] == ["true" if a == b else "false" for a, b in zip(label, predicted)]
    near("top1", found["top1"], accuracy_score(label, predicted))
    near("top5", found["top5"], np.mean([r["label"] in [r["predicted"], r["top2"], r["top3"], r["top4"], r["top5"]]
                                         for r in rows]))
    near("loss", found["loss"], -np.mean(np.log([float(r["label_probability"]) for r in rows])), 1e-6)
    for average in ("macro", "micro", "weighted"):
        want = precision_recall_fscore_support(label, predicted, average=average, zero_division=0)[:3]
        near(average, [found[average][key] for key in ("precision", "recall", "f1")], want)
    per_class = precision_recall_fscore_support(label, predicted, labels=names, zero_division=0)
    near("classes", [[c[k] for k in ("precision", "recall", "f1", "count")] for c in found["classes"]],
         np.array(per_class).T)
    assert np.array_equal(found["confusion"], confusion_matrix(label, predicted, labels=names))
    confidence = np.array([float(r["probability"]) for r in rows])
    right = np.array([r["correct"] == "true" for r in rows])
    which = np.digitize(confidence, np.arange(16) / 15, right=True)
    gaps = [abs(right[which == b].sum() - confidence[which == b].sum()) for b in range(1, 16)]
    near("ece", found["calibration"]["ece"], sum(gaps) / len(rows), 1e-7)
    wrong = sorted((r for r in rows if r["correct"] == "false"), key=lambda r: (-float(r["probability"]), int(r["index"])))
    near("mistakes", [m["probability"] for m in found["mistakes"]], [float(r["probability"]) for r in wrong[:7]])
    for m in found["mistakes"]:
        row = rows[m["index"]]
        assert (m["name"], m["class"], m["predicted"]) == (row["name"], row["label"], row["predicted"]) and row in wrong
    latency = found["latency"]
    assert 0 < latency["median"] <= latency["p90"] <= latency["p99"] and latency["mean"] > 0


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    train(skua, work / "a", 3, 0)
    train(skua, work / "b", 2, 1)
    a, a_rows = evaluate(skua, work / "a", work / "a.csv")
    b, b_rows = evaluate(skua, work / "b", work / "b.csv")
    flipped, flipped_rows = evaluate(skua, work / "a", work / "f.csv", "--tta", "flip")
    for found, rows in ((a, a_rows), (b, b_rows), (flipped, flipped_rows)):
        check(found, rows)
    assert flipped["loss"] != a["loss"] and 0.3 < a["top1"] < 0.9, "the networks are of no use here"
    both = json.loads(run(skua, "eval", work / "a", work / "b", "--json"))
    for one, alone in (("a", a), ("b", b)):
        assert all(both[one][key] == alone[key] for key in ("loss", "top1", "macro", "classes", "confusion"))
    right = [[r["correct"] == "true" for r in rows] for rows in (a_rows, b_rows)]
    only_a, only_b = (sum(x and not y for x, y in zip(*pair)) for pair in (right, right[::-1]))
    test = both["mcnemar"]
    assert (test["only_a"], test["only_b"]) == (only_a, only_b) and only_a != only_b
    near("McNemar's p", test["p"], binomtest(only_a, only_a + only_b, 0.5).pvalue)
    print(f"top-1 {a['top1']:.3f} and {b['top1']:.3f}, McNemar's p {test['p']:.3g}")


if __name__ == "__main__":
    main()
