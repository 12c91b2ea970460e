"""``%%watch_training`` as a real cell magic: below another magic, and for front ends without
transformers."""

from __future__ import annotations

import ast
from typing import Any

from .cells import Part, RunningCell
from .lifecycle import Lifecycle, explain


def run_watched(lifecycle: Lifecycle, line: str, body: str) -> Any:
    """Runs the body in the user's namespace, watched; returns the value of its last expression."""
    shell = lifecycle.shell
    code = _compile(lifecycle, line, body)
    stack = lifecycle.cells.stack
    outside = not stack  # called by a program, not by a cell
    if outside:
        stack.append(RunningCell(None, shell.execution_count, f"%%watch_training {line}\n{body}"))
    try:
        config = lifecycle.config(line, stack[0].raw)
        session = lifecycle.open(config, stack[-1])
        try:
            return _execute(code, shell.user_ns)
        except BaseException as error:
            if session is not None:
                explain(session, error)
            raise
        finally:
            if session is not None:
                lifecycle.close(session)
    finally:
        if outside:
            stack.clear()


def _compile(lifecycle: Lifecycle, line: str, body: str) -> tuple[Any, Any]:
    """(statements, last expression or None), with line 1 kept as a comment so that line numbers
    are right."""
    shell = lifecycle.shell
    source = shell.transform_cell(_commented(line, body))
    name = shell.compile.cache(source, shell.execution_count, raw_code=source)
    part = Part.of(body)
    first_line = source.splitlines().index(part.text.splitlines()[0]) + 1 if part.text else 1
    lifecycle.cells.parts[name] = Part(part.text, first_line)
    tree = shell.transform_ast(shell.compile.ast_parse(source, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    statements = shell.compile(tree, name, "exec")
    value = shell.compile(ast.Expression(last.value), name, "eval") if last is not None else None
    return statements, value


def _commented(line: str, body: str) -> str:
    if body.lstrip().startswith("%%"):
        return body
    return f"# %%watch_training {line}\n{body}"


def _execute(code: tuple[Any, Any], namespace: dict[str, Any]) -> Any:
    statements, value = code
    exec(statements, namespace)  # noqa: S102 (the user's own cell)
    return eval(value, namespace) if value is not None else None  # noqa: S307
