"""Notebooks as plain text for the tests of `collapse_magic.source`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from typing import Any

from collapse_magic.findings import Diagnosis, Fix, Remedy, Target
from collapse_magic.source import Code
from collapse_magic.source.mask import mask


def diagnosis(kind: str | None = None, target: Target = "loss", **values: Any) -> Diagnosis:
    remedy = None if kind is None else Remedy(kind, "do it", values)
    return Diagnosis("some-rule", "CM000", "error", "certain", "m", (), 1, 1, remedy, target)


def cells(*texts: str) -> dict[int, str]:
    """Cells 1, 2, 3... in the order of execution."""
    return {i: textwrap.dedent(t).strip("\n") for i, t in enumerate(texts, start=1)}


def line(text: str, part: str) -> int:
    """Number of the one line that holds `part`."""
    found = [i for i, code in enumerate(text.split("\n"), start=1) if part in code]
    assert len(found) == 1, (part, found)
    return found[0]


def ask(
    notebook: Mapping[int, str],
    kind: str,
    at: str = ".backward(",
    namespace: Mapping[str, Any] | None = None,
    **values: Any,
) -> Fix | None:
    """The fix for a remedy, asked at the one line of the last cell that holds `at`."""
    where = next(n for n in sorted(notebook, reverse=True) if at in notebook[n])
    code = Code(notebook, namespace or {})
    found = code.fix(diagnosis(kind, **values), where, line(notebook[where], at))
    if found is not None:
        check(found, notebook)
    return found


def show(
    notebook: Mapping[int, str],
    target: Target,
    at: str = ".backward(",
    namespace: Mapping[str, Any] | None = None,
    kind: str | None = None,
    **values: Any,
) -> tuple[int, str] | None:
    """(cell, code) of the line shown for a target."""
    where = next(n for n in sorted(notebook, reverse=True) if at in notebook[n])
    code = Code(notebook, namespace or {})
    found = code.locate(diagnosis(kind, target=target, **values), where, line(notebook[where], at))
    if found is None:
        return None
    assert notebook[found.cell].split("\n")[found.line - 1].rstrip() == found.code
    return found.cell, found.code.strip()


def check(fix: Fix, notebook: Mapping[int, str]) -> None:
    """A fix parses, its diff leads from the old cells to the new ones; an example has no cells."""
    if fix.safety == "example":
        assert not fix.cells
        assert all(row[:1] in ("-", "+") for row in fix.diff.split("\n"))
        return
    assert fix.cells
    parts = fix.diff.split("--- ")[1:]
    assert len(parts) == len(fix.cells)
    for part, (number, source) in zip(parts, fix.cells.items(), strict=True):
        masked = mask(source)
        assert masked is not None
        compile(masked.text, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert part.startswith(f"cell [{number}]\n+++ cell [{number}]\n@@ ")
        assert _patched(notebook[number], part.split("\n")[2:]) == source


def _patched(source: str, diff: list[str]) -> str:
    """`source` with the hunks of a unified diff applied."""
    old, new, at = source.split("\n"), [], 0
    for row in diff:
        if row.startswith("@@"):
            start = int(row.split()[1].split(",")[0].lstrip("-")) - 1
            new += old[at : max(start, 0)]
            at = max(start, 0)
        elif row.startswith("+"):
            new.append(row[1:])
        elif row.startswith(("-", " ")):
            assert old[at] == row[1:]
            if row.startswith(" "):
                new.append(row[1:])
            at += 1
    return "\n".join(new + old[at:])


def changed(fix: Fix | None) -> tuple[list[str], list[str]]:
    """Stripped lines that a fix takes away, and those that it adds."""
    assert fix is not None
    rows = [r for r in fix.diff.split("\n") if not r.startswith(("---", "+++", "@@"))]
    return (
        [r[1:].strip() for r in rows if r.startswith("-")],
        [r[1:].strip() for r in rows if r.startswith("+")],
    )


def run(notebook: Mapping[int, str]) -> dict[str, Any]:
    """Variables after executing the cells in order, magics left out."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for number in sorted(notebook):
        masked = mask(notebook[number])
        assert masked is not None
        exec(compile(masked.text, f"cell {number}", "exec"), space)
    return space
