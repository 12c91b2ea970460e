"""The Collapse tab, as a test sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import (
    ConsoleMessage,
    Error,
    FloatRect,
    FrameLocator,
    Locator,
    Page,
    Request,
    expect,
)

from tests.support.waiting import wait_until

NOT_THERE = re.compile(r"net::ERR_|Failed to load resource")
# TensorBoard itself asks for its fonts without the path prefix, the browser for an icon.
NOT_OURS = ("/font-roboto/", "/favicon.ico")


def comes_to(expected: object, ask: Callable[[], object]) -> None:
    """What the page answers is what is expected, if not at once; the last answer is told."""
    with suppress(AssertionError):
        wait_until(lambda: ask() == expected, "the page answers so", 30)
    assert ask() == expected


def place_of(element: Locator) -> FloatRect:
    """Where it lies on the page, as soon as it has come to rest."""

    def at_rest() -> FloatRect | None:
        try:
            before = element.bounding_box()
            element.evaluate("() => new Promise(requestAnimationFrame)")
            return before if before == element.bounding_box() else None
        except Error as error:
            if "not attached" not in str(error):
                raise
            return None  # it is made anew just now

    return wait_until(at_rest, "an element has its place")


class Tab:
    """The Collapse tab in TensorBoard's page; remembers every complaint of the browser.

    Without ``host`` it is the page that TensorBoard puts into its own one, which opens much faster.
    """

    def __init__(
        self,
        page: Page,
        address: str,
        run: str | None = None,
        theme: Literal["light", "dark"] = "light",
        host: bool = False,
    ) -> None:
        self.page = page
        self.may_lose_server = False
        self._origin = "/".join(address.split("/")[:3]) + "/"
        self._errors: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._errors.append(f"page error: {error}"))
        page.on("dialog", lambda dialog: self._errors.append(f"dialog: {dialog.message}"))
        page.on("request", self._asked)
        chosen = "" if run is None else f"&p.collapse.run={quote(run, safe='')}"
        dark = "true" if theme == "dark" else "false"
        self.frame: FrameLocator | Page
        if host:
            page.goto(f"{address}?darkMode={dark}#collapse{chosen}")
            self.frame = page.frame_locator("iframe").first
        else:
            page.emulate_media(color_scheme=theme)
            page.goto(f"{address}data/plugin_entry.html?name=collapse#collapse{chosen}")
            self.frame = page

    def complaints(self) -> list[str]:
        if not self.may_lose_server:
            return self._errors
        return [error for error in self._errors if not NOT_THERE.search(error)]

    def run(self, name: str) -> Locator:
        return self.frame.get_by_role("navigation", name="Runs").locator(
            ".run", has=self.frame.locator(".run-name").get_by_text(name, exact=True)
        )

    @property
    def verdict(self) -> Locator:
        return self.frame.get_by_role("heading", level=1)

    def finding(self, rule: str) -> Locator:
        return self.frame.locator("article", has=self.frame.locator(f'[data-finding^="{rule}"]'))

    def chart(self, title: str) -> Locator:
        return self.frame.get_by_role("region", name=title, exact=True)

    @property
    def banners(self) -> Locator:
        return self.frame.locator(".banners")

    @property
    def step(self) -> Locator:
        """The step under the cursor."""
        return self.frame.locator("output")

    def box(self, title: str) -> FloatRect:
        """Where the plotting area of a chart lies on the page."""
        area = self.chart(title).locator(".u-over")

        def in_view() -> FloatRect | None:
            try:
                area.scroll_into_view_if_needed()
                return area.bounding_box()
            except Error as error:
                # A chart is made anew for another axis, and this may be the moment.
                if "not attached" not in str(error):
                    raise
                return None

        return wait_until(in_view, f"{title} has a place on the page")

    def step_at(self, title: str, across: float) -> int:
        """The step that is told of a place in a chart."""
        self.hover(title, across)

        def told() -> int | None:
            before = self.step.inner_text()
            self.step.evaluate("() => new Promise(requestAnimationFrame)")
            same = self.step.inner_text() == before
            return int(before.removeprefix("step ").replace(",", "")) if same else None

        expect(self.step).to_have_text(re.compile(r"^step"))
        return wait_until(told, "the step is told")

    @staticmethod
    def too_wide(element: Locator) -> int:
        """Pixels by which its content is wider than it is."""
        beyond: int = element.evaluate("e => Math.max(0, e.scrollWidth - e.clientWidth)")
        return beyond

    def hover(self, title: str, across: float, down: float = 0.5) -> None:
        """Points at a place in a chart: 0 is left or top, 1 right or bottom."""
        box = self.box(title)
        self.page.mouse.move(
            box["x"] + across * (box["width"] - 1), box["y"] + down * (box["height"] - 1)
        )

    def drag(self, title: str, start: float, end: float) -> None:
        self.hover(title, start)
        self.page.mouse.down()
        self.hover(title, (start + end) / 2)
        self.hover(title, end)
        self.page.mouse.up()

    def colours(self, title: str) -> dict[str, int]:
        """How many pixels of the chart's canvas have which colour ("r,g,b") now; clear ones not."""
        canvas = self.chart(title).locator("canvas").last
        expect(canvas).to_be_visible()
        counted: dict[str, int] = canvas.evaluate(
            """canvas => {
              const counts = {};
              const { width, height } = canvas;
              if (!width || !height) return counts;
              const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
              for (let at = 0; at < data.length; at += 4) {
                if (data[at + 3] < 255) continue;
                const key = `${data[at]},${data[at + 1]},${data[at + 2]}`;
                counts[key] = (counts[key] ?? 0) + 1;
              }
              return counts;
            }"""
        )
        return counted

    def painted(self, title: str, *colours: str, above: int = 0, kinds: int = 0) -> dict[str, int]:
        """The colours of a chart once more than ``above`` pixels have each of those named.

        Data may come, and be painted, after the chart; so this waits, also for so many ``kinds``.
        """

        def painted() -> dict[str, int] | None:
            counted = self.colours(title)
            there = all(counted.get(colour, 0) > above for colour in colours)
            return counted if there and len(counted) > kinds else None

        return wait_until(painted, f"{title} is painted")

    def clipboard(self) -> str:
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def _heard(self, message: ConsoleMessage) -> None:
        source = message.location.get("url", "")
        if message.type == "error" and not any(part in source for part in NOT_OURS):
            self._errors.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self._errors.append(f"request to another place: {request.url}")
