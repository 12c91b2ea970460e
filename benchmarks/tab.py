"""How fast the Collapse tab is: a real TensorBoard, a real browser, and logs of a size that hurts.

For each log: from the last byte of a run's data to its picture, and what a movement of the cursor
and a zoom take, up to and including the frame that shows them. Medians of several. The promises
stand beside the figures; exits with 1 where one is missed.

Usage: python benchmarks/tab.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Page, sync_playwright

from benchmarks.tab_logs import write_run
from tests.browser.conftest import FLAGS, find_browser
from tests.support.tensorboards import running

MOVEMENTS = 20


@dataclass(frozen=True)
class Log:
    name: str
    write: Callable[[Path], None]
    first_picture_ms: float
    interaction_ms: float
    overview: bool = False


def ten_runs(logs: Path) -> None:
    for number in range(10):
        run = logs / f"run-{number}"
        write_run(run, steps=10_000, classes=10, layers=20, looks=500, age_s=number)


def long_run(logs: Path) -> None:
    write_run(logs / "run-0", steps=100_000, classes=10, layers=20, looks=500)


def deep_run(logs: Path) -> None:
    write_run(logs / "run-0", steps=10_000, classes=10, layers=500, looks=2_000)


def many_runs(logs: Path) -> None:
    for number in range(200):
        run = logs / f"experiment-{number % 5}" / f"run-{number}"
        write_run(run, steps=200, classes=10, layers=4, looks=20, age_s=number)


LOGS = (
    Log("10 runs x 5 series x 10,000 steps x 10 classes", ten_runs, 1000, 50),
    Log("100,000 steps x 10 classes", long_run, 2000, 200),
    Log("500 layers x 2,000 looks", deep_run, 2000, 200),
    Log("200 runs in the overview", many_runs, 1000, 200, overview=True),
)

# The picture is there when the charts in view have their canvas, or all runs their line; data when
# the last byte has come.
WATCH = """
(() => {
  const many = (what, number) => document.querySelectorAll(what).length >= number;
  const drawn = () => many('.u-wrap canvas', 2) || many('.run-row', 200);
  const look = () => {
    if (drawn()) setTimeout(() => (window.drawnAt = performance.now()), 0);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
FIRST_PICTURE = """(route) => {
  const read = performance.getEntriesByType('resource');
  const data = read.filter(({ name }) => new URL(name).pathname.endsWith(route));
  const before = data.map(({ responseEnd }) => responseEnd).filter((end) => end < window.drawnAt);
  return window.drawnAt - Math.max(...before);
}"""
# Each act, and how long until the frame after it is on its way.
TIMED = """async ([act, times]) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const acts = {
    cursor(at) {
      const over = document.querySelector('.u-over');
      const box = over.getBoundingClientRect();
      const clientX = box.left + box.width * (0.1 + 0.8 * at);
      const place = { clientX, clientY: box.top + 20, bubbles: true };
      over.dispatchEvent(new MouseEvent('mousemove', place));
    },
    zoom(at) {
      const key = at < 0.5 ? '+' : '-';
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    },
    search(at) {
      const field = document.querySelector('#search-runs');
      field.value = at < 0.5 ? `run-${Math.round(at * 100)}` : '';
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    },
    sort() {
      document.querySelector('th:nth-child(3) .sort').click();
    },
  };
  const took = [];
  for (let number = 0; number < times; number += 1) {
    await frame();
    const start = performance.now();
    acts[act](number / times);
    await frame();
    took.push(performance.now() - start);
  }
  return took;
}"""


@contextmanager
def browser_page() -> Iterator[Page]:
    executable = find_browser()
    if executable is None:
        raise SystemExit("no Chrome, Chromium or Edge is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(WATCH)
        yield page
        browser.close()


def main() -> int:
    missed = 0
    for log in LOGS:
        with tempfile.TemporaryDirectory() as folder:
            logs = Path(folder) / "logs"
            log.write(logs)
            with running(logs, log=Path(folder) / "said") as server, browser_page() as page:
                figures = measured(page, server.address, log)
        print(log.name)
        for what, took_ms, promise_ms in figures:
            late = took_ms > promise_ms
            missed += late
            verdict = "MISSED" if late else ""
            print(f"  {what:<14}{took_ms:7.0f} ms   promised {promise_ms:5.0f} ms  {verdict}")
    return 1 if missed else 0


def measured(page: Page, address: str, log: Log) -> list[tuple[str, float, float]]:
    tab = f"{address}data/plugin_entry.html?name=collapse#collapse"
    page.goto(f"{tab}&p.collapse.view=overview" if log.overview else tab)
    page.wait_for_function("window.drawnAt !== undefined", timeout=180_000)
    page.wait_for_timeout(1_000)  # what comes after the first picture
    picture: Any = page.evaluate(FIRST_PICTURE, "/runs" if log.overview else "/series")
    figures = [("first picture", float(picture), log.first_picture_ms)]
    acts = ("search", "sort")
    if not log.overview:
        page.locator(".u-over").first.scroll_into_view_if_needed()
        acts = ("cursor", "zoom")
    return figures + [(act, timed(page, act), log.interaction_ms) for act in acts]


def timed(page: Page, act: str) -> float:
    return statistics.median(page.evaluate(TIMED, [act, MOVEMENTS]))


if __name__ == "__main__":
    sys.exit(main())
