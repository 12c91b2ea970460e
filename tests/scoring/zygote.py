"""A process that imports a framework once, and of which every copy becomes a kernel.

Importing TensorFlow takes ten seconds and training these programs takes two; a forked copy is as
fresh as a new process. Started with the modules to import, it reads one order a line, as JSON:
``{"connection": FILE, "folder": DIR}``, and answers each with the process id of the kernel.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path


def become_kernel(connection: str, folder: str) -> None:
    """Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, os.devnull, os.O_WRONLY),
        (2, str(Path(folder) / "kernel.log"), os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(path, flags, 0o600), descriptor)
    os.chdir(folder)
    os.environ["IPYTHONDIR"] = folder
    try:
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(argv=["-f", connection, "--HistoryManager.hist_file=:memory:"])
    finally:
        os._exit(0)


def main() -> None:
    for name in ("ipykernel.kernelapp", "IPython", *sys.argv[1:]):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a kernel
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        kernel = os.fork()
        if kernel == 0:
            become_kernel(order["connection"], order["folder"])
        print(kernel, flush=True)
    os._exit(0)  # a framework may take seconds to go in good order


if __name__ == "__main__":
    main()
