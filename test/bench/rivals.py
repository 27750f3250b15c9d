"""What fd2 is compared with: the same computations in PyTorch, from what a beginner writes to the
best that a careful user would.

usage: rivals.py distill LOG IMAGES RIVAL... -- ARCH WEIGHTS [ARCH WEIGHTS]...
       rivals.py teacher|student|relabel|validation - - RIVAL... -- ARCH WEIGHTS
       rivals.py floor forward|images|weights f32|bf16 PARTS -- ARCH WEIGHTS [ARCH WEIGHTS]...

prints JSON: of each rival its seconds, its peak memory in MiB and, of distilling, its losses; or
why it cannot run here.

Distilling replays the views that fd2-distill logged, from the same first images, so that losses
must be fd2's. The views themselves and the optimiser stand outside of what is compiled, the loss
within. The other steps are on tensors that lie ready: no data is loaded, and there is no attention
head and no metric. Students and labels see a batch in two halves, as in fd2. The floor is the
network's convolutions alone, one after another, channels-last. COMPILE in the environment names the
modes that are compiled, too, which takes minutes each; by default all are.
"""

import functools
import json
import os
import statistics
import sys
import tarfile
import time

import torch
import torch.nn.functional as nnf
import torchvision

from common import BATCH, CUDA, DEVICE, SIZE, network, own_peak, reset_peak, timed, wait

# Name: arithmetic, and how a step is run.
PLAIN = "plain PyTorch, f32"
RIVALS = {
    PLAIN: ("f32", "plain"),
    "channels-last, f32": ("f32", "eager"),
    "channels-last, bf16 autocast": ("bf16", "eager"),
    "torch.compile, f32": ("f32", "compile"),
    "torch.compile, bf16 autocast": ("bf16", "compile"),
}
if CUDA:
    RIVALS.update(
        {"CUDA graph, f32": ("f32", "graph"), "CUDA graph, bf16 autocast": ("bf16", "graph")}
    )
COMPILED = os.environ.get("COMPILE", "distill teacher student relabel validation").split()
STEPS = 4
R_BN, LR = 0.01, 0.25  # of sre2l++ and fadrm+
MEAN, STD = (
    torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
)


def names(mode):
    """The rivals of a mode."""
    return [name for name, (_, how) in RIVALS.items() if how != "compile" or mode in COMPILED]


class Rival:
    def __init__(self, name):
        self.dtype, self.how = RIVALS[name]
        self.careful = self.how != "plain"
        self.optim = {"fused": True} if self.careful else {}
        self.warm = 2 if self.how == "compile" else 1  # calls that do not count
        torch.backends.cudnn.benchmark = self.careful
        # What torch.compile does best where weights are constants.
        torch._inductor.config.freezing = self.how == "compile"

    def lay(self, x):
        """A network or images in the rival's layout."""
        return x.to(memory_format=torch.channels_last) if self.careful else x

    def cast(self):
        return torch.autocast(
            DEVICE, torch.bfloat16, enabled=self.dtype == "bf16", cache_enabled=self.how != "graph"
        )

    def ready(self, f, *sample):
        """f with autocast, compiled or recorded; f's arguments are always like the sample."""

        @functools.wraps(f)
        def cast(*args):
            with self.cast():
                return f(*args)

        if self.how == "compile":
            return torch.compile(
                cast, fullgraph=True, mode="reduce-overhead" if CUDA else "default"
            )
        if self.how == "graph":
            return torch.cuda.make_graphed_callables(cast, sample)
        return cast


def read_images(path):
    """The first image of each class."""
    with tarfile.open(path) as tar:
        jpegs = [
            torch.frombuffer(bytearray(tar.extractfile(m).read()), dtype=torch.uint8)
            for m in tar
            if m.name.endswith("/0001.jpg")
        ]
    return (torch.stack([torchvision.io.decode_jpeg(j) for j in jpegs]).float() / 255 - MEAN) / STD


def view(x, box):
    left, top, w, h, flip, roll_y, roll_x = box
    x = nnf.interpolate(
        x[:, :, top : top + h, left : left + w],
        size=(SIZE, SIZE),
        mode="bilinear",
        align_corners=False,
    )
    return torch.roll(x.flip(3) if flip else x, (roll_y, roll_x), (2, 3))


def bn_terms(net, careful):
    """A list that each pass of the network adds the terms of the BN loss to."""
    terms = []

    def hook(module, args, out):
        u = args[0]
        if careful:
            var, mean = torch.var_mean(u.float(), (0, 2, 3), correction=0)
        else:
            mean, var = u.mean([0, 2, 3]), u.permute(1, 0, 2, 3).reshape(u.size(1), -1).var(
                1, unbiased=False
            )
        terms.append(
            torch.norm(module.running_var - var, 2) + torch.norm(module.running_mean - mean, 2)
        )

    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(hook)
    return terms


def loss_of(rival, net, sample):
    labels, terms = torch.arange(BATCH, device=DEVICE), bn_terms(net, rival.careful)

    def loss(seen):
        terms.clear()
        ce = nnf.cross_entropy(net(seen).float(), labels)
        return ce + R_BN * (10 * terms[0] + sum(terms[1:]))

    return rival.ready(loss, sample)


def distill(rival, log, images, *nets):
    x = rival.lay(read_images(images).to(DEVICE)).requires_grad_(True)
    lo, hi = (-MEAN / STD).to(DEVICE), ((1 - MEAN) / STD).to(DEVICE)
    losses_of = [loss_of(rival, n, torch.randn_like(x).requires_grad_(True)) for n in nets]
    with open(log) as f:
        steps = [e for e in map(json.loads, f) if e["event"] == "step"][
            : (STEPS + rival.warm) * len(nets)
        ]
    optim = torch.optim.Adam([x], lr=LR, betas=(0.5, 0.9), eps=1e-8, **rival.optim)
    losses, left = [], iter(steps)

    def round_of_teachers():
        for _ in nets:
            step = next(left)
            optim.param_groups[0]["lr"] = step["lr"]
            optim.zero_grad()
            loss = losses_of[step.get("teacher", 0)](view(x, step["view"]))
            loss.backward()
            optim.step()
            x.data = torch.clamp(x.data, lo, hi)
            losses.append(loss.detach())

    seconds = timed(round_of_teachers, STEPS, rival.warm)
    return {"seconds": [s / len(nets) for s in seconds], "losses": [v.item() for v in losses]}


def train(rival, net, x, mode):
    halves = x.chunk(1 if mode == "teacher" else 2)
    net.train()
    with torch.no_grad():
        target = net(halves[0]).softmax(1)
    net.requires_grad_(True)
    labels = target.argmax(1)
    new = torch.optim.SGD if mode == "teacher" else torch.optim.AdamW
    optim = new(
        net.parameters(), 0.001, **({"momentum": 0.9} if mode == "teacher" else {}), **rival.optim
    )
    if rival.how == "graph":
        with rival.cast():
            logits_of = torch.cuda.make_graphed_callables(net, (halves[0],))
    else:
        logits_of = net

    def loss(half):
        logits = logits_of(half).float()
        return (
            nnf.cross_entropy(logits, labels)
            if mode == "teacher"
            else nnf.kl_div(logits.log_softmax(1), target, reduction="batchmean")
        )

    # The network alone is recorded, since its weights need gradients.
    loss = loss if rival.how == "graph" else rival.ready(loss, halves[0])

    def step():
        optim.zero_grad()
        for half in halves:
            (loss(half) / len(halves)).backward()
        optim.step()

    return step


def infer(rival, net, x, mode):
    halves = x.chunk(2 if mode == "relabel" else 1)
    net.train(mode == "relabel")
    with torch.no_grad():
        logits_of = rival.ready(net.forward, halves[0])

    def step():
        with torch.no_grad():
            for half in halves:
                logits_of(half)

    return step


def other(mode, rival, net):
    torch._inductor.config.freezing &= mode == "validation"
    x = rival.lay(torch.randn(BATCH, 3, SIZE, SIZE, device=DEVICE))
    make = train if mode in ("teacher", "student") else infer
    return {"seconds": timed(make(rival, net, x, mode), 20 if CUDA else STEPS, rival.warm)}


GRADIENTS = {"forward": None, "images": [True, False, False], "weights": [True, True, False]}


def floor(gradients, dtype, parts, net):
    """Every convolution, one after another: forward, and the gradients that are wanted; for a batch
    in so many parts."""
    calls, parts = [], int(parts)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda m, args, out: calls.append((m, args[0].shape, out.shape))
            )
    with torch.no_grad():
        net(torch.randn(BATCH // parts, 3, SIZE, SIZE, device=DEVICE))
    last = {
        "device": DEVICE,
        "dtype": {"f32": torch.float32, "bf16": torch.bfloat16}[dtype],
        "memory_format": torch.channels_last,
    }
    runs = [
        (m, torch.randn(i).to(**last), m.weight.to(**last), torch.randn(o).to(**last))
        for m, i, o in calls
    ]

    def convolutions():
        for _ in range(parts):
            for m, x, w, dy in runs:
                torch.conv2d(x, w, None, m.stride, m.padding, m.dilation, m.groups)
                if GRADIENTS[gradients]:
                    torch.ops.aten.convolution_backward(
                        dy,
                        x,
                        w,
                        None,
                        m.stride,
                        m.padding,
                        m.dilation,
                        False,
                        [0, 0],
                        m.groups,
                        GRADIENTS[gradients],
                    )

    start = time.process_time()
    seconds = timed(convolutions, 4)
    return {"seconds": statistics.median(seconds), "cpu": (time.process_time() - start) / 5}


def measure(name, mode, log, images, pairs):
    rival = Rival(name)
    nets = [rival.lay(network(*pair)) for pair in pairs]
    reset_peak()
    got = distill(rival, log, images, *nets) if mode == "distill" else other(mode, rival, *nets)
    wait()
    return {**got, "memory": own_peak()}


def main():
    mode, a, b, *rest = sys.argv[1:]
    cut = rest.index("--")
    pairs = list(zip(rest[cut + 1 :: 2], rest[cut + 2 :: 2]))
    if mode == "floor":
        floors = [floor(a, b, rest[0], network(*pair)) for pair in pairs]
        print(json.dumps({k: statistics.fmean(f[k] for f in floors) for k in ("seconds", "cpu")}))
        return
    seen = {}
    for name in rest[:cut]:
        try:
            seen[name] = measure(name, mode, a, b, pairs)
        except Exception as e:  # torch.compile wants a compiler, and a GPU may be full
            seen[name] = {"failed": str(e).strip().split("\n")[0][:200]}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
