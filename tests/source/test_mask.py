"""What is IPython is hidden line for line, and comes back as it was."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_magic.source.mask import mask

PIECES = [
    "%matplotlib inline", "!pip install x", "x?", "??y", "files = !ls",
    "%%watch_training a --every 3",
    "'''", '"""', "(", ")", "\\", "x = 1", "if x:", "    %time y", "\tpass", "# !c", "s = 'a % b'",
    "await f()", "pip install torch", "\r", "#cm0_", "é = '…'", "  % x", "%%time", "f'{x!r}'", "",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("\n".join)))
def test_any_text_comes_back(text: str) -> None:
    masked = mask(text)
    if masked is not None:
        assert masked.restore(masked.text) == text
        assert masked.text.count("\n") == text.count("\n")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "%time",
                "!ls -l",
                "x?",
                "?x",
                "out = !ls",
                "%env A=(",
                "!echo '",
                "x = 1",
                "y = '''\n%d\n'''",
            ]
        ),
        min_size=1,
    )
)
def test_python_between_magics_parses(lines: list[str]) -> None:
    masked = mask("\n".join(lines))
    assert masked is not None
    ast.parse(masked.text)


@pytest.mark.parametrize(
    "line",
    ["%matplotlib inline", "!ls | grep x", "model?", "??model", "torch.nn.Linear??", "files = !ls",
     "a, b = %sx ls", ",f a b", "/f a", "pip install torch", "cd data", "!pip install \\\n  torch"],
)  # fmt: skip
@pytest.mark.parametrize("indent", ["", "    ", "\t"])
def test_a_line_of_ipython_is_hidden(line: str, indent: str) -> None:
    text = f"if True:\n{indent or '    '}x = 1\n{indent}{line}\n{indent}y = 2"
    masked = mask(text)
    assert masked is not None
    ast.parse(masked.text)
    assert line.split("\n")[0] not in masked.text
    assert masked.restore(masked.text) == text


@pytest.mark.parametrize(
    "text",
    [
        "s = '''\n%d of\n!x\n'''",
        "s = ('a %d'\n     % 3)",
        "x = 7 \\\n  % 3",
        "y = f'{x!r}'\nz = x != 2",
        "async with a as b:\n    await b",
        "await f()",
    ],
)
def test_python_stays_as_it_is(text: str) -> None:
    masked = mask(text + "\n%time x")
    assert masked is not None
    assert masked.text.startswith(text)


def test_cell_magics_on_top_are_hidden() -> None:
    text = "\n%%watch_training run --every 3\n%%time\nfor x in y:\n    !ls\n"
    masked = mask(text)
    assert masked is not None
    ast.parse(masked.text)
    assert masked.text.split("\n")[3] == "for x in y:"


@pytest.mark.parametrize("magic", ["bash", "html", "writefile model.py", "sql select"])
def test_a_cell_in_another_language_is_no_code(magic: str) -> None:
    assert mask(f"%%{magic}\nx = 1") is None
