"""Becomes one of fd2's tools, with the torch of this Python environment, which is not imported."""
import importlib.util
import os
import signal
import sys


def start():
    here = os.path.dirname(os.path.abspath(__file__))
    if "FD2_TORCH" not in os.environ:
        torch = importlib.util.find_spec("torch")
        sibling = os.path.join(os.path.dirname(here), "torch")
        found = torch and torch.origin
        os.environ["FD2_TORCH"] = os.path.dirname(found) if found else sibling
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and so by what it becomes
        signal.signal(ignored, signal.SIG_DFL)
    tool = os.path.join(here, "bin", os.path.basename(sys.argv[0]))
    os.execv(tool, [tool, *sys.argv[1:]])
