"""Keeps everything: for tests, and for programs that want the records themselves."""

from __future__ import annotations

from ..records import Record
from ..report import Report


class MemorySink:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.updates: list[Report] = []
        self.final: Report | None = None

    def record(self, record: Record) -> None:
        self.records.append(record)

    def update(self, report: Report) -> None:
        self.updates.append(report)

    def close(self, report: Report) -> None:
        self.final = report
