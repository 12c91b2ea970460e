"""The parts of the magic that are pure or can be driven by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from collapse_magic.magic.cells import RunningCells
from collapse_magic.magic.command_line import parse, split
from collapse_magic.magic.transformer import watch_first_line
from collapse_magic.session.expressions import Expression, assigned_names, class_names
from collapse_magic.session.late_import import LateImport
from collapse_magic.session.options import make_config


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("mnist  --budget 2", ["mnist", "--budget", "2"]),
        ("""--class-names ["a b", 'c'] x""", ["--class-names", """["a b", 'c']""", "x"]),
        ("--model=nets['a']  -o r", ["--model=nets['a']", "-o", "r"]),
        ("--logdir 'my logs'", ["--logdir", "'my logs'"]),
        ("f(1, (2, 3)) ]", ["f(1, (2, 3))", "]"]),
    ],
)
def test_split_keeps_expressions_together(line: str, words: list[str]) -> None:
    assert split(line) == words


def test_a_line_becomes_a_configuration_whatever_the_order() -> None:
    line = "--budget 3% --select a,b --no-tensorboard 'my run' --quiet --logdir=x -o out"
    values = parse(split(line.replace("a,b", "CM3,double-activation")))
    config = make_config(values)
    assert (config.name, config.budget, config.tensorboard) == ("my run", 3.0, False)
    assert (config.quiet, config.logdir, config.out) == (True, "x", "out")
    assert config.select == ("CM3", "double-activation")


def transformed(source: str) -> str:
    return "".join(watch_first_line(source.splitlines(keepends=True)))


def test_line_numbers_stay_the_editors() -> None:
    cell = "%%watch_training a 'b'\nx = 1\n\ny = 2\n"
    lines = transformed(cell).splitlines()
    assert len(lines) == 4 and lines[1:] == ["x = 1", "", "y = 2"]
    assert "watch_training(\"a 'b'\")" in lines[0]


@pytest.mark.parametrize(
    "cell",
    [
        "x = 1\n",
        "%%time\n%%watch_training\n",
        "%%watch_trainings\nx\n",
        "%%watch_training?",
        "%watch_training --fix\n",
        "",
    ],
)
def test_other_cells_are_left_alone(cell: str) -> None:
    assert transformed(cell) == cell


def test_the_next_magic_is_handed_what_is_below_it() -> None:
    (line,) = transformed("%%watch_training\n\n%%time -x\na = 1\nb\n").splitlines()
    assert line.endswith("get_ipython().run_cell_magic('time', '-x', 'a = 1\\nb\\n')")


class Shell:
    """As much of a shell as the stack of running cells asks for."""

    execution_count = 5
    compile = SimpleNamespace(get_code_name=lambda raw, transformed, count: f"code of {raw}")


def info(raw: str) -> Any:
    return SimpleNamespace(raw_cell=raw, store_history=True, transformed_cell=raw)


def test_ends_are_matched_with_their_own_beginnings() -> None:
    cells, ended = RunningCells(Shell()), []
    outer, inner = info("outer"), info("inner")
    cells.ended(SimpleNamespace(info=info("the cell that loaded the extension")))
    cells.began(outer)
    cells.stack[0].at_end.append(lambda: ended.append("outer"))
    assert cells.stack[0].count == 4
    cells.began(inner)
    cells.ended(SimpleNamespace(info=info("")))  # an empty cell begins with no event
    assert len(cells.stack) == 2 and ended == []
    cells.ended(SimpleNamespace(info=inner))
    cells.ended(SimpleNamespace(info=info("outer")))  # running it failed: another info for the same
    assert ended == ["outer"] and cells.stack == []


def test_a_cancelled_cell_ends_with_everything_inside_it() -> None:
    cells, ended = RunningCells(Shell()), []
    cells.began(info("outer"))
    cells.stack[0].at_end.append(lambda: ended.append("outer"))
    cells.began(info("inner"))
    cells.ended(None)
    assert ended == ["outer"] and cells.stack == []
    cells.ended(None)


def test_names_that_a_cell_makes() -> None:
    source = (
        "import a.b, c as d\nfor e in f:\n    g = h\ndef i(): pass\nclass J: pass\nk: int = 1\n"
    )
    assert assigned_names(source) == {"a", "d", "e", "g", "i", "J", "k"}
    assert assigned_names("for") == frozenset()


def test_an_expression_is_judged_at_the_start_unless_the_cell_makes_its_names() -> None:
    early = Expression("--class-names", "names", class_names, frozenset())
    late = Expression("--class-names", "names[:2]", class_names, frozenset({"names"}))
    with pytest.raises(ValueError, match="NameError"):
        early.at_start({})
    late.at_start({})
    assert late.value({})[1].startswith("--class-names names[:2]: NameError")
    assert late.value({"names": "abc"})[1].endswith("is no list of names but a str")
    assert late.value({"names": ["a", "b", "c"]}) == (("a", "b"), "")


@pytest.fixture
def late_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "imported_in_the_cell"
    (tmp_path / f"{name}.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_an_import_inside_the_cell_is_noticed_and_leaves_no_trace(late_module: str) -> None:
    seen: list[ModuleType] = []
    late = LateImport([late_module], lambda: seen.append(sys.modules[late_module]))
    late.install()
    late.install()
    try:
        module = __import__(late_module)
    finally:
        late.remove()
    late.remove()
    assert seen == [module] and module.value == 3
    assert late not in sys.meta_path
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__ is not None and module.__spec__.loader is module.__loader__


def test_a_failure_of_ours_does_not_reach_the_import(late_module: str) -> None:
    def broken() -> None:
        raise RuntimeError("ours")

    late = LateImport([late_module], broken)
    late.install()
    try:
        assert __import__(late_module).value == 3
    finally:
        late.remove()
