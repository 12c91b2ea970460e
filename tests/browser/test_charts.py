"""The charts of one run: their axes, what they say at the cursor, and what can be taken away."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Route, expect

from tests.browser.tab import Tab, comes_to, place_of
from tests.support.sample_logs import COLLAPSED, HEALTHY, HOSTILE
from tests.support.tensorboards import RunningTensorBoard

OpenTab = Callable[..., Tab]


@pytest.fixture
def show(open_tab: OpenTab, tensorboard: RunningTensorBoard) -> OpenTab:
    def show(run: str | None = None, **options: Any) -> Tab:
        return open_tab(tensorboard.address, run=run, **options)

    return show


def in_view(tab: Tab, title: str) -> Locator:
    chart = tab.chart(title)
    chart.scroll_into_view_if_needed()
    return chart


def test_lanes_show_when_findings_hold_and_choose_one(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    lanes = tab.frame.get_by_role("region", name="When findings hold").get_by_role("button")
    expect(lanes).to_have_text(
        [re.compile("class-imbalance.*from step 320"), re.compile("single-class.*from step 300")]
    )
    first, second = (place_of(lane.locator(".lane-bar")) for lane in lanes.all())
    assert second["x"] < first["x"]
    lanes.nth(1).click()
    expect(tab.finding("single-class-predictions").locator(".details")).to_be_visible()


def test_the_axis_shows_steps_or_time_and_the_cursor_stays_where_it_is(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    axis = tab.frame.get_by_role("combobox", name="Axis")
    tab.hover("Loss", 0.5)
    expect(tab.step).to_have_text(re.compile(r"step 3[12]\d"))
    for kind in ("relative", "wall"):
        axis.select_option(kind)
        # The run takes as long for every step, so the middle is the middle still.
        tab.hover("Loss", 0.25)
        tab.hover("Loss", 0.5)
        expect(tab.step).to_have_text(re.compile(r"step 3[12]\d"))
    tab.drag("Loss", 0.25, 0.5)
    tab.hover("Gradient flow", 0.01)
    expect(tab.step).to_have_text(re.compile(r"step 1[56]\d"))


def test_keys_and_buttons_zoom_and_move(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    expect(tab.chart("Loss")).to_be_visible()
    tab.verdict.click()
    tab.page.keyboard.press("+")
    tab.hover("Loss", 0.0)
    expect(tab.step).to_have_text(re.compile(r"step 16\d"))
    tab.page.keyboard.press("]")
    tab.hover("Loss", 0.1)
    tab.hover("Loss", 0.0)
    expect(tab.step).to_have_text(re.compile(r"step 24\d"))
    tab.frame.get_by_role("button", name="Earlier steps").click()
    tab.hover("Loss", 0.0)
    expect(tab.step).to_have_text(re.compile(r"step 8\d"))
    tab.page.keyboard.press("0")
    expect(tab.frame.get_by_role("button", name="Whole run")).to_have_count(0)


def test_shift_and_drag_moves_the_picture(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    tab.drag("Loss", 0.25, 0.5)
    expect(tab.frame.get_by_role("button", name="Whole run")).to_be_visible()
    before = tab.step_at("Loss", 0.0)
    tab.page.keyboard.down("Shift")
    tab.drag("Loss", 0.75, 0.25)
    tab.page.keyboard.up("Shift")
    tab.hover("Loss", 0.0)
    expect(tab.step).to_have_text(re.compile(rf"step {(before + 80) // 10}\d"))


def test_smoothing_is_chosen(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    loss = tab.chart("Loss")
    expect(loss).to_contain_text("line: mean of 10 steps")
    tab.frame.get_by_label("Smoothing").select_option("much")
    expect(loss).to_contain_text("line: mean of 42 steps")
    tab.frame.get_by_label("Smoothing").select_option("none")
    expect(loss).not_to_contain_text("mean of")


def test_shares_are_stacked(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    chart = tab.chart("Predicted classes")
    blue = "34,104,207"
    lines = tab.painted("Predicted classes", blue, above=200)[blue]
    chart.get_by_role("button", name="Stack").click()
    tab.painted("Predicted classes", blue, above=20 * lines)  # an area in place of a line


def test_every_quantity_has_its_chart_with_what_chance_would_reach(show: OpenTab) -> None:
    tab = show(HEALTHY)
    for title, says in (
        ("Recall", "digit 3"),
        ("Mean probability", "dotted: chance, 10%"),
        ("Entropy", "dotted: chance 2.30"),
        ("Loss against chance", "L/H 0."),
        ("Pull", "share of the gradient"),
        ("Learning rate", "optimizer 0.0125"),
        ("Update ratio", "0.00316"),
        ("Dead units", "100%"),
    ):
        chart = in_view(tab, title)
        expect(chart).to_contain_text(says)
        expect(chart.get_by_role("img")).to_have_count(1)
        chart.get_by_role("button", name="as table").click()
        newest = chart.get_by_role("row").nth(1)
        expect(newest.get_by_role("rowheader")).to_have_text(re.compile(r"\d+"))


def test_hovering_a_heat_map_names_layer_and_value(show: OpenTab) -> None:
    tab = show(HEALTHY)
    in_view(tab, "Dead units")
    tab.hover("Dead units", 1.0, down=0.9)
    expect(tab.chart("Dead units").locator(".note")).to_have_text(
        re.compile(r"body\.conv relu 2% at step 6[34]0")
    )
    in_view(tab, "Update ratio")
    tab.hover("Update ratio", 0.5, down=0.1)
    expect(tab.chart("Update ratio").locator(".note")).to_have_text(
        re.compile(r"stem\.conv 0\.0\d+ at step 3[12]0")
    )


def test_layers_are_searched_where_there_are_many(show: OpenTab, context: BrowserContext) -> None:
    def deep(route: Route) -> None:
        reply = route.fetch().json()
        for series in reply["series"]:
            if series["kind"] == "layers":
                names = [f"block{number}.conv" for number in range(9)]
                series["fields"] = [{"name": "gradient_norm", "size": 9, "labels": names}]
        route.fulfill(json=reply)

    context.route(re.compile(r"/data/plugin/collapse/run\?"), deep)
    tab = show(HEALTHY)
    search = tab.frame.get_by_role("searchbox", name="Layers")
    search.fill("block7")
    expect(tab.chart("Gradient flow").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("of 1 layers")
    )
    search.fill("nowhere")
    expect(tab.chart("Gradient flow")).to_contain_text("No layer has “nowhere” in its name.")


def test_the_confusion_matrix_is_that_of_the_cursor(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    confusion = in_view(tab, "Confusion")
    spam = confusion.get_by_role("row").nth(2)
    expect(spam.get_by_role("cell")).to_have_text(["100%", ""])
    tab.frame.get_by_role("button", name="Step 320", exact=True).click()
    expect(confusion).to_contain_text("at step 320")
    expect(spam.get_by_role("cell")).to_have_text(["50%", "50%"])


def test_three_and_more_classes_need_what_was_written_of_them(show: OpenTab) -> None:
    tab = show(HEALTHY)
    confusion = in_view(tab, "Confusion")
    last = confusion.get_by_role("row").nth(10).get_by_role("cell")
    expect(last).to_have_text(["6%", *[""] * 8, "94%"])


def test_evidence_is_at_its_step_and_the_address_remembers(show: OpenTab) -> None:
    tab = show(COLLAPSED, host=True)
    tab.frame.get_by_role("button", name="Step 320", exact=True).click()
    expect(tab.step).to_have_text("step 320")
    tab.page.keyboard.press("j")
    expect(tab.finding("single-class-predictions").locator(".details")).to_be_visible()
    tab.page.reload()
    expect(tab.step).to_have_text("step 320")
    expect(tab.finding("single-class-predictions").locator(".details")).to_be_visible()
    assert "p.collapse.step=320" in tab.page.url


def test_a_finding_says_what_it_explains_and_its_rule_why(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    cause = tab.finding("class-imbalance")
    expect(cause).to_contain_text("explains single-class-predictions")
    cause.get_by_text("What class-imbalance checks, and why").click()
    expect(cause.get_by_role("region", name="Why it matters")).not_to_be_empty()


def test_a_rule_that_the_server_does_not_know_says_so(show: OpenTab) -> None:
    tab = show(HOSTILE)
    summary = tab.frame.get_by_text(re.compile("What .* checks, and why"))
    tab.page.route(
        "**/explanation?*", lambda route: route.fulfill(status=404, json={"error": "no"})
    )
    tab.may_lose_server = True
    summary.click()
    expect(tab.frame.get_by_text("This server knows no rule of that name.")).to_be_visible()


def test_numbers_and_pictures_are_saved(show: OpenTab, tmp_path: Path) -> None:
    tab = show(COLLAPSED)
    loss = tab.chart("Loss")
    for label, name in (("Numbers (CSV)", "loss.csv"), ("Picture (PNG)", "loss.png")):
        loss.get_by_label("Save loss").click()
        with tab.page.expect_download() as saved:
            loss.get_by_role("button", name=label).click()
        assert saved.value.suggested_filename == f"collapsed-{name}".replace("loss", "Loss")
        saved.value.save_as(tmp_path / name)
    with (tmp_path / "loss.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", "wall_time_s", "loss"]
    assert [int(row[0]) for row in rows[1:]] == list(range(1, 641))
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_findings_are_saved(show: OpenTab, tmp_path: Path) -> None:
    tab = show(COLLAPSED)
    for label, name in (("As JSON", "findings.json"), ("As CSV", "findings.csv")):
        tab.frame.get_by_label("Save findings").click()
        with tab.page.expect_download() as saved:
            tab.frame.get_by_role("button", name=label).click()
        saved.value.save_as(tmp_path / name)
    findings = json.loads((tmp_path / "findings.json").read_text())["findings"]
    rules = ["class-imbalance", "single-class-predictions"]
    assert [finding["rule"] for finding in findings] == rules
    with (tmp_path / "findings.csv").open(newline="") as file:
        assert [row["rule"] for row in csv.DictReader(file)] == rules


def test_the_keys_are_listed(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    expect(tab.chart("Loss")).to_be_visible()
    tab.verdict.click()
    tab.page.keyboard.press("?")
    keys = tab.frame.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("next and previous finding")
    tab.page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_that_can_be_used_has_a_name(show: OpenTab, theme: str) -> None:
    tab = show(COLLAPSED, theme=theme)
    expect(tab.chart("Loss")).to_be_visible()
    comes_to([], lambda: tab.frame.locator("html").evaluate(NAMELESS))


NAMELESS = """() =>
  [...document.querySelectorAll('button, select, input, summary, [role=img]')]
    .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
    .map((e) => e.outerHTML)"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["run", "overview"])
def test_text_holds_the_contrast_that_people_need(show: OpenTab, theme: str, view: str) -> None:
    """WCAG 2, 4.5:1, of every text against what is behind it."""
    tab = show(COLLAPSED, theme=theme)
    expect(tab.chart("Loss")).to_be_visible()
    if view == "overview":
        tab.frame.get_by_role("button", name=re.compile("^All")).click()
        expect(tab.verdict).to_have_text("5 runs")
    comes_to([], lambda: tab.frame.locator("html").evaluate(CONTRAST))


CONTRAST = """() => {
  const part = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = part(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('style, option, button:disabled, [aria-pressed=false].class-key')) continue;
    const [a, b] = [part(getComputedStyle(element).color), behind(element)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);
  }
  return [...found];
}"""
