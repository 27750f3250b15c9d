"""The other side of `make parity`: torchvision, torch.optim, and the paper's equations written down in PyTorch.

usage: compare.py PROGRAM FOLDER    writes fd2's inputs into FOLDER, runs PROGRAM, prints the table, exits 1 when over a bound
"""
import copy
import math
import os
import subprocess
import sys
import zlib

import msgpack
import msgpack_numpy
import numpy as np
import torch
import torch.nn.functional as nnf
import torchvision

CLASSES, MAPS, ALPHA, BATCH, STEPS = 10, 4, 0.3, 8, 20
VALUE, GRADIENT = 1e-5, 1e-4
VALUE_64, GRADIENT_64 = 1e-9, 1e-6  # fd2 keeps convolutions' weights and their gradients in float32 (6e-8)
SLACK = 4  # a float32 figure over its bound passes when torchvision's own rounding is at least a quarter of it
LABELS = torch.tensor([1, 3, 1, 0, 7, 9, 3, 1])  # classes that come twice and three times


# --- tensor streams (formats/stream.md) -------------------------------------------------------------------------------------

def stream_write(path, kind, meta, tensors):
    parts = [msgpack.packb({"format": "fd2-stream", "version": 1, "kind": kind, "meta": meta})]
    for name, t in tensors.items():
        value = msgpack_numpy.encode(np.array(t.detach().contiguous().numpy()))
        parts.append(msgpack.packb({"name": name, "value": value}))
    body = b"".join(parts)
    with open(path, "wb") as f:
        f.write(body + msgpack.packb({"end": True, "count": len(tensors), "crc32": zlib.crc32(body)}))


def stream_read(path):
    tensors = {}
    with open(path, "rb") as f:
        for record in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0):
            if "name" in record:
                tensors[record["name"]] = torch.from_numpy(np.array(record["value"]))
    return tensors


# --- the paper in PyTorch -----------------------------------------------------------------------------------------------------

class Teacher(torch.nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.net = getattr(torchvision.models, arch)(num_classes=CLASSES)
        channels = self.net.fc.in_features
        self.conv = torch.nn.Conv2d(channels, MAPS, 1, bias=False)
        self.bn = torch.nn.BatchNorm2d(MAPS, eps=1e-3)
        self.fc = torch.nn.Linear(MAPS * channels, CLASSES, bias=False)
        self.register_buffer("prototypes", 0.05 * torch.randn(CLASSES, MAPS * channels))

    def pool(self, F, A):  # Eq. 3
        z = torch.einsum("bmhw,bchw->bmc", A, F).flatten(1) / (F.shape[2] * F.shape[3])
        return nnf.normalize(z.sign() * (z.abs() + 1e-6).sqrt())

    def forward(self, x):
        got = {}
        hook = self.net.layer4.register_forward_hook(lambda module, args, out: got.update(F=out))
        got["p_bb"] = self.net(x)
        hook.remove()
        got["A"] = self.bn(self.conv(got["F"])).relu()
        got["z"] = self.pool(got["F"], got["A"])
        got["p_raw"] = self.fc(100 * got["z"])
        return got

    def effect(self, got, counterfactual):  # Eq. 4
        return got["p_raw"] - self.fc(100 * self.pool(got["F"], counterfactual))

    def named(self):
        """fd2's names of our tensors: torchvision's, and CAL's below 'cal.'."""
        ours = {"conv": "cal.attention.conv", "bn": "cal.attention.bn", "fc": "cal.fc", "prototypes": "cal.prototypes"}
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
    return 10 * terms[0] + sum(terms[1:]), got


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
    ce = nnf.cross_entropy
    cls = (1 - ALPHA) * ce(got["p_bb"], LABELS) + ALPHA * ce(got["p_raw"], LABELS)  # Eq. 11
    losses = {"R_BN": r_bn, "L_cls": cls, "R_BN + L_cls": r_bn + cls, "L_F": loss_F(got["z"], teacher.prototypes)}
    values = {k: got[k] for k in ("F", "A", "z", "p_bb", "p_raw")}
    values |= {"p_eff": teacher.effect(got, torch.ones_like(got["A"])), "R_BN": r_bn, "L_cls": cls}
    grads = {f"dx {k}": torch.autograd.grad(v, x, retain_graph=True)[0] for k, v in losses.items()}
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


# --- comparing ------------------------------------------------------------------------------------------------------------------

def error(a, b):
    """Largest difference over the largest value; a shape that differs is infinitely wrong."""
    if a.shape != b.shape:
        return math.inf
    a, b = a.detach().double(), b.detach().double()
    e = ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).item()
    return math.inf if math.isnan(e) else e


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
        print(f"{name:<44} {e:10.1e} {bound:10.0e} {f'{rounding:10.1e}' if rounding else '':>10}{note}".rstrip())


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


TRAINED = (("gradients", "grad ", "", True), ("running means", "after ", "running_mean", False),
           ("running variances", "after ", "running_var", False), ("batches counted", "after ", "num_batches_tracked", False),
           ("prototypes", "after ", "prototypes", False))


def rows(table, title, got, want, exact, value, gradient):
    """exact None: there is no rounding to tell."""
    def rounding(name):
        return error(want[name], exact[name]) if exact else 0.0

    missing = set(want) - set(got)
    if missing:
        sys.exit(f"fd2 did not write {sorted(missing)}")
    table.head(title)
    for name in want:
        if not name.startswith(("grad ", "after ")):
            table.row(name, error(got[name], want[name]), gradient if name.startswith("dx ") else value, rounding(name))
    for what, prefix, end, is_gradient in TRAINED:
        names = [n for n in want if n.startswith(prefix) and n.endswith(end)]
        worst = max(names, key=lambda n: error(got[n], want[n]))
        table.row(f"{len(names)} {what}", error(got[worst], want[worst]), gradient if is_gradient else value, rounding(worst))


def networks(table, program, folder, arch, size):
    teacher = Teacher(arch)
    x = torch.randn(BATCH, 3, size, size)
    random_statistics(teacher, torch.randn(BATCH, 3, size, size))
    counterfactual = 2 * torch.rand(BATCH, MAPS, size // 32, size // 32)
    meta = {"arch": arch, "classes": [f"c{i}" for i in range(CLASSES)], "maps": MAPS, "size": size, "last_stride": 2,
            "fit": "short", "alpha": ALPHA, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    paths = [os.path.join(folder, f"{arch}-{kind}.fd2") for kind in ("teacher", "input", "output")]
    stream_write(paths[0], "teacher", meta, dict(teacher.named()))
    got, want = {}, {}
    for dtype in (torch.float64, torch.float32):
        stream_write(paths[1], "parity", {}, {"x": x.to(dtype), "labels": LABELS, "counterfactual": counterfactual.to(dtype)})
        subprocess.run([program, "net", *paths], check=True)
        got[dtype] = stream_read(paths[2])
        model = copy.deepcopy(teacher).to(dtype)
        want[dtype] = evaluation(model, x.to(dtype)) | training(model, x.to(dtype), counterfactual.to(dtype))
    exact, single = torch.float64, torch.float32
    rows(table, f"{arch}, {size} px, float64", got[exact], want[exact], None, VALUE_64, GRADIENT_64)
    rows(table, f"{arch}, {size} px, float32", got[single], want[single], want[exact], VALUE, GRADIENT)


def cosine(lr, t):
    return lr * t / 3 if t < 3 else lr * 0.5 * (1 + math.cos(math.pi * (t - 3) / ((STEPS - 3) * 2)))


def optimisers(table, program, folder):
    shapes = {"conv.weight": (4, 3, 3, 3), "fc.weight": (7, 5), "fc.bias": (7,)}
    inputs = {name: torch.randn(s) for name, s in shapes.items()}
    inputs |= {f"{step} {name}": torch.randn(s) for step in range(STEPS) for name, s in shapes.items()}
    paths = [os.path.join(folder, f"optim-{kind}.fd2") for kind in ("input", "output")]
    stream_write(paths[0], "parity", {}, inputs)
    subprocess.run([program, "optim", *paths], check=True)
    got = stream_read(paths[1])
    sgd, adamw = torch.optim.SGD, torch.optim.AdamW
    # name, class, lr, weight decay (of matrices, of vectors), share of the rate for conv, clip, the rest
    cases = (("SGD", sgd, 0.05, (1e-2, 0), 1, None, {"momentum": 0.9}),
             ("SGD nesterov", sgd, 0.05, (1e-2, 1e-2), 1, None, {"momentum": 0.9, "nesterov": True}),
             ("SGD clip slow", sgd, 0.05, (0, 0), 0.1, 1.0, {"momentum": 0.9, "nesterov": True}),
             ("AdamW", adamw, 0.01, (0.1, 0), 1, None, {}),
             ("AdamW decay all", adamw, 0.01, (0.1, 0.1), 1, None, {}))
    table.head(f"optimisers, {STEPS} steps")
    for case, kind, lr, decay, share, clip, settings in cases:
        p = {name: inputs[name].clone().requires_grad_(True) for name in shapes}
        o = kind([{"params": [t], "weight_decay": decay[t.dim() < 2], "share": share if name.startswith("conv") else 1}
                  for name, t in p.items()], lr=lr, **settings)
        for step in range(STEPS):
            o.zero_grad()
            sum((t * (inputs[f"{step} {name}"] + 0.5 * t)).sum() for name, t in p.items()).backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(p.values(), clip)
            for group in o.param_groups:
                group["lr"] = cosine(lr, step + 1) * group["share"]
            o.step()
        for name in shapes:
            table.row(f"{case}: {name}", error(got[f"{case}: {name}"], p[name]), VALUE)


def main():
    program, folder = sys.argv[1:]
    torch.manual_seed(1)
    torch.use_deterministic_algorithms(True)
    table = Table()
    print(f"""Made by `make parity`: fd2 on the CPU against torch {torch.__version__} and torchvision {torchvision.__version__}.
Weights, statistics and inputs are random (seed 1); batch {BATCH}. Evaluation: F to 'dx L_F'; training: from L_pre on.

fd2       largest difference from torchvision in the same arithmetic, over the largest value; the worst tensor of many
rounding  the same for torchvision's float32 against its own float64
A float32 figure over its bound passes, marked 'rounding', when it is at most {SLACK} times that: float32 moves torchvision's own
result as far, and a smaller fault could not be told from it. The float64 figures decide whether fd2 computes the same function.""")
    networks(table, program, folder, "resnet18", 64)
    networks(table, program, folder, "resnet50", 64)
    optimisers(table, program, folder)
    print(f"\n{table.over} over the bound; {table.rounded} in float32 beyond it by rounding")
    return table.over > 0


if __name__ == "__main__":
    sys.exit(main())
