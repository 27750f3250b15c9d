"""Small images on shared machines: what training costs an image, in milliseconds of one core, with
one thread and with two.

usage: small.py WORK SHARD[,SHARD]... ARCH...    SIZE=112 BATCH=16 in the environment give what
studies use

The figures come from two runs of different length, so that start-up cancels out: `wall` is the time
times the threads, `CPU` what the process was charged, which others on the machine change less. The
floor is the CPU of the network's convolutions alone, in bf16 and in the same batches with as many
threads.
"""

import os
import sys

from common import BATCH, SIZE, Tools, child, count, few, say, teach

SHORT, LONG = 2, 6  # epochs


def cost(tools, threads, images, run):
    """Core-milliseconds an image by the clock, and of CPU."""
    os.environ["THREADS"] = str(threads)
    tools.threads = threads
    wall, cpu = [], []
    for epochs in (SHORT, LONG):
        wall.append(run(epochs))
        cpu.append(tools.cpu)
    scale = 1000 / ((LONG - SHORT) * images)
    return threads * scale * (wall[1] - wall[0]), scale * (cpu[1] - cpu[0])


def main():
    work, shards, *archs = sys.argv[1:]
    tools = Tools(work)
    real = few(tools, shards)
    images = count(real)
    columns = "".join(f"{c:>9}" for c in ("wall", "CPU", "floor", "x floor"))
    print(f"\n{BATCH} images of {SIZE}x{SIZE}: core-milliseconds an image")
    print(f"{'':<36}{columns}", flush=True)
    for arch in archs:
        teacher, labels = teach(tools, arch, real), tools.path(f"{arch}-labels.fd2")
        tools.run("fd2-relabel", "-t", teacher, "-b", BATCH, "-e", LONG, "-o", labels, real)
        runs = {
            "teacher": (
                1,
                lambda e: tools.run(
                    "fd2-teacher",
                    "-a",
                    arch,
                    "-s",
                    SIZE,
                    "-b",
                    BATCH,
                    "-e",
                    e,
                    "-o",
                    tools.path("out"),
                    real,
                ),
            ),
            "student": (
                2,
                lambda e: tools.run(
                    "fd2-eval",
                    "-a",
                    arch,
                    "--labels",
                    labels,
                    "--val",
                    real,
                    "--val-every",
                    0,
                    "-e",
                    e,
                    "-o",
                    tools.path("out"),
                    real,
                ),
            ),
        }
        for mode, (parts, run) in runs.items():
            for threads in (1, 2):
                say(f"{arch}, {SIZE} px: {mode}, {threads} threads")
                wall, cpu = cost(tools, threads, images, run)
                floor = (
                    1000
                    / BATCH
                    * child(
                        "rivals.py",
                        "floor",
                        "weights",
                        "bf16",
                        parts,
                        "--",
                        arch,
                        tools.weights(arch),
                    )["cpu"]
                )
                figures = "".join(f"{x:9.2f}" for x in (wall, cpu, floor, cpu / floor))
                print(f"{f'{arch} {mode}, {threads} threads':<36}{figures}", flush=True)


if __name__ == "__main__":
    main()
