"""Steps of training and labelling: fd2's tools, with all that they do, against plain f32 PyTorch on tensors that lie ready.

usage: training.py BIN WORK SHARD ARCH           prints the table, with the teacher that distill.py left in WORK
       training.py --plain MODE TEACHER          what it runs of itself

A tool's seconds are the difference of two runs of different length, divided by the steps between them: they hold decoded images,
crops, losses and optimiser. The plain program has no data to load, no attention head and no metrics.
"""
import json
import os
import statistics
import sys

import torch
import torch.nn.functional as nnf

from common import BATCH, DEVICE, HEAD, IMAGES, ROUNDS, SIZE, Tools, child, count, few, network, own_peak, row, timed


def plain(mode, teacher):
    net = network(teacher)
    x = torch.randn(BATCH, 3, SIZE, SIZE, device=DEVICE)
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

    return {"seconds": timed(step, 4), "memory": own_peak()}


def per_step(tools, steps, short, long):
    a = tools.run(*short)
    return (tools.run(*long) - a) / steps


def main():
    if sys.argv[1] == "--plain":
        print(json.dumps(plain(*sys.argv[2:])))
        return
    folder, work, shard, arch = sys.argv[1:]
    tools = Tools(folder, work)
    teacher, real, images = tools.path(f"{arch}.fd2"), few(tools, shard), tools.path(f"{arch}-images.tar")
    tools.run("fd2-distill", "-t", teacher, "-n", IMAGES, "--plain", "--init", "real", "--crops", 1, "--steps", 0, "-o", images, real)
    batches, labels = count(images) / BATCH, tools.path("labels.fd2")
    tools.run("fd2-relabel", "-t", teacher, "-b", BATCH, "-e", 4, "--bn", "eval", "-o", labels, images)

    def train(epochs):
        return ("fd2-teacher", "-a", arch, "-s", SIZE, "-b", BATCH, "-e", epochs, "-o", tools.path("t.fd2"), real)

    def relabel(epochs):
        return ("fd2-relabel", "-t", teacher, "-b", BATCH, "-e", epochs, "--bn", "eval", "-o", tools.path("l.fd2"), images)

    def student(epochs, every):
        return ("fd2-eval", "-a", arch, "--labels", labels, "--val", real, "--val-every", every, "-e", epochs, "-o", tools.path("r.json"), images)

    measured = {
        "teacher": lambda: per_step(tools, 3 * batches, train(1), train(4)),
        "student": lambda: per_step(tools, 3 * batches, student(1, 99), student(4, 99)),
        "relabel": lambda: per_step(tools, 12 * batches, relabel(4), relabel(16)),
        "validation": lambda: per_step(tools, 3 * batches, student(4, 99), student(4, 1)),
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
    floors = {g: statistics.median(child(os.path.join(os.path.dirname(__file__), "distill.py"), "--floor", teacher, "bfloat16", g)["seconds"])
              for g in ("forward", "weights")}
    for mode in measured:
        base = statistics.median(reference[mode]["seconds"])
        row(f"fd2 {mode}", seconds[mode], base, memory[mode], floors["weights" if mode in ("teacher", "student") else "forward"])
        row(f"plain {mode}, f32", reference[mode]["seconds"], base, reference[mode]["memory"])


if __name__ == "__main__":
    main()
