"""Turns ``%%watch_training ...`` on line 1 into a call on line 1.

The cell then runs as any other: IPython's own traceback, line numbers, top-level ``await``,
trailing ``;`` and shown value. Pure, since IPython transforms a cell more than once.
"""

from __future__ import annotations

import ast
import linecache
import re

from .command_line import split

MAGIC = "%%watch_training"
_CALL = "__import__('collapse_magic.magic').magic.watch_training("
_FIRST = re.compile(r"%%watch_training(?:[ \t]+(?P<line>.*))?$")
_MAGIC = re.compile(r"%%(?P<name>\w+)(?:[ \t]+(?P<line>.*))?$")


def watch_first_line(lines: list[str]) -> list[str]:
    """For `input_transformers_cleanup`: lines with their ends, in and out."""
    first = _FIRST.match(lines[0].rstrip()) if lines else None
    if first is None:
        return lines
    line = (first["line"] or "").strip()
    if {"-h", "--help"} & set(split(line)):
        # The cell magic would not be called for a cell that has nothing below.
        return ["get_ipython().run_line_magic('watch_training', '--help')\n"]
    call = f"{_CALL}{line!r})"
    body = lines[1:]
    start = next((n for n, text in enumerate(body) if text.strip()), 0)
    inner = _MAGIC.match(body[start].rstrip()) if body else None
    if inner is None:
        return [f"{call}\n", *body]
    # Only line 1 of a cell may be a cell magic: hand the next one what is below it.
    rest = "".join(body[start + 1 :])
    magic = f"get_ipython().run_cell_magic({inner['name']!r}, {inner['line'] or ''!r}, {rest!r})"
    return [f"{call}; {magic}\n"]


def show_as_typed(filename: str) -> None:
    """Has tracebacks show line 1 of a compiled cell as the user wrote it.

    As a comment: what shows tracebacks parses these lines, to mark the expression that failed.
    """
    size, mtime, lines, name = linecache.cache.get(filename, (0, None, [], ""))  # type: ignore[misc]
    head = lines[0].strip() if lines else ""
    if not head.startswith(_CALL):
        return
    try:
        call = ast.parse(head, mode="eval").body
        line = ast.literal_eval(call.args[0]) if isinstance(call, ast.Call) else ""
    except SyntaxError:  # another magic follows on the line
        return
    typed = f"# {MAGIC} {line}".rstrip() + "\n"
    linecache.cache[filename] = (size, mtime, [typed, *lines[1:]], name)


# IPython asks whether an input is complete without those that have side effects: in a terminal
# the cell has to stay a cell magic until then, which ends at an empty line.
watch_first_line.has_side_effects = True  # type: ignore[attr-defined]
