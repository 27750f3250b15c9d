"""What the benchmarks share: running fd2's tools, torchvision's networks with a teacher's weights, and lines of a table."""
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import threading
import time

import msgpack
import msgpack_numpy
import numpy as np
import torch
import torchvision

SIZE, BATCH, ROUNDS = 224, int(os.environ.get("BATCH", 20)), int(os.environ.get("ROUNDS", 3))
DEVICE = os.environ.get("DEVICE", "cpu")


def read_stream(path):
    tensors, meta = {}, {}
    with open(path, "rb") as f:
        for record in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0):
            meta = record.get("meta", meta)
            if "name" in record:
                tensors[record["name"]] = torch.from_numpy(np.array(record["value"]))
    return meta, tensors


def network(teacher):
    """torchvision's network with the weights of teacher.fd2, frozen."""
    meta, tensors = read_stream(teacher)
    net = getattr(torchvision.models, meta["arch"])(num_classes=len(meta["classes"]))
    net.load_state_dict({n: t for n, t in tensors.items() if not n.startswith("cal.")})
    return net.eval().requires_grad_(False).to(DEVICE)


def wait():
    """Until the device has done all that it was told."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def timed(f, n):
    """Seconds of n calls, after one that does not count."""
    seconds = []
    for _ in range(n + 1):
        wait()
        start = time.perf_counter()
        f()
        wait()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def used():
    """MiB of the GPU's memory that are in use by anybody."""
    text = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"], check=True,
                          capture_output=True, text=True).stdout
    return int(text)


class GpuPeak(threading.Thread):
    """Samples the GPU's memory until it is told to stop; peak is MiB above what was in use before."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before, self.peak, self.over = used(), 0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            self.peak = max(self.peak, used() - self.before)


def own_peak():
    """This process's peak memory in MiB: the host's, or on a GPU that of torch's allocator."""
    if DEVICE == "cuda":
        return torch.cuda.max_memory_reserved() >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Tools:
    def __init__(self, folder, work):
        self.folder, self.work, self.peak = folder, work, 0

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, tool, *args):
        """Seconds; self.peak is then its peak memory in MiB."""
        gpu = GpuPeak() if DEVICE == "cuda" else None
        if gpu:
            gpu.start()
        start = time.perf_counter()
        process = subprocess.Popen([os.path.join(self.folder, tool), "-q", "--device", DEVICE, *map(str, args)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            sys.exit(f"{tool} failed")
        self.peak = usage.ru_maxrss // 1024
        if gpu:
            gpu.over.set()
            gpu.join()
            self.peak = gpu.peak
        return seconds


IMAGES = 2  # a class


def few(tools, shard):
    """A shard of a few real images a class."""
    path = tools.path("real.tar")
    if not os.path.exists(path):
        tools.run("fd2-select", "--method", "random", "-n", IMAGES, "-o", path, shard)
    return path


def count(shard):
    """Images in a shard."""
    with tarfile.open(shard) as tar:
        return sum(m.name.endswith(".jpg") for m in tar)


def child(script, *args):
    """The JSON that another Python process prints, so that neither disturbs the other's memory."""
    out = subprocess.run([sys.executable, script, *map(str, args)], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


HEAD = f"{'':<34} {'min s':>7} {'median':>7} {'max':>7} {'ratio':>8} {'MiB':>6} {'floor':>8}"


def row(name, seconds, base, memory, floor=None):
    """base: seconds of the plain program; floor: of the convolutions alone."""
    median = statistics.median(seconds)
    share = f"{100 * floor / median:6.0f} %" if floor else ""
    print(f"{name:<34} {min(seconds):7.3f} {median:7.3f} {max(seconds):7.3f} {base / median:7.2f}x {memory:6} {share:>8}".rstrip(), flush=True)
