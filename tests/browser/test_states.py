"""What the tab shows while there is nothing, something new, or something wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from collapse_magic.records import Record
from collapse_magic.sinks.event_log import EventLog
from collapse_magic.sinks.events import EventEncoder, EventFile
from tests.browser.conftest import served
from tests.browser.tab import Tab
from tests.support.sample_logs import (
    COLLAPSED,
    HEALTHY,
    STARTED,
    sample_records,
    started,
    write_run,
    write_sample_logs,
)
from tests.support.tensorboards import RunningTensorBoard, running
from tests.support.waiting import wait_until

OpenTab = Callable[..., Tab]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTensorBoard]:
    folder = tmp_path_factory.mktemp("changing")
    (folder / "logs").mkdir()
    with served(folder / "logs", log=folder / "said") as server:
        yield server


@pytest.fixture
def changing(own: RunningTensorBoard) -> RunningTensorBoard:
    """One whose log directory is empty, and the test's own."""
    for run in own.logdir.iterdir():
        shutil.rmtree(run)
    wait_until(lambda: not own.runs(), "no run is left")
    return own


class GrowingRun:
    """A run that another process might be writing right now."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        encoder = EventEncoder()
        file = EventFile(directory, encoder)
        self._now = started(COLLAPSED)
        self._log = EventLog(file, encoder, directory.name, self._now)

    def grow(self, records: list[Record]) -> None:
        for record in records:
            self._now += 0.01
            self._log.add(record, self._now)
        self._log.flush(self._now)

    def close(self) -> None:
        """Writes the last step too, which might have had more to come, but no report."""
        self._log.flush(self._now, final=True)
        self._log.close()


def test_an_empty_log_directory_says_how_to_start_and_then_shows_the_first_run(
    open_tab: OpenTab, changing: RunningTensorBoard
) -> None:
    logs = changing.logdir
    records = sample_records(COLLAPSED)
    first, half = records[:4], len(records) // 2
    tab = open_tab(changing.address, host=True)
    expect(tab.verdict).to_have_text("No watched run in this log directory yet")
    expect(tab.frame.locator(".snippet").last).to_contain_text("%%watch_training")
    tab.frame.locator("html").evaluate("() => { window.sameDocument = true }")

    run = GrowingRun(logs / "growing")
    run.grow(first)  # facts only
    expect(tab.verdict).to_have_text("Waiting for the first data")

    run.grow(records[4:half])
    loss = tab.chart("Loss")
    expect(loss).to_contain_text(re.compile(r"at step \d"))
    seen = loss.locator(".note").inner_text()
    tab.drag("Loss", 0.2, 0.6)
    left = tab.step_at("Loss", 0.0)

    run.grow(records[half:])
    run.close()
    tab.page.mouse.move(5, 5)
    expect(loss.locator(".note")).not_to_have_text(seen)
    expect(loss.locator(".note")).to_contain_text("at step 640")
    expect(tab.run("growing")).to_contain_text("640 steps, unfinished")
    assert tab.step_at("Loss", 0.0) == left  # the zoom stayed
    assert tab.frame.locator("html").evaluate("() => window.sameDocument")


def test_behind_a_path_prefix_all_is_the_same_until_the_server_goes_away(
    open_tab: OpenTab, tmp_path: Path
) -> None:
    """GIVEN a plain TensorBoard, as most people start it."""
    write_sample_logs(tmp_path / "logs")
    with running(tmp_path / "logs", "--path_prefix=/some/prefix", log=tmp_path / "said") as server:
        assert server.address.endswith("/some/prefix/")
        tab = open_tab(server.address, run=COLLAPSED, host=True)
        tab.may_lose_server = True
        expect(tab.verdict).to_contain_text("class-imbalance")
        expect(tab.chart("Gradient flow")).to_be_visible()
    expect(tab.banners).to_contain_text("TensorBoard does not answer")
    expect(tab.chart("Loss")).to_be_visible()  # what was read stays
    expect(tab.run(HEALTHY)).to_be_visible()


def test_a_damaged_log_is_told_and_what_could_be_read_is_shown(
    open_tab: OpenTab, context: BrowserContext, tensorboard: RunningTensorBoard
) -> None:
    sentence = "loss/cross_entropy: the rows up to step 40 are left out <b>"

    def damaged(route: Route) -> None:
        reply = route.fetch().json()
        route.fulfill(json={**reply, "damaged": [sentence]})

    context.route(re.compile(r"/data/plugin/collapse/run\?"), damaged)
    tab = open_tab(tensorboard.address, run=HEALTHY)
    expect(tab.banners).to_contain_text("The log is damaged.")
    expect(tab.banners.get_by_role("listitem")).to_have_text([sentence])
    expect(tab.chart("Loss")).to_be_visible()


def test_a_run_that_is_deleted_while_it_is_shown_is_named_and_the_tab_stays(
    open_tab: OpenTab, changing: RunningTensorBoard
) -> None:
    logs = changing.logdir
    for run in (COLLAPSED, HEALTHY):
        write_run(logs / run, started(run), sample_records(run), None)
    tab = open_tab(changing.address, run=COLLAPSED)
    # Between the list of runs and the reading of one a run may be gone: the answer says so.
    tab.may_lose_server = True
    expect(tab.chart("Loss")).to_contain_text(re.compile(r"at step 6\d\d"))
    shutil.rmtree(logs / COLLAPSED)
    expect(tab.banners).to_contain_text(f"The run {COLLAPSED} is gone")
    expect(tab.run(HEALTHY)).to_have_attribute("aria-current", "true")
    expect(tab.run(COLLAPSED)).to_have_count(0)
    expect(tab.chart("Loss")).to_contain_text(re.compile(r"at step 6\d\d"))
    shutil.rmtree(logs / HEALTHY)
    expect(tab.banners).to_contain_text(f"The run {HEALTHY} is gone")
    expect(tab.verdict).to_have_text("No watched run in this log directory yet")
    write_run(logs / "again", STARTED, sample_records(HEALTHY), None)
    expect(tab.run("again")).to_be_visible()
    tab.run("again").click()
    expect(tab.banners).not_to_contain_text("is gone")
