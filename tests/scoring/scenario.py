"""Reads the programs of the corpus; `tests/scenarios/README.md` describes their form."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .causes import CAUSES

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
FRAMEWORKS = ("pytorch", "keras", "sklearn")
DATA = ("tabular", "image", "sequence", "text")
_REQUIRED = ("framework", "kind", "data", "story", "loss", "holdout")
_OPTIONAL = ("cause", "also", "raises", "backend", "options", "fast")
_SLUG = re.compile(r"(?P<name>[a-z-]+)-(?P<number>\d+)-[a-z0-9-]+")
_CELL = re.compile(r"^# %%[ \t]*(.*)$", re.MULTILINE)


class Malformed(ValueError):  # noqa: N818 - named for what is wrong
    """A program that is not in the form of the corpus; the message says how."""


@dataclass(frozen=True)
class Scenario:
    """One training program. ``cells`` are in their order; the last one is ``verify``."""

    slug: str
    framework: str  # "pytorch" | "keras" | "sklearn"
    data: str  # "tabular" | "image" | "sequence" | "text"
    story: str  # one sentence: what goes wrong, or what looks wrong and is not
    loss: str  # how the loss is called
    cause: str | None  # None: the program is healthy
    also: frozenset[str]  # other right answers
    raises: str | None  # the exception that its training ends in
    backend: str  # of Keras
    options: str  # that the magic is given, or ""
    holdout: bool  # not to be looked at while thresholds are tuned
    fast: bool  # one of those that every change is tested with
    cells: Mapping[str, str]
    fix: Mapping[str, str]  # whole new sources of some of the cells: the reference fix

    @property
    def healthy(self) -> bool:
        return self.cause is None

    @property
    def right(self) -> frozenset[str]:
        """The rules that are a right answer."""
        return self.also if self.cause is None else self.also | {self.cause}

    @property
    def fixed(self) -> dict[str, str]:
        return {**self.cells, **self.fix}


def read(path: Path) -> Scenario:
    """The program in a file. Raises `Malformed`."""
    text = path.read_text(encoding="utf-8")
    try:
        ast.parse(text)
        header, cells, fix = _parts(text)
        return _checked(path.stem, header, cells, fix)
    except (SyntaxError, Malformed) as error:
        raise Malformed(f"{path.name}: {error}") from error


def corpus(words: list[str] | None = None) -> list[Scenario]:
    """All programs, or those whose slug begins with one of the words. Raises `Malformed`."""
    paths = sorted(FOLDER.glob("*.py"))
    if words:
        paths = [path for path in paths if path.stem.startswith(tuple(words))]
    return sorted((read(path) for path in paths), key=_order)


def _order(scenario: Scenario) -> tuple[bool, str, int]:
    name, number = numbered(scenario.slug)
    return scenario.healthy, CAUSES.get(name, ""), number


def numbered(slug: str) -> tuple[str, int]:
    """Cause (or "healthy") and number of a slug. Raises `Malformed`."""
    match = _SLUG.fullmatch(slug)
    if match is None:
        raise Malformed("the name should be CAUSE-NUMBER-WORDS or healthy-NUMBER-WORDS")
    return match["name"], int(match["number"])


def _parts(text: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Header, cells and fixes."""
    head, *rest = _CELL.split(text)
    header: dict[str, str] = {}
    for line in filter(None, head.splitlines()):
        key, colon, value = line.removeprefix("# ").partition(": ")
        if not line.startswith("# ") or not colon:
            raise Malformed(f"a line of the header is not '# key: value': {line!r}")
        header[key] = value.strip()
    cells: dict[str, str] = {}
    fix: dict[str, str] = {}
    for name, source in zip(rest[::2], rest[1::2], strict=True):
        into = fix if name.startswith("fix ") else cells
        key = name.removeprefix("fix ").strip()
        if key in into:
            raise Malformed(f"two cells are named {name!r}")
        if into is cells and fix:
            raise Malformed(f"the cell {name!r} comes after a fix")
        into[key] = source.strip("\n")
    return header, cells, fix


def _checked(
    slug: str, header: dict[str, str], cells: dict[str, str], fix: dict[str, str]
) -> Scenario:
    missing = [key for key in _REQUIRED if not header.get(key)]
    unknown = set(header) - {*_REQUIRED, *_OPTIONAL}
    name, number = numbered(slug)
    cause, also = header.get("cause"), _list(header.get("also", ""))
    healthy = header.get("kind") == "healthy"
    held_out = number % 3 == 1
    for wrong, says in (
        (missing, f"the header lacks {', '.join(missing)}"),
        (unknown, f"the header has unknown keys: {', '.join(sorted(unknown))}"),
        (header.get("kind") not in ("faulty", "healthy"), "kind is faulty or healthy"),
        (header.get("framework") not in FRAMEWORKS, f"framework is one of {FRAMEWORKS}"),
        (header.get("data") not in DATA, f"data is one of {DATA}"),
        (also - set(CAUSES), f"also names no rule: {also - set(CAUSES)}"),
        (not healthy and cause not in CAUSES, f"cause names no rule: {cause}"),
        (healthy and cause, "a healthy program has no cause"),
        (name != (cause or "healthy"), f"the file's name should begin with {cause or 'healthy'}"),
        (
            header.get("holdout") != ("yes" if held_out else "no"),
            f"number {number} is {'' if held_out else 'not '}held out: 1, 4, 7, ... are",
        ),
        (header.get("fast", "yes") != "yes", "fast is yes or left out"),
        ("fast" in header and held_out, "what is held out is not run with every change"),
        (not {"train", "verify"} <= set(cells), "the cells train and verify are needed"),
        (list(cells)[-1:] != ["verify"], "verify is the last cell"),
        (set(fix) - set(cells), f"a fix of no cell: {set(fix) - set(cells)}"),
        ("verify" in fix, "a fix of verify would cure nothing"),
        (healthy == bool(fix), "a faulty program has a fix, a healthy one has none"),
    ):
        if wrong:
            raise Malformed(says)
    return Scenario(
        slug=slug,
        framework=header["framework"],
        data=header["data"],
        story=header["story"],
        loss=header["loss"],
        cause=cause,
        also=also,
        raises=header.get("raises"),
        backend=header.get("backend", "tensorflow"),
        options=header.get("options", ""),
        holdout=held_out,
        fast=header.get("fast") == "yes",
        cells=cells,
        fix=fix,
    )


def _list(text: str) -> frozenset[str]:
    return frozenset(filter(None, (word.strip() for word in text.split(","))))
