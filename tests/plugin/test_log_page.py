"""`--report html`, and the progress bar while large logs are read."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tensorboard_plugin_collapse.launcher import main
from tensorboard_plugin_collapse.progress import Progress

from tests.support import sample_logs as samples


class Page(HTMLParser):
    """Ids, links inside the page, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids |= {values["id"] or ""} if "id" in values else set()
        self.links += [values["href"] or ""] if "href" in values else []
        self.sources += [values["src"] or ""] if "src" in values else []

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_holds_every_run_and_needs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples.write_sample_logs(tmp_path)
    assert main([str(tmp_path), "--report", "html"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("<!doctype html>")
    page = Page(out)
    assert page.sources == []
    assert page.links
    assert {link.removeprefix("#") for link in page.links} <= page.ids
    for run in samples.RUNS:
        assert run in page.words
    assert "class-imbalance" in page.words
    assert "%tensorboard" not in page.words  # whoever has the page may not have the log
    assert "no report yet" in page.words
    assert "pos_weight" in page.words  # the fix, as a diff
    assert "http" not in out.replace("http-equiv", "")


def test_what_could_not_be_read_is_on_the_page_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples.write_sample_logs(tmp_path)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "events.out.tfevents.1.host").write_bytes(b"no events at all " * 9)
    assert main([str(tmp_path), "--report", "html", "--fail-on", "never"]) == 0
    out, err = capsys.readouterr()
    page = Page(out)
    assert "nothing of a training could be read" in page.words
    sentence = "events.out.tfevents.1.host is damaged from byte 0 on"
    assert sentence in page.words
    assert sentence in err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_the_reading_has_come() -> None:
    now = 0.0
    stream = Terminal()
    progress = Progress(1_000_000_000, stream, clock=lambda: now)
    progress(100_000_000)
    assert stream.getvalue() == ""  # what is read at once needs no bar
    now = 2.0
    progress(150_000_000)
    assert "25%  250 of 1,000 MB, 6 s left" in stream.getvalue()
    progress.close()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_file_gets_no_progress_bar() -> None:
    now = 0.0
    stream = io.StringIO()
    progress = Progress(100, stream, clock=lambda: now)
    now = 9.0
    progress(50)
    progress.close()
    assert stream.getvalue() == ""
