"""Records from the JSON data that a log holds of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from collapse_magic import records

T = TypeVar("T")


def record(kind: type[T], data: Mapping[str, Any]) -> T:
    """The record that ``report.plain`` made this of; parts that a later version adds are left out.

    Raises TypeError or ValueError where the data are no such record.
    """
    types = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _value(data[name], types[name]) for name in types if name in data})


def _value(value: Any, annotation: str) -> Any:
    if isinstance(value, Mapping):
        name = re.search(r"[A-Z]\w+", annotation)
        return record(getattr(records, name[0]), value) if name else value
    if isinstance(value, list):
        return tuple(_value(item, annotation) for item in value)
    if isinstance(value, str) and "float" in annotation:
        return float(value)  # NaN, Infinity
    return value
