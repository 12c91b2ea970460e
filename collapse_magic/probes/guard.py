"""Runs a probe's own code within the user's training: timed, and never raising into it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from ..records import ProbeNote
from .base import ProbeContext
from .schedule import Schedule

T = TypeVar("T")


class Guard:
    """The first failure of ours ends the watching with one note, and nothing else.

    Attributes
        broken: whether that has happened; from then on nothing runs any more.

    Parameters
        off: called when it happens.
        afterwards: called after each action, as a part of it.
    """

    def __init__(
        self,
        context: ProbeContext,
        plan: Schedule,
        off: Callable[[], None],
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        self.broken = False
        self._context, self._plan = context, plan
        self._off, self._afterwards = off, afterwards
        self._alone = threading.Lock()  # held by the one thread that is in our own code

    def run(self, action: Callable[..., T], *args: Any) -> T | None:
        """The action's result; None where it failed, or where our code is running already."""
        if self.broken or not self._alone.acquire(blocking=False):
            return None
        began = self._context.clock()
        try:
            result = action(*args)
            if self._afterwards is not None:
                self._afterwards()
            return result
        except Exception as error:
            self.fail(error)
            return None
        finally:
            self._plan.book(self._context.clock() - began)
            self._alone.release()

    def fail(self, error: Exception) -> None:
        if self.broken:
            return
        self.broken = True
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        at = f" ({where.tb_frame.f_code.co_name})" if where is not None else ""
        self._off()
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        note = f"watching was switched off: {said}{at}"
        with suppress(Exception):
            self._context.emit(ProbeNote(note))
