"""Checks fd2-protos --statistics on photographs of one colour each: statistics.py TEACHER ALL BN.

Colours are known, so the first convolution's statistics are; of the other layers names and shapes
are those of the teacher's parameters."""

import sys

import msgpack
import msgpack_numpy
import numpy as np


def read(path):
    with open(path, "rb") as f:
        meta, tensors = None, {}
        for o in msgpack.Unpacker(f, max_buffer_size=0, object_hook=msgpack_numpy.decode):
            if "meta" in o:
                meta = o["meta"]
            elif "name" in o:
                tensors[o["name"]] = o["value"]
        return meta, tensors


meta, teacher = read(sys.argv[1])
_, all_layers = read(sys.argv[2])
_, bn_only = read(sys.argv[3])
K = len(meta["classes"])

backbone = {k: v for k, v in teacher.items() if not k.startswith("cal.")}
norms = {k.removesuffix(".running_mean"): v.size for k, v in backbone.items()
         if k.endswith(".running_mean")}
convs = [k.removesuffix(".weight") for k, v in backbone.items() if v.ndim == 4]
shape = {k: v.shape for k, v in all_layers.items()}
for name, channels in norms.items():
    assert shape.pop(name + "/class_mean") == shape.pop(name + "/class_var") == (K, channels)
for name in convs:
    C, P = shape[name + "/mean"][0], shape[name + "/patch_mean"][0]
    assert teacher[name + ".weight"].shape[1] in (C, 1), name  # 1: of a depthwise convolution
    for what, n in (("mean", C), ("var", C), ("patch_mean", P), ("patch_var", P)):
        assert shape.pop(f"{name}/{what}") == (n,) and shape.pop(f"{name}/class_{what}") == (K, n)
assert not shape, shape
assert set(bn_only) == {f"{n}/class_{w}" for n in norms for w in ("mean", "var")}
for name, value in bn_only.items():  # in other batches
    assert np.allclose(value, all_layers[name], rtol=1e-3, atol=1e-4), name

first = "conv1.0" if "conv1.0/mean" in all_layers else "conv1"
got = {k.split("/")[1]: v for k, v in all_layers.items() if k.startswith(first + "/")}
grey = [np.array(v) / 255 for v in ([0, 60], [40, 100, 160], [80])]  # as the test drew them
colours = [[(g - np.array(meta["mean"])) / meta["std"] for g in of] for of in grey]
every = np.array(sum(colours, []))
close = {"rtol": 0, "atol": 0.02}  # JPEG rounds
assert np.allclose(got["mean"], every.mean(0), **close)
assert np.allclose(got["var"], every.var(0), **close)
assert np.allclose(got["class_mean"], [np.mean(c, 0) for c in colours], **close)
assert np.allclose(got["class_var"], 0, **close)
# a patch has all three channels; 32 pixels are two patches by two
of_photo = every.mean(1), every.var(1)
assert got["patch_mean"].shape == (4,)
assert np.allclose(got["patch_mean"], of_photo[0].mean(), **close)
assert np.allclose(got["patch_var"], of_photo[1].mean() + of_photo[0].var(), **close)
assert np.allclose(got["class_patch_var"], [[np.mean(np.var(c, 1))] * 4 for c in colours], **close)
