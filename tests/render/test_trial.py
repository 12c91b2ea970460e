"""The card of a fix that was tried."""

from __future__ import annotations

from html.parser import HTMLParser

from collapse_magic.render.trial import Row, TrialCard, number, render_html, render_text

CARD = TrialCard(
    title="try-fix  CM401 double-activation: leave the softmax to the loss",
    verdict="CM401 double-activation is gone after 300 steps, and nothing else was found",
    cured=True,
    rows=(Row("steps", "300", "300"), Row("most predicted", "98%", "34%", "class <cat> → dog" * 9)),
    foot=("runs: digits/before, digits/after in runs",),
)


def test_the_text_keeps_to_its_columns() -> None:
    lines = render_text(CARD).splitlines()
    assert max(map(len, lines)) <= 79
    assert lines[1].split("  ")[-1].strip() == "with the fix"
    assert [lines[2].index("300"), lines[2].rindex("300")] == [31, 42]
    assert lines[-1] == "runs: digits/before, digits/after in runs"


def test_the_html_is_a_table_with_heads_and_escapes_names() -> None:
    page = render_html(CARD)
    assert "<cat>" not in page and "&lt;cat&gt;" in page
    tags: list[tuple[str, str | None]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs).get("scope")))

    Reader().feed(page)
    assert tags.count(("th", "row")) == 2 and ("th", "col") in tags


def test_what_is_not_known_is_a_dash() -> None:
    assert number(float("nan"), share=True) == "-" == number(float("nan"), share=False)
    assert (number(0.345, share=True), number(0.345, share=False)) == ("34%", "0.34")
