"""``python -m collapse_magic [OPTIONS] script.py [ARGS]``: watch a plain script as it is."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import WatchConfig

USAGE = "python -m collapse_magic [OPTIONS] script.py [ARGS]"
USAGE_ERROR = 2
FAILED = 1
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script as ``python script.py`` would; returns 2 for wrong usage."""
    from .magic.command_line import options_help, read_options
    from .session.options import OptionError, make_config

    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(f"{USAGE}\n\n{(__doc__ or '').partition(': ')[2]}\n{options_help()}")
        return 0 if words else USAGE_ERROR
    try:
        values, rest = read_options(words, until_word=True)
        if not rest:
            raise OptionError("which script?")
        script = Path(rest[0])
        if not script.is_file():
            raise OptionError(f"there is no file {rest[0]!r}")
        config = make_config({"name": script.stem, **values})
    except OptionError as error:
        print(f"python -m collapse_magic: {error}\nusage: {USAGE}", file=sys.stderr)
        return USAGE_ERROR
    return _run(config, str(script), rest)


def _run(config: WatchConfig, path: str, argv: list[str]) -> int:
    from .probes.base import TrainingStopped
    from .session import current
    from .session.user_code import ScriptCode
    from .session.watch_session import WatchSession
    from .sinks.terminal import TerminalSink

    sys.argv = argv
    sys.path[0] = str(Path(path).resolve().parent)
    session = WatchSession(config, ScriptCode(path), [TerminalSink(quiet=config.quiet)])
    current.begin(session)
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:
        session.explain(error)
        current.end(session)
        if isinstance(error, TrainingStopped):  # asked for: one line says it
            print(f"TrainingStopped: {error}", file=sys.stderr)
            return FAILED
        # As if the script had been run by itself: its traceback begins in its own lines.
        error = error.with_traceback(_from_file(error.__traceback__, path))
        sys.excepthook(type(error), error, error.__traceback__)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    finally:
        current.end(session)
    return 0


def _from_file(traceback: TracebackType | None, path: str) -> TracebackType | None:
    """The part of a traceback that begins in a file; all of it where the file is not in it."""
    part = traceback
    while part is not None and part.tb_frame.f_code.co_filename != path:
        part = part.tb_next
    return part or traceback


if __name__ == "__main__":
    sys.exit(main())
