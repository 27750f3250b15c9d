"""The checkpoints that other programs make of a state dict.

usage: checkpoint.py STATE.safetensors OUT.pth EXPRESSION
EXPRESSION is Python, in which s is the dict of tensors by name, under(P, s) the same with P in
front of all names, without(P, s) what does not begin with P, other(s) the same with other values,
timm(s) a mobilenet_v2 by the names of mobilenetv2_100, cal(CLASSES, CHANNELS) what the authors of
CAL add to a backbone, adam an optimiser's state, and tensor(*SHAPE) counts up.
"""
import io
import json
import sys
import zipfile

import numpy

from fkd import TYPES, Pickler, Tensor

KINDS = {"F32": "FloatStorage", "I64": "LongStorage"}
arrays = {}


def keep(array):
    key = str(len(arrays))
    arrays[key] = numpy.array(array)
    return Tensor({v: k for k, v in TYPES.items()}[arrays[key].dtype.str], key, arrays[key])


def tensor(*shape):
    return keep(numpy.arange(numpy.prod(shape, dtype=int), dtype="<f4").reshape(shape) / 100)


def under(prefix, state):
    return {prefix + k: v for k, v in state.items()}


def without(prefix, state):
    return {k: v for k, v in state.items() if not k.startswith(prefix)}


def other(state):
    return {k: tensor(*v.array.shape) for k, v in state.items()}


def cal(classes, channels, maps=2):
    bn = ("weight", "bias", "running_mean", "running_var")
    return {
        "attentions.conv.weight": tensor(maps, channels, 1, 1),
        **{"attentions.bn." + name: tensor(maps) for name in bn},
        "fc.weight": tensor(classes, maps * channels),
    }


def read(path):
    data = open(path, "rb").read()
    end = 8 + int.from_bytes(data[:8], "little")
    for name, t in json.loads(data[8:end]).items():
        if name != "__metadata__":
            first, last = t["data_offsets"]
            array = numpy.frombuffer(data[end + first : end + last], TYPES[KINDS[t["dtype"]]])
            yield name, keep(array.reshape(t["shape"]))


def write(path, value):
    out = io.BytesIO()
    Pickler(out, protocol=2).dump(value)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", out.getvalue())
        archive.writestr("archive/byteorder", "little")
        for key, array in arrays.items():
            if key in written(value):
                archive.writestr("archive/data/" + key, array.tobytes())


def written(value):
    if isinstance(value, Tensor):
        return {value.storage.key}
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return set().union(*map(written, values))


def timm(state):
    def numbers(module):
        parts = module.replace("classifier", "99").split(".")
        return [int(part) if part.isdigit() else -1 for part in parts]

    split = {k: k.rsplit(".", 1) for k in state}
    modules = sorted({module for module, name in split.values()}, key=numbers)
    new = dict(zip(modules, timm_modules(), strict=True))
    return {f"{new[module]}.{name}": state[k] for k, (module, name) in split.items()}


def timm_modules():
    """Those of mobilenetv2_100, in the order of torchvision's."""
    yield from ("conv_stem", "bn1")
    for stage, blocks in enumerate((1, 2, 3, 4, 3, 3, 1)):
        for block in range(blocks):
            first, others = "conv_dw bn1 conv_pw bn2", "conv_pw bn1 conv_dw bn2 conv_pwl bn3"
            for module in (others if stage else first).split():
                yield f"blocks.{stage}.{block}.{module}"
    yield from ("conv_head", "bn2", "classifier")


if __name__ == "__main__":
    s = dict(read(sys.argv[1]))
    adam = {"state": {0: {"exp_avg": tensor(3, 3)}}}
    write(sys.argv[2], eval(sys.argv[3]))
