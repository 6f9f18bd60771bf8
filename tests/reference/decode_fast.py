"""Compares data.decode fast with exact: the same random boxes of the same photographs. Usage: decode_fast.py WORK SKUA"""
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

MEAN_LIMIT = 4.0  # grey levels, over the pictures that were decoded at a smaller scale
SIZES = (224, 112, 56)


def sample(skua, data, out, size, decode):
    command = [skua, "data", "sample", "--data", data, "--split", "train", "--count", "150", "--prepared", "--out", out,
               "--set", f"data.augment=[{{random_resized_crop: {size}}}]", "--set", f"data.decode={decode}"]
    subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, check=True)
    return sorted(out.iterdir())


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    failed, scaled = False, 0
    for size in SIZES:
        pairs = zip(*(sample(skua, work / "data", work / f"{decode}{size}", size, decode) for decode in ("exact", "fast")))
        differences = [np.abs(np.asarray(Image.open(a)).astype(int) - np.asarray(Image.open(b))) for a, b in pairs]
        other = [d for d in differences if d.any()]
        mean = np.mean([d.mean() for d in other]) if other else 0
        print(f"random_resized_crop of {size}: {len(other)} of {len(differences)} photographs differ, these by "
              f"{mean:.2f} grey levels in the mean, {max((d.max() for d in other), default=0)} at most")
        failed |= not mean < MEAN_LIMIT
        scaled += len(other)
    assert scaled > 0, "no photograph was decoded at a smaller scale: this test would show nothing"
    sys.exit(1 if failed else 0)


main()
