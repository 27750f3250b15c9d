"""FADRM's parts, re-derived from what fd2-distill stored as float16.

usage: fadrm.py residual|adam START FINISHED SETTINGS [SIDE]

SIDE: of the teacher, where it is not that of the images.

residual: runs with --lr 0 move no pixel, so the finished image is the start, resized and mixed with
itself between the parts.
adam: with Adam begun anew in each of two parts of one step, every step moves a pixel by the whole
learning rate or, where the view did not show it, not at all; a second step with the first one's
momentum would not."""

import json
import sys

import numpy as np


def resize(x, size):
    """[3,h,h] -> [3,size,size], bilinear, pixel centres at half."""
    for axis in (1, 2):
        n = x.shape[axis]
        at = np.maximum((np.arange(size) + 0.5) * n / size - 0.5, 0)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, n - 1)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


what, start, finished, settings = sys.argv[1:5]
start, finished = (np.load(f).astype(np.float64) for f in (start, finished))
with open(settings) as f:
    settings = json.load(f)
options = settings["options"]
side = settings["size"]
seen = int(sys.argv[5]) if len(sys.argv) > 5 else side
if what == "residual":
    x = None
    for size in options["sizes"]:
        if seen != side:
            size = side if size == seen else 2 * round(side * size / (2 * seen))
        first = resize(start, size)
        x = (
            first
            if x is None
            else (1 - options["residual"]) * resize(x, size) + options["residual"] * first
        )
    error = np.abs(resize(x, side) - finished).max()
    print("largest error", error, "of what was moved", np.abs(start - finished).max())
    sys.exit(not (error < 1.5e-3 < 0.02 < np.abs(start - finished).max()))
else:
    unit = (
        np.array(settings["std"]).reshape(3, 1, 1) * options["lr"] / 2
    )  # of the second step, at half of the cosine
    inside = (finished > 0.01) & (finished < 0.99)
    moved = ((finished - start) / unit)[inside]
    whole = np.abs(moved - np.round(moved)) < 0.1
    print(
        "whole steps", whole.mean(), "moved", (np.abs(moved) > 0.5).mean(), "pixels", inside.sum()
    )
    sys.exit(
        not (whole.mean() > 0.95 and (np.abs(moved) > 0.5).mean() > 0.5 and inside.sum() > 500)
    )
