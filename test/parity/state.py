"""usage: state.py STATE: torch writes weights in every container, protocol, type and layout; STATE
(state.c) reads them and writes safetensors, which must hold the same tensors; those of a state dict
beside other tensors are behind its key. Prints a line for each file; exits 1 when one differs.
"""

import argparse, collections, json, struct, subprocess, sys, tempfile

import numpy
import torch

TYPES = {
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I32": torch.int32,
    "I64": torch.int64,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
WIDENED = {torch.bfloat16: torch.float32, torch.int8: torch.int32, torch.int16: torch.int32}


def layouts():
    base = torch.randn(6, 7)
    return collections.OrderedDict(
        channels_last=torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last),
        turned=base.t(),
        row=base[2],
        column=base[:, 3],
        steps=base[::2, 1:6:2],
        spread=torch.randn(1, 4).expand(3, 4),
        empty=torch.empty(0, 3),
        scalar=torch.tensor(1.5),
        parameter=torch.nn.Parameter(torch.randn(2, 2)),
        bf16=torch.randn(5, 3).bfloat16(),
        bf16_turned=torch.randn(5, 3).bfloat16().t(),
        f16=torch.randn(9).half(),
        f64=torch.randn(2).double(),
        i32=torch.arange(-3, 5, dtype=torch.int32),
        i64=torch.tensor(2**40),
        u8=torch.arange(5, dtype=torch.uint8),
        i8=torch.arange(-4, 4, dtype=torch.int8),
        i16=torch.arange(-4, 4, dtype=torch.int16),
        bool=torch.tensor([True, False]),
    )


def cases():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.randn(2, 3, 8, 8)).sum().backward()
    sgd.step()
    state = net.state_dict()
    beside = {
        "epoch": 3,
        "args": argparse.Namespace(a=1, b=[1, 2.5, "x"], c=None),
        "optimizer": sgd.state_dict(),
        "acc": numpy.float64(0.5),
        "n": numpy.int64(7),
        "rng": torch.get_rng_state(),
        "set": {1, 2},
        "big": 10**30,
        "neg": -5,
        "scheduler": torch.optim.lr_scheduler.MultiStepLR(sgd, [1, 2]).state_dict(),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "shape": torch.empty(2, 3).shape,
    }
    yield "layouts", layouts(), "", None
    yield "network", state, "", state
    yield "module.", {"module." + k: v for k, v in state.items()}, "", state
    for key in "state_dict", "model", "model_state_dict":
        yield key, {**beside, key: state}, key + ".", state


def read_safetensors(path):
    try:
        from safetensors.torch import load_file

        return load_file(path)
    except ImportError:
        pass
    data = open(path, "rb").read()
    (n,) = struct.unpack("<Q", data[:8])
    found = {}
    for name, t in json.loads(data[8 : 8 + n]).items():
        begin, end = t["data_offsets"]
        flat = (
            torch.frombuffer(bytearray(data[8 + n + begin : 8 + n + end]), dtype=TYPES[t["dtype"]])
            if end > begin
            else torch.empty(0, dtype=TYPES[t["dtype"]])
        )
        found[name] = flat.reshape(t["shape"])
    return found


def same(found, prefix, wanted):
    found = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
    if found.keys() != wanted.keys():
        return False
    for name, t in wanted.items():
        t = t.detach().to(WIDENED.get(t.dtype, t.dtype))
        if (
            found[name].dtype != t.dtype
            or found[name].shape != t.shape
            or not torch.equal(found[name], t)
        ):
            return False
    return True


def main():
    torch.manual_seed(0)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        source, copy = folder + "/x.pth", folder + "/x.safetensors"
        for name, saved, prefix, wanted in cases():
            for zipped in True, False:
                for protocol in 2, 4, 5:
                    torch.save(
                        saved,
                        source,
                        pickle_protocol=protocol,
                        _use_new_zipfile_serialization=zipped,
                    )
                    done = subprocess.run([sys.argv[1], source, copy])
                    good = done.returncode == 0 and same(
                        read_safetensors(copy), prefix, saved if wanted is None else wanted
                    )
                    bad += not good
                    container = "zip" if zipped else "legacy"
                    result = "same" if good else "DIFFERS"
                    print(f"{result:8} {name}, {container}, protocol {protocol}")
    return bad > 0


sys.exit(main())
