"""What a process costs besides its work: start-up, and decoding photographs.

usage: process.py WORK SHARD[,SHARD]...
"""

import json
import os
import statistics
import subprocess
import sys
import time

from common import SIZE, Tools, few as few_real

TIMES = 9
DECODE = "build/bench/decode"  # built by `make bench` alone
TOOLS = ["fd2-teacher", "fd2-protos", "fd2-distill", "fd2-attn", "fd2-relabel", "fd2-eval"]


def line(name, values, unit):
    figures = " ".join(f"{f(values):8.4g}" for f in (min, statistics.median, max))
    print(f"{name:<44} {figures}  {unit}", flush=True)


def help_ms(folder, tool):
    start = time.perf_counter()
    subprocess.run([os.path.join(folder, tool), "--help"], check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - start)


def outside(tools, command, more, fewer):
    """Seconds of a stage that are not its work: a run of `fewer` steps less what the steps of a
    longer run take each."""
    short, long = tools.run(*command(fewer)), tools.run(*command(more))
    return short - fewer * (long - short) / (more - fewer)


def main():
    work, shards = sys.argv[1:]
    tools = Tools(work)
    teacher, few = tools.path("process.fd2"), tools.path("few.tar")
    tools.run("fd2-teacher", "-s", SIZE, "-b", 20, "-e", 1, "-o", teacher, few_real(tools, shards))
    tools.run(
        "fd2-distill",
        "-t",
        teacher,
        "--plain",
        "-b",
        10,
        "--classes",
        "0-9",
        "--steps",
        0,
        "-o",
        few,
        tools.path("real.tar"),
    )
    print(f"\n{'':<44} {'min':>8} {'median':>8} {'max':>8}")
    line(
        "--help, of six tools",
        [help_ms(tools.folder, tool) for _ in range(TIMES) for tool in TOOLS],
        "ms",
    )

    def relabel(epochs):
        return (
            "fd2-relabel",
            "-t",
            teacher,
            "-b",
            10,
            "-e",
            epochs,
            "-o",
            tools.path("l.fd2"),
            few,
        )

    def distill(steps):
        return (
            "fd2-distill",
            "-t",
            teacher,
            "--plain",
            "-b",
            10,
            "--classes",
            "0-9",
            "--init-images",
            few,
            "--steps",
            steps,
            "-o",
            tools.path("d.tar"),
        )

    line(
        "fd2-relabel, 10 images: outside of its epochs",
        [outside(tools, relabel, 5, 1) for _ in range(TIMES)],
        "s",
    )
    line(
        "fd2-distill, 10 images: outside of its steps",
        [outside(tools, distill, 10, 2) for _ in range(TIMES)],
        "s",
    )
    for size in (SIZE, SIZE // 2) if os.path.exists(DECODE) else ():
        got = json.loads(
            subprocess.run(
                [DECODE, shards.split(",")[0], str(size)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        line(
            "a photograph, libjpeg-turbo's decoding alone",
            [1000 * a for a, _ in got["rounds"]],
            "ms, one core",
        )
        line(
            f"the same, read and fitted for {size} px",
            [1000 * b for _, b in got["rounds"]],
            "ms, one core",
        )


if __name__ == "__main__":
    main()
