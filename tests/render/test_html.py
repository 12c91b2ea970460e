"""HTML that stands alone, is well-formed, and shows the user's words as words."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from collapse_magic.render import html
from collapse_magic.report import Report

from . import reports as r

VOID = {"img", "meta", "br"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects them with the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(source: str) -> Reader:
    reader = Reader()
    reader.feed(source)
    reader.close()
    assert reader.open == []
    return reader


REPORTS = {
    "fine": r.FINE,
    "running": replace(r.FINE, finished=False),
    "collapsed": replace(r.COLLAPSED, trace=r.TRACE),
    "long": replace(r.COLLAPSED, findings=(r.LONG, r.RESOLVED)),
    "hostile": replace(
        r.COLLAPSED,
        run="<i>run</i>",
        logdir='"><script>',
        findings=(r.HOSTILE,),
        notes=("<script>note</script>",),
        predictions=(replace(r.PREDICTIONS, classes=("<b>", "&", "'")),),
    ),
    "empty": r.EMPTY,
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("render", [html.render_report, html.render_board, html.render_page])
def test_well_formed_and_free_of_scripts_and_frames(render: object, report: Report) -> None:
    reader = read(render(report))  # type: ignore[operator]
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"script", "iframe", "link", "style", "object", "i", "b"}
    for _, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "class"]
        source = attributes.get("src") or "data:"
        assert source.startswith("data:")


def test_the_users_words_are_shown_as_they_are() -> None:
    shown = read(html.render_report(REPORTS["hostile"])).text
    assert "class <script>alert(1)</script> & 'friends'" in shown
    assert "x = '</div><script>'" in shown and "<script>note</script>" in shown


def test_severity_is_a_word_and_a_mark() -> None:
    shown = read(html.render_board(r.COLLAPSED)).text
    assert "✖ error[CM301]" in shown
    warning = replace(r.IMBALANCE, severity="warning")
    assert "▲ warning[CM301]" in read(html.render_card(warning, r.FINE)).text


def test_says_what_the_text_says() -> None:
    shown = " ".join(read(html.render_report(r.COLLAPSED)).text.split())
    for words in (
        "class 1 is found in 2 of 100 cases",
        "cell [7], line 14",
        "labels 9.1 to 1",
        "explains: CM101 single-class-predictions",
        "+ criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.1))",
        "next: fix CM301 first, it probably explains CM101",
        "cost 0.8%",
        "open: %tensorboard --logdir runs",
        "skipped: overfitting (no validation data)",
    ):
        assert words in shown


def test_colours_follow_the_host_and_read_without_it() -> None:
    """Fallback colours hold 4.5 to 1 on white."""
    for value in (*html.BARS.values(), html.CALM):
        fallback = value.partition(", ")[2].rstrip(")")
        assert value.startswith("var(--jp-") and contrast(fallback, "#ffffff") >= 4.5


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    def linear(part: str) -> float:
        c = int(part, 16) / 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[n : n + 2]) for n in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
