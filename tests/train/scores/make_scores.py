"""Logits, labels and what scikit-learn, SciPy and the definitions make of them. Usage: make_scores.py OUT.safetensors SEED

For case N: N.logits [n, k] f32, N.labels [n], N.figures (see figures below), N.classes [k, 3] precision, recall, F1,
N.confusion [k, k], N.bins [15, 3] count, correct, sum of confidence, N.mistakes: probabilities of wrong predictions, largest
first. Besides: mcnemar [rows, 3]: b, c, p.
"""
import sys
import warnings

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from sklearn.metrics import (accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support,
                             top_k_accuracy_score)

BINS = 15


def nll(z, y, beta):
    return -np.mean(log_softmax(beta * z, axis=1)[np.arange(len(y)), y])


def slope(z, y, beta):
    """Of the loss by beta = 1 / T."""
    p = softmax(beta * z, axis=1)
    return np.mean((p * z).sum(1) - z[np.arange(len(y)), y])


def temperature(z, y):
    """The best one from 0.01 to 100."""
    if slope(z, y, 1.0) == 0:
        return 1.0
    if slope(z, y, 0.01) >= 0:
        return 100.0
    if slope(z, y, 100.0) <= 0:
        return 0.01
    best = 1 / brentq(lambda beta: slope(z, y, beta), 0.01, 100.0, xtol=1e-15, rtol=1e-14)
    other = minimize_scalar(lambda t: nll(z, y, np.exp(-t)), bounds=np.log([0.01, 100]), method="bounded")
    assert nll(z, y, 1 / best) <= other.fun + 1e-12, "two ways to the best temperature disagree"
    return best


def bins(z, y, beta):
    """Guo et al. 2017: bin m holds the confidences in ((m-1)/15, m/15]."""
    p = softmax(beta * z, axis=1)
    confidence, right = p.max(1), z.argmax(1) == y
    rows = []
    for m in range(BINS):
        held = (confidence > m / BINS) & (confidence <= (m + 1) / BINS)
        rows.append([held.sum(), right[held].sum(), confidence[held].sum()])
    return np.array(rows, np.float64)


def ece(z, y, beta):
    b = bins(z, y, beta)
    gaps = [n / len(y) * abs(right / n - confidence / n) for n, right, confidence in b if n]
    return sum(gaps)


def top5(z, y, tied):
    """By the definition: equal logits rank by their index. Without ties scikit-learn says the same."""
    order = np.argsort(-z, axis=1, kind="stable")[:, :5]
    share = np.mean([label in row for label, row in zip(y, order)])
    if not tied and z.shape[1] > 5:
        assert abs(share - top_k_accuracy_score(y, z, k=5, labels=np.arange(z.shape[1]))) < 1e-15
    return share


def case(z, y, tied):
    z32 = z.astype(np.float32)
    z, k = z32.astype(np.float64), z.shape[1]
    p, predicted, labels = softmax(z, axis=1), z.argmax(1), np.arange(k)
    loss = log_loss(y, p, labels=labels) if k > 1 else 0.0
    t = temperature(z, y)
    figures = [loss, accuracy_score(y, predicted), top5(z, y, tied)]
    for average in ("macro", "micro", "weighted"):
        figures += precision_recall_fscore_support(y, predicted, average=average, zero_division=0)[:3]
    figures += [ece(z, y, 1.0), t, nll(z, y, 1.0), nll(z, y, 1 / t), ece(z, y, 1 / t)]
    wrong = predicted != y
    return {
        "logits": z32,
        "labels": y.astype(np.float64),
        "figures": np.array(figures, np.float64),
        "classes": np.array(precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)[:3]).T.copy(),
        "confusion": confusion_matrix(y, predicted, labels=labels).astype(np.float64),
        "bins": bins(z, y, 1.0),
        "mistakes": np.sort(p.max(1)[wrong])[::-1].astype(np.float64).copy() if wrong.any() else np.zeros(0),
    }


def cases(rng):
    for n, k, sharp in [(1, 2, 1), (7, 3, 1), (60, 2, 2), (90, 5, 1), (80, 6, 4), (200, 10, 3),
                        (70, 40, 2), (20, 1, 1)]:
        y = rng.integers(0, k, n)
        z = rng.normal(size=(n, k))
        z[np.arange(n), y] += 1.0
        yield sharp * z, y, False
    y = rng.integers(2, 5, 60)  # of 12 classes three occur; predictions of a few others
    z = rng.normal(size=(60, 12))
    z[:, 8:] -= 20
    yield z, y, False
    yield rng.integers(-1, 2, (80, 8)).astype(float), rng.integers(0, 8, 80), True  # ties everywhere
    yield np.zeros((9, 3)), rng.integers(0, 3, 9), True  # confidence 1/3: on the edge of a bin
    y = rng.integers(0, 4, 50)
    yield 3 * np.eye(4)[y] + rng.normal(size=(50, 4)) * 0.1, y, False  # all right: the temperature is at its bound
    yield -3 * np.eye(4)[y] + rng.normal(size=(50, 4)) * 0.1, y, False  # all wrong


def main():
    out, seed = sys.argv[1], int(sys.argv[2])
    rng = np.random.default_rng(seed)
    warnings.simplefilter("ignore")
    tensors, number = {}, 0
    for z, y, tied in cases(rng):
        tensors |= {f"{number}.{name}": value for name, value in case(z, y, tied).items()}
        number += 1
    pairs = [(0, 0), (1, 0), (0, 9), (5, 5), (312, 373), (40, 90), (4000, 4100)]
    pairs += [tuple(rng.integers(0, 300, 2)) for _ in range(8)]
    tensors["mcnemar"] = np.array(
        [(b, c, binomtest(int(b), int(b + c), 0.5).pvalue if b + c else 1.0) for b, c in pairs], np.float64)
    save_file(tensors, out)
    print(f"{number} cases")


if __name__ == "__main__":
    main()
