"""A TensorBoard of one's own beside a notebook: started once per log directory, asked, stopped."""

from __future__ import annotations

import atexit
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

# A cold start takes a few seconds; on a busy machine many more.
START_WITHIN_S = 60.0
POLL_EVERY_S = 0.1
STOP_WITHIN_S = 5.0
_URL = re.compile(rb"^Collapse tab: (\S+)#collapse", re.MULTILINE)

_servers: dict[tuple[str, str], Server] = {}
_lock = threading.Lock()


class ServerError(RuntimeError):
    """The server did not come up; the message is one sentence."""


class Server:
    """A running TensorBoard.

    Attributes:
        address: where it listens, for example ``http://127.0.0.1:6006/``.
        port: its port.
    """

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self._process = process
        self.address = address
        self.port = int(address.rstrip("/").rpartition(":")[2])

    @property
    def url(self) -> str:
        """Where a browser finds the tab; behind a notebook server's proxy that is not `address`."""
        proxy = os.environ.get("TENSORBOARD_PROXY_URL")
        base = self.address if not proxy else proxy.replace("%PORT%", str(self.port))
        return f"{base.rstrip('/')}/#collapse"

    @property
    def alive(self) -> bool:
        """Whether the process runs and answers."""
        return self._process.poll() is None and answers(self.address)

    def stop(self) -> None:
        """Ends the server; may be called again."""
        _end(self._process)


def start_server(
    logdir: str | os.PathLike[str], host: str = "127.0.0.1", port: int | None = None
) -> Server:
    """A TensorBoard that serves the directory: the one this process started before, or a new one.

    Waits until the plugin answers. Raises ServerError where it does not, with the reason.
    """
    folder = Path(logdir).expanduser().resolve()
    if not folder.is_dir():
        raise ServerError(f"there is no directory {str(logdir)!r}")
    key = (str(folder), host)
    with _lock:
        server = _servers.get(key)
        if server is not None and port in (None, server.port):
            if server.alive:
                return server
            server.stop()
        server = _servers[key] = _start(folder, host, port)
    return server


def answers(address: str, timeout_s: float = 5.0) -> bool:
    """Whether the plugin's `runs` route answers there."""
    # The machine's own server is never behind the proxy that the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}data/plugin/collapse/runs", timeout=timeout_s) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _start(folder: Path, host: str, port: int | None) -> Server:
    command = [sys.executable, "-m", "tensorboard_plugin_collapse.launcher", str(folder)]
    command += ["--no-browser", "--until-stdin-closes", "--host", host]
    if port is not None:
        command += ["--port", str(port)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        said = Path(scratch) / "said"
        with said.open("wb") as output:
            # Its own session: Ctrl-C in the notebook's terminal is not meant for it.
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,  # closes with this process, however that ends
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        atexit.register(_end, process)
        try:
            return _wait(process, said)
        except BaseException:
            _end(process)
            raise


def _wait(process: subprocess.Popen[bytes], said: Path) -> Server:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        output = said.read_bytes()
        found = _URL.search(output)
        if found and answers(found[1].decode()):
            return Server(process, found[1].decode())
        if ended:
            lines = output.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise ServerError(f"TensorBoard did not start: {lines[-1]}")
        time.sleep(POLL_EVERY_S)
    raise ServerError(f"TensorBoard did not answer within {START_WITHIN_S:g} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
