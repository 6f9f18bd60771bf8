"""Holds skua's pictures against Pillow's and torchvision's, files of all modes and sizes: equal to the bit. Where a
Pillow before version 13 resizes in the other order nothing is compared, and said. Usage: pictures.py WORK SKUA"""
import collections
import itertools
import math
import pathlib
import subprocess
import sys

import numpy as np
import PIL
from PIL import Image
from torchvision.transforms import InterpolationMode, functional as F

SEED = 5
OLD = int(PIL.__version__.split(".")[0]) < 13
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
SIZES = [(1, 1), (3, 50), (37, 23), (64, 64), (120, 181), (300, 200)]  # width, height
STEPS = {  # data.prepare: what Pillow does
    "[]": lambda p: p,
    "[{resize: {size: [32, 48]}}]": lambda p: resized(p, 48, 32),
    "[{resize: {size: [200, 211]}}]": lambda p: resized(p, 211, 200),
    "[{resize: 40}, {center_crop: 40}]": lambda p: centre(shorter(p, 40), 40),
    "[{resize: 40}, {center_crop: 39}]": lambda p: centre(shorter(p, 40), 39),  # odd margins
    "[{resize: 40}, {center_crop: 37}]": lambda p: centre(shorter(p, 40), 37),
    "[{resize: {size: [32, 48], interpolation: bicubic}}]": lambda p: resized(p, 48, 32, Image.BICUBIC),
    "[{resize: {size: [200, 211], interpolation: bicubic}}]": lambda p: resized(p, 211, 200, Image.BICUBIC),
}
MANY, LONGEST = 25, 600  # pictures of sides drawn at random, beside these
UNEQUAL = [(1, 1), (1, 400), (400, 1), (5000, 10), (10, 5000), (3, 3), (2, 700), (1200, 7), (2, 30000), (30000, 2)]
TARGETS = [(1, 1), (1, 300), (300, 1), (224, 224), (211, 200)]  # width, height, and as many drawn at random
RATIOS, CROPS = (0.2, 0.5, 1.0, 1.5, 4.0), (1, 13, 224)  # of random_resized_crop
NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR
AUGMENT = {  # data.augment whose ranges are single values: what torchvision does
    "[{color_jitter: {brightness: [1.3, 1.3]}}]": lambda p: F.adjust_brightness(p, 1.3),
    "[{color_jitter: {contrast: [0.6, 0.6]}}]": lambda p: F.adjust_contrast(p, 0.6),
    "[{color_jitter: {saturation: [1.7, 1.7]}}]": lambda p: F.adjust_saturation(p, 1.7),
    "[{color_jitter: {hue: [0.2, 0.2]}}]": lambda p: F.adjust_hue(p, 0.2),
    "[{grayscale: 1}]": lambda p: F.rgb_to_grayscale(p, 3),
    "[{horizontal_flip: 1}, {vertical_flip: 1}]": lambda p: F.vflip(F.hflip(p)),
    "[{rotation: [33, 33]}]": lambda p: F.rotate(p, 33, NEAREST),
    "[{rotation: {degrees: [-71.5, -71.5], interpolation: bilinear}}]": lambda p: F.rotate(p, -71.5, BILINEAR),
    "[{affine: {degrees: [12, 12], scale: [0.7, 0.7], shear: [9, 9], shear_y: [-4, -4]}}]":
        lambda p: F.affine(p, 12, [0, 0], 0.7, [9, -4], NEAREST),
    "[{affine: {scale: [1.9, 1.9], interpolation: bilinear}}]":
        lambda p: F.affine(p, 0, [0, 0], 1.9, [0, 0], BILINEAR),
}


class Skip(Exception):
    """Says why there is nothing to compare a picture with."""


def resized(p, width, height, how=Image.BILINEAR):
    """Pillow's result, where its version takes the two passes in the order of version 13."""
    columns_first = p.height > height and p.height - height > 2 * (p.width - width)
    if OLD and columns_first and p.width != width:
        raise Skip("this Pillow takes rows first, from version 13 on columns come first")
    return p.resize((width, height), how)


def middle(p, ratio):
    """The box of torchvision's RandomResizedCrop of the whole area: as a rule none of the ratio fits, and the largest
    in the middle is taken, of a pixel at least."""
    wide, high = math.sqrt(p.width * p.height * ratio), math.sqrt(p.width * p.height / ratio)
    if (round(wide), round(high)) == p.size:
        return p
    if wide < p.width + 0.6 and high < p.height + 0.6:
        raise Skip("its box is drawn at random")
    width, height = p.size
    if width < ratio * height:
        height = max(round(width / ratio), 1)
    else:
        width = max(round(height * ratio), 1)
    top, left = (p.height - height) // 2, (p.width - width) // 2
    return p.crop((left, top, left + width, top + height))


def shorter(p, size):
    """torchvision's Resize of the shorter side."""
    if p.width <= p.height:
        return resized(p, size, int(size * p.height / p.width))
    return resized(p, int(size * p.width / p.height), size)


def centre(p, size):
    left, top = round((p.width - size) / 2), round((p.height - size) / 2)
    return p.crop((left, top, left + size, top + size))


def smooth(random, size, channels):
    coarse = random.integers(0, 256, (5, 5, channels), dtype=np.uint8)
    planes = [np.asarray(Image.fromarray(coarse[:, :, c]).resize(size, Image.BICUBIC)) for c in range(channels)]
    noise = random.integers(-12, 13, (size[1], size[0], channels))
    return np.clip(np.stack(planes, axis=2) + noise, 0, 255).astype(np.uint8)


def side(random, longest):
    return int(np.exp(random.uniform(0, np.log(longest + 1))))


def files_of_any_size(folder, random):
    """Smooth pictures, as PNG and JPEG, and black and white noise, where it tells which pass comes first."""
    written = []
    for n, size in enumerate(UNEQUAL + [(side(random, LONGEST), side(random, LONGEST)) for _ in range(MANY)]):
        noise = random.integers(0, 2, (size[1], size[0], 3), dtype=np.uint8) * 255
        kinds = {"noise.png": noise, ("smooth.png", "smooth.jpg")[n % 2]: smooth(random, size, 3)}
        for kind, pixels in kinds.items():
            path = folder / f"{n}-{kind}"
            Image.fromarray(pixels).save(path)
            written.append((path, Image.open(path).convert("RGB")))
    return sorted(written)


def resizes(random):
    """data.prepare of many sizes, by both filters."""
    for width, height in TARGETS + [(side(random, LONGEST), side(random, LONGEST)) for _ in TARGETS]:
        for name, how in FILTERS.items():
            yield (f"[{{resize: {{size: [{height}, {width}], interpolation: {name}}}}}]",
                   lambda p, width=width, height=height, how=how: resized(p, width, height, how))


def crops():
    """data.augment of boxes that are known."""
    for n, (ratio, size) in enumerate(itertools.product(RATIOS, CROPS)):
        name = list(FILTERS)[n % 2]
        how = f"size: {size}, scale: [1, 1], ratio: [{ratio}, {ratio}], interpolation: {name}"
        yield (f"[{{random_resized_crop: {{{how}}}}}]",
               lambda p, ratio=ratio, size=size, how=FILTERS[name]: resized(middle(p, ratio), size, size, how))


def high_byte(wide):
    """What skua makes of 16-bit grey, and on purpose not what Pillow does, which clips it (docs/augmentation.md)."""
    ours = (wide >> 8).astype(np.uint8)
    pillows = np.asarray(Image.fromarray(wide).convert("RGB"))[:, :, 0]
    if not (np.array_equal(pillows, np.minimum(wide, 255)) or np.array_equal(pillows, ours)):
        sys.exit("Pillow neither clips 16-bit grey nor takes its high byte: docs/augmentation.md is wrong of it")
    return Image.fromarray(ours).convert("RGB")


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
        put(Image.fromarray(wide), f"grey16-{n}.png", high_byte(wide))
        put(rgb, f"rgb{n}.jpg", quality=90)
        put(rgb, f"halved{n}.jpeg", quality=75, subsampling=2)
        put(rgb, f"progressive{n}.JPG", progressive=True, subsampling=0)
        put(grey, f"grey{n}.jpg", quality=80)
        put(rgb.convert("CMYK"), f"cmyk{n}.jpg")
    return sorted(written)


def expect(step, pictures):
    """What Pillow makes of each picture, None where it cannot say; prints of how many, and why."""
    results, skipped = [], collections.Counter()
    for _, picture in pictures:
        try:
            results.append(np.array(step(picture)).astype(int))
        except Skip as why:
            results.append(None)
            skipped[str(why)] += 1
    for why, count in skipped.items():
        print(f"  not compared: {count} of {len(pictures)} pictures, {why}")
    return results


def compare(skua, data, out, key, steps, step, pictures):
    """Counts the pictures that were compared; all must be equal to the bit."""
    command = [skua, "data", "sample", "--data", data, "--split", {"prepare": "val", "augment": "train"}[key],
               "--count", "10000", "--prepared", "--out", out, "--set", f"data.{key}={steps}"]
    subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, check=True)
    found, compared = len(list(out.iterdir())), 0
    assert found == len(pictures), f"{found} pictures written, {len(pictures)} expected"
    for i, ((path, picture), expected) in enumerate(zip(pictures, expect(step, pictures))):
        if expected is None:
            continue
        got = np.array(Image.open(out / f"{path.parent.name}-{i:05d}.png")).astype(int)
        name = f"{steps}: {path.name}, {picture.height} x {picture.width}"
        assert got.shape == expected.shape, f"{name}: {got.shape} is not Pillow's {expected.shape}"
        worst = np.abs(got - expected).max()
        assert worst == 0, f"{name}: {worst} levels from Pillow's"
        compared += 1
    print(f"{steps}: {compared} pictures are equal")
    return compared


def make(work, write, random):
    """Pictures of two classes, as a folder must have, in the order of their paths; both splits are the same."""
    (work / "val" / "many").mkdir(parents=True)
    pictures = write(work / "val" / "many", random)
    other = work / "val" / "other" / "black.png"
    other.parent.mkdir()
    Image.new("RGB", (4, 4)).save(other)
    (work / "train").symlink_to("val")
    return pictures + [(other, Image.new("RGB", (4, 4)))]


def main():
    work, skua = pathlib.Path(sys.argv[1]), sys.argv[2]
    random, count = np.random.default_rng(SEED), itertools.count()
    print(f"seed {SEED}, Pillow {PIL.__version__}")

    def all_equal(folder, key, cases, pictures):
        return sum(compare(skua, folder, work / f"out{next(count)}", key, *case, pictures) for case in cases)

    pictures = make(work / "kinds", files, random)
    all_equal(work / "kinds", "prepare", STEPS.items(), pictures)
    all_equal(work / "kinds", "augment", AUGMENT.items(), pictures)
    pictures = make(work / "sizes", files_of_any_size, random)
    many = all_equal(work / "sizes", "prepare", resizes(random), pictures)
    boxes = all_equal(work / "sizes", "augment", crops(), pictures)
    print(f"{many} resized pictures and {boxes} boxes are equal")
    assert OLD or many + boxes > 2000


main()
