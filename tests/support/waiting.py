"""Waiting for what another process or thread will do, without guessing how long it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(ask: Callable[[], T | None], what: str, within_s: float = 180.0) -> T:
    """Asks until the answer is true, and returns it; fails where it is not in time."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        pause.wait(0.05)
