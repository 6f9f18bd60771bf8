#!/usr/bin/env python3
"""Writes the stored files of this folder with the real numpy, torch and safetensors packages: make.py (no arguments)."""
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent


def tensors():
    values = torch.tensor([0.0, -0.0, 1.0, -2.5, 65504.0, 6.0e-8, 3.0e-5, float("inf"), float("-inf"), 0.1], dtype=torch.float64)
    out = {
        "layer1.0.conv1.weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2) * 0.5 - 1,
        "doubles": values.clone(),
        "halves": values.half(),
        "halves.expected": values.half().float(),
        "brains": values.bfloat16(),
        "brains.expected": values.bfloat16().float(),
        "bn1.num_batches_tracked": torch.tensor(1234567890123),
        "empty": torch.zeros(0, 7),
        "bools": torch.tensor([True, False, True]),
    }
    for kind in (torch.int8, torch.int16, torch.int32, torch.uint8):
        out[str(kind).split(".")[1]] = torch.tensor([1, 2, 100], dtype=kind)
    return out


def main():
    save_file(tensors(), HERE / "mixed.safetensors", metadata={"recipe": "name: x\nüñí", "empty": ""})
    save_file({"w": torch.zeros(4).to(torch.float8_e5m2)}, HERE / "float8.safetensors")
    for kind in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 ?".split():
        np.save(HERE / f"{np.dtype(kind).name}.npy", np.array([[0, 1, 2], [3, 4, 100]], dtype=kind))
    pixels = np.arange(2 * 3 * 4, dtype="f4").reshape(2, 3, 4)
    for version in (1, 2, 3):
        with open(HERE / f"version{version}.npy", "wb") as f:
            np.lib.format.write_array(f, pixels, version=(version, 0))
    np.save(HERE / "scalar.npy", np.float32(2.5))
    np.save(HERE / "vector.npy", np.asfortranarray(np.arange(3, dtype="i8")))
    np.save(HERE / "empty.npy", np.zeros((0, 3), "u1"))
    np.save(HERE / "bad_fortran.npy", np.asfortranarray(pixels))
    np.save(HERE / "bad_endian.npy", pixels.astype(">f4"))
    np.save(HERE / "bad_object.npy", np.array([None, 1], dtype=object), allow_pickle=True)
    np.save(HERE / "bad_struct.npy", np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))
    np.save(HERE / "bad_text.npy", np.array(["ab", "c"]))
    np.save(HERE / "bad_complex.npy", np.zeros(2, "c8"))
    np.save(HERE / "bad_rank.npy", np.zeros((1,) * 9, "u1"))


if __name__ == "__main__":
    main()
