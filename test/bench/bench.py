"""`make bench`: fd2-distill against a plain PyTorch program of the same method, in turn in one run, on the same images and views.

usage: bench.py BIN WORK SHARD [ARCH...]      prints the table
       bench.py --plain|--floor ...           what it runs of itself, each in a process of its own

The plain program is what users have: f32, a hook on every BatchNorm, autograd, torch.optim.Adam. It replays the views that
fd2-distill logged, from the same first images, so its losses must be fd2's. The floor is the network's convolutions alone: forward and
input gradient, channels-last.
"""
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import time

import msgpack
import msgpack_numpy
import numpy as np
import torch
import torch.nn.functional as nnf
import torchvision

SIZE, BATCH, STEPS, PLAIN_STEPS, ROUNDS = 224, 20, 12, 5, 3
R_BN, LR = 0.01, 0.25  # fd2-distill's defaults
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def read_stream(path):
    tensors, meta = {}, {}
    with open(path, "rb") as f:
        for record in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0):
            meta = record.get("meta", meta)
            if "name" in record:
                tensors[record["name"]] = torch.from_numpy(np.array(record["value"]))
    return meta, tensors


def read_images(path):
    with tarfile.open(path) as tar:
        arrays = [np.load(io.BytesIO(tar.extractfile(m).read())) for m in tar if m.name.endswith(".npy")]
    return (torch.from_numpy(np.stack(arrays)).float() - MEAN) / STD


def network(teacher):
    meta, tensors = read_stream(teacher)
    net = getattr(torchvision.models, meta["arch"])(num_classes=len(meta["classes"]))
    net.load_state_dict({n: t for n, t in tensors.items() if not n.startswith("cal.")})
    return net.eval().requires_grad_(False)


def view(x, box):
    left, top, w, h, flip, roll_y, roll_x = box
    x = nnf.interpolate(x[:, :, top:top + h, left:left + w], size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return torch.roll(x.flip(3) if flip else x, (roll_y, roll_x), (2, 3))


def plain(teacher, images, log):
    net, x = network(teacher), read_images(images).requires_grad_(True)
    terms = []

    def hook(module, args, out):
        u = args[0]
        mean, var = u.mean([0, 2, 3]), u.permute(1, 0, 2, 3).reshape(u.size(1), -1).var(1, unbiased=False)
        terms.append(torch.norm(module.running_var - var, 2) + torch.norm(module.running_mean - mean, 2))

    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(hook)
    steps = [e for e in map(json.loads, open(log)) if e["event"] == "step"][:PLAIN_STEPS]
    labels, optim = torch.arange(BATCH), torch.optim.Adam([x], lr=LR, betas=(0.5, 0.9), eps=1e-8)
    seconds, losses = [], []
    for step in steps:
        start = time.perf_counter()
        optim.param_groups[0]["lr"] = step["lr"]
        optim.zero_grad()
        terms.clear()
        logits = net(view(x, step["view"]))
        loss = nnf.cross_entropy(logits, labels) + R_BN * (10 * terms[0] + sum(terms[1:]))
        loss.backward()
        optim.step()
        x.data = torch.max(torch.min(x.data, (1 - MEAN) / STD), -MEAN / STD)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[1:], "losses": losses}


def floor(teacher, dtype):
    """Forward and input gradient of every convolution, one after another."""
    net, calls = network(teacher), []
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda m, args, out: calls.append((m, args[0].shape, out.shape)))
    with torch.no_grad():
        net(torch.randn(BATCH, 3, SIZE, SIZE))
    last = {"dtype": getattr(torch, dtype), "memory_format": torch.channels_last}
    runs = [(m, torch.randn(i).to(**last), m.weight.to(**last), torch.randn(o).to(**last)) for m, i, o in calls]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        for m, x, w, dy in runs:
            torch.conv2d(x, w, None, m.stride, m.padding, m.dilation, m.groups)
            torch.ops.aten.convolution_backward(dy, x, w, None, m.stride, m.padding, m.dilation, False, [0, 0], m.groups,
                                                [True, False, False])
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[1:]}


def child(mode, *args):
    out = subprocess.run([sys.executable, __file__, mode, *args], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def ours(fd2, work, teacher, shard, *options):
    log = os.path.join(work, "bench.log")
    if os.path.exists(log):
        os.remove(log)
    subprocess.run([os.path.join(fd2, "fd2-distill"), "-q", "-t", teacher, "-b", str(BATCH), "--classes", f"0-{BATCH - 1}", "-n", "1",
                    "--steps", str(STEPS), "--log", log, "--log-every", "1", "-o", os.path.join(work, "bench.tar"), *options, shard], check=True)
    steps = [e for e in map(json.loads, open(log)) if e["event"] == "step"]
    return {"seconds": [b["t"] - a["t"] for a, b in zip(steps[1:], steps[2:])], "losses": [e["loss"]["total"] for e in steps]}, log


def row(name, seconds, plain_median, floor_median):
    median = statistics.median(seconds)
    print(f"{name:<34} {min(seconds):7.3f} {median:7.3f} {max(seconds):7.3f} {plain_median / median:7.2f}x {100 * floor_median / median:7.0f} %")


def architecture(fd2, work, shard, arch):
    tool = lambda name: os.path.join(fd2, name)
    teacher, first = os.path.join(work, f"{arch}.fd2"), os.path.join(work, f"{arch}-first.tar")
    subprocess.run([tool("fd2-teacher"), "-q", "-a", arch, "-s", str(SIZE), "-b", "20", "-e", "1", "-o", teacher, shard], check=True)
    common = ["-t", teacher, "-b", str(BATCH), "--classes", f"0-{BATCH - 1}", "-n", "1"]
    subprocess.run([tool("fd2-distill"), "-q", *common, "--plain", "--steps", "0", "--pixels", "f16", "--dtype", "f32", "-o", first, shard], check=True)
    variants = {"fd2 SRe2L++, f32": ["--plain", "--dtype", "f32"], "fd2 SRe2L++, bf16": ["--plain", "--dtype", "bf16"],
                "fd2 +FD2 (L_F, L_cls), f32": ["--dtype", "f32"], "fd2 +FD2 (L_F, L_cls), bf16": ["--dtype", "bf16"]}
    seconds, memory, losses = {}, {}, {}
    for _ in range(ROUNDS):
        for name, options in variants.items():
            got, log = ours(fd2, work, teacher, shard, *options)
            seconds.setdefault(name, []).extend(got["seconds"])
            losses[name] = got["losses"]
        ours(fd2, work, teacher, shard, "--plain", "--dtype", "f32")
        reference = child("--plain", teacher, first, log)
        seconds.setdefault("plain PyTorch, f32", []).extend(reference["seconds"])
        losses["plain PyTorch, f32"] = reference["losses"]
    floors = {dtype: statistics.median(child("--floor", teacher, dtype)["seconds"]) for dtype in ("float32", "bfloat16")}
    print(f"\n{arch}, {BATCH} images of {SIZE}x{SIZE}: an iteration\n{'':<34} {'min s':>7} {'median':>7} {'max':>7} {'ratio':>8} {'floor':>9}")
    base = statistics.median(seconds["plain PyTorch, f32"])
    for name in seconds:
        dtype = "bfloat16" if "bf16" in name else "float32"
        row(name, seconds[name], base, floors[dtype])
    print(f"convolutions alone: f32 {floors['float32']:.3f} s, bf16 {floors['bfloat16']:.3f} s")
    pairs = zip(losses["fd2 SRe2L++, f32"], losses["plain PyTorch, f32"])
    print("losses, fd2 f32 and plain: " + ", ".join(f"{a:.3f} {b:.3f}" for a, b in pairs))
    off = abs(losses["fd2 SRe2L++, f32"][0] / losses["plain PyTorch, f32"][0] - 1)
    if off > 1e-3:
        sys.exit(f"the first losses differ by {off:.1e}: not the same computation")


def main():
    if sys.argv[1] in ("--plain", "--floor"):
        print(json.dumps({"--plain": plain, "--floor": floor}[sys.argv[1]](*sys.argv[2:])))
        return
    fd2, work, shard, archs = *sys.argv[1:4], sys.argv[4:] or ["resnet18"]
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.processor())
    print(f"""Made by `make bench`: {len(os.sched_getaffinity(0))} cores of {cpu}, torch {torch.__version__}. Seconds of one iteration, in turn in one
run; ratio: how many times faster than plain PyTorch; floor: the share of it that its convolutions alone would take.""")
    for arch in archs:
        architecture(fd2, work, shard, arch)


if __name__ == "__main__":
    main()
