"""A plain torchvision training loop with the settings of fd2-teacher in pipelines/studies/nette.

usage: plain_teacher.py TRAIN.tar VAL.tar EPOCHS SEED    prints one JSON line
"""
import io
import json
import math
import sys
import tarfile
import time

import torch
import torch.nn.functional as nnf
import torchvision
from PIL import Image
from torchvision.transforms.v2 import functional as F

SIZE, SIDE, BATCH, LR, DECAY, WARMUP, CLIP = 112, 128, 64, 0.1, 5e-4, 3, 5.0
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def read(path):
    """Images as u8 [3,H,W] with the short side at SIDE, and their classes."""
    images, names = [], []
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.lower().endswith((".jpg", ".jpeg")):
                image = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                images.append(F.pil_to_tensor(F.resize(image, SIDE)))
                names.append(member.name.split("/")[-2])
    index = {name: i for i, name in enumerate(sorted(set(names)))}
    return images, torch.tensor([index[n] for n in names])


def batch(images):
    x = torch.stack(images).float() / 255
    x = (x - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)
    return x.contiguous(memory_format=torch.channels_last)


def random_view(image):
    _, h, w = image.shape
    y, x = torch.randint(h - SIZE + 1, (1,)).item(), torch.randint(w - SIZE + 1, (1,)).item()
    view = image[:, y:y + SIZE, x:x + SIZE]
    return view.flip(2) if torch.rand(1).item() < 0.5 else view


def rate(t, epochs):
    if t < WARMUP:
        return LR * t / WARMUP
    return LR * 0.5 * (1 + math.cos(math.pi * (t - WARMUP) / (epochs - WARMUP)))


def main():
    train, val, epochs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.manual_seed(seed)
    (images, labels), (val_images, val_labels) = read(train), read(val)
    start = time.time()
    net = torchvision.models.resnet18(num_classes=int(labels.max()) + 1)
    net = net.to(memory_format=torch.channels_last)
    optim = torch.optim.SGD(net.parameters(), LR, momentum=0.9, nesterov=True, weight_decay=DECAY)
    steps = math.ceil(len(images) / BATCH)
    for epoch in range(epochs):
        net.train()
        for i, rows in enumerate(torch.randperm(len(images)).split(BATCH)):
            optim.param_groups[0]["lr"] = rate(epoch + i / steps, epochs)
            with torch.autocast("cpu", torch.bfloat16):
                logits = net(batch([random_view(images[k]) for k in rows]))
            optim.zero_grad()
            nnf.cross_entropy(logits.float(), labels[rows], label_smoothing=0.1).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optim.step()
        net.eval()
        hits = 0
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            for k in range(0, len(val_images), BATCH):
                views = [F.center_crop(image, SIZE) for image in val_images[k:k + BATCH]]
                hits += (net(batch(views)).argmax(1) == val_labels[k:k + BATCH]).sum().item()
    seconds = round(time.time() - start, 1)
    top1 = round(hits / len(val_images), 6)
    print(json.dumps({"seed": seed, "top1": top1, "seconds": seconds}))


if __name__ == "__main__":
    main()
