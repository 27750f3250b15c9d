"""Separation of classes, from its definitions in numpy, and streams to measure.

separation.py make FILE SEED CLASSES COUNT [features]   COUNT images per class, 1 of the last class
                                                        where COUNT is odd
separation.py check STAT TABLE DISTILLED REAL GROUP     compares fd2-stat's output
"""
import hashlib
import json
import sys

import msgpack
import msgpack_numpy
import numpy as np


def write(path, kind, meta, tensors):
    objects = [{"format": "fd2-stream", "version": 2, "kind": kind, "meta": meta}]
    objects += [{"name": k, "value": v} for k, v in tensors.items()]
    body = b"".join(msgpack.packb(o, default=msgpack_numpy.encode) for o in objects)
    end = {"end": True, "count": len(tensors), "digest": hashlib.sha256(body).hexdigest()}
    open(path, "wb").write(body + msgpack.packb(end))


def read(path):
    objects = msgpack.Unpacker(open(path, "rb"), object_hook=msgpack_numpy.decode)
    head = next(objects)
    return head["kind"], {o["name"]: o["value"] for o in objects if "name" in o}


def make(path, seed, classes, count, kind="attn"):
    r = np.random.default_rng(int(seed))
    tensors = {}
    centres = np.random.default_rng(1).normal(size=(int(classes), 37))
    for c in range(int(classes)):
        last = c == int(classes) - 1 and int(count) % 2
        for i in range(1 if last else int(count)):
            key = f"class-{c}/{i + 1:04d}"
            z = (centres[c] + 2 * r.normal(size=37)).astype("f4")
            if kind == "features":
                tensors[key] = z
            else:
                tensors[key] = r.random((3, 2, 5)).astype("f4")
                tensors[key + ".z"] = z
    write(path, kind, {"inputs": {"teacher": "ab" * 32, "images": "cd" * 32}}, tensors)


def load(path):
    kind, tensors = read(path)
    keys = [k for k in tensors if not k.endswith(".z")]
    labels = np.array([k.split("/")[0] for k in keys])
    z = np.array([tensors[k if kind == "features" else k + ".z"] for k in keys], "f8")
    maps = None if kind == "features" else np.array([tensors[k] for k in keys], "f8")
    return labels, z, maps, np.array([int(k.split("/")[1]) for k in keys])


def or_null(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def per_class(labels, z):
    names = list(dict.fromkeys(labels))
    mu = {c: z[labels == c].mean(0) for c in names}
    rows = []
    for c in names:
        own = z[labels == c]
        apart = {k: np.linalg.norm(mu[c] - mu[k]) for k in names if k != c}
        nearest = min(apart, key=apart.get)
        spread = np.linalg.norm(own - mu[c], axis=1).mean() if len(own) > 1 else None
        rows.append([c, len(own), spread, np.mean(list(apart.values())), apart[nearest], nearest])
    return rows


def silhouette(labels, z):
    far = np.sqrt(((z[:, None] - z[None]) ** 2).sum(-1))
    values = []
    for i, c in enumerate(labels):
        if (labels == c).sum() == 1:
            values.append(0)
            continue
        a = far[i, labels == c].sum() / ((labels == c).sum() - 1)
        b = min(far[i, labels == k].mean() for k in set(labels) - {c})
        values.append((b - a) / max(a, b))
    return float(np.mean(values)) if len(set(labels)) < len(labels) else None


def fisher(labels, z):
    mu = {c: z[labels == c].mean(0) for c in set(labels)}
    centres = np.array([mu[c] for c in labels])
    within = np.cov((z - centres).T, bias=True).trace()
    return float(np.cov(centres.T, bias=True).trace() / within) if within > 1e-12 else None


def trace(labels, maps, number, group):
    values = []
    for c in set(labels):
        for g in set((number[labels == c] - 1) // group if group else [0]):
            chosen = (labels == c) & ((number - 1) // group == g if group else True)
            flat = maps[chosen].reshape(chosen.sum(), -1)
            if len(flat) > 1:
                values.append(np.cov(flat.T, bias=True).trace())
    return or_null(values)


def expected(labels, z, maps, number, group):
    rows = per_class(labels, z)
    result = {
        "dispersion": or_null([r[2] for r in rows]),
        "inter_class": or_null([r[3] for r in rows]),
        "nearest_centre": or_null([r[4] for r in rows]),
        "fisher_ratio": fisher(labels, z),
        "silhouette": silhouette(labels, z),
    }
    if maps is not None:
        result["attention_trace"] = trace(labels, maps, number, group)
    return result


def same(a, b):
    return a is b is None or (a is not None and b is not None and abs(a - b) <= 2e-5 * abs(b))


def check(stat, table, distilled, real, group):
    got = json.load(open(stat))
    sets = [load(distilled), load(real)]
    for found, of in [(got, sets[0]), (got["real"], sets[1])]:
        for key, value in expected(*of, int(group)).items():
            assert same(found[key], value), (key, found[key], value)
        assert ("attention_trace" in found) == (of[2] is not None)
    far = ((sets[1][1][:, None] - sets[0][1][None]) ** 2).sum(-1)
    right = float((sets[0][0][far.argmin(1)] == sets[1][0]).mean())
    assert 0.2 < right < 1 and same(got["nearest_accuracy"], right), (got, right)
    lines = [line.rstrip("\n").split("\t") for line in open(table)]
    rows = per_class(*sets[0][:2]) + per_class(*sets[1][:2])
    assert len(lines) == len(rows) + 1
    for line, row in zip(lines[1:], rows):
        assert (line[1], line[2], line[6]) == (row[0], str(row[1]), row[5]), (line, row)
        for text, value in zip(line[3:6], row[2:5]):
            assert same(None if text == "-" else float(text), value), (line, row)


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
