"""A real TensorBoard, as a user starts it, and what it answers."""

from __future__ import annotations

import contextlib
import json
import re
import struct
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class RunningTensorBoard:
    address: str
    logdir: Path

    def get(self, route: str, **arguments: object) -> Answer:
        """The plugin's answer; one with an error status too."""
        url = f"{self.address}data/plugin/collapse/{route}"
        if arguments:
            url += "?" + urllib.parse.urlencode(arguments)
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                return Answer(reply.status, reply.headers["Content-Type"], reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers["Content-Type"], error.read())

    def runs(self) -> dict[str, Any]:
        return {run["run"]: run for run in self.get("runs").json["runs"]}


TENSORBOARD = ("tensorboard.main",)
# TensorBoard in that process, without TensorFlow: where there is one, it starts much faster.
COLLAPSE_TB = ("tensorboard_plugin_collapse.launcher", "--no-browser")


@contextlib.contextmanager
def running(
    logdir: Path, *flags: str, log: Path, program: Sequence[str] = TENSORBOARD
) -> Iterator[RunningTensorBoard]:
    """TensorBoard as its own process on a free port, asked until it serves our plugin."""
    command = [sys.executable, "-m", *program, "--logdir", str(logdir), "--port=0"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*command, "--host=127.0.0.1", "--reload_interval=1", *flags],
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:

        def address() -> str | None:
            text = log.read_text(errors="replace")
            assert process.poll() is None, text
            found = re.search(r"(?:TensorBoard \S+ at|Collapse tab:) (http[^\s#]+)", text)
            return found[1] if found else None

        yield RunningTensorBoard(wait_until(address, "TensorBoard starts", 240), logdir)
    finally:
        process.terminate()
        process.wait(120)


# TensorBoard's two loaders: the one in Rust, where it exists, and the one in Python.
LOADERS = ("fast", "slow")


@contextlib.contextmanager
def running_with_loader(loader: str, logdir: Path, *, log: Path) -> Iterator[RunningTensorBoard]:
    """TensorBoard with one of `LOADERS`, and without any flag of ours."""
    if loader == "fast":
        server = pytest.importorskip("tensorboard_data_server")
        if server.server_binary() is None:
            pytest.skip("the fast loader does not exist for this platform")
    load_fast = "true" if loader == "fast" else "false"
    with running(logdir, f"--load_fast={load_fast}", log=log) as tensorboard:
        yield tensorboard


@dataclass(frozen=True)
class ServedSeries:
    header: dict[str, Any]
    steps: np.ndarray
    wall_times: np.ndarray
    values: np.ndarray


def parse_series(body: bytes) -> ServedSeries:
    """The binary reply, read by the words of docs/wire.md alone."""
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    start = 4 + length
    assert start % 8 == 0
    rows, columns = header["rows"], header["columns"]
    steps = np.frombuffer(body, "<f8", rows, start)
    wall_times = np.frombuffer(body, "<f8", rows, start + 8 * rows)
    values = np.frombuffer(body, "<f4", rows * columns, start + 16 * rows)
    assert len(body) == start + 16 * rows + 4 * rows * columns
    return ServedSeries(header, steps, wall_times, values.reshape(rows, columns))
