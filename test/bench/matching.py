"""An iteration of fd2-match, with all that it does, against PyTorch on photographs that lie ready
as tensors: as the methods' programs do it, class after class.

usage: matching.py WORK SHARD[,SHARD]...     of at least 10 classes; on a CPU alone
       matching.py plain METHOD SHARD
"""

import io
import json
import os
import random
import sys
import tarfile

import numpy
import torch
from PIL import Image

from common import ROUNDS, Table, Tools, between, child, own_peak, say, timed

sys.path.append(os.path.join(os.path.dirname(__file__), "../parity"))
import compare  # noqa: E402
import match  # noqa: E402

SIDE, DEPTH, CLASSES, PHOTOGRAPHS = 64, 4, 10, 32
ITERATIONS = 4  # that count
METHODS = ("dm", "dsa")


def photographs(shard):
    """[classes][PHOTOGRAPHS, 3, SIDE, SIDE]"""
    images = {}
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (match.MEAN, match.STD))
    with tarfile.open(shard) as tar:
        for member in tar:
            if not member.name.endswith(".jpg"):
                continue
            image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
            pixels = numpy.asarray(image.resize((SIDE, SIDE)), dtype="f4") / 255
            x = (torch.from_numpy(pixels).permute(2, 0, 1) - mean) / std
            images.setdefault(member.name.split("/")[0], []).append(x)
    return [torch.stack(v) for _, v in sorted(images.items())]


def plain(method, shard):
    real = photographs(shard)
    compare.CLASSES, match.SIZE = len(real), SIDE
    x = torch.cat([r[:1] for r in real]).requires_grad_()
    sgd = torch.optim.SGD([x], lr=1.0, momentum=0.5)

    def iteration():
        net = compare.ConvNet(DEPTH, SIDE)
        sgd.zero_grad()
        for k, images in enumerate(real):
            match.LABEL = k
            kind = random.choice(match.KINDS[:6])
            draw = match.draw(kind)
            seen = (match.augment(kind, draw, v) for v in (images, x[k : k + 1]))
            match.LOSSES[method](net, *seen).backward()
        sgd.step()

    seconds = timed(iteration, ITERATIONS)
    print(json.dumps({"seconds": seconds, "memory": own_peak()}))


def main(work, shards):
    tools = Tools(work)
    real = tools.path("matching.tar")
    tools.run(
        *("fd2-select", "--method", "random", "-n", PHOTOGRAPHS, "--classes", f"0-{CLASSES - 1}"),
        *("-o", real, *shards.split(",")),
    )
    for method in METHODS:
        title = f"{method}, convnet{DEPTH}, {CLASSES} classes, {PHOTOGRAPHS} photographs of each"
        table = Table(f"{title} at {SIDE}x{SIDE}: an iteration of fd2-match")
        for _ in range(ROUNDS):
            say(f"matching: {method}")
            events = tools.logged(
                *("iteration", "fd2-match", "--method", method, "-s", SIDE, "--log-every", 1),
                *("--real", PHOTOGRAPHS, "--iterations", ITERATIONS + 1),
                *("-o", tools.path("matched.tar"), real),
            )
            seconds = between(events, lambda a, b: b["iteration"] - a["iteration"])
            table.add("fd2, f32", "f32", seconds, tools.peak)
            rival = child("matching.py", "plain", method, real)
            table.add("plain PyTorch, f32", "f32", rival["seconds"], rival["memory"], rival=True)
        table.print()


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        plain(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
