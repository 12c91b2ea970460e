"""Notebooks with odd, but real, formatting: what a fix must leave alone, and what it must do.

A case is executed as it is and with its fix; `holds` compares what came of both.
"""

from __future__ import annotations

import difflib
import io
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from collapse_magic.findings import Fix
from collapse_magic.source.mask import mask

from .notebooks import ask, cells, run

Space = Mapping[str, Any]


@dataclass(frozen=True)
class Odd:
    """One notebook, the remedy asked for, and what the cured one is to do."""

    name: str
    cells: tuple[str, ...]
    kind: str
    holds: Callable[[Space, Space], bool]  # (variables as it is, variables with the fix)
    values: Mapping[str, Any] = field(default_factory=dict)
    at: str = ".backward("
    lost: tuple[str, ...] = ()  # comments of lines that are taken away
    most: int = 3  # rows of the diff that may be taken away
    raises: type[Exception] | None = None  # in the last cell, as it is


def parametrize(cases: list[Odd]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases])


def prove(case: Odd) -> Fix:
    """The fix is code that leaves all else alone, names what there is, and keeps its promise."""
    notebook = cells(*case.cells)
    before = _as_it_is(notebook, case.raises)
    fix = ask(notebook, case.kind, at=case.at, namespace=before, **case.values)
    assert fix is not None and fix.cells, fix
    for number, source in fix.cells.items():
        _untouched(case, notebook[number], source)
    after = run({**notebook, **fix.cells})
    assert case.holds(before, after), fix.diff
    return fix


def _as_it_is(notebook: Mapping[int, str], raises: type[Exception] | None) -> dict[str, Any]:
    if raises is None:
        return run(notebook)
    with pytest.raises(raises):
        run(notebook)
    return run({number: notebook[number] for number in sorted(notebook)[:-1]})


def _untouched(case: Odd, old: str, new: str) -> None:
    """Comments stay, magics stay, and no more rows change than the remedy is about."""
    missing = [one for one in _comments(old) if one not in _comments(new) + list(case.lost)]
    assert not missing, new
    escapes = [row for row in old.split("\n") if row.lstrip().startswith(("%", "!"))]
    assert [row for row in new.split("\n") if row.lstrip().startswith(("%", "!"))] == escapes
    rows = list(difflib.unified_diff(old.split("\n"), new.split("\n"), n=0, lineterm=""))[2:]
    assert sum(row.startswith("-") for row in rows) <= case.most, "\n".join(rows)


def _comments(source: str) -> list[str]:
    masked = mask(source)
    assert masked is not None
    tokens = tokenize.generate_tokens(io.StringIO(masked.text).readline)
    found = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return [one for one in found if not one.startswith("#cm")]
