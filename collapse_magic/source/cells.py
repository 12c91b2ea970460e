"""One cell as a syntax tree, with the questions that the data flow asks of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .mask import Masked, mask

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def latest(sources: Mapping[int, str], characters: int) -> dict[int, str]:
    """The latest cells, the last one in any case, and no text twice: what was run again says the
    same again."""
    found: dict[int, str] = {}
    left = characters
    for number in sorted(sources, reverse=True):
        source = sources[number]
        if source in found.values():
            continue
        left -= len(source)
        if found and left < 0:
            break
        found[number] = source
    return found


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell that was executed: its count, its raw source and what parses of it."""

    number: int
    source: str
    masked: Masked
    tree: ast.Module

    @classmethod
    def read(cls, number: int, source: str) -> Cell | None:
        """The cell, or None where it is not Python or does not parse."""
        masked = mask(source)
        if masked is None or masked.tree is None:
            return None
        return cls(number, source, masked, masked.tree)

    @cached_property
    def lines(self) -> list[str]:
        return self.masked.text.split("\n")

    @cached_property
    def raw_lines(self) -> list[str]:
        return self.source.split("\n")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: parent for parent in self.nodes for child in ast.iter_child_nodes(parent)}

    @cached_property
    def bound(self) -> dict[ast.AST, dict[str, list[Any]]]:
        """What each scope binds, by name, as far as it was asked for: see `scopes.bindings`."""
        return {}

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while (above := self.parents.get(node)) is not None:
            yield above
            node = above

    def scope(self, node: ast.AST) -> Scope:
        """The function, class or module in whose body `node` stands."""
        for above in self.ancestors(node):
            if isinstance(above, Scope):
                return above
        return self.tree

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around `node`."""
        return next((a for a in self.ancestors(node) if isinstance(a, Function)), None)

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class around `node`."""
        return next((a for a in self.ancestors(node) if isinstance(a, ast.ClassDef)), None)

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that `node` belongs to (or is)."""
        for above in (node, *self.ancestors(node)):
            if isinstance(above, ast.stmt):
                return above
        raise ValueError("a module is no statement")

    def statements_at(self, line: int) -> list[ast.stmt]:
        """Statements that cover `line`: with a backward call first, then the shortest.

        A compound statement counts with its header only.
        """
        found = [
            node
            for node in self.nodes
            if isinstance(node, ast.stmt) and node.lineno <= line <= _header_end(node)
        ]
        return sorted(
            found,
            key=lambda node: (
                not _sends_backward(node),
                _header_end(node) - node.lineno,
                -node.lineno,
            ),
        )

    def backward_lines(self) -> list[int]:
        """Lines of the statements that send a loss backward."""
        found = (n for n in self.nodes if isinstance(n, ast.stmt) and _sends_backward(n))
        return sorted({line_of(node) for node in found})

    def text(self, node: ast.AST) -> str:
        """The source of an expression or statement, as the user wrote it."""
        return ast.get_source_segment(self.masked.text, node) or ast.unparse(node)

    def code(self, line: int) -> str:
        return self.raw_lines[line - 1].rstrip()

    def walk(self, root: ast.AST) -> Iterator[ast.AST]:
        """Nodes in the body of a scope, not those of functions and classes nested in it."""
        stack = list(ast.iter_child_nodes(root))[::-1]
        while stack:
            node = stack.pop()
            yield node
            if not isinstance(node, Scope):
                stack.extend(list(ast.iter_child_nodes(node))[::-1])


def _header_end(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return max(node.lineno, line_of(body[0]) - 1)
    return node.end_lineno or node.lineno


def own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Expressions of a statement; of a compound one those of its header."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.expr, ast.withitem, ast.keyword)):
            yield from ast.walk(child)


def _sends_backward(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("backward", "manual_backward")
        for node in own_nodes(statement)
    )


def line_of(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


@dataclass(frozen=True)
class Spot:
    """A node and the cell in which it stands."""

    cell: Cell
    node: ast.AST

    @property
    def line(self) -> int:
        return line_of(self.node)

    @property
    def text(self) -> str:
        return self.cell.text(self.node)
