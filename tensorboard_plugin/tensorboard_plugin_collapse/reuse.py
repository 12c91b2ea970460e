"""A TensorBoard that serves the directory already."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

from .background import answers

ASK_S = 2.0


def running_server(logdir: str, port: int | None) -> tuple[str, int] | None:
    """(address, process) of one that answers, on this machine; None where there is none.

    TensorBoards leave a note of themselves, and sometimes leave it behind: so it is asked.
    """
    from tensorboard import manager

    wanted = _resolved(logdir)
    if wanted is None:
        return None
    try:
        known = manager.get_all()
    except Exception:  # the notes lie in a directory that anybody may write to
        return None
    for info in known:
        if port not in (None, info.port) or _resolved(info.logdir) != wanted:
            continue
        address = f"http://127.0.0.1:{info.port}{info.path_prefix.rstrip('/')}/"
        if _resolved(_serves(address)) == wanted and answers(address, ASK_S):
            return address, info.pid
    return None


def _serves(address: str) -> str:
    """The directory that the TensorBoard there shows; "" where none answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}data/environment", timeout=ASK_S) as reply:
            return str(json.loads(reply.read()).get("data_location", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _resolved(logdir: str) -> str | None:
    """One name for one directory; None where the name depends on where somebody stood."""
    if "://" in logdir:
        return logdir
    return os.fspath(Path(logdir).resolve()) if Path(logdir).is_absolute() else None
