"""What a GPU gives: the rate of a copy, a tiny kernel's time in a graph, and ResNet-18's
convolutions one by one, stem and depthwise ones in other shapes too. Microseconds are medians of
CUDA events.

usage: card.py    BATCH images; on the CPU a rehearsal of few pixels whose times say nothing
"""

import statistics
import time

import torch

from common import BATCH, CUDA, DEVICE

LAST = torch.channels_last
# How often, channels in and out, kernel, stride, side of the input.
RESNET18 = [
    (1, 3, 64, 7, 2, 224),
    (4, 64, 64, 3, 1, 56),
    (1, 64, 128, 3, 2, 56),
    (3, 128, 128, 3, 1, 28),
    (1, 64, 128, 1, 2, 56),
    (1, 128, 256, 3, 2, 28),
    (3, 256, 256, 3, 1, 14),
    (1, 128, 256, 1, 2, 28),
    (1, 256, 512, 3, 2, 14),
    (3, 512, 512, 3, 1, 7),
    (1, 256, 512, 1, 2, 14),
]
OTHERS = {
    "stem, 4 channels": (4, 64, 7, 2, 224),
    "stem, 8 channels": (8, 64, 7, 2, 224),
    "stem from space to depth": (16, 64, 3, 1, 112),
    "stem's adjoint as a forward": (64, 16, 5, 1, 112),
    "depthwise, stride 2": (96, 96, 3, 2, 112, 96),
    "depthwise, stride 1": (192, 192, 3, 1, 28, 192),
}


def microseconds(f, times=15):
    if not CUDA:
        start = time.perf_counter()
        f()
        return 1e6 * (time.perf_counter() - start)
    for _ in range(3):
        f()
    taken = []
    for _ in range(times):
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record()
        f()
        b.record()
        b.synchronize()
        taken.append(1000 * a.elapsed_time(b))
    return statistics.median(taken)


def memory():
    """GB/s of a copy, read and written; microseconds of a small addition among 500 in a graph."""
    a = torch.empty(1 << 30 if CUDA else 1 << 20, device=DEVICE, dtype=torch.uint8).random_()
    b = torch.empty_like(a)
    print(f"{'copy':<36}{2 * a.numel() / 1000 / microseconds(lambda: b.copy_(a)):12.0f} GB/s")
    if CUDA:
        x, y = torch.randn(2, 64, device=DEVICE)
        graph = torch.cuda.CUDAGraph()
        torch.add(x, y)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            for _ in range(500):
                x = torch.add(x, y)
        print(f"{'a tiny kernel in a graph':<36}{microseconds(graph.replay) / 500:12.2f} us")


def convolution(cin, cout, kernel, stride, side, groups=1, dtype=torch.bfloat16):
    """Microseconds of forward, of the input's gradient and of the weights'; and the multiplications
    and additions of each."""
    side = side if CUDA else min(side, 16)
    x = torch.randn(BATCH, cin, side, side, device=DEVICE, dtype=dtype).contiguous(
        memory_format=LAST
    )
    w = torch.randn(cout, cin // groups, kernel, kernel, device=DEVICE, dtype=dtype).contiguous(
        memory_format=LAST
    )
    y = torch.conv2d(x, w, None, stride, kernel // 2, 1, groups)
    dy, pad = torch.randn_like(y), [kernel // 2] * 2

    def gradient(which):
        torch.ops.aten.convolution_backward(
            dy, x, w, None, [stride] * 2, pad, [1, 1], False, [0, 0], groups, which
        )

    times = [
        microseconds(lambda: torch.conv2d(x, w, None, stride, kernel // 2, 1, groups)),
        microseconds(lambda: gradient([True, False, False])),
        microseconds(lambda: gradient([False, True, False])),
    ]
    return times, 2 * y.numel() * (cin // groups) * kernel * kernel


def line(name, times, flop):
    print(
        f"{name:<36}"
        + "".join(f"{t:12.1f}" for t in times)
        + "".join(f"{flop / t / 1e6:8.0f}" for t in times),
        flush=True,
    )


def main():
    torch.backends.cudnn.deterministic = True  # as in fd2
    print(
        f"\n{torch.cuda.get_device_name() if CUDA else 'CPU'}, {BATCH} images, bf16, channels-last"
    )
    memory()
    print(
        f"{'convolution':<36}"
        + "".join(f"{n + ' us':>12}" for n in ("forward", "images", "weights"))
        + "  TFLOP/s of each"
    )
    totals, flops = [0, 0, 0], 0
    for often, *shape in RESNET18:
        times, flop = convolution(*shape)
        totals, flops = [a + often * b for a, b in zip(totals, times)], flops + often * flop
        outputs, kernel, stride, side = shape[1:5]
        name = f"{often} of {kernel}x{kernel} to {outputs}, stride {stride}, {side} px"
        line(name, times, flop)
    line("ResNet-18's in all", totals, flops)
    for name, shape in OTHERS.items():
        try:
            line(name, *convolution(*shape))
        except RuntimeError as e:  # deterministic cuDNN may have none
            print(f"{name}: {str(e).splitlines()[0][:120]}")


if __name__ == "__main__":
    main()
