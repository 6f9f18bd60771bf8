#!/usr/bin/env python3
"""Writes what torchvision makes of one picture at given parameters, for tests/data/test_steps.c: from.npy, the picture;
cases.txt, a line of name and parameters for each case; cases.npy, the results one after the other. A name that ends in
_grey is of the picture's first channel. Needs torchvision, Pillow and numpy."""
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode, functional as F
from torchvision.transforms.autoaugment import RandAugment, TrivialAugmentWide, _apply_op

HERE = Path(__file__).parent
H, W = 15, 19
rng = np.random.default_rng(11)
MODES = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)
POLICY = ["Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast",
          "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"]


def scene():
    y, x = np.mgrid[:H, :W]
    waves = [np.sin(x / 3 + k) * 80 + np.cos(y / 4 - k) * 60 + 110 + 20 * k for k in range(3)]
    picture = np.clip(np.stack(waves, -1) + rng.normal(0, 25, (H, W, 3)), 0, 255)
    picture[4:7, 3:9] = rng.integers(0, 256, (3, 6, 3))
    picture[9, 2:12] = 97  # grey: no hue
    return picture.astype(np.uint8)


def main():
    array = scene()
    lines, results = [], []

    def put(name, parameters, result):
        lines.append(" ".join([name, *(repr(float(p)) for p in parameters)]))
        results.append(np.asarray(result).ravel())

    for mode, picture in (("", Image.fromarray(array)), ("_grey", Image.fromarray(array[:, :, 0]))):
        for factor in (0.0, 0.3, 0.75, 1.0, 1.2, 1.9, 3.5):
            put("brightness" + mode, [factor], F.adjust_brightness(picture, factor))
            put("contrast" + mode, [factor], F.adjust_contrast(picture, factor))
            put("saturation" + mode, [factor], F.adjust_saturation(picture, factor))
            put("sharpness" + mode, [factor], F.adjust_sharpness(picture, factor))
        for turn in (-0.5, -0.31, -0.05, 0.0, 0.02, 0.25, 0.5):
            put("hue" + mode, [turn], F.adjust_hue(picture, turn))
        for angle in (0, 7, -33.3, 45, 90, 133.7, 180, 270, -90, 359):
            for sampling, how in enumerate(MODES):
                put("rotation" + mode, [sampling, angle], F.rotate(picture, angle, how))
        for affine in ((0, 0, 0, 1, 0, 0), (0, 3, -2, 1, 0, 0), (0, 0, 0, 1.7, 0, 0), (0, 1, 1, 0.6, 0, 0),
                       (20, 0, 0, 1, 0, 0), (0, 0, 0, 1, 25, 0), (0, 0, 0, 1, 0, -14), (-115, 4, -3, 0.8, 12, 9)):
            angle, tx, ty, scale, sx, sy = affine
            for sampling, how in enumerate(MODES):
                put("affine" + mode, [sampling, *affine], F.affine(picture, angle, [tx, ty], scale, [sx, sy], how))
        put("grayscale" + mode, [], picture if mode else F.rgb_to_grayscale(picture, 3))
    picture = Image.fromarray(array)
    for trivial, spaces in enumerate((RandAugment()._augmentation_space(31, (H, W)),
                                      TrivialAugmentWide()._augmentation_space(31))):
        assert list(spaces) == POLICY
        for op, (name, (magnitudes, signed)) in enumerate(spaces.items()):
            for step in (0, 4, 9, 15, 22, 30):
                magnitude = float(magnitudes[step]) if magnitudes.ndim else 0.0
                for sign in (1, -1) if signed else (1,):
                    if sign > 0 and not signed or step % 2 == (sign < 0):
                        put("policy", [op, trivial, step, sign],
                            _apply_op(picture, name, sign * magnitude, MODES[0], None))
    np.save(HERE / "from.npy", array)
    np.save(HERE / "cases.npy", np.concatenate(results))
    (HERE / "cases.txt").write_text("\n".join(lines) + "\n")


main()
