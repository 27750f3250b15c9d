"""Held-out photographs as torchvision and Pillow see them.

usage: held_out.py draw SHARD              writes JPEGs of many sizes and kinds
       held_out.py check SHARD SIZE FIT    compares standard input with Resize and CenterCrop
"""
import io, sys, tarfile

import numpy
from PIL import Image

SIDES = [(333, 251), (251, 333), (61, 200), (128, 128), (127, 129), (40, 41), (500, 131), (64, 64)]


def draw(path):
    random = numpy.random.default_rng(1)
    with tarfile.open(path, "w") as tar:
        for i, (w, h) in enumerate(SIDES):
            rough = Image.fromarray(random.integers(0, 256, (h // 5, w // 5, 3), numpy.uint8))
            image = rough.resize((w, h), Image.Resampling.BICUBIC)
            image = image.convert("L") if i == 3 else image.convert("CMYK") if i == 4 else image
            out = io.BytesIO()
            image.save(out, "JPEG", quality=60 + 5 * i, progressive=i % 2, subsampling=i % 3)
            member = tarfile.TarInfo(f"{'ab'[i % 2]}/{i}.jpg")
            member.size = out.tell()
            out.seek(0)
            tar.addfile(member, out)


def see(data, size, fit):
    """torchvision's Resize and CenterCrop, which call Pillow."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = size if fit == "whole" else size * 8 // 7
    short, long = sorted(image.size)
    to = (side, side)
    if fit == "short":
        to = (side, int(side * long / short))
        to = to if image.size[0] <= image.size[1] else to[::-1]
    image = image.resize(to, Image.Resampling.BILINEAR)
    left, top = (int(round((s - size) / 2)) for s in image.size)
    return numpy.asarray(image.crop((left, top, left + size, top + size)))


def check(path, size, fit):
    with tarfile.open(path) as tar:
        names = [m for m in tar.getmembers() if m.name.endswith(".jpg")]
        want = numpy.stack([see(tar.extractfile(m).read(), size, fit) for m in names])
    got = numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8).reshape(want.shape)
    off = [numpy.abs(g.astype(int) - w).max() for g, w in zip(got, want)]
    if any(off):
        sys.exit(f"images differ from Pillow's by up to {off} levels")
    print(len(want), "images are the same")


if sys.argv[1] == "draw":
    draw(sys.argv[2])
else:
    check(sys.argv[2], int(sys.argv[3]), sys.argv[4])
