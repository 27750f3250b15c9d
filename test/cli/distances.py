# What fd2-stat measures, number by number, and images for fd2-attn --cut.
#   distances.py stat ATTN PROTOS JSON    JSON, fd2-stat's line, is what follows from the streams
#   distances.py frames WHOLE OTHER INNER  48 pixels; another frame of 8 around the same middle;
#                                          that middle alone
#   distances.py same ATTN ATTN            the streams hold the same tensors
import io, itertools, json, math, sys, tarfile
import msgpack, msgpack_numpy, numpy
from PIL import Image


def tensors(path):
    with open(path, "rb") as f:
        objects = list(msgpack.Unpacker(f, max_buffer_size=0, object_hook=msgpack_numpy.decode))
    return {o["name"]: o["value"] for o in objects[1:-1]}, objects[0]["meta"]


def l2(u, v):
    apart = math.sqrt(sum((a - b) ** 2 for a, b in zip(u, v)))
    return apart / (math.sqrt(sum(a * a for a in u)) + math.sqrt(sum(b * b for b in v)) + 1e-8)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def stat(attn, protos, line):
    seen, _ = tensors(attn)
    maps = {k: [float(x) for x in v.flat] for k, v in seen.items() if not k.endswith(".z")}
    weights = {k: sum(v) for k, v in maps.items()}
    parts = {k: [x / weights[k] for x in v] for k, v in maps.items()}
    pairs = [
        (a, b) for a, b in itertools.combinations(maps, 2) if a.split("/")[0] == b.split("/")[0]
    ]
    prototypes, meta = tensors(protos)
    rows = dict(zip(meta["classes"], prototypes["prototypes"].astype(float).tolist()))
    own, others = [], []
    for key in maps:
        z = seen[key + ".z"].astype(float).tolist()
        own.append(l2(z, rows[key.split("/")[0]]))
        others.append([l2(z, c) for name, c in rows.items() if name != key.split("/")[0]])
    want = {
        "images": len(maps),
        "intra_class_attention": mean(l2(maps[a], maps[b]) for a, b in pairs),
        "intra_class_location": mean(l2(parts[a], parts[b]) for a, b in pairs),
        "own_prototype": mean(own),
        "other_prototypes": mean(map(mean, others)),
        "nearest_other": mean(map(min, others)),
        "nearest_right": mean(o <= min(n) for o, n in zip(own, others)),
    }
    got = json.load(open(line))
    assert got.keys() == want.keys(), (got, want)
    for key, value in want.items():
        assert abs(got[key] - value) < 2e-5, (key, got[key], value)


def put(tar, name, pixels):
    jpeg = io.BytesIO()
    Image.fromarray(pixels).save(jpeg, "JPEG", quality=95, subsampling=0)
    member = tarfile.TarInfo(name)
    member.size = jpeg.tell()
    jpeg.seek(0)
    tar.addfile(member, jpeg)


# JPEG codes blocks of 8x8 pixels apart, so a middle made of whole blocks is the same in each.
def frames(whole, other, inner):
    random = numpy.random.default_rng(1)
    with tarfile.open(whole, "w") as w, tarfile.open(other, "w") as o, tarfile.open(
        inner, "w"
    ) as i:
        for name in ("blue-ring/1.jpg", "blue-ring/2.jpg", "red-spot/1.jpg"):
            pixels = random.integers(0, 256, (48, 48, 3), "uint8")
            put(w, name, pixels)
            put(i, name, numpy.ascontiguousarray(pixels[8:40, 8:40]))
            middle = pixels[8:40, 8:40].copy()
            pixels = random.integers(0, 256, (48, 48, 3), "uint8")
            pixels[8:40, 8:40] = middle
            put(o, name, pixels)


def same(a, b):
    a, b = tensors(a)[0], tensors(b)[0]
    assert a.keys() == b.keys()
    for name in a:
        assert (a[name] == b[name]).all(), name


{"stat": stat, "frames": frames, "same": same}[sys.argv[1]](*sys.argv[2:])
