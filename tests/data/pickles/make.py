#!/usr/bin/env python3
"""Writes the stored pickles of this folder with the real pickle and numpy packages: make.py (no arguments).

batchN: what somebody who saves a CIFAR-10 batch of two pictures with Python 3 gets in protocol N. evil*: must be refused.
"""
import os
import pathlib
import pickle

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/skua-pickle-was-executed",)


def main():
    data = (np.arange(2 * 3072, dtype=np.uint32) * 7 % 251).astype(np.uint8).reshape(2, 3072)
    batch = {b"batch_label": b"training batch 1 of 5", b"labels": [3, 9], b"data": data, b"filenames": [b"a.png", b"\xe4.png"]}
    for protocol in (2, 3, 4, 5):
        (HERE / f"batch{protocol}.pickle").write_bytes(pickle.dumps(batch, protocol=protocol))
    text = {key.decode(): value for key, value in batch.items()}
    (HERE / "batch_text.pickle").write_bytes(pickle.dumps(text))
    (HERE / "batch_int64.pickle").write_bytes(pickle.dumps({"labels": [3], "data": data[:1, :4].astype(np.int64)}))
    (HERE / "batch_fortran.pickle").write_bytes(pickle.dumps({"labels": [3, 9], "data": np.asfortranarray(data[:, :4])}, 2))
    for protocol in (2, 4):
        (HERE / f"evil{protocol}.pickle").write_bytes(pickle.dumps({"data": Evil()}, protocol=protocol))


if __name__ == "__main__":
    main()
