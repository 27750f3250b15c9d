"""What the benchmarks share: fd2's tools and their logs, torchvision's networks with a teacher's
weights, and tables."""

import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tarfile
import threading
import time

import safetensors.torch
import torch
import torchvision

SIZE, BATCH, ROUNDS = (
    int(os.environ.get(k, v)) for k, v in (("SIZE", 224), ("BATCH", 20), ("ROUNDS", 3))
)
THREADS = int(os.environ.get("THREADS", 0))  # 0: as many as there are CPUs
DEVICE = os.environ.get("DEVICE", "cpu")
CUDA = DEVICE == "cuda"
IMAGES = 4 if CUDA else 2  # of a class
START = time.monotonic()

if THREADS:
    torch.set_num_threads(THREADS)
torch.backends.cudnn.allow_tf32 = False  # f32 is f32, as in fd2


def say(text):
    """A line of progress, on stderr."""
    print(f"  {time.monotonic() - START:5.0f} s  {text}", file=sys.stderr, flush=True)


def network(arch, weights):
    """torchvision's network with the teacher's weights that a .safetensors holds, frozen."""
    tensors = safetensors.torch.load_file(weights)
    classes = next(
        t.size(0)
        for n, t in tensors.items()
        if n in ("fc.weight", "classifier.weight", "classifier.1.weight")
    )
    net = getattr(torchvision.models, arch)(num_classes=classes)
    net.load_state_dict(tensors)
    return net.eval().requires_grad_(False).to(DEVICE)


def wait():
    """Until the device has done all that it was told."""
    if CUDA:
        torch.cuda.synchronize()


def timed(f, n, warm=1):
    """Seconds of n calls, after `warm` that do not count, nor does their memory."""
    seconds = []
    for i in range(warm + n):
        if i == warm:
            reset_peak()
        wait()
        start = time.perf_counter()
        f()
        wait()
        seconds.append(time.perf_counter() - start)
    return seconds[warm:]


def reset_peak():
    """own_peak counts from here on."""
    if CUDA:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    else:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")


def own_peak():
    """This process's peak memory in MiB: the host's, or on a GPU that of torch's allocator."""
    if CUDA:
        return torch.cuda.max_memory_reserved() >> 20
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) // 1024


class GpuPeak(threading.Thread):
    """Looks at the GPU's free memory now and then; peak is the most, in MiB, that others took since
    its start."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before, self.peak, self.over = torch.cuda.mem_get_info()[0], 0, threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            self.peak = max(self.peak, self.before - torch.cuda.mem_get_info()[0] >> 20)


class Tools:
    """fd2's tools, in a folder of their own or on the PATH."""

    def __init__(self, work):
        self.folder, self.work, self.threads = os.environ.get("FD2_BIN", ""), work, THREADS
        self.peak = self.cpu = 0

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, tool, *args):
        """Seconds; self.peak is then its peak memory in MiB, and self.cpu its seconds of CPU."""
        gpu = GpuPeak() if CUDA else None
        if gpu:
            gpu.start()
        start = time.perf_counter()
        command = [
            os.path.join(self.folder, tool),
            "-q",
            "--device",
            DEVICE,
            "--threads",
            self.threads,
            *args,
        ]
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            sys.exit(f"'{' '.join(map(str, command))}' failed")
        self.peak, self.cpu = usage.ru_maxrss // 1024, usage.ru_utime + usage.ru_stime
        if gpu:
            gpu.over.set()
            gpu.join()
            self.peak = gpu.peak
        return seconds

    def logged(self, event, tool, *args):
        """The events of one kind in the log of a run."""
        log = self.path("run.log")
        with contextlib.suppress(FileNotFoundError):
            os.remove(log)
        self.run(tool, "--log", log, *args)
        with open(log) as f:
            return [e for e in map(json.loads, f) if e["event"] == event]

    def weights(self, arch):
        """The teacher arch.fd2 as safetensors."""
        path = self.path(f"{arch}.safetensors")
        if not os.path.exists(path):
            look = os.path.join(self.folder, "fd2-look")
            subprocess.run([look, "--export", path, self.path(f"{arch}.fd2")], check=True)
        return path


def few(tools, shards):
    """A shard of a few real images of each class of some shards."""
    path = tools.path("real.tar")
    if not os.path.exists(path):
        tools.run("fd2-select", "--method", "random", "-n", IMAGES, "-o", path, *shards.split(","))
    return path


def teach(tools, arch, real):
    """The teacher arch.fd2, of a few steps."""
    path = tools.path(f"{arch}.fd2")
    if not os.path.exists(path):
        tools.run("fd2-teacher", "-a", arch, "-s", SIZE, "-b", BATCH, "-e", 2, "-o", path, real)
    return path


def count(shard):
    """Images in a shard."""
    with tarfile.open(shard) as tar:
        return sum(m.name.endswith(".jpg") for m in tar)


def child(script, *args):
    """The JSON that another Python process prints, so that neither disturbs the other's memory."""
    command = [sys.executable, os.path.join(os.path.dirname(__file__), script), *map(str, args)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def between(events, unit):
    """Seconds of a unit of work from one event to the next; unit(a, b) says how many lie between
    them."""
    return [(b["t"] - a["t"]) / unit(a, b) for a, b in itertools.pairwise(events)]


class Table:
    """Rows of programs that compute the same; each is compared with the plain one, and with the
    fastest rival of its dtype."""

    def __init__(self, title):
        self.title, self.rows = title, {}

    def add(self, name, dtype, seconds, memory, rival=False, floor=None):
        """Seconds join those of earlier rounds."""
        row = self.rows.setdefault(name, {"dtype": dtype, "rival": rival, "seconds": []})
        row["seconds"] += seconds
        row.update(memory=memory, floor=floor)

    def print(self):
        median = {name: statistics.median(row["seconds"]) for name, row in self.rows.items()}
        best = {}
        for name, row in self.rows.items():
            if row["rival"] and median[name] < best.get(row["dtype"], float("inf")):
                best[row["dtype"]] = median[name]
        plain = next(
            (median[name] for name, row in self.rows.items() if row["rival"]), float("nan")
        )
        digits = 3 if CUDA else 1
        columns = "".join(f"{c:>9}" for c in ("min ms", "median", "max", "x plain", "x best"))
        print(f"\n{self.title}\n{'':<36}{columns}{'MiB':>7}{'floor':>8}")
        for name, row in self.rows.items():
            ms = "".join(
                f"{1000 * f(row['seconds']):9.{digits}f}" for f in (min, statistics.median, max)
            )
            share = f"{100 * row['floor'] / median[name]:6.0f} %" if row["floor"] else ""
            rival = (
                f"{best[row['dtype']] / median[name]:9.2f}" if row["dtype"] in best else f"{'':9}"
            )
            ratios = f"{plain / median[name]:9.2f}{rival}"
            print(f"{name:<36}{ms}{ratios}{row['memory']:7}{share:>8}".rstrip(), flush=True)
