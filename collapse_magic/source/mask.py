"""Hide what is IPython and not Python, line for line.

Line magics, ``!commands``, help (``model?``) and the cell magic on the first line become
placeholders of the same number of lines, so that the rest parses and every line keeps its number.
`Masked.restore` puts the original lines back, wherever a rewriting has moved them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

# Cell magics whose cell is not Python, or is not run as it stands: it holds no code of the user.
FOREIGN_MAGICS = frozenset(
    {"bash", "sh", "script", "cmd", "system", "sx", "perl", "ruby", "R", "julia", "cython"}
    | {"html", "javascript", "js", "latex", "markdown", "svg", "writefile", "file"}
    | {"sql", "bigquery", "bq", "pypy", "python2"}
)
# Shell words that IPython runs without `%` (automagic); in Python a word beside a word is an error.
_AUTOMAGIC = re.compile(
    r"\s*(pip|conda|mamba|uv|cd|ls|ll|cat|cp|mv|rm|mkdir|rmdir|man|more|env|time|timeit|run|load_ext"
    r"|reload_ext|matplotlib|tensorboard|autoreload|store|who|whos|watch_training|collapse_tb)\s+\S"
)
_ASSIGNED = re.compile(r"(\s*)([A-Za-z_][\w.,\s\[\]]*?)\s*=\s*[!%](?!=)")
_ESCAPE = re.compile(r"\s*[%!?,;/]")
_HELP = re.compile(r"\s*[%\w.*\[\]]+\?{1,2}\s*(#.*)?$")
_MAX_REPAIRS = 20  # of automagic lines in one cell; more is not a notebook cell but something else


@dataclass(frozen=True)
class Masked:
    """Python text with placeholders, and the lines that they stand for."""

    text: str
    marker: str = ""
    lines: dict[int, str] = field(
        default_factory=dict
    )  # number in the placeholder -> original line
    tree: ast.Module | None = field(default=None, repr=False)  # of the text, where it parses

    def restore(self, text: str) -> str:
        """`text` with each placeholder line replaced by the line that it stands for."""
        if not self.lines:
            return text
        placeholder = re.compile(rf"{self.marker}(\d+)_")
        out = []
        for line in text.split("\n"):
            found = placeholder.search(line)
            out.append(self.lines[int(found[1])] if found else line)
        return "\n".join(out)


def mask(source: str) -> Masked | None:
    """The cell's text as Python, or None where the cell is in another language.

    The text may still fail to parse: then the user's own code has the syntax error.
    """
    if _foreign(source):
        return None
    parsed = _parsed(source)
    if isinstance(parsed, ast.Module):
        return Masked(source, tree=parsed)
    marker = "#cm"
    while marker in source:
        marker += "_"
    lines = source.split("\n")
    hidden: dict[int, str] = {}
    _hide_cell_magics(lines, marker, hidden)
    _hide_escapes(lines, marker, hidden)
    tree = _hide_automagic(lines, marker, hidden)
    return Masked("\n".join(lines), marker, hidden, tree)


def _foreign(source: str) -> bool:
    for line in source.split("\n"):
        if line.startswith("%%"):
            if line[2:].split(maxsplit=1)[:1] and line[2:].split()[0] in FOREIGN_MAGICS:
                return True
        elif line.strip():
            return False
    return False


def _parsed(text: str) -> ast.Module | Exception:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error


def _hide_cell_magics(lines: list[str], marker: str, hidden: dict[int, str]) -> None:
    for index, line in enumerate(lines):
        if line.startswith("%%"):
            _hide(lines, index, marker, hidden, "")
        elif line.strip():
            return


def _hide_escapes(lines: list[str], marker: str, hidden: dict[int, str]) -> None:
    """Hide magic lines, but only where a statement begins: `% x` may go on with an expression."""
    state = _Lexer()
    continued = False  # a hidden line that ended in a backslash
    for index, line in enumerate(lines):
        if continued:
            continued = line.rstrip().endswith("\\")
            _hide(lines, index, marker, hidden, "")
        elif index in hidden:
            continue
        elif state.at_start and (found := _escaped(line)) is not None:
            continued = line.rstrip().endswith("\\")
            _hide(lines, index, marker, hidden, found)
        else:
            state.feed(line)


def _escaped(line: str) -> str | None:
    """The statement that takes the place of a line that is no Python, or None if it is Python."""
    indent = line[: len(line) - len(line.lstrip())]
    assigned = _ASSIGNED.match(line)
    if assigned:
        return f"{indent}{assigned[2]} = None  "
    if _ESCAPE.match(line) or _HELP.match(line):
        return f"{indent}pass  "
    return None


def _hide_automagic(lines: list[str], marker: str, hidden: dict[int, str]) -> ast.Module | None:
    """The lines as a tree in the end, or None where something else does not parse."""
    for _ in range(_MAX_REPAIRS + 1):
        parsed = _parsed("\n".join(lines))
        if isinstance(parsed, ast.Module):
            return parsed
        number = getattr(parsed, "lineno", None)
        if number is None or not 1 <= number <= len(lines):
            return None
        line = lines[number - 1]
        if number - 1 in hidden or not _AUTOMAGIC.match(line):
            return None
        _hide(lines, number - 1, marker, hidden, line[: len(line) - len(line.lstrip())] + "pass  ")
    return None


def _hide(lines: list[str], index: int, marker: str, hidden: dict[int, str], stand_in: str) -> None:
    hidden[index] = lines[index]
    end = "\r" if lines[index].endswith("\r") else ""
    lines[index] = f"{stand_in}{marker}{index}_{end}"


class _Lexer:
    """Knows whether the next line begins a statement: not in a string, bracket or continuation."""

    _PIECE = re.compile(r"""\\.|'''|\"\"\"|['"]|[()\[\]{}]|\#""", re.DOTALL)

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def at_start(self) -> bool:
        return not (self._quote or self._depth or self._continued)

    def feed(self, line: str) -> None:
        for found in self._PIECE.finditer(line):
            piece = found[0]
            if self._quote:
                if piece == self._quote:
                    self._quote = ""
                elif len(piece) == 3 and piece[0] == self._quote:
                    self._quote = ""  # 'a''' is a string, then an empty one
            elif piece == "#":
                line = line[: found.start()]
                break
            elif piece[0] in "'\"":
                self._quote = piece
            elif piece in "([{":
                self._depth += 1
            elif piece in ")]}":
                self._depth = max(0, self._depth - 1)
        self._continued = line.rstrip("\r").endswith("\\")
        if len(self._quote) == 1 and not self._continued:
            self._quote = ""  # a string of one line ends with it
