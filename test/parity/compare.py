"""The other side of `make parity`: torchvision, torch.optim, and the paper's equations in PyTorch.

usage: compare.py PROGRAM FOLDER [ARCH...]

Writes fd2's inputs into FOLDER, runs PROGRAM, prints the table, and exits 1 when a figure is over
its bound. All backbones of fd2's table (lib/nn/archs.h) are compared, or the given ones.
"""

import copy
import math
import os
import statistics
import subprocess
import sys
import zlib

import msgpack
import msgpack_numpy
import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as nnf
import torchvision

CLASSES, MAPS, ALPHA, BATCH, STEPS, SIZE = 10, 4, 0.3, 8, 20, 96
VALUE, GRADIENT = 1e-5, 1e-4
# fd2 keeps convolutions' weights and their gradients in float32 (6e-8)
VALUE_64, GRADIENT_64 = 1e-9, 1e-6
HALF = 2e-2  # bfloat16 has 8 bits: 4e-3 an operation
# A figure over its bound passes when torchvision's own rounding is at least a sixth of it.
SLACK = 6
# Inputs. The table has the worst of them in float64, and the median in float32 and bfloat16: there
# rounding decides whether a unit near 0 passes its gradient on, which now and then changes fd2's or
# torchvision's whole gradient.
REPEATS = 4
LABELS = torch.tensor([1, 3, 1, 0, 7, 9, 3, 1])  # classes that come twice and three times


# tensor streams (formats/stream/stream.md)


def stream_write(path, kind, meta, tensors):
    parts = [msgpack.packb({"format": "fd2-stream", "version": 1, "kind": kind, "meta": meta})]
    for name, t in tensors.items():
        value = msgpack_numpy.encode(np.array(t.detach().contiguous().numpy()))
        parts.append(msgpack.packb({"name": name, "value": value}))
    body = b"".join(parts)
    with open(path, "wb") as f:
        f.write(
            body + msgpack.packb({"end": True, "count": len(tensors), "crc32": zlib.crc32(body)})
        )


def stream_read(path):
    tensors = {}
    with open(path, "rb") as f:
        for record in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0):
            if "name" in record:
                tensors[record["name"]] = torch.from_numpy(np.array(record["value"]))
    return tensors


# the paper in PyTorch


class ConvNet(torch.nn.Module):
    """As dataset condensation defines it: width 128, instance norm, average pooling, a classifier
    on flattened features."""

    def __init__(self, depth, size):
        super().__init__()
        layers = []
        for i in range(depth):
            layers += [
                torch.nn.Conv2d(128 if i else 3, 128, 3, padding=1),
                torch.nn.GroupNorm(128, 128),
                torch.nn.ReLU(),
                torch.nn.AvgPool2d(2),
            ]
        self.features = torch.nn.Sequential(*layers)
        self.classifier = torch.nn.Linear(128 * (size >> depth) ** 2, CLASSES)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def backbones(program):
    """fd2's table of backbones, {name: C}."""
    lines = subprocess.run([program, "archs"], check=True, capture_output=True, text=True).stdout
    return {name: int(channels) for name, channels in map(str.split, lines.splitlines())}


def last_module(net):
    """The module whose output is F; DenseNet's F is behind a ReLU that is not a module."""
    return next(name for name in ("layer4", "conv5", "features") if hasattr(net, name))


def network(arch, size):
    if arch.startswith("convnet"):
        return ConvNet(int(arch[-1]), size)
    net = getattr(torchvision.models, arch)(num_classes=CLASSES)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return net


class Teacher(torch.nn.Module):
    def __init__(self, arch, channels, size):
        super().__init__()
        self.net = network(arch, size)
        self.last = last_module(self.net)
        self.conv = torch.nn.Conv2d(channels, MAPS, 1, bias=False)
        self.bn = torch.nn.BatchNorm2d(MAPS, eps=1e-3)
        self.fc = torch.nn.Linear(MAPS * channels, CLASSES, bias=False)
        self.register_buffer("prototypes", 0.05 * torch.randn(CLASSES, MAPS * channels))

    def pool(self, F, A):  # Eq. 3
        z = torch.einsum("bmhw,bchw->bmc", A, F).flatten(1) / (F.shape[2] * F.shape[3])
        return nnf.normalize(z.sign() * (z.abs() + 1e-6).sqrt())

    def forward(self, x):
        got = {}
        hook = getattr(self.net, self.last).register_forward_hook(
            lambda module, args, out: got.update(F=out)
        )
        got["p_bb"] = self.net(x)
        hook.remove()
        got["F"] = got["F"].relu()  # changes DenseNet's alone
        got["A"] = self.bn(self.conv(got["F"])).relu()
        got["z"] = self.pool(got["F"], got["A"])
        got["p_raw"] = self.fc(100 * got["z"])
        return got

    def effect(self, got, counterfactual):  # Eq. 4
        return got["p_raw"] - self.fc(100 * self.pool(got["F"], counterfactual))

    def named(self):
        """fd2's names of our tensors: torchvision's, and CAL's below 'cal.'."""
        ours = {
            "conv": "cal.attention.conv",
            "bn": "cal.attention.bn",
            "fc": "cal.fc",
            "prototypes": "cal.prototypes",
        }
        for name, t in {**dict(self.named_parameters()), **dict(self.named_buffers())}.items():
            head, _, rest = name.partition(".")
            yield (rest if head == "net" else ".".join(filter(None, [ours[head], rest]))), t


def bn_loss(teacher, x):
    """SRe2L++'s statistics loss by plain forward hooks; also what the pass gave."""
    terms = []

    def hook(module, args, out):
        u = args[0]
        mean, var = u.mean([0, 2, 3]), u.var([0, 2, 3], unbiased=False)
        terms.append((mean - module.running_mean).norm() + (var - module.running_var).norm())

    norms = [m for m in teacher.net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    hooks = [m.register_forward_hook(hook) for m in norms]
    got = teacher(x)
    for h in hooks:
        h.remove()
    assert len(terms) == len(norms)
    return 10 * terms[0] + sum(terms[1:]) if terms else x.new_zeros(()), got


def conv_loss(teacher, x):
    """The lengths of G-VBSM's statistics of convolutions' inputs, by plain forward hooks."""
    terms = []

    def hook(module, args, out):
        u = args[0]
        h, w = (-(-side // 16) for side in u.shape[2:])
        patches = nnf.interpolate(u, (16 * h, 16 * w), mode="bilinear")
        patches = patches.unflatten(3, (w, 16)).unflatten(2, (h, 16)).permute(2, 4, 0, 1, 3, 5)
        patches = patches.flatten(2).flatten(0, 1)
        terms.extend(
            t.norm()
            for t in (
                u.mean([0, 2, 3]),
                u.var([0, 2, 3], unbiased=False),
                patches.mean(1),
                patches.var(1, unbiased=False),
            )
        )

    convs = [m for m in teacher.net.modules() if isinstance(m, torch.nn.Conv2d)]
    hooks = [m.register_forward_hook(hook) for m in convs]
    teacher(x)
    for h in hooks:
        h.remove()
    assert len(terms) == 4 * len(convs)
    return sum(terms)


def l2(u, v):
    return (u - v).norm(dim=-1) / (u.norm(dim=-1) + v.norm(dim=-1) + 1e-8)


def loss_F(z, prototypes, beta=0.5):  # Eq. 9
    d = torch.stack([l2(z, c.expand_as(z)) for c in prototypes], 1)
    own = nnf.one_hot(LABELS, CLASSES).bool()
    return (beta * d[own] + (1 - beta) * (1 - d[~own].view(BATCH, -1).mean(1))).mean()


def evaluation(teacher, x):
    teacher.eval()
    x = x.clone().requires_grad_(True)
    r_bn, got = bn_loss(teacher, x)
    r_conv = conv_loss(teacher, x)
    ce = nnf.cross_entropy
    cls = (1 - ALPHA) * ce(got["p_bb"], LABELS) + ALPHA * ce(got["p_raw"], LABELS)  # Eq. 11
    losses = {
        "R_BN": r_bn,
        "R_conv": r_conv,
        "L_cls": cls,
        "R_BN + L_cls": r_bn + cls,
        "L_F": loss_F(got["z"], teacher.prototypes),
    }
    values = {k: got[k] for k in ("F", "A", "z", "p_bb", "p_raw")}
    values |= {"p_eff": teacher.effect(got, torch.ones_like(got["A"])), "R_BN": r_bn}
    values |= {"R_conv": r_conv, "L_cls": cls}
    grads = {
        f"dx {k}": torch.autograd.grad(v, x, retain_graph=True)[0]
        for k, v in losses.items()
        if v.requires_grad
    }
    return values | grads


def training(teacher, x, counterfactual):
    teacher.train()
    got = teacher(x)
    ce = lambda p: nnf.cross_entropy(p, LABELS, label_smoothing=0.1)
    center = (got["z"] - nnf.normalize(teacher.prototypes)[LABELS]).square().sum(1).mean()  # Eq. 5
    cal = ce(got["p_raw"]) + ce(teacher.effect(got, counterfactual)) + center  # Eq. 6
    loss = (1 - ALPHA) * ce(got["p_bb"]) + ALPHA * cal  # Eq. 8
    loss.backward()
    with torch.no_grad():
        for label, z in zip(LABELS, got["z"]):
            teacher.prototypes[label] = 0.95 * teacher.prototypes[label] + 0.05 * z
    values = {"L_pre": loss}
    for name, t in teacher.named():
        values["after " + name] = t
        if t.requires_grad:
            values["grad " + name] = t.grad
    return values


# comparing


def error(a, b, least=1e-30):
    """|a - b| / |b| over all elements (|b| at least `least`); infinite if the shapes differ."""
    if a.shape != b.shape:
        return math.inf
    a, b = a.detach().double(), b.detach().double()
    e = ((a - b).norm() / b.norm().clamp_min(least)).item()
    return math.inf if math.isnan(e) else e


def errors(got, want):
    """Of every value of one pass. A gradient that should be 0, as of a bias before a norm, is
    measured by the largest of all."""
    missing = set(want) - set(got)
    if missing:
        sys.exit(f"fd2 did not write {sorted(missing)}")
    largest = max((t.norm().item() for n, t in want.items() if n.startswith("grad ")), default=0)
    e = {
        n: error(got[n], t, 1e-3 * largest if n.startswith("grad ") else 1e-30)
        for n, t in want.items()
    }
    if largest:
        whole = [
            torch.cat([t[n].double().flatten() for n in want if n.startswith("grad ")])
            for t in (got, want)
        ]
        e["all gradients"] = error(*whole)
    return e


def summary(runs, statistic):
    return {name: statistic(run[name] for run in runs) for name in runs[0]}


class Table:
    def __init__(self):
        self.over = self.rounded = 0

    def head(self, text):
        print(f"\n{text:<44} {'fd2':>10} {'bound':>10} {'rounding':>10}")

    def row(self, name, e, bound, rounding=0.0):
        note = ""
        if not e <= bound:
            by_rounding = e <= SLACK * rounding
            self.rounded += by_rounding
            self.over += not by_rounding
            note = "  rounding" if by_rounding else "  OVER"
        rounding = f"{rounding:10.1e}" if rounding else f"{'':>10}"
        print(f"{name:<44} {e:10.1e} {bound:10.0e} {rounding}{note}".rstrip())


# Statistics near what the images give, as a trained network has them, yet off by a third.
def random_statistics(teacher, x):
    norms = [m for m in teacher.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for m in norms:
        torch.nn.init.uniform_(m.weight, 0.5, 1.5)
        torch.nn.init.normal_(m.bias, 0, 0.2)
        m.momentum = 1.0
    with torch.no_grad():
        teacher.train()(x)
    for m in norms:
        m.momentum = 0.1
        m.running_mean += 0.3 * m.running_var.sqrt() * torch.randn_like(m.running_mean)
        m.running_var *= torch.empty_like(m.running_var).uniform_(0.7, 1.4)
        m.num_batches_tracked.fill_(17)


TRAINED = (
    ("gradients", "grad ", "", True),
    ("running means", "after ", "running_mean", False),
    ("running variances", "after ", "running_var", False),
    ("batches counted", "after ", "num_batches_tracked", False),
    ("prototypes", "after ", "prototypes", False),
)


def rows(table, title, e, rounding, value, gradient):
    """e, rounding: the errors by name; rounding None: there is none to tell."""
    table.head(title)
    for name in e:
        if not name.startswith(("grad ", "after ")):
            bound = gradient if name.startswith(("dx ", "all ")) else value
            table.row(name, e[name], bound, rounding[name] if rounding else 0.0)
    for what, prefix, end, is_gradient in TRAINED:
        names = [n for n in e if n.startswith(prefix) and n.endswith(end)]
        if names and not (is_gradient and rounding):
            name = max(names, key=e.get)
            table.row(
                f"{len(names)} {what}",
                e[name],
                gradient if is_gradient else value,
                rounding[name] if rounding else 0.0,
            )


class Case:
    """One architecture: a teacher with random weights in a stream, and fd2's passes through it."""

    def __init__(self, program, folder, arch, channels, size):
        self.program, self.arch, self.size = program, arch, size
        self.teacher = Teacher(arch, channels, size)
        random_statistics(self.teacher, torch.randn(BATCH, 3, size, size))
        self.paths = [
            os.path.join(folder, f"{arch}-{kind}.fd2") for kind in ("teacher", "input", "output")
        ]
        meta = {
            "arch": arch,
            "classes": [f"c{i}" for i in range(CLASSES)],
            "maps": MAPS,
            "size": size,
            "last_stride": 2,
            "fit": "short",
            "alpha": ALPHA,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        }
        names = [name for name, _ in self.teacher.named()]
        theirs = list(self.teacher.net.state_dict())
        assert [n for n in names if n in theirs] != [] and set(theirs) <= set(names)
        stream_write(self.paths[0], "teacher", meta, dict(self.teacher.named()))

    def fd2(self, mode, x, counterfactual):
        stream_write(
            self.paths[1],
            "parity",
            {},
            {"x": x, "labels": LABELS, "counterfactual": counterfactual},
        )
        subprocess.run([self.program, mode, *self.paths], check=True)
        return stream_read(self.paths[2])

    def torch(self, x, counterfactual):
        model = copy.deepcopy(self.teacher).to(x.dtype)
        if (
            x.dtype == torch.float32
        ):  # fd2's layout: other convolution kernels, which round otherwise
            model, x = model.to(memory_format=torch.channels_last), x.to(
                memory_format=torch.channels_last
            )
        return evaluation(model, x) | training(model, x, counterfactual)


def networks(table, program, folder, arch, channels, size):
    case = Case(program, folder, arch, channels, size)
    side = size >> int(arch[-1]) if arch.startswith("convnet") else size // 32
    exact, single, rounding, half, auto = [], [], [], [], []
    for _ in range(REPEATS):
        x, counterfactual = torch.randn(BATCH, 3, size, size), 2 * torch.rand(
            BATCH, MAPS, side, side
        )
        want64 = case.torch(x.double(), counterfactual.double())
        want32 = case.torch(x, counterfactual)
        exact.append(errors(case.fd2("net", x.double(), counterfactual.double()), want64))
        single.append(errors(case.fd2("net", x, counterfactual), want64))
        rounding.append(errors(want32, want64))
        evaluated = {
            n: t
            for n, t in want32.items()
            if not n.startswith(("grad ", "after ", "L_pre", "all "))
        }
        half.append(errors(case.fd2("bf16", x, counterfactual), evaluated))
        with torch.autocast("cpu", torch.bfloat16):
            auto.append(errors(evaluation(copy.deepcopy(case.teacher), x), evaluated))
    rows(table, f"{arch}, {size} px, float64", summary(exact, max), None, VALUE_64, GRADIENT_64)
    median = statistics.median_low
    rows(
        table,
        f"{arch}, {size} px, float32",
        summary(single, median),
        summary(rounding, median),
        VALUE,
        GRADIENT,
    )
    rows(
        table,
        f"{arch}, {size} px, bfloat16, fused",
        summary(half, median),
        summary(auto, median),
        HALF,
        HALF,
    )


def weights(table, program, folder, arch, size):
    """State dicts: torch.save's two containers in, safetensors out, into torchvision with
    strict=True. A row counts tensors that differ."""
    net = network(arch, size)
    with torch.no_grad():
        for t in net.state_dict().values():
            t.copy_(torch.randn(t.shape) if t.is_floating_point() else torch.tensor(17))
    saved, written = os.path.join(folder, "weights.pth"), os.path.join(
        folder, "weights.safetensors"
    )
    for container in ("zip", "legacy"):
        torch.save(net.state_dict(), saved, _use_new_zipfile_serialization=container == "zip")
        subprocess.run([program, "weights", arch, saved, written], check=True)
        back = network(arch, size)
        back.load_state_dict(safetensors.torch.load_file(written), strict=True)
        differ = sum(
            not torch.equal(a, b)
            for a, b in zip(net.state_dict().values(), back.state_dict().values())
        )
        table.row(f"{arch}, {container}: tensors that differ", float(differ), 0.0)


def resize(table, program, folder):
    """resized_crop of 8-bit images: ours rounds once, as PIL does in one direction after the other;
    a step is 1/255."""
    rgb = torch.randint(0, 256, (61, 83, 3), dtype=torch.uint8)
    boxes = [
        (0, 0, 83, 61, 32, 1),
        (0, 0, 83, 61, 32, 0),
        (0, 0, 83, 61, 97, 1),
        (7, 5, 40, 33, 24, 1),
        (7, 5, 40, 33, 24, 0),
        (60, 30, 23, 31, 56, 1),
        (80, 58, 3, 3, 9, 1),
        (11, 0, 1, 61, 5, 1),
    ]
    paths = [os.path.join(folder, f"resize-{kind}.fd2") for kind in ("input", "output")]
    stream_write(paths[0], "parity", {}, {"rgb": rgb, "boxes": torch.tensor(boxes)})
    subprocess.run([program, "resize", *paths], check=True)
    got = stream_read(paths[1])
    for i, (x, y, w, h, side, antialias) in enumerate(boxes):
        want = torchvision.transforms.functional.resized_crop(
            rgb.permute(2, 0, 1).double(), y, x, h, w, [side, side], antialias=bool(antialias)
        )
        steps = (got[str(i)].double() - want.permute(1, 2, 0)).abs().max().item()
        table.row(
            f"{w}x{h} to {side}x{side}{', antialiased' if antialias else ''}: steps off",
            steps,
            0.5001,
        )


def jitter(table, program, folder):
    """ColorJitter's four changes in four orders, and a rotation, on the same random numbers."""
    transforms = torchvision.transforms.functional
    change = [
        transforms.adjust_brightness,
        transforms.adjust_contrast,
        transforms.adjust_saturation,
        transforms.adjust_hue,
    ]
    paths = [os.path.join(folder, f"jitter-{kind}.fd2") for kind in ("input", "output")]
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)):
        rgb, factors, angle = (
            torch.rand(37, 37, 3),
            (0.6 + 0.8 * torch.rand(4)).tolist(),
            30 * (torch.rand(()).item() - 0.5),
        )
        factors[3] = torch.rand(()).item() - 0.5
        stream_write(
            paths[0],
            "parity",
            {},
            {
                "rgb": rgb,
                "value": torch.tensor(factors),
                "order": torch.tensor(order),
                "angle": torch.tensor(angle, dtype=torch.float64),
            },
        )
        subprocess.run([program, "jitter", *paths], check=True)
        want = rgb.permute(2, 0, 1)
        for k in order:
            want = change[k](want, factors[k])
        want = transforms.rotate(want, angle).permute(1, 2, 0)
        table.row(
            f"jitter in order {order}, {angle:.1f} degrees",
            error(stream_read(paths[1])["rgb"], want),
            VALUE,
        )


def cosine(lr, t):
    return lr * t / 3 if t < 3 else lr * 0.5 * (1 + math.cos(math.pi * (t - 3) / ((STEPS - 3) * 2)))


def optimisers(table, program, folder):
    shapes = {"conv.weight": (4, 3, 3, 3), "fc.weight": (7, 5), "fc.bias": (7,)}
    inputs = {name: torch.randn(s) for name, s in shapes.items()}
    inputs |= {
        f"{step} {name}": torch.randn(s) for step in range(STEPS) for name, s in shapes.items()
    }
    paths = [os.path.join(folder, f"optim-{kind}.fd2") for kind in ("input", "output")]
    stream_write(paths[0], "parity", {}, inputs)
    subprocess.run([program, "optim", *paths], check=True)
    got = stream_read(paths[1])
    sgd, adamw = torch.optim.SGD, torch.optim.AdamW
    # name, class, lr, weight decay (of matrices, of vectors), share of the rate for conv, clip,
    # the rest
    cases = (
        ("SGD", sgd, 0.05, (1e-2, 0), 1, None, {"momentum": 0.9}),
        ("SGD nesterov", sgd, 0.05, (1e-2, 1e-2), 1, None, {"momentum": 0.9, "nesterov": True}),
        ("SGD clip slow", sgd, 0.05, (0, 0), 0.1, 1.0, {"momentum": 0.9, "nesterov": True}),
        ("AdamW", adamw, 0.01, (0.1, 0), 1, None, {}),
        ("AdamW decay all", adamw, 0.01, (0.1, 0.1), 1, None, {}),
    )
    table.head(f"optimisers, {STEPS} steps")
    for case, kind, lr, decay, share, clip, settings in cases:
        p = {name: inputs[name].clone().requires_grad_(True) for name in shapes}
        o = kind(
            [
                {
                    "params": [t],
                    "weight_decay": decay[t.dim() < 2],
                    "share": share if name.startswith("conv") else 1,
                }
                for name, t in p.items()
            ],
            lr=lr,
            **settings,
        )
        for step in range(STEPS):
            o.zero_grad()
            sum(
                (t * (inputs[f"{step} {name}"] + 0.5 * t)).sum() for name, t in p.items()
            ).backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(p.values(), clip)
            for group in o.param_groups:
                group["lr"] = cosine(lr, step + 1) * group["share"]
            o.step()
        for name in shapes:
            table.row(f"{case}: {name}", error(got[f"{case}: {name}"], p[name]), VALUE)


def main():
    program, folder, *only = sys.argv[1:]
    archs = {
        name: channels for name, channels in backbones(program).items() if not only or name in only
    }
    torch.manual_seed(1)
    torch.use_deterministic_algorithms(True)
    table = Table()
    print(
        f"""Made by `make parity`: fd2 on the CPU against torch {torch.__version__} and
torchvision {torchvision.__version__}. Weights, statistics and inputs are random (seed 1);
batch {BATCH}; of {REPEATS} inputs the worst in float64, and the lower median in float32 and
bfloat16. Evaluation: F to 'dx L_F'; training: from L_pre on.
bfloat16 is what fd2-distill computes (fused pass, weights converted once).

fd2       |difference from torchvision| / |value| over a tensor: float64 and float32 from its
          float64, bfloat16 from its float32; the worst tensor of many; all gradients as one vector
rounding  the same of torchvision's own float32 from its float64, and of its autocast in bfloat16
          from its float32
A figure over its bound passes, marked 'rounding', when it is at most {SLACK} times that: rounding
moves torchvision's own result as far, and a smaller fault could not be told from it. The float64
figures decide whether fd2 computes the same function."""
    )
    for arch, channels in archs.items():
        networks(table, program, folder, arch, channels, SIZE)
    table.head("state dicts, read from torch.save and written as safetensors")
    for arch in archs:
        weights(table, program, folder, arch, SIZE)
    table.head("crops resized, against torchvision in float64")
    resize(table, program, folder)
    table.head("colour jitter and rotation")
    jitter(table, program, folder)
    optimisers(table, program, folder)
    print(f"\n{table.over} over the bound; {table.rounded} beyond it by rounding")
    return table.over > 0


if __name__ == "__main__":
    sys.exit(main())
