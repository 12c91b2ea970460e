"""docs/rules says what the rules say."""

from __future__ import annotations

import re

import pytest

from collapse_magic.rules import RULES

from .pages import FOLDER, pages


def test_the_pages_are_those_that_make_docs_writes() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert sorted(there) == sorted(pages()), "run `make docs`"
    for name, text in pages().items():
        assert there[name] == text, f"{name}: run `make docs`"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_page_shows_both_examples_as_code(rule: object) -> None:
    text = pages()[f"{rule.name}.md"]  # type: ignore[attr-defined]
    for heading in ("Example", "Use instead"):
        assert re.search(rf"^## {heading}\n+```python\n(.+\n)+?```$", text, re.MULTILINE), heading
    assert text.count("```") % 2 == 0 and not re.search(r"\n{3,}", text)
