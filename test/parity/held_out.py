"""usage: held_out.py BIN NETWORK SHARD [SIZE...]

The held-out path against torchvision: `fd2-eval --evaluate NETWORK` (a student as safetensors) and
torchvision with PIL predict every image of the shard, at the network's size or at each SIZE. Prints
a table, and exits 1 when a prediction differs whose two highest logits are not tied within
rounding."""

import csv, io, json, os, subprocess, sys, tarfile, tempfile

import safetensors, safetensors.torch
import torch, torchvision
from PIL import Image

TIE = 1e-4  # of the largest logit: what two orders of summing in float32 differ by
FD2 = {"fd2": [], "--fast-val, f32": ["--fast-val", "--dtype", "f32"],
       "--fast-val, bf16": ["--fast-val", "--dtype", "bf16"]}


def ours(tool, network, shard, size, *options):
    """The result and {sample: row of --predictions}."""
    with tempfile.NamedTemporaryFile(mode="r", suffix=".tsv", newline="") as f:
        command = [tool, "-q", "--evaluate", network, "--val", shard, "-s", str(size)]
        command += ["--predictions", f.name, *options]
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        with open(f.name, newline="") as table:
            rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
            return json.loads(line), {r["sample"]: r for r in rows}


def network_of(path):
    with safetensors.safe_open(path, "pt") as f:
        meta = json.loads(f.metadata()["fd2"])
    net = getattr(torchvision.models, meta["arch"])(num_classes=len(meta["classes"]))
    net.load_state_dict(safetensors.torch.load_file(path), strict=True)
    return net.eval(), meta


def images(shard):
    with tarfile.open(shard) as tar:
        for member in tar.getmembers():
            name, extension = os.path.splitext(member.name.removeprefix("./"))
            if extension.lower() in (".jpg", ".jpeg"):
                yield name, tar.extractfile(member).read()


@torch.no_grad()
def theirs(net, meta, shard, size):
    """{sample: logits}, as torchvision's reference evaluation has it."""
    t = torchvision.transforms
    mean = meta.get("mean", [0.485, 0.456, 0.406])
    std = meta.get("std", [0.229, 0.224, 0.225])
    see = t.Compose([t.Resize(size * 8 // 7), t.CenterCrop(size), t.ToTensor(),
                     t.Normalize(mean, std)])
    return {key: net(see(Image.open(io.BytesIO(data)).convert("RGB"))[None])[0].double()
            for key, data in images(shard)}


def figures(logits, right):
    top5 = (logits.topk(5).indices == right[:, None]).any(1).double().mean().item()
    return {"top1": (logits.argmax(1) == right).double().mean().item(), "top5": top5,
            "nll": torch.nn.functional.cross_entropy(logits, right).item()}


def agreement(rows, want, classes):
    """How many predictions are the same, how many differ and are not ties, and how far p is off."""
    same = bad = off = 0
    for key, v in want.items():
        k = classes.index(rows[key]["predicted"])
        same += k == v.argmax().item()
        bad += (v.max() - v[k]).item() > TIE * v.abs().max().item()
        off = max(off, abs(v.softmax(0)[k].item() - float(rows[key]["p"])))
    return same, bad, off


def compare(tool, network, shard, size):
    net, meta = network_of(network)
    size = size or meta["size"]
    want = theirs(net, meta, shard, size)
    right = torch.tensor([meta["classes"].index(k.split("/")[0]) for k in want])
    got = {name: ours(tool, network, shard, size, *options) for name, options in FD2.items()}
    assert all(rows.keys() == want.keys() for _, rows in got.values())
    both = {name: agreement(rows, want, meta["classes"]) for name, (_, rows) in got.items()}
    print(f"{meta['arch']}, {size} px, {len(want)} photographs of {os.path.basename(shard)}")
    print(f"{'':32}", *(f"{name:>16}" for name in ["torchvision", *got]))
    for key, value in figures(torch.stack(list(want.values())), right).items():
        print(f"{key:32}", *(f"{v:16.6f}" for v in [value, *(g[key] for g, _ in got.values())]))
    for what, i in ("same prediction as torchvision", 0), ("other prediction, no tie", 1):
        print(f"{what:32} {'':16}", *(f"{v[i]:16}" for v in both.values()))
    print(f"{'largest difference of p':32} {'':16}", *(f"{v[2]:16.1e}" for v in both.values()))
    return both["fd2"][1]


def main():
    tool = os.path.join(sys.argv[1], "fd2-eval")
    sizes = [int(s) for s in sys.argv[4:]] or [0]
    bad = 0
    for i, size in enumerate(sizes):
        print(end="\n" if i else "")
        bad += compare(tool, sys.argv[2], sys.argv[3], size)
    return bad > 0


sys.exit(main())
