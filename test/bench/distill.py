"""The distillation iteration: fd2-distill against a plain PyTorch program of the same method, in turn, on the same images and views.

usage: distill.py BIN WORK SHARD ARCH       prints the table of SRe2L++
       distill.py BIN WORK SHARD ARCH...    that of FADRM+ with several teachers in turn, which the table of each left in WORK
       distill.py --plain|--floor ...       what it runs of itself, each in a process of its own

The plain program is what users have: f32, a hook on every BatchNorm, autograd, torch.optim.Adam. It replays the views that
fd2-distill logged, from the same first images, so its losses must be fd2's. The floor is the network's convolutions alone: forward and
input gradient, channels-last.
"""
import json
import os
import statistics
import sys
import tarfile
import time

import torch
import torch.nn.functional as nnf
import torchvision

from common import BATCH, DEVICE, HEAD, ROUNDS, SIZE, Tools, child, few, network, own_peak, row, timed, wait

STEPS, PLAIN_STEPS = 12, 5
R_BN, LR = 0.01, 0.25  # fd2-distill's defaults
MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
BASE = ["--plain", "--dtype", "f32"]
VARIANTS = {"fd2 SRe2L++, f32": BASE, "fd2 SRe2L++, bf16": ["--plain", "--dtype", "bf16"],
            "fd2 +FD2 (L_F, L_cls), f32": ["--dtype", "f32"], "fd2 +FD2 (L_F, L_cls), bf16": ["--dtype", "bf16"]}
# L_S compares an image with the earlier ones of its group: measured at the third image, so with two of them.
VIEWS = {f"fd2 +FD2, L_S {view}, bf16": ["--dtype", "bf16", "--ls-view", view] for view in ("same", "once", "literal", "plain")}


# From the same first images, at one size and without a residual connection.
IN_TURN = ["--method", "fadrm+", "--sizes", SIZE]
FADRM = {"fd2 FADRM+, f32": IN_TURN + BASE, "fd2 FADRM+, bf16": IN_TURN + ["--plain", "--dtype", "bf16"],
         "fd2 FADRM+, +FD2, bf16": IN_TURN + ["--dtype", "bf16"]}


def read_images(path):
    with tarfile.open(path) as tar:
        jpegs = [torch.frombuffer(bytearray(tar.extractfile(m).read()), dtype=torch.uint8) for m in tar
                 if m.name.endswith("/0001.jpg")]
    return (torch.stack([torchvision.io.decode_jpeg(j) for j in jpegs]).float() / 255 - MEAN) / STD


def view(x, box):
    left, top, w, h, flip, roll_y, roll_x = box
    x = nnf.interpolate(x[:, :, top:top + h, left:left + w], size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return torch.roll(x.flip(3) if flip else x, (roll_y, roll_x), (2, 3))


def plain(images, log, *teachers):
    nets, x = [network(t) for t in teachers], read_images(images).to(DEVICE).requires_grad_(True)
    lo, hi, terms = (-MEAN / STD).to(DEVICE), ((1 - MEAN) / STD).to(DEVICE), []

    def hook(module, args, out):
        u = args[0]
        mean, var = u.mean([0, 2, 3]), u.permute(1, 0, 2, 3).reshape(u.size(1), -1).var(1, unbiased=False)
        terms.append(torch.norm(module.running_var - var, 2) + torch.norm(module.running_mean - mean, 2))

    for net in nets:
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.register_forward_hook(hook)
    steps = [e for e in map(json.loads, open(log)) if e["event"] == "step"][:1 + (PLAIN_STEPS - 1) * len(nets)]
    labels, optim = torch.arange(BATCH, device=DEVICE), torch.optim.Adam([x], lr=LR, betas=(0.5, 0.9), eps=1e-8)
    seconds, losses = [], []
    for step in steps:
        start = time.perf_counter()
        optim.param_groups[0]["lr"] = step["lr"]
        optim.zero_grad()
        terms.clear()
        logits = nets[step.get("teacher", 0)](view(x, step["view"]))
        loss = nnf.cross_entropy(logits, labels) + R_BN * (10 * terms[0] + sum(terms[1:]))
        loss.backward()
        optim.step()
        x.data = torch.max(torch.min(x.data, hi), lo)
        losses.append(loss.item())
        wait()
        seconds.append(time.perf_counter() - start)
    return {"seconds": rounds(seconds[1:], len(nets)), "losses": losses, "memory": own_peak()}


def rounds(seconds, n):
    """Means over n steps that follow one another: a step of each teacher."""
    return [statistics.fmean(seconds[i:i + n]) for i in range(0, len(seconds) - n + 1, n)]


GRADIENTS = {"forward": None, "images": [True, False, False], "weights": [True, True, False]}


def floor(teacher, dtype, gradients="images"):
    """Every convolution, one after another: forward, and the gradients that are wanted."""
    net, calls = network(teacher), []
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda m, args, out: calls.append((m, args[0].shape, out.shape)))
    with torch.no_grad():
        net(torch.randn(BATCH, 3, SIZE, SIZE, device=DEVICE))
    last = {"device": DEVICE, "dtype": getattr(torch, dtype), "memory_format": torch.channels_last}
    runs = [(m, torch.randn(i).to(**last), m.weight.to(**last), torch.randn(o).to(**last)) for m, i, o in calls]

    def convolutions():
        for m, x, w, dy in runs:
            torch.conv2d(x, w, None, m.stride, m.padding, m.dilation, m.groups)
            if GRADIENTS[gradients]:
                torch.ops.aten.convolution_backward(dy, x, w, None, m.stride, m.padding, m.dilation, False, [0, 0], m.groups,
                                                    GRADIENTS[gradients])

    return {"seconds": timed(convolutions, 4)}


def ours(tools, teachers, first, images, *options):
    """Seconds and losses of the steps of the last image."""
    options += tuple(o for t in teachers for o in ("-t", t))
    log = tools.path("bench.log")
    if os.path.exists(log):
        os.remove(log)
    tools.run("fd2-distill", "-b", BATCH, "--classes", f"0-{BATCH - 1}", "-n", images, "--steps", STEPS * len(teachers), "--log", log,
              "--log-every", 1, "--init-images", first, "-o", tools.path("bench.tar"), *options)
    steps = [e for e in map(json.loads, open(log)) if e["event"] == "step" and e["image"] == images]
    seconds = rounds([b["t"] - a["t"] for a, b in zip(steps[1:], steps[2:])], len(teachers))
    return {"seconds": seconds, "losses": [e["loss"]["total"] for e in steps],
            "memory": tools.peak}


def prepare(tools, shard, arch, first):
    """A teacher of a few steps, and the images that every run starts from."""
    teacher, real = tools.path(f"{arch}.fd2"), few(tools, shard)
    tools.run("fd2-teacher", "-a", arch, "-s", SIZE, "-b", BATCH, "-e", 2, "-o", teacher, real)
    if not os.path.exists(first):
        tools.run("fd2-distill", "-t", teacher, "-b", BATCH, "--classes", f"0-{BATCH - 1}", "-n", 3, *BASE, "--steps", 0, "-o", first, real)


def measure(tools, teachers, first, variants, views):
    seen, plain = {}, "plain PyTorch, f32"

    def add(name, got):
        seen.setdefault(name, {"seconds": []})["seconds"] += got["seconds"]
        seen[name].update(losses=got["losses"], memory=got["memory"])

    for round in range(ROUNDS):
        for name, options in variants.items():
            add(name, ours(tools, teachers, first, 1, *options))
        for name, options in views.items() if not round else ():
            add(name, ours(tools, teachers, first, 3, *options))
        ours(tools, teachers, first, 1, *next(iter(variants.values()))) # its log holds the views
        add(plain, child(__file__, "--plain", first, tools.path("bench.log"), *teachers))
    return seen, statistics.median(seen[plain]["seconds"])


def main():
    if sys.argv[1] in ("--plain", "--floor"):
        print(json.dumps({"--plain": plain, "--floor": floor}[sys.argv[1]](*sys.argv[2:])))
        return
    folder, work, shard, *archs = sys.argv[1:]
    tools = Tools(folder, work)
    first = tools.path("first.tar")
    if len(archs) == 1:
        prepare(tools, shard, archs[0], first)
    teachers = [tools.path(f"{a}.fd2") for a in archs]
    variants, views = (VARIANTS, VIEWS if archs == ["resnet18"] else {}) if len(archs) == 1 else (FADRM, {})
    seen, base = measure(tools, teachers, first, variants, views)
    floors = {dtype: statistics.fmean(statistics.median(child(__file__, "--floor", t, dtype)["seconds"]) for t in teachers)
              for dtype in ("float32", "bfloat16")}
    print(f"\n{', '.join(archs)}, {BATCH} images of {SIZE}x{SIZE}: an iteration of fd2-distill\n{HEAD}")
    for name, s in seen.items():
        row(name, s["seconds"], base, s["memory"], floors["bfloat16" if "bf16" in name else "float32"])
    print(f"convolutions alone: f32 {floors['float32']:.3f} s, bf16 {floors['bfloat16']:.3f} s")
    pairs = list(zip(seen[next(iter(variants))]["losses"], seen["plain PyTorch, f32"]["losses"]))
    print("losses, fd2 f32 and plain: " + ", ".join(f"{a:.3f} {b:.3f}" for a, b in pairs), flush=True)
    if abs(pairs[0][0] / pairs[0][1] - 1) > 1e-3:
        sys.exit("the first losses differ: not the same computation")


if __name__ == "__main__":
    main()
