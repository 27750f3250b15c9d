"""The distillation iteration: fd2-distill against PyTorch programs of the same method, in turn, on
the same images and views.

usage: distill.py WORK SHARD[,SHARD]... ARCH       prints the table of SRe2L++ distill.py WORK
SHARD[,SHARD]... ARCH...    that of FADRM+ with several teachers in turn
"""

import itertools
import os
import sys

from common import BATCH, CUDA, ROUNDS, SIZE, Table, Tools, between, child, few, say, teach
from rivals import RIVALS, names

STEPS, EVERY = (250, 50) if CUDA else (12, 1)  # of an image, and between two looks at the time
VIEWS = 12  # steps that the rivals may replay
BASE = ["--plain", "--dtype", "f32"]
ALONE = ["--method", "sre2l++"]
VARIANTS = {
    "fd2 SRe2L++, f32": ALONE + BASE,
    "fd2 SRe2L++, bf16": ALONE + ["--plain", "--dtype", "bf16"],
    "fd2 +FD2 (L_F, L_cls), f32": ALONE + ["--dtype", "f32"],
    "fd2 +FD2 (L_F, L_cls), bf16": ALONE + ["--dtype", "bf16"],
}
# L_S compares an image with the earlier ones of its group: measured at the third image, so with two
# of them.
LS = {
    f"fd2 +FD2, L_S {view}, bf16": ALONE + ["--dtype", "bf16", "--ls-view", view]
    for view in ("same", "once", "literal", "plain")
}
# From the same first images, at one size and without a residual connection.
IN_TURN = ["--method", "fadrm+", "--sizes", SIZE]
FADRM = {
    "fd2 FADRM+, f32": IN_TURN + BASE,
    "fd2 FADRM+, bf16": IN_TURN + ["--plain", "--dtype", "bf16"],
    "fd2 FADRM+, +FD2, bf16": IN_TURN + ["--dtype", "bf16"],
}


class Bench:
    def __init__(self, work, shards, archs):
        self.tools, self.archs, self.first = Tools(work), archs, os.path.join(work, "first.tar")
        real = few(self.tools, shards)
        self.teachers = [teach(self.tools, a, real) for a in archs]
        if not os.path.exists(self.first):
            self.tools.run(
                "fd2-distill",
                "-t",
                self.teachers[0],
                *self.classes(),
                "-n",
                3,
                *ALONE,
                *BASE,
                "--steps",
                0,
                "-o",
                self.first,
                real,
            )

    def classes(self):
        return ["-b", BATCH, "--classes", f"0-{BATCH - 1}"]

    def steps(self, options, images=1, steps=STEPS, every=EVERY):
        """The logged steps of the last of a class's images."""
        teachers = [o for t in self.teachers for o in ("-t", t)]
        events = self.tools.logged(
            "step",
            "fd2-distill",
            *self.classes(),
            "-n",
            images,
            "--steps",
            steps * len(self.teachers),
            "--log-every",
            every,
            "--init-images",
            self.first,
            "-o",
            self.tools.path("bench.tar"),
            *teachers,
            *options,
        )
        return [e for e in events if e["image"] == images]

    def ours(self, table, name, options, images=1):
        dtype, n = name.rsplit(" ", 1)[1], len(self.teachers)
        events = self.steps(options, images)[1:]
        table.add(
            name,
            dtype,
            between(events[::n] if EVERY == 1 else events, lambda a, b: b["step"] - a["step"]),
            self.tools.peak,
            floor=self.floors[dtype],
        )

    def pairs(self):
        return itertools.chain.from_iterable((a, self.tools.weights(a)) for a in self.archs)

    def rivals(self, table, names):
        """Their losses, by name. On a GPU one process runs them all; on the CPU each has its own
        memory to count."""
        losses = {}
        for some in [names] if CUDA else [[n] for n in names]:
            for name, got in child(
                "rivals.py",
                "distill",
                self.tools.path("views.log"),
                self.first,
                *some,
                "--",
                *self.pairs(),
            ).items():
                if "failed" in got:
                    say(f"{name} cannot run here: {got['failed']}")
                    continue
                table.add(
                    name,
                    RIVALS[name][0],
                    got["seconds"],
                    got["memory"],
                    rival=True,
                    floor=self.floors[RIVALS[name][0]],
                )
                losses[name] = got["losses"]
        return losses

    def measure_floors(self):
        self.floors = {
            d: child("rivals.py", "floor", "images", d, 1, "--", *self.pairs())["seconds"]
            for d in ("f32", "bf16")
        }

    def draw_views(self, options):
        """The steps whose views the rivals replay, in f32."""
        events = self.steps(options, steps=VIEWS, every=1)
        os.replace(self.tools.path("run.log"), self.tools.path("views.log"))
        return [e["loss"]["total"] for e in events]


def check(ours, losses):
    """The rivals' first losses are fd2's: in f32 to 1e-3, in bf16 to 5e-2. Later ones part with the
    roundings."""
    for name, theirs in losses.items():
        print(
            f"losses, fd2 f32 and {name}: "
            + ", ".join(f"{a:.3f} {b:.3f}" for a, b in zip(ours, theirs[:4])),
            flush=True,
        )
        if abs(ours[0] / theirs[0] - 1) > {"f32": 1e-3, "bf16": 5e-2}[RIVALS[name][0]]:
            sys.exit(f"{name}: the first losses differ: not the same computation")


def main():
    work, shards, *archs = sys.argv[1:]
    name = ", ".join(archs)
    say(f"{name}: a teacher of a few steps")
    bench = Bench(work, shards, archs)
    bench.measure_floors()
    variants, ls = (
        (VARIANTS, LS if archs == ["resnet18"] else {}) if len(archs) == 1 else (FADRM, {})
    )
    losses_of_ours = bench.draw_views(next(iter(variants.values())))
    table = Table(f"{name}, {BATCH} images of {SIZE}x{SIZE}: an iteration of fd2-distill")
    for i in range(ROUNDS):
        for title, options in variants.items():
            say(f"{name}: {title}")
            bench.ours(table, title, options)
        for title, options in ({} if i else ls).items():
            say(f"{name}: {title}")
            bench.ours(table, title, options, images=3)
        say(f"{name}: PyTorch programs of the same")
        losses = bench.rivals(table, names("distill"))
    table.print()
    print(
        "convolutions alone: "
        + ", ".join(f"{d} {1000 * s:.1f} ms" for d, s in bench.floors.items())
    )
    check(losses_of_ours, losses)


if __name__ == "__main__":
    main()
