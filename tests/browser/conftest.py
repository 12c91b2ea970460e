"""A real browser on a real TensorBoard.

The browser lives as long as one test module: Playwright keeps an event loop running meanwhile,
which tests elsewhere could not stand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.tab import Tab
from tests.support.sample_logs import write_sample_logs
from tests.support.tensorboards import COLLAPSE_TB, RunningTensorBoard, running

NAMES = (
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
    "chrome",
)
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
BUNDLE = (
    Path(__file__).parents[2] / "tensorboard_plugin/tensorboard_plugin_collapse/static/index.js"
)


# A machine that does much else at the time takes long for what is otherwise there at once.
PATIENCE_MS = 60_000


def find_browser() -> str | None:
    on_path = (shutil.which(name) for name in NAMES)
    return next(filter(None, on_path), None) or next(filter(os.path.exists, ELSEWHERE), None)


def not_run(why: str) -> NoReturn:
    """Where nobody may miss it, a test that cannot run fails."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        not_run("browser tests need Chrome, Chromium or Edge: install one of them")
    if not BUNDLE.is_file():
        not_run("browser tests need the front end: `pip install -e .` builds it")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


# Most of these tests are about the page, and any TensorBoard serves it.
served = partial(running, program=COLLAPSE_TB)


@pytest.fixture(scope="session")
def tensorboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTensorBoard]:
    """Serves the sample logs, which nobody changes."""
    folder = tmp_path_factory.mktemp("browser")
    write_sample_logs(folder / "logs")
    with served(folder / "logs", log=folder / "tensorboard.log") as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    # An answer that a test changes on its way may be under way still.
    for routed in (*context.pages, context):
        routed.unroute_all(behavior="ignoreErrors")
    context.close()


@pytest.fixture
def open_tab(context: BrowserContext) -> Iterator[Callable[..., Tab]]:
    """Opens the tab of a TensorBoard; afterwards nothing may have gone wrong unseen."""
    opened: list[Tab] = []

    def open_tab(address: str, **options: Any) -> Tab:
        opened.append(Tab(context.new_page(), address, **options))
        return opened[-1]

    yield open_tab
    for tab in opened:
        assert tab.complaints() == []
