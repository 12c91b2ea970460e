"""Watches a block with the probe alone, each step looked at in full unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from collapse_magic.config import WatchConfig
from collapse_magic.probes.keras import KerasProbe
from collapse_magic.records import ProbeNote
from tests.probes.fakes import FakeContext


@contextmanager
def watched(every: int | None = 1, user_file: str = "", **namespace: Any) -> Iterator[FakeContext]:
    context = FakeContext(namespace, WatchConfig(budget=1e6, every=every), user_file)
    probe = KerasProbe(context)
    probe.attach()
    try:
        yield context
        probe.flush()
    finally:
        probe.detach()
    assert context.of(ProbeNote) == []
