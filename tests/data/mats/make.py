#!/usr/bin/env python3
"""Writes the stored MAT-files of this folder: make.py (no arguments).

batch*, names*: what SciPy makes of a CIFAR-10 batch of two pictures and of the class names. big*: the same in the other
byte order, which SciPy reads but does not write. others*: arrays of every kind beside the one that is looked for.
"""
import pathlib
import struct

import numpy as np
from scipy.io import loadmat, savemat
from scipy.sparse import eye

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MI = {"i1": 1, "u1": 2, "u2": 4, "i4": 5, "u4": 6, "matrix": 14}


def element(kind, data):
    if 0 < len(data) <= 4:
        return struct.pack(">HH", len(data), MI[kind]) + data.ljust(4, b"\0")
    return struct.pack(">II", MI[kind], len(data)) + data + b"\0" * (-len(data) % 8)


def array(mx, shape, name, content):
    flags, dimensions = struct.pack(">II", mx, 0), struct.pack(f">{len(shape)}i", *shape)
    return element("matrix", element("u4", flags) + element("i4", dimensions) + element("i1", name.encode()) + content)


def big_endian(value, name=""):
    """An array of uint8 or of texts as an element in big-endian order, by the format's description."""
    if isinstance(value, str):
        return array(4, (1, len(value)), name, element("u2", value.encode("utf-16-be")))
    if value.dtype == object:
        return array(1, value.shape, name, b"".join(map(big_endian, value.ravel(order="F"))))
    return array(9, value.shape, name, element("u1", value.tobytes(order="F")))


def write_big_endian(path, arrays):
    path.write_bytes(b"MATLAB 5.0 MAT-file, big-endian".ljust(116) + bytes(8) + struct.pack(">H", 0x0100) + b"MI"
                     + b"".join(big_endian(value, name) for name, value in arrays.items()))
    found = loadmat(path)
    for name, value in arrays.items():
        plain = np.vectorize(lambda v: v[0] if isinstance(v, np.ndarray) else v)(found[name])  # a text is an array
        assert np.array_equal(plain, value), f"SciPy reads another {name}"


def save(path, arrays, packed):
    savemat(path, arrays, do_compression=packed)
    path.write_bytes(b"MATLAB 5.0 MAT-file, SciPy".ljust(116) + path.read_bytes()[116:])  # without the date


def main():
    data = (np.arange(2 * 3072, dtype=np.uint32) * 7 % 251).astype(np.uint8).reshape(2, 3072)
    batch = {"data": data, "labels": np.array([[3], [9]], np.uint8)}
    names = {"label_names": np.array(NAMES, object)[:, None]}
    for suffix, packed in (("", False), ("_packed", True)):
        save(HERE / f"batch{suffix}.mat", {"batch_label": "training batch 1 of 5", **batch}, packed)
        save(HERE / f"names{suffix}.mat", {"num_vis": 3072.0, **names}, packed)
    write_big_endian(HERE / "batch_big.mat", batch)
    write_big_endian(HERE / "names_big.mat", names)
    others = {"a": {"b": 1.0, "c": "text"}, "d": eye(3).tocsc(), "e": np.array([1 + 2j]), "f": np.zeros((2, 3, 4)),
              "g": np.array([True]), "k": np.array([np.arange(3), "x"], object), "m": np.zeros((0, 0)),
              "n": np.array([[-5, 300, 2]], np.int16), "o": np.array([[0.5, 2.0, -3.0]]), "p": "Größe"}
    for suffix, packed in (("", False), ("_packed", True)):
        save(HERE / f"others{suffix}.mat", others, packed)


if __name__ == "__main__":
    main()
