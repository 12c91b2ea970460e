"""`collapse-tb` as a process of its own, and the server a notebook starts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboard_plugin_collapse import background, launcher
from tensorboard_plugin_collapse.server import has_browser

from tests.support import sample_logs as samples
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("logs")
    samples.write_sample_logs(logdir)
    return logdir


@pytest.fixture(scope="module")
def server(logdir: Path) -> Iterator[launcher.Server]:
    server = launcher.start_server(logdir)
    yield server
    server.stop()


@contextlib.contextmanager
def taken_ports() -> Iterator[tuple[int, int]]:
    """A port that somebody listens on, and the next one, bound by somebody who does not yet."""
    with contextlib.ExitStack() as held:
        while True:
            listening = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = listening.getsockname()[1]
            bound = held.enter_context(socket.socket())
            try:
                bound.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue  # somebody else's: try another pair
            break
        yield port, port + 1


def test_the_command_serves_on_the_next_free_port_until_ctrl_c(
    logdir: Path, tmp_path: Path
) -> None:
    """GIVEN a port that is taken, one that is bound but not answered on, and a TensorFlow that
    fails when imported WHEN collapse-tb is started
    THEN it says where the tab is, and ends without a traceback."""
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise SystemExit('imported')")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    said = tmp_path / "said"
    with taken_ports() as (port, bound), said.open("wb") as output:
        command = [sys.executable, "-m", "tensorboard_plugin_collapse.launcher", str(logdir)]
        process = subprocess.Popen(
            # The slow loader is the one that asks for TensorFlow.
            [
                *command,
                "--host=127.0.0.1",
                f"--port={port}",
                "--path_prefix=/here",
                "--load_fast=false",
            ],
            # A runner in the background of a shell ignores Ctrl-C, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={**os.environ, "PYTHONPATH": path, "SSH_TTY": "/dev/pts/0"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:

            def address() -> str | None:
                assert process.poll() is None, said.read_text()
                found = re.search(r"^Collapse tab: (http\S+)#collapse  ", said.read_text(), re.M)
                return found[1] if found else None

            url = wait_until(address, "the address is printed")
            assert url.endswith("/here/")
            assert f":{port}/" not in url
            assert f":{bound}/" not in url
            assert f"port {port} is taken" in said.read_text()
            wait_until(lambda: background.answers(url), "the plugin answers")
            with urllib.request.urlopen(url, timeout=30) as page:
                assert b"<html" in page.read().lower()
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
    assert code == 0
    assert "Traceback" not in said.read_text()


def test_a_server_is_used_again_while_it_lives(server: launcher.Server, logdir: Path) -> None:
    assert server.alive
    assert launcher.start_server(str(logdir)) is server
    assert server.url == f"http://127.0.0.1:{server.port}/#collapse"


def test_behind_a_proxy_the_link_is_the_proxys(
    server: launcher.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_PROXY_URL", "https://hub.example/user/me/proxy/%PORT%/")
    assert server.url == f"https://hub.example/user/me/proxy/{server.port}/#collapse"


def test_a_server_that_died_is_replaced(tmp_path: Path) -> None:
    logdir = tmp_path / "logs"
    logdir.mkdir()
    first = launcher.start_server(logdir)
    first.stop()
    first.stop()
    assert not first.alive
    second = launcher.start_server(logdir)
    try:
        assert second is not first
        assert second.alive
    finally:
        second.stop()


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """GIVEN a kernel that shows the tab WHEN it is killed THEN no server is left behind."""
    code = (
        "from tensorboard_plugin_collapse.launcher import start_server\n"
        f"print(start_server({str(tmp_path)!r}).address, flush=True)\n"
        "input()\n"
    )
    kernel = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with kernel:
        assert kernel.stdout is not None
        address = kernel.stdout.readline().strip()
        assert background.answers(address)
        kernel.kill()
    wait_until(lambda: not background.answers(address), "the server ends")


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    with pytest.raises(launcher.ServerError, match="there is no directory"):
        launcher.start_server(tmp_path / "nowhere")
    with pytest.raises(launcher.ServerError, match=r"TensorBoard did not start: .*address"):
        launcher.start_server(tmp_path, host="192.0.2.1")  # an address of no machine


@pytest.mark.parametrize(
    ("environment", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "a b"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_TTY": "x"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_a_browser_opens_only_where_the_user_sits(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], platform: str, there: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_browser() is there
