"""Matching losses and their gradients by the images, derived a second time in PyTorch from the
methods' equations, on the same weights, images and augmentations.

usage: match.py PROGRAM FOLDER
"""

import os
import subprocess
import sys

import torch
import torch.nn.functional as nnf
from compare import CLASSES, ConvNet, Table, error, stream_read, stream_write

SIZE, PHOTOGRAPHS, IPC, LABEL = 24, 7, 2, 3
KINDS = ("color", "crop", "cutout", "flip", "scale", "rotate", "none")
MEAN, STD = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def draw(kind):
    u = torch.rand(8, dtype=torch.float64).tolist()
    angle = (u[0] - 0.5) * 2 * 15 / 180 * torch.pi
    cos, sin = torch.tensor(angle).cos().item(), torch.tensor(angle).sin().item()
    scale = [1 / 1.2 + v * (1.2 - 1 / 1.2) for v in u[1:3]]
    return {
        "color": u[:3],
        "shift": [int(7 * u[3]) - 3, int(7 * u[4]) - 3],
        "centre": [int(25 * u[5]), int(25 * u[6])],
        "flip": 1.0,
        "theta": [scale[0], 0, 0, scale[1]] if kind == "scale" else [cos, -sin, sin, cos],
    }


def augment(kind, d, x):
    if kind == "color":
        x = x + (d["color"][0] - 0.5)
        mean = x.mean(1, keepdim=True)
        x = (x - mean) * (2 * d["color"][1]) + mean
        mean = x.mean((1, 2, 3), keepdim=True)
        return (x - mean) * (d["color"][2] + 0.5) + mean
    if kind == "crop":
        (down, right), n = d["shift"], SIZE
        return nnf.pad(x, (n, n, n, n))[:, :, n + down : 2 * n + down, n + right : 2 * n + right]
    if kind == "cutout":
        mask = torch.ones(SIZE, SIZE, dtype=x.dtype)
        y0, x0 = (c - 6 for c in d["centre"])
        mask[max(y0, 0) : y0 + 12, max(x0, 0) : x0 + 12] = 0
        return x * mask
    if kind == "flip":
        return x.flip(3)
    if kind == "none":
        return x
    t = d["theta"]
    theta = torch.tensor([[[t[0], t[1], 0], [t[2], t[3], 0]]], dtype=x.dtype)
    grid = nnf.affine_grid(theta.expand(len(x), 2, 3), x.shape, align_corners=False)
    return nnf.grid_sample(x, grid, align_corners=False)


def loss_dm(net, real, x):
    means = [net.features(images).flatten(1).mean(0) for images in (real, x)]
    return (means[0].detach() - means[1]).square().sum()


def loss_dsa(net, real, x):
    def gradients(images, create_graph):
        labels = torch.full((len(images),), LABEL)
        loss = nnf.cross_entropy(net(images), labels)
        return torch.autograd.grad(loss, list(net.parameters()), create_graph=create_graph)

    total = 0
    for r, g in zip(gradients(real, False), gradients(x, True)):
        if r.dim() > 1:
            r, g = r.flatten(1), g.flatten(1)
            total += (1 - (r * g).sum(1) / (r.norm(dim=1) * g.norm(dim=1) + 1e-6)).sum()
    return total


LOSSES = {"dm": loss_dm, "dsa": loss_dsa}


STEPS, BATCH, PASS = 5, 4, 3


def student_end(net, x, y, rate, goal, draws):
    """|theta_S - goal|^2 after STEPS steps of SGD, all of which are in one graph."""
    theta = dict(net.named_parameters())
    for step in range(STEPS):
        seen, labels = [], []
        for v in draws[step]:
            d = {"color": v[1:4], "shift": [int(v[4]), int(v[5])], "centre": [int(v[6]), int(v[7])]}
            kind = KINDS[int(v[0])] if int(v[0]) != 3 or v[8] else "none"
            i = int(v[14])
            seen.append(augment(kind, d | {"theta": v[9:13]}, x[i : i + 1]))
            labels.append(y[i : i + 1])
        logits = torch.func.functional_call(net, theta, torch.cat(seen))
        loss = nnf.cross_entropy(logits, torch.cat(labels).softmax(1))
        slopes = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
        theta = {n: t - rate * g for (n, t), g in zip(theta.items(), slopes)}
    return sum((theta[n] - goal[n]).square().sum() for n in theta)


def compare_trajectory(program, paths, table):
    for dtype, bound, slope in ((torch.float64, 1e-9, 1e-7), (torch.float32, 2e-4, 2e-2)):
        table.head(f"datm, {STEPS} unrolled steps, {str(dtype)[6:]}")
        net = ConvNet(3, SIZE)
        goal = {n: p.detach() + 0.01 * torch.randn_like(p) for n, p in net.named_parameters()}
        learned = {
            "x": torch.randn(CLASSES, 3, SIZE, SIZE),
            "y": 2 * torch.randn(CLASSES, CLASSES),
            "rate": torch.tensor([0.03]),
        }
        inputs = {n: t.to(dtype) for n, t in learned.items()} | dict(net.named_parameters())
        inputs |= {f"goal {n}": t.to(dtype) for n, t in goal.items()}
        inputs["sizes"] = torch.tensor([STEPS, BATCH, PASS], dtype=torch.float64)
        stream_write(paths[0], "parity", {}, inputs)
        subprocess.run([program, "datm", *paths], check=True)
        got = stream_read(paths[1])
        draws = [[] for _ in range(STEPS)]
        for name, t in got.items():
            if name.startswith("draw "):
                draws[int(name.split()[1])].append(t.tolist())
        net = net.double()
        x, y, rate = (t.double().requires_grad_(True) for t in learned.values())
        want = student_end(net, x, y, rate, {n: t.double() for n, t in goal.items()}, draws)
        dx, dy, drate = torch.autograd.grad(want, (x, y, rate))
        table.row("loss", error(got["loss"].view(()), want), bound)
        for name, d in (("dx", dx), ("dy", dy)):
            mine = torch.cat([got[f"{name} {i}"] for i in range(CLASSES)])
            what = "images" if name == "dx" else "labels"
            table.row(f"gradient by the {what}", error(mine, d), slope)
        table.row("gradient by the rate", error(got["drate 0"], drate), slope)


def main(program, folder):
    torch.manual_seed(5)
    torch.use_deterministic_algorithms(True)
    table = Table()
    paths = [os.path.join(folder, f"match-{kind}.fd2") for kind in ("input", "output")]
    mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (MEAN, STD))
    for method, loss in LOSSES.items():
        # rounding decides by chance whether a unit at 0 passes its gradient: float64 is exact
        for dtype, bound, slope in ((torch.float64, 1e-9, 1e-7), (torch.float32, 2e-4, 2e-2)):
            table.head(f"{method}, {str(dtype)[6:]}")
            for kind in KINDS:
                net, d = ConvNet(3, SIZE), draw(kind)
                rgb = torch.randint(0, 256, (PHOTOGRAPHS, SIZE, SIZE, 3), dtype=torch.uint8)
                x = torch.randn(IPC, 3, SIZE, SIZE, dtype=torch.float64)
                values = [KINDS.index(kind) % 6, *d["color"], *d["shift"], *d["centre"], d["flip"]]
                values += [*d["theta"], float(kind == "none")]
                inputs = dict(net.named_parameters()) | {
                    "rgb": rgb,
                    "x": x.to(dtype),
                    "augment": torch.tensor(values, dtype=torch.float64),
                    "label": torch.tensor([float(LABEL)]),
                }
                stream_write(paths[0], "parity", {}, inputs)
                subprocess.run([program, method, *paths], check=True)
                got = stream_read(paths[1])
                net = net.double()
                x = x.to(dtype).double().requires_grad_(True)
                parts = [t for name, t in got.items() if name.startswith("real ")]
                real = torch.cat(parts).double()
                pixels = (rgb.permute(0, 3, 1, 2).double() / 255 - mean) / std
                want = loss(net, augment(kind, d, real), augment(kind, d, x))
                (dx,) = torch.autograd.grad(want, x)
                table.row(f"{kind}: photographs", error(real, pixels), 1e-6)
                table.row(f"{kind}: loss", error(got["loss"].view(()), want), bound)
                table.row(f"{kind}: gradient by the images", error(got["dx"], dx), slope)
    compare_trajectory(program, paths, table)
    return table.over


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
