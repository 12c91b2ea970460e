"""Kernels that start at once: copies of a process that has its framework already."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from tests.magic.kernel import ROOT, Kernel, Outcome

# What a user's first watched cell waits for; here it would be waited for once a program.
_FOR_WATCHING = (
    "libcst",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "tensorboard.compat.proto.event_pb2",
)
_PRELOADED = {
    "pytorch": ("torch", "torch._dynamo", "sklearn.datasets"),
    "keras": ("keras", "sklearn.datasets"),
    "sklearn": ("sklearn.datasets", "sklearn.neural_network", "sklearn.ensemble"),
}


class ForkedKernel(Kernel):
    """A kernel in a folder of its own."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self.folder = folder
        connection, _ = write_connection_file(
            str(folder / "kernel.json"), transport="ipc", ip=str(folder / "k")
        )
        self._process = zygote.fork(connection, folder)
        self.client = BlockingKernelClient(connection_file=connection)
        self.client.load_connection_file()
        self.client.start_channels(hb=False)  # a busy machine may be late, and is not dead
        self.client.wait_for_ready(timeout=60)

    def close(self) -> None:
        self.client.stop_channels()
        os.kill(self._process, signal.SIGKILL)

    def cpu_seconds(self) -> float:
        """What its process has used so far."""
        used = psutil.Process(self._process).cpu_times()
        return float(used.user + used.system)

    def aside(self, code: str) -> Outcome:
        """Executes code that is no cell of the notebook: it has no number and no place."""
        return self.wait(self.client.execute(code, store_history=False))


class Zygote:
    """The process whose copies are the kernels of one framework."""

    def __init__(self, framework: str, backend: str) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "tensorboard_plugin")])
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": backend}
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.scoring.zygote", *_PRELOADED[framework], *_FOR_WATCHING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**env, "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=ROOT,
        )
        self._answer()  # that it is ready

    def fork(self, connection: str, folder: Path) -> int:
        assert self._process.stdin is not None
        with self._lock:
            order = {"connection": connection, "folder": str(folder)}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that makes kernels ended: {self._process.wait()}")
        return line

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Kernels:
    """Fresh kernels on demand, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygotes: dict[tuple[str, str], Zygote] = {}
        self.cpu_seconds = 0.0  # what all kernels together have used

    @contextmanager
    def fresh(self, framework: str, backend: str = "tensorflow") -> Iterator[ForkedKernel]:
        """A kernel that nothing has run in, in an empty folder."""
        with tempfile.TemporaryDirectory(prefix="scenario-", ignore_cleanup_errors=True) as folder:
            kernel = ForkedKernel(self._zygote(framework, backend), Path(folder))
            try:
                yield kernel
            finally:
                with self._lock:
                    self.cpu_seconds += kernel.cpu_seconds()
                kernel.close()

    def _zygote(self, framework: str, backend: str) -> Zygote:
        with self._lock:
            if (framework, backend) not in self._zygotes:
                self._zygotes[framework, backend] = Zygote(framework, backend)
            return self._zygotes[framework, backend]

    def close(self) -> None:
        for zygote in self._zygotes.values():
            zygote.close()

    def __enter__(self) -> Kernels:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
