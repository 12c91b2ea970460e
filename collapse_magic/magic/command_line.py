"""The magic's line as values for `WatchConfig`, read from the fields' metadata."""

from __future__ import annotations

import ast
import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

from ..config import WatchConfig
from ..session import expressions
from ..session.options import OptionError, nearest

FIELDS = dataclasses.fields(WatchConfig)
BY_FLAG = {f.metadata["flag"]: f for f in FIELDS if f.metadata["flag"].startswith("-")}
_OPEN, _CLOSE = "([{", ")]}"


def split(line: str) -> list[str]:
    """Words of a line. Quotes and brackets hold words together, and stay: ``["cat", "dog"]`` is
    one."""
    words: list[str] = []
    depth, quote, fresh = 0, "", True
    for char in line:
        if not quote and not depth and char.isspace():
            fresh = True
            continue
        if fresh:
            words.append("")
            fresh = False
        words[-1] += char
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        else:
            depth += (char in _OPEN) - (char in _CLOSE and depth > 0)
    return words


def parse(words: Sequence[str], cell: str = "") -> dict[str, Any]:
    """Values for `make_config`. Raises `OptionError` with one sentence.

    ``cell`` is the cell's source, to know which names it makes itself.
    """
    values, rest = read_options(words, cell)
    if len(rest) > 1:
        raise OptionError(f"one name is enough, not {len(rest)}: {' '.join(rest)}")
    return {"name": _bare(rest[0]), **values} if rest else values


def read_options(
    words: Sequence[str], cell: str = "", *, until_word: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """(values, words that are no options); with ``until_word`` reading ends at the first of
    those."""
    values: dict[str, Any] = {}
    rest: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            if until_word:
                return values, rest + waiting
            continue
        flag, equals, value = word.partition("=")
        field = BY_FLAG.get(flag)
        if field is None:
            raise OptionError(f"unknown option {flag}{nearest(flag, [*BY_FLAG, '--help'])}")
        metavar = field.metadata["metavar"]
        if metavar is None:
            if equals:
                raise OptionError(f"{flag} takes no value")
            values[field.name] = not field.default
            continue
        if not equals:
            if not waiting or waiting[0] in BY_FLAG:
                raise OptionError(f"{flag} needs a value: {flag} {metavar}")
            value = waiting.pop(0)
        values[field.name] = _value(field.name, flag, value, cell)
    return values, rest


def _value(name: str, flag: str, text: str, cell: str) -> Any:
    if name in expressions.CHECKS:
        try:
            made = expressions.assigned_names(cell)
            return expressions.Expression(flag, text, expressions.CHECKS[name], made)
        except ValueError as error:
            raise OptionError(str(error)) from None
    text = _bare(text)
    kind = {"budget": float, "every": int, "steps": int, "seconds": float}.get(name, str)
    try:
        return kind(text.removesuffix("%") if name == "budget" else text)
    except ValueError:
        what = "a number" if kind is float else "a whole number"
        raise OptionError(f"{flag}: {text!r} is not {what}") from None


def _bare(text: str) -> str:
    """Without the quotes around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        try:
            return str(ast.literal_eval(text))
        except (SyntaxError, ValueError):
            return text[1:-1]
    return text


def options_help(width: int = 79) -> str:
    """A line or two for every option."""
    lines: list[str] = []
    for field in FIELDS:
        flag, metavar = field.metadata["flag"], field.metadata["metavar"]
        head = metavar if field.name == "name" else " ".join(filter(None, (flag, metavar)))
        text = field.metadata["help"]
        if metavar and field.default not in (None, (), "never"):
            text += (
                f" (default: {field.default:g})"
                if isinstance(field.default, float)
                else (f" (default: {field.default})")
            )
        first, *more = textwrap.wrap(text, width - 24)
        lines.append(f"  {head:<20}  {first}")
        lines += [" " * 24 + line for line in more]
    lines.append(f"  {'-h, --help':<20}  show this, run nothing")
    return "\n".join(lines)
