"""Fits logistic regression to the pixels of the built-in shapes. Usage: shapes_linear.py WORK SKUA"""
import pathlib
import subprocess
import sys
import warnings

import numpy as np
from PIL import Image
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

LIMIT, CHANCE = 0.60, 0.10
TRAIN, VAL = 4000, 1000


def pixels(work, skua, split, count):
    """uint8 pictures as rows in [0,1], and the class that each file's name tells."""
    folder = work / split
    subprocess.run([skua, "data", "sample", "shapes-demo", "--out", folder, "--count", str(count), "--split", split],
                   check=True, stdout=subprocess.DEVNULL)
    files = sorted(folder.glob("*.png"))
    assert len(files) == count, f"{len(files)} pictures of {count}"
    rows = np.stack([np.asarray(Image.open(f), np.float32).reshape(-1) for f in files]) / 255
    return rows, np.array([f.name.rsplit("-", 1)[0] for f in files])


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    x, y = pixels(work, skua, "train", TRAIN)
    tx, ty = pixels(work, skua, "val", VAL)
    warnings.simplefilter("ignore", ConvergenceWarning)  # 60 iterations fit the noise already
    model = LogisticRegression(max_iter=60, C=0.01).fit(x, y)
    fits, accuracy = model.score(x, y), model.score(tx, ty)
    print(f"linear model: {fits:.1%} of the pictures it was fitted to, {accuracy:.1%} of others, {len(set(y))} classes")
    if len(set(y)) != 10 or fits < 2 * CHANCE or accuracy >= LIMIT:
        sys.exit(f"expected 10 classes, a fit above {2 * CHANCE:.0%} and less than {LIMIT:.0%} on others")


if __name__ == "__main__":
    main()
