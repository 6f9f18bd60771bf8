"""Holds skua's pictures against Pillow's and torchvision's, files of all modes and sizes. Usage: pictures.py WORK SKUA"""
import pathlib
import subprocess
import sys

import numpy as np
import PIL
from PIL import Image
from torchvision.transforms import InterpolationMode, functional as F

SEED = 5
SIZES = [(1, 1), (3, 50), (37, 23), (64, 64), (120, 181), (300, 200)]  # width, height
STEPS = {  # data.prepare: what Pillow does; at most one grey level apart
    "[]": lambda p: p,
    "[{resize: {size: [32, 48]}}]": lambda p: p.resize((48, 32), Image.BILINEAR),
    "[{resize: {size: [200, 211]}}]": lambda p: p.resize((211, 200), Image.BILINEAR),
    "[{resize: 40}, {center_crop: 40}]": lambda p: centre(shorter(p, 40), 40),
    "[{resize: 40}, {center_crop: 39}]": lambda p: centre(shorter(p, 40), 39),  # odd margins
    "[{resize: 40}, {center_crop: 37}]": lambda p: centre(shorter(p, 40), 37),
    "[{resize: {size: [32, 48], interpolation: bicubic}}]": lambda p: bicubic(p, 48, 32),
    "[{resize: {size: [200, 211], interpolation: bicubic}}]": lambda p: bicubic(p, 211, 200),
}
UNEQUAL = [(1, 400), (400, 1), (5000, 10), (10, 5000), (3, 3), (2, 700), (1200, 7)]  # one side shrinks, the other grows
UNEQUAL_STEPS = {
    "[{resize: {size: [224, 224]}}]": lambda p: p.resize((224, 224), Image.BILINEAR),
    "[{resize: {size: [224, 224], interpolation: bicubic}}]": lambda p: bicubic(p, 224, 224),
    "[{resize: {size: [3, 300]}}]": lambda p: p.resize((300, 3), Image.BILINEAR),
    "[{resize: {size: [300, 3], interpolation: bicubic}}]": lambda p: bicubic(p, 3, 300),
}
NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
AUGMENT = {  # data.augment whose ranges are single values: what torchvision does, and how many levels apart
    "[{color_jitter: {brightness: [1.3, 1.3]}}]": (lambda p: F.adjust_brightness(p, 1.3), 0),
    "[{color_jitter: {contrast: [0.6, 0.6]}}]": (lambda p: F.adjust_contrast(p, 0.6), 0),
    "[{color_jitter: {saturation: [1.7, 1.7]}}]": (lambda p: F.adjust_saturation(p, 1.7), 0),
    "[{color_jitter: {hue: [0.2, 0.2]}}]": (lambda p: F.adjust_hue(p, 0.2), 0),
    "[{grayscale: 1}]": (lambda p: F.rgb_to_grayscale(p, 3), 0),
    "[{horizontal_flip: 1}, {vertical_flip: 1}]": (lambda p: F.vflip(F.hflip(p)), 0),
    "[{rotation: [33, 33]}]": (lambda p: F.rotate(p, 33, NEAREST), 0),
    "[{rotation: {degrees: [-71.5, -71.5], interpolation: bilinear}}]": (lambda p: F.rotate(p, -71.5, BILINEAR), 0),
    "[{affine: {degrees: [12, 12], scale: [0.7, 0.7], shear: [9, 9], shear_y: [-4, -4]}}]":
        (lambda p: F.affine(p, 12, [0, 0], 0.7, [9, -4], NEAREST), 0),
    "[{affine: {scale: [1.9, 1.9], interpolation: bilinear}}]":
        (lambda p: F.affine(p, 0, [0, 0], 1.9, [0, 0], BILINEAR), 0),
    # a box of the whole area and another aspect never fits: the largest in the middle is taken
    "[{random_resized_crop: {size: 50, scale: [1, 1], ratio: [1, 1]}}]": (lambda p: middle(p, Image.BILINEAR), 0),
    "[{random_resized_crop: {size: 50, scale: [1, 1], ratio: [1, 1], interpolation: bicubic}}]":
        (lambda p: middle(p, Image.BICUBIC), 0),
}


def middle(p, how):
    side = min(p.size)
    top, left = (p.height - side) // 2, (p.width - side) // 2
    return p.crop((left, top, left + side, top + side)).resize((50, side), how).resize((50, 50), how)


def bicubic(p, width, height):
    """Rows first, as Pillow before version 13: between the passes what overshoots is cut off, so the order matters."""
    return p.resize((width, p.height), Image.BICUBIC).resize((width, height), Image.BICUBIC)


def shorter(p, size):
    """torchvision's Resize of the shorter side."""
    if p.width <= p.height:
        return p.resize((size, int(size * p.height / p.width)), Image.BILINEAR)
    return p.resize((int(size * p.width / p.height), size), Image.BILINEAR)


def centre(p, size):
    left, top = round((p.width - size) / 2), round((p.height - size) / 2)
    return p.crop((left, top, left + size, top + size))


def smooth(random, size, channels):
    coarse = random.integers(0, 256, (5, 5, channels), dtype=np.uint8)
    planes = [np.asarray(Image.fromarray(coarse[:, :, c]).resize(size, Image.BICUBIC)) for c in range(channels)]
    noise = random.integers(-12, 13, (size[1], size[0], channels))
    return np.clip(np.stack(planes, axis=2) + noise, 0, 255).astype(np.uint8)


def unequal_files(folder, random):
    """Pictures of very unequal sides, smooth ones and noise, with what Pillow reads from them."""
    written = []
    for n, size in enumerate(UNEQUAL):
        noise = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        for kind, pixels in (("smooth", smooth(random, size, 3)), ("noise", noise)):
            path = folder / f"{kind}{n}.png"
            Image.fromarray(pixels).save(path)
            written.append((path, Image.open(path).convert("RGB")))
    return sorted(written)


def files(folder, random):
    """Writes pictures of each mode and size; gives them with what Pillow reads from them."""
    written = []

    def put(picture, name, expected=None, **options):
        path = folder / name
        picture.save(path, **options)
        written.append((path, expected or Image.open(path).convert("RGB")))

    for n, size in enumerate(SIZES):
        rgb = Image.fromarray(smooth(random, size, 3))
        grey = Image.fromarray(smooth(random, size, 1)[:, :, 0])
        alpha = Image.fromarray(smooth(random, size, 4))
        put(rgb, f"rgb{n}.png")
        put(grey, f"grey{n}.png")
        put(alpha, f"alpha{n}.png")
        put(Image.merge("LA", (grey, alpha.getchannel("A"))), f"grey-alpha{n}.png")
        put(rgb.quantize(31), f"palette{n}.png")
        put(grey.convert("1"), f"one-bit{n}.png")
        wide = random.integers(0, 65536, (size[1], size[0]), dtype=np.uint16)
        put(Image.fromarray(wide), f"grey16-{n}.png", Image.fromarray((wide >> 8).astype(np.uint8)).convert("RGB"))
        put(rgb, f"rgb{n}.jpg", quality=90)
        put(rgb, f"halved{n}.jpeg", quality=75, subsampling=2)
        put(rgb, f"progressive{n}.JPG", progressive=True, subsampling=0)
        put(grey, f"grey{n}.jpg", quality=80)
        put(rgb.convert("CMYK"), f"cmyk{n}.jpg")
    return sorted(written)


def compare(skua, data, out, split, key, steps, step, pictures):
    """The largest difference; the mean one, where pictures are resized, must stay under a tenth of a level."""
    command = [skua, "data", "sample", "--data", data, "--split", split, "--count", "10000", "--prepared", "--out", out,
               "--set", f"data.{key}={steps}"]
    subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, check=True)
    worst, found, mean = (0, ""), list(out.iterdir()), 0
    assert len(found) == len(pictures), f"{len(found)} pictures written, {len(pictures)} expected"
    for i, (path, picture) in enumerate(pictures):
        got = np.array(Image.open(out / f"{path.parent.name}-{i:05d}.png")).astype(int)
        expected = np.array(step(picture)).astype(int)
        assert got.shape == expected.shape, f"{path.name}: {got.shape} is not Pillow's {expected.shape}"
        worst = max(worst, (np.abs(got - expected).max(), path.name))
        mean += np.abs(got - expected).mean() / len(pictures)
    print(f"{steps}: largest difference {worst[0]} ({worst[1]}), mean {mean:.4f}")
    assert mean < 0.1
    return worst[0]


def make(folder, write, random):
    """Pictures of two classes, as a folder must have, in the order of their paths."""
    (folder / "many").mkdir(parents=True)
    pictures = write(folder / "many", random)
    other = folder / "other" / "black.png"
    other.parent.mkdir()
    Image.new("RGB", (4, 4)).save(other)
    return pictures + [(other, Image.new("RGB", (4, 4)))]


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    random, folder = np.random.default_rng(SEED), work / "data" / "val"
    print(f"seed {SEED}, Pillow {PIL.__version__}")
    pictures = make(folder, files, random)
    worst = 0
    for n, (prepare, step) in enumerate(STEPS.items()):
        worst = max(worst, compare(skua, work / "data", work / f"out{n}", "val", "prepare", prepare, step, pictures))
    unequal = make(work / "unequal" / "val", unequal_files, random)
    for n, (prepare, step) in enumerate(UNEQUAL_STEPS.items()):
        worst = max(worst, compare(skua, work / "unequal", work / f"unequal{n}", "val", "prepare", prepare, step, unequal))
    (folder.parent / "train").symlink_to("val")
    for n, (augment, (step, bound)) in enumerate(AUGMENT.items()):
        found = compare(skua, work / "data", work / f"augmented{n}", "train", "augment", augment, step, pictures)
        worst = max(worst, 2 if found > bound else 0)
    sys.exit(0 if worst <= 1 else 1)


main()
