"""Stores of the FKD family with Python's pickle and zipfile alone; torch's functions are names.

usage: fkd.py read BATCH...             prints each batch as JSON: dtypes, shapes, values
       fkd.py write STORE... -- BATCH...
           writes the batches that standard input has as such JSON, a line each, below each STORE,
           whose name says how mix_lam and mix_bbox are written: new or old (NumPy's scalars, as
           NumPy 2 and 1 pickle them), none (not mixed), any other (Python's numbers)
       fkd.py order N EPOCHS [SEED]     prints the orders of torch's RandomSampler, an epoch a line
"""

import collections
import io
import json
import os
import pickle
import sys
import types
import zipfile

import numpy

TYPES = {"FloatStorage": "<f4", "BoolStorage": "|b1", "LongStorage": "<i8", "HalfStorage": "<f2"}


class Storage:
    def __init__(self, kind, key, array):
        self.kind, self.key, self.array = kind, key, array


def rebuild(storage, offset, shape, stride, requires_grad, hooks):
    size = storage.array.itemsize
    assert not requires_grad and hooks == {}
    return numpy.lib.stride_tricks.as_strided(
        storage.array[offset:], shape, [s * size for s in stride]
    )


# A pickle names them as torch's, and pickle looks there.
torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
for name in TYPES:
    setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))
rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = (
    "torch._utils",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v2",
)
utils._rebuild_tensor_v2 = rebuild
sys.modules.update({"torch": torch, "torch._utils": utils})


class Tensor:
    def __init__(self, kind, key, array):
        self.storage, self.array = Storage(kind, key, array), array

    def __reduce__(self):
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        return rebuild, (
            self.storage,
            0,
            self.array.shape,
            strides,
            False,
            collections.OrderedDict(),
        )


class Pickler(pickle.Pickler):
    def persistent_id(self, v):
        if isinstance(v, Storage):
            return "storage", getattr(torch, v.kind), v.key, "cpu", v.array.size


def read(path):
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None and all(
        i.compress_type == zipfile.ZIP_STORED for i in archive.infolist()
    )
    top = archive.namelist()[0].split("/")[0]

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, v):
            _, kind, key, where, count = v
            array = numpy.frombuffer(archive.read(f"{top}/data/{key}"), TYPES[kind.__name__])
            assert where == "cpu" and array.size == count
            return Storage(kind.__name__, key, array)

    assert (
        archive.read(top + "/byteorder") == b"little"
        and archive.read(top + "/version").strip() == b"3"
    )
    batch = Unpickler(archive.open(top + "/data.pkl")).load()
    assert type(batch[3]) is float and (
        batch[4] is None or [type(v) for v in batch[4]] == [int] * 4
    )
    print(
        json.dumps(
            [
                (
                    {"dtype": v.dtype.str, "shape": v.shape, "data": v.reshape(-1).tolist()}
                    if isinstance(v, numpy.ndarray)
                    else v
                )
                for v in batch
            ]
        )
    )


def write(path, spelling, batch):
    kinds = {v: k for k, v in TYPES.items()}
    arrays, batch = {}, list(batch)
    for i, v in enumerate(batch):
        if isinstance(v, dict):
            arrays[str(i)] = numpy.array(v["data"], v["dtype"]).reshape(v["shape"])
            batch[i] = Tensor(kinds[v["dtype"]], str(i), arrays[str(i)])
    if spelling in ("new", "old"):
        batch[3], batch[4] = numpy.float64(batch[3]), batch[4] and [
            numpy.int64(v) for v in batch[4]
        ]
    elif spelling == "none":
        batch[2:5] = None, None, None
    out = io.BytesIO()
    Pickler(out, protocol=2).dump(batch)
    program = out.getvalue()
    for name in b"numpy._core.multiarray", b"numpy.core.multiarray":
        if spelling in ("new", "old"):
            program = program.replace(
                name, b"numpy._core.multiarray" if spelling == "new" else b"numpy.core.multiarray"
            )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/byteorder", "little")
        for key, array in arrays.items():
            archive.writestr("archive/data/" + key, array.tobytes())
        archive.writestr("archive/version", "3\n")


def order(n, epochs, seed=42):
    """torch.randperm on the CPU: Fisher-Yates with the raw words of MT19937; RandomSampler draws a
    second one in vain."""
    raw = numpy.random.RandomState(int(seed))._bit_generator

    def permutation():
        v = list(range(int(n)))
        for i in range(int(n) - 1):
            j = i + int(raw.random_raw()) % (int(n) - i)
            v[i], v[j] = v[j], v[i]
        return v

    for _ in range(int(epochs)):
        print(*permutation())
        permutation()


def write_all(stores, paths):
    for path, line in zip(paths, sys.stdin, strict=True):
        for store in stores:
            target = os.path.join(store, *path.split("/")[-2:])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            write(target, store, json.loads(line))


if __name__ == "__main__":
    if sys.argv[1] == "read":
        for batch in sys.argv[2:]:
            read(batch)
    elif sys.argv[1] == "write":
        at = sys.argv.index("--")
        write_all(sys.argv[2:at], sys.argv[at + 1 :])
    else:
        order(*sys.argv[2:])
