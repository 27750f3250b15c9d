"""Steps of training and labelling: fd2's tools, with all that they do, against PyTorch on tensors
that lie ready.

usage: training.py WORK SHARD[,SHARD]... ARCH

A tool's time is that between the epochs of its log: decoded images, crops, losses and optimiser are
in it.
"""

import statistics
import sys

from common import (
    BATCH,
    CUDA,
    IMAGES,
    ROUNDS,
    SIZE,
    Table,
    Tools,
    between,
    child,
    count,
    few,
    say,
    teach,
)
from rivals import RIVALS, names

MODES = ("teacher", "student", "relabel", "validation")
EPOCHS = 12 if CUDA else 3  # that count


class Bench:
    def __init__(self, work, shards, arch):
        self.tools, self.arch = Tools(work), arch
        self.real = few(self.tools, shards)
        self.teacher = teach(self.tools, arch, self.real)
        self.images, self.labels = self.tools.path(f"{arch}-images.tar"), self.tools.path(
            "labels.fd2"
        )
        self.tools.run(
            "fd2-distill",
            "-t",
            self.teacher,
            "-n",
            IMAGES,
            "--plain",
            "--init",
            "real",
            "--crops",
            1,
            "--steps",
            0,
            "-o",
            self.images,
            self.real,
        )
        self.tools.run(*self.relabel(), "-e", 2 * EPOCHS, "-o", self.labels, self.images)
        self.batches = count(self.images) / BATCH

    def relabel(self):
        return ("fd2-relabel", "-t", self.teacher, "-b", BATCH)

    def by_epochs(self, tool, *options):
        """The seconds of a step in each epoch but the first."""
        return between(self.tools.logged("epoch", tool, *options), lambda a, b: self.batches)

    def ours(self, dtype):
        """(mode, seconds of a step) of each mode in turn; self.tools.peak is then its memory."""
        out = ("--dtype", dtype, "-o", self.tools.path("out"))
        yield "teacher", self.by_epochs(
            "fd2-teacher",
            "-a",
            self.arch,
            "-s",
            SIZE,
            "-b",
            BATCH,
            "-e",
            EPOCHS + 1,
            *out,
            self.real,
        )
        # Each second epoch is validated, and so takes longer. In bf16 with the decoding that is
        # fd2's fast one; without --fast-val fd2 measures in f32 whatever the student's arithmetic.
        both = self.by_epochs(
            "fd2-eval",
            "-a",
            self.arch,
            "--labels",
            self.labels,
            "--val",
            self.real,
            "--val-every",
            2,
            "-e",
            2 * EPOCHS,
            *(["--fast-val"] if dtype == "bf16" else []),
            *out,
            self.images,
        )
        yield "student", both[1::2]
        yield "validation", [b - statistics.median(both[1::2]) for b in both[0::2]]
        yield "relabel", self.by_epochs(*self.relabel(), "-e", 2 * EPOCHS, *out, self.images)

    def floors(self):
        """(mode, dtype): the convolutions' seconds."""
        pair, parts = (self.arch, self.tools.weights(self.arch)), {
            "teacher": ("weights", 1),
            "student": ("weights", 2),
            "relabel": ("forward", 2),
            "validation": ("forward", 1),
        }
        return {
            (m, d): child("rivals.py", "floor", g, d, n, "--", *pair)["seconds"]
            for m, (g, n) in parts.items()
            for d in ("f32", "bf16")
        }

    def rivals(self, mode):
        """(name, what it measured) of each that can run."""
        for some in [names(mode)] if CUDA else [[n] for n in names(mode)]:
            for name, got in child(
                "rivals.py", mode, "-", "-", *some, "--", self.arch, self.tools.weights(self.arch)
            ).items():
                if "failed" in got:
                    say(f"{name} cannot run here: {got['failed']}")
                else:
                    yield name, got


def main():
    work, shards, arch = sys.argv[1:]
    say(f"{arch}: labels for the other steps")
    bench = Bench(work, shards, arch)
    floors = bench.floors()
    tables = {m: Table(f"{arch}, {BATCH} images of {SIZE}x{SIZE}: {m}") for m in MODES}
    for _ in range(ROUNDS):
        for dtype in ("f32", "bf16"):
            say(f"{arch}: fd2's other steps, {dtype}")
            for mode, seconds in bench.ours(dtype):
                tables[mode].add(
                    f"fd2, {dtype}", dtype, seconds, bench.tools.peak, floor=floors[mode, dtype]
                )
        for mode in MODES:
            say(f"{arch}: {mode}, PyTorch programs of the same")
            for name, got in bench.rivals(mode):
                dtype = RIVALS[name][0]
                tables[mode].add(
                    name,
                    dtype,
                    got["seconds"],
                    got["memory"],
                    rival=True,
                    floor=floors[mode, dtype],
                )
    for table in tables.values():
        table.print()


if __name__ == "__main__":
    main()
