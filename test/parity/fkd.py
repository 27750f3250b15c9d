"""usage: fkd.py BIN: fd2-relabel's order and fd2-exchange's files against torch, torchvision and
PIL. Prints a line for each comparison; exits 1 when one differs."""

import glob, json, os, subprocess, sys, tempfile

import msgpack, msgpack_numpy
import numpy
import safetensors.torch
import torch, torchvision
from PIL import Image

N, K, BATCH, EPOCHS, SIZE = 20, 5, 8, 3, 64
bad = 0


def report(name, good):
    global bad
    bad += not good
    print(f"{'same' if good else 'DIFFERS':8} {name}")


def fd2(tool, *args):
    subprocess.run(
        [os.path.join(sys.argv[1], "fd2-" + tool), "-q", "--threads", "1", *args], check=True
    )


def stream(path):
    with open(path, "rb") as f:
        return {
            o["name"]: o["value"]
            for o in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode)
            if "name" in o
        }


def members(path):
    """Keys of a shard in its order."""
    names = subprocess.run(
        ["tar", "tf", path], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [n for n in names if n.endswith(".jpg")]


def theirs():
    """The batches of all epochs as the loaders of the FKD family locate them: indices into
    ImageFolder.samples."""
    generator = torch.Generator()
    generator.manual_seed(42)
    sampler = torch.utils.data.RandomSampler(range(N), generator=generator)
    batches = torch.utils.data.BatchSampler(sampler, batch_size=BATCH, drop_last=False)
    return [list(batches) for _ in range(EPOCHS)]


def cropped(image, coords):
    """The box that torchvision's resized_crop makes PIL cut out."""
    top, left, height, width = (
        coords[0].item() * image.size[1],
        coords[1].item() * image.size[0],
        coords[2].item() * image.size[1],
        coords[3].item() * image.size[0],
    )
    return torchvision.transforms.functional.crop(image, top, left, height, width)


def view(image, coords, flip):
    """As their loader makes it."""
    image = torchvision.transforms.functional.resize(cropped(image, coords), (SIZE, SIZE))
    return torchvision.transforms.functional.to_tensor(
        torchvision.transforms.functional.hflip(image) if flip else image
    )


def teacher():
    fd2("look", "--export", "t.safetensors", "teacher.fd2")
    net = torchvision.models.resnet18(num_classes=K)
    net.load_state_dict(safetensors.torch.load_file("t.safetensors"))
    return net.train()


@torch.no_grad()
def answer(net, x):
    """The teacher in training mode, each half of the batch for itself."""
    x = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    return torch.cat([net(x[: len(x) // 2]), net(x[len(x) // 2 :])])


def compare_store(labels, store, folder, shard):
    t, keys = stream(labels), members(shard)
    images = torchvision.datasets.ImageFolder(folder)
    names = json.load(open(folder + "/classes.json"))["classes"]
    report(
        "ImageFolder's classes",
        [names[y] for _, y in images.samples] == sorted(k.split("/")[0] for k in keys),
    )
    net, furthest = teacher(), 0
    order = types = crops = mixes = logits = True
    for e, batches in enumerate(theirs()):
        ids = t[f"{e}/ids"]
        for b, batch in enumerate(batches):
            rows = slice(b * BATCH, b * BATCH + len(batch))
            coords, flips, index, lam, box, out = torch.load(
                f"{store}/epoch_{e}/batch_{b}.tar", weights_only=True
            )
            types &= [coords.dtype, flips.dtype, index.dtype, out.dtype] == [
                torch.float32,
                torch.bool,
                torch.int64,
                torch.float16,
            ]
            types &= (
                type(lam) is float
                and [type(v) for v in box] == [int] * 4
                and out.shape == (len(batch), K)
            )
            for k, i in enumerate(batch):
                path, y = images.samples[i]
                key = keys[ids[rows][k]]
                ours = subprocess.run(
                    ["tar", "xOf", shard, key], check=True, capture_output=True
                ).stdout
                order &= key.split("/")[0] == names[y] and open(path, "rb").read() == ours
                x0, y0, w, h = t[f"{e}/boxes"][rows][k].tolist()
                image = Image.open(path).convert("RGB")
                crops &= numpy.array_equal(
                    cropped(image, coords[k]), numpy.asarray(image)[y0 : y0 + h, x0 : x0 + w]
                )
            x = torch.stack(
                [
                    view(Image.open(images.samples[i][0]).convert("RGB"), coords[k], flips[k])
                    for k, i in enumerate(batch)
                ]
            )
            x[:, :, box[0] : box[2], box[1] : box[3]] = x[index][
                :, :, box[0] : box[2], box[1] : box[3]
            ]
            furthest = max(furthest, ((answer(net, x) - out).abs().max() / out.abs().max()).item())
            pixels = torch.arange(len(batch) * SIZE * SIZE).reshape(len(batch), 1, SIZE, SIZE)
            mixed = pixels.clone()
            mixed[:, :, box[0] : box[2], box[1] : box[3]] = pixels[index][
                :, :, box[0] : box[2], box[1] : box[3]
            ]
            left, top, right, bottom = t[f"{e}/mix"][b].tolist()
            want = pixels.clone()
            want[:, :, top:bottom, left:right] = pixels[t[f"{e}/with"][rows].tolist()][
                :, :, top:bottom, left:right
            ]
            mixes &= torch.equal(mixed, want) and numpy.array_equal(flips, t[f"{e}/flips"][rows])
            logits &= numpy.array_equal(out, t[f"{e}/logits"][rows])
    report("order of torch's RandomSampler, files by number", order)
    report("torch.load, weights_only=True", types)
    report("crops, by torchvision and PIL", crops)
    report("flips, and what CutMix takes from where", mixes)
    report("logits", logits)
    views = "torchvision's teacher on the loader's views, within 5 % of the largest logit"
    report(f"{views} ({furthest:.2%})", furthest < 0.05)
    report(
        "nothing but epochs in the store",
        sorted(os.listdir(store)) == [f"epoch_{e}" for e in range(EPOCHS)],
    )


def resaved(store, to, protocol, spelling):
    """The store as torch and NumPy write it: mix_lam and mix_bbox are NumPy's."""
    for path in glob.glob(store + "/*/*"):
        batch = torch.load(path, weights_only=True)
        batch[3], batch[4] = numpy.float64(batch[3]), [numpy.int64(v) for v in batch[4]]
        target = to + path[len(store) :]
        os.makedirs(os.path.dirname(target), exist_ok=True)
        torch.save(batch, target, pickle_protocol=protocol)
        program = open(target, "rb").read()
        if spelling == "numpy.core" and protocol == 2:
            # the name is one byte shorter; torch's own writer puts the changed program back into an
            # archive
            reader = torch._C.PyTorchFileReader(target)
            records = {name: reader.get_record(name) for name in reader.get_all_records()}
            with torch.serialization._open_zipfile_writer(target) as w:
                for name, data in records.items():
                    if name not in ("version", ".data/serialization_id", "byteorder"):
                        data = (
                            data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
                            if name == "data.pkl"
                            else data
                        )
                        w.write_record(name, data, len(data))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        fd2("draw", "--classes", str(K), "--per-class", "8", "--size", "40", "-o", "train.tar")
        fd2(
            "teacher",
            "-s",
            str(SIZE),
            "-M",
            "2",
            "-b",
            "10",
            "-e",
            "1",
            "-o",
            "teacher.fd2",
            "train.tar",
        )
        fd2(
            "distill",
            "-t",
            "teacher.fd2",
            "-n",
            str(N // K),
            "--steps",
            "1",
            "-o",
            "d.tar",
            "train.tar",
        )
        fd2(
            "relabel",
            "-t",
            "teacher.fd2",
            "-b",
            str(BATCH),
            "-e",
            str(EPOCHS),
            "--dtype",
            "f32",
            "--order",
            "fkd",
            "-o",
            "l.fd2",
            "d.tar",
        )
        fd2("exchange", "--to", "cv-dd", "-o", "images", "d.tar")
        fd2("exchange", "--to", "fadrm", "-o", "png", "d.tar")
        fd2("exchange", "--to", "fkd", "--images", "d.tar", "-o", "store", "l.fd2")
        compare_store("l.fd2", "store", "images", "d.tar")
        jpegs, pngs = torchvision.datasets.ImageFolder("images"), torchvision.datasets.ImageFolder(
            "png"
        )
        report(
            "PNGs, by PIL, and its decoded JPEGs",
            all(numpy.array_equal(a, b) and y == z for (a, y), (b, z) in zip(jpegs, pngs)),
        )
        want = stream("l.fd2")
        for protocol, spelling in (
            (2, "numpy._core"),
            (2, "numpy.core"),
            (4, "numpy._core"),
            (5, "numpy._core"),
        ):
            name = f"{spelling}{protocol}"
            resaved("store", name, protocol, spelling)
            fd2(
                "exchange",
                "--from",
                "fkd",
                "-s",
                str(SIZE),
                "--images",
                "d.tar",
                "-o",
                name + ".fd2",
                name,
            )
            got = stream(name + ".fd2")
            report(
                f"what torch.save wrote, protocol {protocol}, {spelling}",
                got.keys() == want.keys() and all(numpy.array_equal(got[k], want[k]) for k in want),
            )
        os.chdir("/")
    return bad > 0


sys.exit(main())
