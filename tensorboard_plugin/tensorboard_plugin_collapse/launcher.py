"""The command ``collapse-tb``, and the server that a notebook shows."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .background import Server, ServerError, start_server
from .log_files import Place, event_files, is_directory, place

__all__ = ["Server", "ServerError", "main", "start_server"]

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 and the number of the signal, as shells say it
EPILOG = """\
Every other flag is handed on to TensorBoard (see tensorboard --help).

examples:
  collapse-tb runs                              open the tab on ./runs
  collapse-tb runs --report text                print what every run came to
  collapse-tb runs --report html > page.html    the same as one page that stands alone
  collapse-tb runs --report json --fail-on warning    in a build that is to fail
  collapse-tb runs --follow                     tell findings while a training runs
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0, 1 where --fail-on says so, 2 for wrong usage."""
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    parser = _arguments()
    options, flags = parser.parse_known_args(argv)
    if not (options.logdir or options.logdir_flag):
        parser.error("which log directory? Give it as in: collapse-tb runs")
    logdir = place(options.logdir or options.logdir_flag)
    problem = _problem(logdir)
    if problem:
        parser.error(problem)
    if not (options.report or options.follow):
        if options.fail_on:
            parser.error("--fail-on goes with --report or --follow")
        return _serve(parser, logdir, options, flags)
    if flags:
        parser.error(f"unknown beside --report and --follow: {' '.join(flags)}")
    if options.follow:
        if options.report == "html":
            parser.error("--follow prints text or json")
        from .follow import follow

        return follow(logdir, options.report or "text", options.fail_on or "never")
    from .log_report import print_report

    return print_report(logdir, options.report, options.fail_on or "error")


def _serve(
    parser: _Parser, logdir: Place, options: argparse.Namespace, flags: Sequence[str]
) -> int:
    from .reuse import running_server
    from .server import UsageError, open_browser, serve

    # Whole, since others find the server by it, wherever they stand.
    served = str(logdir.resolve() if isinstance(logdir, Path) else logdir)
    # One that was asked for with flags of its own, or that ends with its notebook, is another one.
    if not (flags or options.host or options.until_stdin_closes):
        running = running_server(served, options.port)
        if running is not None:
            address, process = running
            print(f"Collapse tab: {address}#collapse")
            print(f"(a TensorBoard that serves it already, process {process}: left as it is)")
            if options.browser:
                open_browser(f"{address}#collapse")
            return 0
    if not any(event_files(logdir)):
        print(f"no event files in {logdir} yet: runs appear as they are written", file=sys.stderr)
    if options.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        return serve(served, flags, host=options.host, port=options.port, browser=options.browser)
    except UsageError as error:
        parser.error(str(error))


def _end_with_stdin() -> None:
    # Not through sys.stdin: a thread that waits in it breaks the interpreter's end.
    while os.read(0, 1):
        pass
    signal.raise_signal(signal.SIGTERM)


def _arguments() -> _Parser:
    parser = _Parser(
        prog="collapse-tb",
        description="Opens the Collapse tab of TensorBoard on a log directory, or prints what its\n"
        "runs came to: those that %%watch_training wrote, and those of any other tool.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # "--re" may be the start of one of TensorBoard's flags
    )
    parser.add_argument(
        "logdir",
        nargs="?",
        metavar="LOGDIR",
        help="directory that holds the runs, or such a place as TensorBoard knows it (s3://...)",
    )
    parser.add_argument("--logdir", dest="logdir_flag", metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="port to listen on (default: 6006); the next free one where it is taken",
    )
    parser.add_argument("--host", metavar="H", help="address to listen on (default: localhost)")
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the address only"
    )
    # For a server beside a notebook: a kernel that is killed must not leave it behind.
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--report",
        choices=("text", "json", "html"),
        help="print what the runs came to instead of serving them",
    )
    parser.add_argument(
        "--follow", action="store_true", help="print findings as they come, until Ctrl-C"
    )
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "never"),
        help="exit with 1 where a finding is that bad (default with --report: error, with "
        "--follow: never)",
    )
    return parser


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port < 1 << 16:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return port


def _problem(logdir: Place) -> str | None:
    if isinstance(logdir, str):
        try:
            found = is_directory(logdir)
        except Exception as error:  # each file system has errors of its own
            return f"{logdir!r} cannot be read: {error}"
        return None if found else f"there is no directory {logdir!r}"
    if not logdir.exists():
        return f"there is no directory {str(logdir)!r}{_near(logdir)}"
    if not logdir.is_dir():
        return f"{str(logdir)!r} is a file; give the directory that holds the runs"
    return None


def _near(logdir: Path) -> str:
    """``; did you mean 'runs'?``, where a directory of nearly that name lies beside it."""
    try:
        beside = [path.name for path in logdir.absolute().parent.iterdir() if path.is_dir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(logdir.name, beside, n=1)
    return f"; did you mean {str(logdir.with_name(near[0]))!r}?" if near else ""


if __name__ == "__main__":
    sys.exit(main())
