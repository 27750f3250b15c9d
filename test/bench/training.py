"""Steps of training and labelling: fd2's tools, with all that they do, against plain f32 PyTorch on tensors that lie ready.

usage: training.py BIN WORK SHARD ARCH           prints the table
       training.py --plain MODE TEACHER          what it runs of itself

A tool's seconds are the difference of two runs of different length, divided by the steps between them: they hold decoded images,
crops, losses and optimiser. The plain program has no data to load, no attention head and no metrics.
"""
import json
import resource
import statistics
import sys

import torch
import torch.nn.functional as nnf

from common import BATCH, HEAD, ROUNDS, SIZE, Tools, child, count, network, row, timed

IMAGES = 5  # a class


def plain(mode, teacher):
    net = network(teacher)
    x = torch.randn(BATCH, 3, SIZE, SIZE)
    if mode in ("relabel", "validation"):
        net.train(mode == "relabel")

        def step():
            with torch.no_grad():
                net(x)
    else:
        net.train().requires_grad_(True)
        optim = torch.optim.SGD(net.parameters(), 0.01, 0.9) if mode == "teacher" else torch.optim.AdamW(net.parameters(), 1e-3)
        with torch.no_grad():
            target = net(x).softmax(1)

        def step():
            optim.zero_grad()
            logits = net(x)
            loss = nnf.cross_entropy(logits, target.argmax(1)) if mode == "teacher" else nnf.kl_div(logits.log_softmax(1), target)
            loss.backward()
            optim.step()

    return {"seconds": timed(step, 4), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def per_step(tools, steps, short, long):
    a = tools.run(*short)
    return (tools.run(*long) - a) / steps


def main():
    if sys.argv[1] == "--plain":
        print(json.dumps(plain(*sys.argv[2:])))
        return
    folder, work, shard, arch = sys.argv[1:]
    tools = Tools(folder, work)
    teacher, images = tools.path(f"{arch}.fd2"), tools.path(f"{arch}-images.tar")
    tools.run("fd2-teacher", "-a", arch, "-s", SIZE, "-b", BATCH, "-e", 1, "-o", teacher, shard)
    tools.run("fd2-distill", "-t", teacher, "-n", IMAGES, "--plain", "--steps", 0, "-o", images, shard)
    batches, real = count(images) / BATCH, count(shard) / BATCH
    labels = tools.path("labels.fd2")
    tools.run("fd2-relabel", "-t", teacher, "-b", BATCH, "-e", 6, "--bn", "eval", "-o", labels, images)

    def train(epochs):
        return ("fd2-teacher", "-a", arch, "-s", SIZE, "-b", BATCH, "-e", epochs, "-o", tools.path("t.fd2"), shard)

    def relabel(epochs):
        return ("fd2-relabel", "-t", teacher, "-b", BATCH, "-e", epochs, "--bn", "eval", "-o", tools.path("l.fd2"), images)

    def student(epochs, every):
        return ("fd2-eval", "-a", arch, "--labels", labels, "--val", shard, "--val-every", every, "-e", epochs, "-o", tools.path("r.json"), images)

    measured = {
        "teacher": lambda: per_step(tools, 2 * real, train(1), train(3)),
        "student": lambda: per_step(tools, 4 * batches, student(2, 99), student(6, 99)),
        "relabel": lambda: per_step(tools, 16 * batches, relabel(4), relabel(20)),
        "validation": lambda: per_step(tools, 4 * real, student(5, 99), student(5, 1)),
    }
    seconds, memory, reference = {}, {}, {}
    for _ in range(ROUNDS):
        for mode, run in measured.items():
            seconds.setdefault(mode, []).append(run())
            memory[mode] = tools.peak
            reference.setdefault(mode, {"seconds": []})
            got = child(__file__, "--plain", mode, teacher)
            reference[mode]["seconds"] += got["seconds"]
            reference[mode]["memory"] = got["memory"]
    print(f"\n{arch}, {BATCH} images of {SIZE}x{SIZE}: other steps, fd2 in bf16 where the CPU has it\n{HEAD}")
    for mode in measured:
        base = statistics.median(reference[mode]["seconds"])
        row(f"fd2 {mode}", seconds[mode], base, memory[mode])
        row(f"plain {mode}, f32", reference[mode]["seconds"], base, reference[mode]["memory"])


if __name__ == "__main__":
    main()
