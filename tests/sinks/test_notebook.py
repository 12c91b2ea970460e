"""The notebook sink, with IPython's own display functions and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from collapse_magic.findings import Evidence, Finding, Location
from collapse_magic.report import Report, Trace
from collapse_magic.sinks.notebook import NotebookSink
from collapse_magic.sinks.terminal import TerminalSink

FINDING = Finding(
    code="CM301",
    rule="class-imbalance",
    severity="warning",
    confidence="likely",
    message="class 1 is rarely found",
    evidence=(Evidence("labels 9 to 1"),),
    first_step=10,
    last_step=20,
    location=Location(3, 4, "loss.backward()"),
)
RUNNING = Report(
    run="mnist",
    steps=20,
    epochs=None,
    seconds=1.0,
    cost=0.01,
    collapsed=False,
    findings=(),
    clear=("vanishing-gradients",),
    skipped={},
    logdir=None,
    finished=False,
)
FOUND = replace(RUNNING, findings=(FINDING,))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Page:
    """What a front end would hold: displays by id, each with everything it ever showed."""

    def __init__(self) -> None:
        self.displays: list[list[dict[str, Any]]] = []
        self._by_id: dict[str, list[dict[str, Any]]] = {}

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        *,
        transient: Any = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        name = (transient or {}).get("display_id", "")
        if update:
            self._by_id[name].append(data)
            return
        self.displays.append([data])
        if name:
            self._by_id[name] = self.displays[-1]

    @property
    def messages(self) -> int:
        return sum(map(len, self.displays))

    @property
    def shown(self) -> list[str]:
        return [versions[-1]["text/plain"] for versions in self.displays]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    shell, page = InteractiveShell.instance(), Page()
    monkeypatch.setattr(shell.display_pub, "publish", page.publish)
    yield page
    InteractiveShell.clear_instance()


def at(report: Report, step: int) -> Report:
    moved = tuple(replace(f, last_step=step) for f in report.findings)
    return replace(report, steps=step, findings=moved)


def test_one_display_updated_in_place_at_most_twice_a_second(page: Page) -> None:
    clock = Clock()
    sink = NotebookSink(clock=clock)
    sink.update(RUNNING)
    for step in range(20, 120):  # ten seconds
        clock.now += 0.1
        sink.update(at(FOUND, step))
    assert len(page.displays) == 1
    assert 10 <= page.messages <= 22
    assert "step 11" in page.shown[0]


def test_a_new_finding_does_not_wait(page: Page) -> None:
    sink = NotebookSink(clock=Clock())
    sink.update(RUNNING)
    sink.update(FOUND)
    assert page.shown == ["warning" + page.shown[0][len("warning") :]]
    assert page.messages == 2


def test_the_first_step_is_shown_soon_and_later_ones_rarely(page: Page) -> None:
    clock = Clock()
    sink = NotebookSink(clock=clock)
    sink.update(replace(RUNNING, steps=0))
    for step in range(1, 11):
        clock.now += 0.2
        sink.update(replace(RUNNING, steps=step))
    assert page.messages == 2 and "step 3" in page.shown[0]


def test_nothing_is_sent_where_nothing_changed(page: Page) -> None:
    clock = Clock()
    sink = NotebookSink(clock=clock)
    for _ in range(9):
        clock.now += 10
        sink.update(FOUND)
    assert page.messages == 1


def test_what_escalates_comes_anew_below_and_the_old_card_points_there(page: Page) -> None:
    clock = Clock()
    sink = NotebookSink(clock=clock)
    sink.update(FOUND)
    clock.now += 1
    worse = at(replace(FOUND, findings=(replace(FINDING, severity="error"),)), 90)
    sink.update(worse)
    clock.now += 1
    sink.update(at(worse, 91))
    old, new = page.shown
    assert old == "watch_training  run 'mnist': see below, worse at step 90"
    assert new.startswith("error[CM301]") and "step 91" in new


def test_what_is_over_is_said(page: Page) -> None:
    clock = Clock()
    sink = NotebookSink(clock=clock)
    sink.update(FOUND)
    clock.now += 1
    sink.update(replace(FOUND, findings=(replace(FINDING, resolved_step=30),)))
    assert page.shown == [
        "resolved at step 30: warning[CM301] class-imbalance: class 1 is rarely found"
    ]


def test_the_end_is_the_final_card_the_summary_and_the_figure(page: Page) -> None:
    trace = Trace(
        classes=("a", "b"),
        share_steps=(1, 2),
        shares=((0.5, 0.5), (1.0, 0.0)),
        label_share=(0.5, 0.5),
    )
    sink = NotebookSink(clock=Clock())
    sink.update(RUNNING)
    sink.close(replace(FOUND, finished=True, trace=trace))
    card, summary, figure = page.shown
    assert card.startswith("warning[CM301]") and "1 warning" in summary
    assert figure == "<Figure of run 'mnist'>" and "image/png" in page.displays[2][0]


def test_quiet_is_the_summary_and_plain_has_no_html(page: Page) -> None:
    sink = NotebookSink(quiet=True, plain=True, clock=Clock())
    sink.update(FOUND)
    assert page.displays == []
    sink.close(replace(FOUND, finished=True))
    assert len(page.displays) == 1 and list(page.displays[0][0]) == ["text/plain"]


def test_a_terminal_prints_each_card_once(capsys: pytest.CaptureFixture[str]) -> None:
    sink = TerminalSink()
    sink.update(RUNNING)
    for step in range(20, 30):
        sink.update(at(FOUND, step))
    sink.update(replace(FOUND, findings=(replace(FINDING, severity="error"),)))
    over = replace(FOUND, findings=(replace(FINDING, severity="error", resolved_step=40),))
    sink.update(over)
    sink.close(replace(over, finished=True))
    out, err = capsys.readouterr()
    assert out == ""
    starts = [block.split(":")[0] for block in err.strip().split("\n\n")]
    assert starts[:3] == [
        "warning[CM301] class-imbalance",
        "error[CM301] class-imbalance",
        "resolved at step 40",
    ]
    assert starts[3].startswith("watch_training  run 'mnist'") and len(starts) == 4


def test_a_terminal_leaves_progress_bars_whole(capsys: pytest.CaptureFixture[str]) -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    with tqdm(total=2) as bar:
        bar.update()
        TerminalSink().update(FOUND)
        bar.update()
    err = capsys.readouterr().err
    card = err.index("warning[CM301]")
    # The bar was wiped before the card, so that the card begins on a line of its own.
    assert err[:card].endswith("\r") and "mute:" in err
    assert err.rstrip().splitlines()[-1].lstrip("\r").startswith("100%")
