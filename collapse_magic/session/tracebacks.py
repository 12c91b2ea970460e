"""The user's traceback as it would be without us."""

from __future__ import annotations

from pathlib import Path

# What stands between the user's code and the framework while a run is watched.
_PACKAGE = Path(__file__).resolve().parent.parent
_BETWEEN = tuple(str(_PACKAGE / part) for part in ("probes", "session", "magic"))


def hide_our_frames(error: BaseException) -> None:
    """Takes our frames out of the traceback of an error and of the errors it came from.

    The first frame stays: it is where the traceback is held.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        waiting += [each.__cause__, each.__context__]
        kept = each.__traceback__
        while kept is not None:
            following = kept.tb_next
            while following is not None and _is_ours(following.tb_frame.f_code.co_filename):
                following = following.tb_next
            if following is not kept.tb_next:
                kept.tb_next = following
            kept = following


def _is_ours(filename: str) -> bool:
    return filename.startswith(_BETWEEN)
