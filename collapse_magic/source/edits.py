"""What is to change in a cell, as operations on places; and how libcst carries them out.

Places are ranges of the masked text (line from 1, column from 0, as libcst counts), taken from the
syntax tree that the data flow works on. Everything that no operation names stays as it is, byte for
byte.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from .cells import Cell

Range = tuple[int, int, int, int]


def place(cell: Cell, node: ast.AST) -> Range:
    """Where a node stands; `ast` counts columns in bytes, libcst in characters.

    A tuple is from its first element to its last: only one of the two counts its parentheses.
    """
    assert isinstance(node, (ast.expr, ast.stmt))
    if isinstance(node, ast.Tuple) and node.elts:
        return (*place(cell, node.elts[0])[:2], *place(cell, node.elts[-1])[2:])
    last = node.end_lineno or node.lineno
    return (
        node.lineno,
        _characters(cell.lines[node.lineno - 1], node.col_offset),
        last,
        _characters(cell.lines[last - 1], node.end_col_offset or 0),
    )


def _characters(line: str, column: int) -> int:
    return len(line.encode()[:column].decode(errors="ignore"))


@dataclass(frozen=True)
class Argument:
    """`name=text` of a call; a positional one at `position` is replaced where it is given."""

    name: str
    text: str
    position: int | None = None


@dataclass
class Edits:
    """Operations on one cell."""

    replaced: dict[Range, str] = field(default_factory=dict)  # expression -> its new text
    arguments: dict[Range, list[Argument]] = field(default_factory=dict)  # call -> arguments to set
    removed_elements: set[Range] = field(
        default_factory=set
    )  # value of an argument or list element
    removed_statements: set[Range] = field(default_factory=set)
    inserted_before: dict[Range, list[str]] = field(default_factory=dict)  # statement -> new ones
    inserted_after: dict[Range, list[str]] = field(default_factory=dict)  # likewise
    imports: list[str] = field(default_factory=list)

    def apply(self, cell: Cell) -> str:
        """The masked text with all operations carried out.

        Raises:
            ValueError: an operation found no place, or the result is no Python.
        """
        import libcst as cst
        from libcst.metadata import MetadataWrapper

        from .rewrite import Rewriter

        wrapper = MetadataWrapper(cst.parse_module(cell.masked.text), unsafe_skip_copy=True)
        rewriter = Rewriter(self)
        text: str = wrapper.visit(rewriter).code
        if rewriter.open:
            raise ValueError(f"no such place: {sorted(rewriter.open)}")
        return _with_imports(text, self.imports)

    def places(self) -> set[Range]:
        return {
            *self.replaced,
            *self.arguments,
            *self.removed_elements,
            *self.removed_statements,
            *self.inserted_before,
            *self.inserted_after,
        }


def _with_imports(text: str, imports: list[str]) -> str:
    """Import lines go below the imports at the top, else below the magic line, else on top."""
    tree = ast.parse(text)
    if not imports:
        return text
    lines = text.split("\n")
    at = 0
    while at < len(lines) and lines[at].startswith("#cm"):
        at += 1
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) or _docstring(statement):
            at = statement.end_lineno or at
        elif not isinstance(statement, ast.Pass):
            break
    end = "\r" if lines[0].endswith("\r") else ""
    known = {line.strip() for line in lines}
    lines[at:at] = [line + end for line in dict.fromkeys(imports) if line not in known]
    result = "\n".join(lines)
    ast.parse(result)
    return result


def _docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def operand(node: ast.AST, text: str) -> str:
    """`text` in parentheses where a method call or an operator must not bind to a part of it."""
    primary: tuple[type[Any], ...] = (
        ast.Name,
        ast.Attribute,
        ast.Call,
        ast.Subscript,
        ast.List,
        ast.Dict,
        ast.JoinedStr,
    )
    return (
        text
        if isinstance(node, primary) or (text.startswith("(") and isinstance(node, ast.Tuple))
        else f"({text})"
    )
