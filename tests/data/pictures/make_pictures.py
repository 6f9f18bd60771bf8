#!/usr/bin/env python3
"""Writes the pictures of this folder and beside each, as NAME.npy, the pixels that Pillow's convert('RGB') gives.
16-bit grey ones are by their high byte, which Pillow does not do. resize_HxW.npy is resize_from.npy resized by Pillow;
boxes_FILTER.npy holds parts of it. Needs numpy and Pillow from version 13 on, whose order of passes is skua's."""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).parent
rng = np.random.default_rng(7)


def scene(h, w, c):
    y, x = np.mgrid[:h, :w]
    waves = [np.sin(x / 3 + k) * 70 + np.cos(y / 4 - k) * 50 + 128 for k in range(c)]
    return np.clip(np.stack(waves, -1) + rng.normal(0, 8, (h, w, c)), 0, 255).astype(np.uint8)


def store(name, data, pixels=None):
    (HERE / name).write_bytes(data)
    if pixels is None:
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.save(HERE / (name + ".npy"), np.ascontiguousarray(pixels.astype(np.uint8)))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpegs():
    rgb = Image.fromarray(scene(19, 27, 3))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        store(f"rgb_{name}.jpg", saved(rgb, "JPEG", quality=85, subsampling=subsampling))
    store("progressive.jpg", saved(rgb, "JPEG", progressive=True))
    store("restart.jpg", saved(rgb, "JPEG", restart_marker_blocks=1))
    store("no_transform.jpg", saved(rgb, "JPEG", keep_rgb=True))
    store("one_pixel.jpg", saved(rgb.crop((3, 3, 4, 4)), "JPEG"))
    store("grey.jpg", saved(rgb.convert("L"), "JPEG"))
    turned = Image.Exif()
    turned[0x0112] = 6
    store("exif_turned.jpg", saved(rgb, "JPEG", exif=turned))
    cmyk = saved(Image.fromarray(scene(16, 21, 4), "CMYK"), "JPEG", quality=90)
    adobe = cmyk.index(b"\xff\xee")
    length = struct.unpack(">H", cmyk[adobe + 2:adobe + 4])[0]
    store("cmyk.jpg", cmyk)
    store("cmyk_no_adobe.jpg", cmyk[:adobe] + cmyk[adobe + 2 + length:])
    ycck = bytearray(cmyk)
    ycck[adobe + 1 + length] = 2  # the marker's last byte: how colours were transformed
    store("ycck.jpg", bytes(ycck))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(row, depth):
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = (row[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8).ravel()).tobytes()


def png(values, colour, depth, interlaced, extra=b""):
    h, w = values.shape[:2]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b""
    for top, left, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        part = values[top::down, left::right]
        if part.size:
            raw += b"".join(b"\0" + packed(row.ravel(), depth) for row in part)
    head = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"tEXt", b"Title\0a picture") +
            chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def pngs():
    kinds = {"grey": (0, 1, (1, 2, 4, 8, 16)), "rgb": (2, 3, (8, 16)), "palette": (3, 1, (1, 2, 4, 8)),
             "grey_alpha": (4, 2, (8, 16)), "rgba": (6, 4, (8, 16))}
    for kind, (colour, channels, depths) in kinds.items():
        for depth in depths:
            for interlaced in (0, 1):
                values = rng.integers(0, 2**depth, (11, 13, channels))
                extra = b""
                if kind == "palette":
                    extra = chunk(b"PLTE", rng.integers(0, 256, (2**depth, 3)).astype(np.uint8).tobytes())
                    extra += chunk(b"tRNS", rng.integers(0, 256, min(2**depth, 5)).astype(np.uint8).tobytes())
                pixels = np.repeat(values >> 8, 3, -1) if kind == "grey" and depth == 16 else None
                name = f"{kind}_{depth}{'_interlaced' if interlaced else ''}.png"
                store(name, png(values, colour, depth, interlaced, extra), pixels)
    rgb = Image.fromarray(scene(15, 20, 3))
    store("filtered.png", saved(rgb, "PNG", optimize=True))
    store("transparent_grey.png", saved(rgb.convert("L"), "PNG", transparency=100))


def resizes():
    """One picture and what it becomes."""
    source = np.where(rng.random((37, 53, 1)) < 0.3, rng.integers(0, 2, (37, 53, 3)) * 255, scene(37, 53, 3)).astype(np.uint8)
    np.save(HERE / "resize_from.npy", source)
    image = Image.fromarray(source)
    for h, w in ((37, 53), (16, 16), (74, 106), (37, 20), (12, 53), (1, 1), (5, 90), (80, 7), (36, 52), (38, 54), (3, 4)):
        np.save(HERE / f"resize_{h}x{w}.npy", np.asarray(image.resize((w, h), Image.BILINEAR)))


def boxes():
    """Boxes (top, left, height, width) of the same picture, cut out and resized, by both filters; one file each. Of the
    box 37 x 9 columns come first where it becomes 28 x 5, rows where 29 x 5."""
    image = Image.fromarray(np.load(HERE / "resize_from.npy"))
    for name, how in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
        parts = []
        for top, left, h, w in ((0, 0, 37, 53), (3, 5, 30, 40), (10, 20, 9, 7), (36, 52, 1, 1), (0, 11, 37, 2),
                                 (0, 20, 37, 9)):
            crop = image.crop((left, top, left + w, top + h))
            for height, width in ((16, 16), (60, 71), (5, 40), (33, 3), (h, 20), (20, w), (28, 5), (29, 5)):
                parts.append(np.asarray(crop.resize((width, height), how)).ravel())
        np.save(HERE / f"boxes_{name}.npy", np.concatenate(parts)[:, None, None])


if __name__ == "__main__":
    assert int(PIL.__version__.split(".")[0]) >= 13, f"Pillow {PIL.__version__} takes rows first, 13 is needed"
    jpegs()
    pngs()
    resizes()
    boxes()
