"""What people do not expect in a log: a thousand classes, hundreds of runs, names like books."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from collapse_magic.records import (
    LayerStatistics,
    LossFacts,
    LossValues,
    ModelFacts,
    PredictionWindow,
    Record,
    RunStarted,
)
from tests.browser.conftest import served
from tests.browser.tab import Tab, comes_to, place_of
from tests.support import sample_logs as samples
from tests.support.standard_events import EventWriter
from tests.support.tensorboards import RunningTensorBoard
from tests.support.waiting import wait_until

OpenTab = Callable[..., Tab]

CLASSES = 1000
CONFUSED = 60  # pairs of classes: the first is taken for the last 60 times, the second 59 times ...
RUNS = 200  # of a sweep
ALL_RUNS = RUNS + 5
LONG = "long/" + "x" * 200
BOOK = "a name like a book, " * 500  # 10,000 characters


def thousand_classes(record: Record) -> Record:
    match record:
        case RunStarted():
            names = tuple(f"species {number}" for number in range(CLASSES))
            return replace(record, class_names=names)
        case LossFacts():
            return replace(record, classes=CLASSES)
        case PredictionWindow():
            missed = [max(0, CONFUSED - number) for number in range(CLASSES)]
            correct = tuple(100 - number for number in missed)
            predicted = tuple(a + b for a, b in zip(correct, reversed(missed), strict=True))
            pairs = tuple((n, CLASSES - 1 - n, missed[n]) for n in range(CONFUSED))
            even = (1 / CLASSES,) * CLASSES
            return replace(
                record,
                samples=100 * CLASSES,
                labels=(100,) * CLASSES,
                predicted=predicted,
                correct=correct,
                mean_probability=even,
                pull=even,
                confused=pairs,
            )
    return record


def long_names(record: Record) -> Record:
    match record:
        case RunStarted():
            return replace(record, class_names=(BOOK, BOOK[::-1]))
        case ModelFacts():
            named = tuple(replace(layer, name=f"{layer.name}{BOOK}") for layer in record.layers)
            return replace(record, layers=named)
    return record


def no_numbers(record: Record) -> Record:
    def nan(values: tuple[float, ...]) -> tuple[float, ...]:
        return (math.nan,) * len(values)

    match record:
        case LossValues():
            return replace(record, values=nan(record.values))
        case PredictionWindow():
            return replace(
                record,
                cross_entropy_nats=math.nan,
                mean_probability=nan(record.mean_probability),
                pull=nan(record.pull),
                spread=math.nan,
                rank=math.nan,
            )
        case LayerStatistics():
            return replace(
                record,
                gradient_norm=nan(record.gradient_norm),
                weight_norm=nan(record.weight_norm),
                update_ratio=nan(record.update_ratio),
            )
    return record


def write(logs: Path) -> None:
    for name, run, changed in (
        ("classes", samples.LIVE, thousand_classes),
        (LONG, samples.COLLAPSED, long_names),
        ("no numbers", samples.NOT_FINITE, no_numbers),
    ):
        records = [changed(record) for record in samples.sample_records(run)]
        samples.write_run(logs / name, samples.STARTED, records, report=None)
    with EventWriter(logs / "tags") as log:
        for step in range(2):
            log.scalar("loss", step, 1.0)
            for number in range(10_000):
                log.scalar(f"head_{number}/loss", step, 1.0)
        log.scalar(f"{BOOK}/loss", 1, 1.0)
    with EventWriter(logs / "unwatched") as log:
        for step in range(60):
            log.scalar("Loss/train", step, 2.0 / (1 + step))
            log.scalar("Accuracy/val", step, step / 60)
            log.scalar("lr", step, 0.1)
    few = samples.sample_records(samples.LIVE)
    for number in range(RUNS):
        at = samples.STARTED - 60 * (1 + number)
        samples.write_run(logs / f"sweep-{number % 3}" / f"run-{number}", at, few, report=None)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTensorBoard]:
    folder = tmp_path_factory.mktemp("large")
    write(folder / "logs")
    with served(folder / "logs", log=folder / "said") as server:
        wait_until(lambda: len(server.runs()) == ALL_RUNS, "all runs are served")
        yield server


def fits(tab: Tab, *places: str) -> None:
    for place in ("html", "main", *places):
        element = tab.frame.locator(place).first
        expect(element).to_be_visible()
        comes_to(0, partial(tab.too_wide, element))


def test_of_a_thousand_classes_the_most_confused_ones_come_first_page_by_page(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address, run="classes")
    confusion = tab.chart("Confusion")
    confusion.scroll_into_view_if_needed()
    rows = confusion.locator("tbody tr")

    def shown(first: int) -> None:
        """Ten pairs, of which the first is the so-and-so-manieth."""
        expect(rows).to_have_text(
            [
                f"species {n}species {CLASSES - 1 - n}{CONFUSED - n}{CONFUSED - n}%"
                for n in range(first, first + 10)
            ]
        )

    shown(0)
    expect(confusion.get_by_role("button", name="Previous")).to_be_disabled()
    confusion.get_by_role("button", name="Next").click()
    shown(10)
    confusion.get_by_role("button", name="Previous").click()
    shown(0)
    for _ in range(CONFUSED // 10 - 1):
        confusion.get_by_role("button", name="Next").click()
    shown(CONFUSED - 10)
    expect(confusion.get_by_role("button", name="Next")).to_be_disabled()
    # Ten of the thousand have a colour; the others are one line, hidden until it is asked for.
    others = tab.chart("Predicted classes").get_by_role("button", name=re.compile("990 others"))
    expect(others).to_have_attribute("aria-pressed", "false")


def overview(tab: Tab) -> Locator:
    tab.frame.get_by_role("button", name=re.compile("^All")).click()
    expect(tab.verdict).to_have_text(re.compile("runs$"))
    return tab.frame.locator(".run-row")


def test_two_hundred_runs_are_searched_sorted_and_scrolled(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address)
    lines = overview(tab)
    expect(lines).to_have_count(ALL_RUNS)
    last = lines.filter(has=tab.frame.get_by_role("button", name="sweep-1/run-199", exact=True))
    expect(last.get_by_role("checkbox")).to_have_count(0)  # out of view: its name only
    last.scroll_into_view_if_needed()
    expect(last.get_by_role("checkbox")).to_be_visible()
    expect(last.get_by_role("img", name=re.compile("largest predicted"))).to_be_visible()
    tab.frame.get_by_label("Search").fill("sweep-1/ run-1")
    found = [number for number in range(1, RUNS, 3) if str(number).startswith("1")]
    expect(lines).to_have_count(len(found))
    tab.frame.get_by_label("Search").fill("")
    name = tab.frame.get_by_role("columnheader", name="Run")
    name.get_by_role("button").click()
    expect(lines.locator(".open-run").nth(5)).to_have_text("sweep-0/run-0")
    expect(lines.locator(".open-run").nth(6)).to_have_text("sweep-0/run-3")
    name.get_by_role("button").click()
    expect(lines.locator(".open-run").first).to_have_text("unwatched")
    expect(lines.locator(".open-run").nth(1)).to_have_text("tags")
    heights = lines.evaluate_all(
        "rows => [...new Set(rows.map(row => row.getBoundingClientRect().height))]"
    )
    assert len(heights) == 1  # what is in view is told by that


def test_runs_lie_in_their_experiments_which_fold(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address)
    lines = overview(tab)
    fold = tab.frame.get_by_role("button", name="sweep-1", exact=True)
    sweep = tab.frame.locator("tbody", has=fold)
    folded = len(range(1, RUNS, 3))
    expect(sweep.locator(".run-row")).to_have_count(folded)
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(lines).to_have_count(ALL_RUNS - folded)


def test_a_line_out_of_view_is_reached_by_the_keyboard(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address)
    lines = overview(tab)
    last = lines.locator(".open-run").last
    last.focus()
    pick = lines.last.get_by_role("checkbox")
    expect(pick).to_be_visible()
    expect(last).to_be_focused()
    tab.page.keyboard.press("Shift+Tab")
    expect(pick).to_be_focused()
    tab.page.keyboard.press("Tab")
    expect(last).to_be_focused()
    name = last.inner_text()
    tab.page.keyboard.press("Enter")
    expect(tab.frame.locator(".run-line b")).to_have_text(name)


@pytest.mark.parametrize("width", [1280, 600])
def test_names_of_ten_thousand_characters_stay_in_their_places(
    open_tab: OpenTab, large: RunningTensorBoard, width: int
) -> None:
    tab = open_tab(large.address, run=LONG)
    tab.page.set_viewport_size({"width": width, "height": 800})
    expect(tab.chart("Gradient flow").get_by_role("img")).to_be_visible()
    fits(tab, "nav", ".stack", ".columns")
    tab.chart("Confusion").scroll_into_view_if_needed()
    expect(tab.chart("Confusion").get_by_role("row")).to_have_count(3)
    for title in ("Predicted classes", "Gradient flow", "Confusion"):
        assert place_of(tab.chart(title))["height"] < 500, title
    tab.hover("Gradient flow", 0.5, down=0.1)
    expect(tab.chart("Gradient flow").locator(".note")).to_contain_text("a name like a book")
    fits(tab, "nav", ".stack")
    overview(tab)
    fits(tab, ".overview", ".runs-table")
    # Where there is little room, the table is the list of the runs.
    expect(tab.frame.locator("nav")).to_be_visible(visible=width > 1060)


def test_of_ten_thousand_tags_those_left_out_are_named(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address, run="tags")
    expect(tab.banners).to_contain_text("series beyond the first 500")
    expect(tab.chart("Loss")).to_contain_text("at step 1")
    fits(tab, "nav")


def test_a_compared_run_says_which_charts_it_has_none_for(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address, run="unwatched")
    overview(tab)
    for run in ("unwatched", "no numbers"):
        tab.frame.get_by_label(f"Compare {run}").check()
    tab.frame.get_by_role("button", name="Compare 2 runs").click()
    unwatched = tab.frame.get_by_role("region", name="unwatched", exact=True)
    expect(unwatched.locator(".missing")).to_have_text(
        ["no predictions in this run", "no gradients in this run", "no recall in this run"]
    )
    other = tab.frame.get_by_role("region", name="no numbers", exact=True)
    expect(other.locator(".missing")).to_have_text(["no accuracy in this run"])

    def lines(run: Locator) -> list[float]:
        return [place_of(panel)["y"] for panel in run.locator(".panel").all()]

    assert len(lines(other)) == 5
    comes_to(True, lambda: lines(unwatched) == lines(other))


def test_nan_everywhere_is_said_in_every_chart(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address, run="no numbers")
    for title, says in (
        ("Loss", "NaN at step"),
        ("Gradient flow", "first layer none"),
        ("Mean probability", "n/a"),
        ("Loss against chance", "L/H NaN"),
        ("Pull", "n/a"),
    ):
        chart = tab.chart(title)
        chart.scroll_into_view_if_needed()
        expect(chart).to_contain_text(says)
        expect(chart.get_by_role("img")).to_have_count(1)
        chart.get_by_role("button", name="as table").click()
        expect(chart.get_by_role("row").nth(1)).to_be_visible()
    tab.page.keyboard.press("+")
    tab.page.keyboard.press("0")
    expect(tab.chart("Loss")).to_contain_text("NaN at step")


def test_a_log_that_nobody_watched_has_the_charts_that_it_can_feed(
    open_tab: OpenTab, large: RunningTensorBoard
) -> None:
    tab = open_tab(large.address, run="unwatched")
    expect(tab.chart("Loss")).to_contain_text("at step 59")
    expect(tab.chart("Accuracy")).to_contain_text("98.3%")
    expect(tab.chart("Learning rate")).to_contain_text("0.1")
    for title in ("Predicted classes", "Confusion", "Update ratio", "Gradient flow"):
        expect(tab.chart(title)).to_have_count(0)
    expect(tab.frame.get_by_text("run the cell under %%watch_training")).to_be_visible()
    expect(tab.frame.get_by_text("watching cost")).to_have_count(0)
