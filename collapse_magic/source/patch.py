"""A rewriting of some cells, and the fix that it comes to."""

from __future__ import annotations

import ast
import difflib

from ..findings import Fix, Safety
from .callees import given_at
from .cells import Cell, Spot
from .edits import Argument, Edits, operand, place
from .flow import Flow


class Patch:
    """Collects changes by place; `fix` applies them."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._edits: dict[Cell, Edits] = {}
        self._open: list[tuple[str, str]] = []  # calls, and arguments that have no place in them

    def _of(self, cell: Cell) -> Edits:
        return self._edits.setdefault(cell, Edits())

    def replace(self, spot: Spot, text: str) -> None:
        self._of(spot.cell).replaced[place(spot.cell, spot.node)] = text

    def set_argument(self, call: Spot, name: str, text: str, position: int | None = None) -> None:
        """At the call, or where that takes its `**options` from; where the code does not tell where
        that is, the fix becomes an example."""
        at = given_at(self.flow, call, name, position)
        if at is None:
            self._open.append((call.text, f"{name}={text}"))
        elif at.shared:
            self.replace(at.spot, f'{{**{at.spot.text}, "{name}": {text}}}')
        elif at.held is not None:
            self.replace(at.spot, text)
        else:
            spot = at.spot
            given = self._of(spot.cell).arguments.setdefault(place(spot.cell, spot.node), [])
            given.append(Argument(name, text, position if spot.node is call.node else None))

    def remove_element(self, spot: Spot) -> None:
        self._of(spot.cell).removed_elements.add(place(spot.cell, spot.node))

    def remove_statement(self, spot: Spot) -> None:
        self._of(spot.cell).removed_statements.add(place(spot.cell, spot.node))

    def insert_before(self, statement: Spot, texts: list[str]) -> None:
        """In front of a statement that stands on lines of its own."""
        self._of(statement.cell).inserted_before[place(statement.cell, statement.node)] = texts

    def insert_after(self, statement: Spot, texts: list[str]) -> None:
        inserted = self._of(statement.cell).inserted_after
        inserted.setdefault(place(statement.cell, statement.node), []).extend(texts)

    def add_import(self, spot: Spot, line: str) -> None:
        """An import line in the cell of `spot`."""
        self._of(spot.cell).imports.append(line)

    def spell(self, wanted: str, spot: Spot) -> str:
        """The user's spelling of a torch name at a place; an import is added where it takes one."""
        text, line = self.flow.names.spell(wanted, spot.cell, spot.node)
        if line is not None:
            self._of(spot.cell).imports.append(line)
        return text

    def spell_numpy(self, spot: Spot) -> str:
        """The user's name for NumPy at a place; an import is added where there is none."""
        return self.spell_module("numpy", "np", spot)

    def spell_module(self, module: str, usual: str, spot: Spot) -> str:
        """The user's name for a module at a place, else its usual one, imported in that cell."""
        known = self.flow.names.alias(module, spot.cell, spot.node)
        if known is None:
            named = "" if usual == module else f" as {usual}"
            self._of(spot.cell).imports.append(f"import {module}{named}")
        return known or usual

    def fix(self, title: str, safety: Safety = "needs-review") -> Fix | None:
        """The fix, or None where nothing would change.

        Raises:
            ValueError, SyntaxError: the rewriting cannot be carried out on this text.
        """
        if self._open:
            return example(title, [call for call, _ in self._open], [new for _, new in self._open])
        cells: dict[int, str] = {}
        diffs: list[str] = []
        for cell in sorted(self._edits, key=lambda c: c.number):
            source = cell.masked.restore(self._edits[cell].apply(cell))
            if source != cell.source:
                cells[cell.number] = source
                diffs.append(diff(cell.number, cell.source, source))
        return Fix(title, safety, "\n".join(diffs), cells) if cells else None


def diff(number: int, before: str, after: str) -> str:
    """Unified diff of one cell."""
    name = f"cell [{number}]"
    lines = difflib.unified_diff(
        before.split("\n"), after.split("\n"), fromfile=name, tofile=name, lineterm=""
    )
    return "\n".join(lines)


def example(title: str, removed: list[str], added: list[str]) -> Fix:
    """A fix that shows what to write, in the user's names, where no place is certain."""
    lines = [f"-{line}" for text in removed for line in text.split("\n")]
    lines += [f"+{line}" for text in added for line in text.split("\n")]
    return Fix(title, "example", "\n".join(lines), {})


def undecided(title: str, fixes: list[Fix]) -> Fix | None:
    """Fixes of which only one is meant, as an example of what each would change."""
    rows: dict[str, None] = {}
    for fix in fixes:
        for row in fix.diff.split("\n"):
            if row.startswith(("-", "+")) and not row.startswith(("---", "+++")):
                rows[row if fix.safety == "example" else row[0] + row[1:].strip()] = None
    return Fix(title, "example", "\n".join(rows), {}) if rows else None


def primary(spot: Spot, node: ast.AST | None = None) -> str:
    """Source of an expression, fit to be called on or indexed."""
    node = spot.node if node is None else node
    return operand(node, spot.cell.text(node))


def number(value: float, digits: int = 3) -> str:
    """A measured number as a float literal of a few digits: 9.0, 0.556, 1e-05."""
    return repr(float(f"{float(value):.{digits}g}"))
