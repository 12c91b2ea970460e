"""TensorBoard in this process, opened at the Collapse tab."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
import types
import webbrowser
from collections.abc import Iterator, Sequence
from typing import Any

DEFAULT_PORT = 6006
PORTS_TRIED = 100


class UsageError(Exception):
    """A flag that TensorBoard does not take; the message is one sentence."""


def serve(
    logdir: str, flags: Sequence[str], *, host: str | None, port: int | None, browser: bool
) -> int:
    """Serves until Ctrl-C, on the wanted port or the next free one; returns the exit code.

    ``flags`` go to TensorBoard as they are. Raises UsageError.
    """
    _block_tensorflow()
    from absl import logging
    from tensorboard import default, program

    logging.set_verbosity(logging.WARNING)

    class Server(program.WerkzeugServer):  # type: ignore[misc]
        def print_serving_message(self) -> None:
            url = f"{self.get_url()}#collapse"
            print(f"Collapse tab: {url}  (Ctrl-C ends it)", flush=True)
            if browser:
                open_browser(url)

    def on_free_port(wsgi_app: Any, flags: argparse.Namespace) -> Any:
        wanted = DEFAULT_PORT if flags.port is None else flags.port
        # 0, the system's own choice, comes last: it never fails.
        for candidate in (*range(wanted, min(wanted + PORTS_TRIED, 1 << 16)), 0):
            flags.port = candidate
            try:
                with _port_errors(program):
                    return Server(wsgi_app, flags)
            except program.TensorBoardPortInUseError:
                if candidate == wanted:
                    print(f"port {wanted} is taken: looking for the next free one", file=sys.stderr)
        raise program.TensorBoardServerException("there is no free port")

    tensorboard = program.TensorBoard(default.get_plugins(), server_class=on_free_port)
    _configure(tensorboard, [*_flags(logdir, host, port), *flags])
    try:
        return int(tensorboard.main())
    except KeyboardInterrupt:
        return 0


@contextlib.contextmanager
def _port_errors(program: Any) -> Iterator[None]:
    """Has a port that is bound, but not listened on yet, count as taken.

    TensorBoard asks by a connection whether a port is in use; one that nobody answers on passes,
    and Werkzeug then prints that it is in use and ends the process.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    except SystemExit as error:
        cause = error.__context__
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            raise program.TensorBoardPortInUseError(str(cause)) from None
        sys.stderr.write(said.getvalue())
        raise


def open_browser(url: str) -> None:
    """Opens it where there is a browser; without one the address has been printed."""
    if has_browser():
        webbrowser.open(url)


def has_browser() -> bool:
    """Whether a browser would open where the user sits: not over ssh, not without a screen."""
    environment = os.environ
    if any(name in environment for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")):
        return False
    if sys.platform.startswith("linux"):
        return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return True


def _flags(logdir: str, host: str | None, port: int | None) -> list[str]:
    flags = [f"--logdir={logdir}", "--reload_interval=1"]
    if host is not None:
        flags.append(f"--host={host}")
    if port is not None:
        flags.append(f"--port={port}")
    return flags


def _configure(tensorboard: Any, flags: list[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            tensorboard.configure(["", *flags])
    except SystemExit as error:
        if not error.code:
            raise  # --helpfull and the like have been printed
        last = (said.getvalue().strip().splitlines() or ["wrong flags"])[-1]
        raise UsageError(_sentence(last.rpartition("error: ")[2], flags)) from None
    except ValueError as error:  # TensorBoard's own FlagsError is one
        raise UsageError(str(error)) from None


def _sentence(said: str, flags: Sequence[str]) -> str:
    """What TensorBoard's parser says; a word after an unknown flag it takes for a subcommand."""
    if not said.startswith("argument {serve}:"):
        return said
    given = [flag for flag in flags if not flag.startswith(("--logdir=", "--reload_interval="))]
    return f"neither collapse-tb nor TensorBoard takes {' '.join(given)}"


def _block_tensorflow() -> None:
    """Has TensorBoard do without TensorFlow in this process: it would import all of it."""
    sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("tensorboard.compat.notf"))
