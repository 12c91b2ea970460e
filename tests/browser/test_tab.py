"""What the tab shows of runs that are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.browser.tab import Tab, comes_to, place_of
from tests.support.sample_logs import (
    COLLAPSED,
    CURED_CELL,
    HEALTHY,
    HOSTILE,
    LIVE,
    NOT_FINITE,
    RUNS,
)
from tests.support.tensorboards import RunningTensorBoard
from tests.support.waiting import wait_until

OpenTab = Callable[..., Tab]


@pytest.fixture
def show(open_tab: OpenTab, tensorboard: RunningTensorBoard) -> OpenTab:
    def show(run: str | None = None, **options: Any) -> Tab:
        return open_tab(tensorboard.address, run=run, **options)

    return show


def test_the_tab_lists_runs_with_their_verdicts(show: OpenTab) -> None:
    tab = show(host=True)
    expect(tab.page.get_by_role("tab", name="Collapse")).to_be_visible()
    names = tab.frame.locator(".run-name")
    expect(names).to_have_text(list(RUNS))  # newest first
    expect(tab.run(COLLAPSED)).to_contain_text("error: class-imbalance")
    expect(tab.run(HEALTHY)).to_contain_text("healthy")
    expect(tab.run(LIVE)).to_contain_text("unfinished")
    # The newest is shown by itself.
    expect(tab.run(COLLAPSED)).to_have_attribute("aria-current", "true")
    expect(tab.verdict).to_contain_text("class spam is found in 2 of 100 cases")


def test_findings_come_with_evidence_location_and_diff(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    cause = tab.finding("class-imbalance")
    expect(cause).to_contain_text("CM301")
    expect(cause.get_by_role("list", name="Evidence").get_by_role("listitem")).to_have_text(
        [
            "labels 9.0 to 1; predictions 99.4% class ham",
            "class ham makes 88% of the gradient at the logits",
        ]
    )
    expect(cause.locator(".location")).to_contain_text("cell [7], line 2")
    expect(cause.locator(".location code")).to_have_text("criterion = nn.BCEWithLogitsLoss()")
    expect(cause.get_by_role("region", name="Fix")).to_contain_text("needs review")
    expect(cause.locator(".line.removed")).to_have_text("-criterion = nn.BCEWithLogitsLoss()\n")
    expect(cause.locator(".line.added")).to_contain_text("pos_weight=torch.tensor(9.0)")


def test_a_symptom_stands_below_its_cause_and_opens(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    symptom = tab.frame.locator(".symptoms").locator("article")
    expect(symptom).to_contain_text("single-class-predictions")
    expect(symptom.locator(".details")).to_have_count(0)
    symptom.get_by_role("button").click()
    expect(symptom.locator(".details")).to_contain_text("predictions 99.4% class ham, labels 90.0%")
    expect(tab.finding("class-imbalance").locator(".details")).to_have_count(0)


def test_copy_hands_out_the_whole_new_cell(show: OpenTab, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = show(COLLAPSED)
    tab.frame.get_by_role("button", name="Copy cell [7]").click()
    expect(tab.frame.get_by_role("button", name="Copied")).to_be_visible()
    assert tab.clipboard() == CURED_CELL


def test_copy_of_an_example_hands_out_its_lines_without_a_clipboard_too(
    show: OpenTab, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = show(NOT_FINITE)
    # As on a page that came by plain http from another host.
    button = tab.frame.get_by_role("button", name="Copy lines")
    button.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    button.click()
    expect(tab.frame.get_by_role("button", name="Copied")).to_be_visible()
    assert tab.clipboard().strip() == "clip_grad_norm_(model.parameters(), 1.0)"


def test_charts_are_drawn(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    blue, orange = "34,104,207", "211,95,0"
    tab.painted("Predicted classes", blue, orange, above=200)
    tab.painted("Loss", kinds=5)
    # A scale, not one colour; and the first layer's gradient becomes exactly zero.
    tab.painted("Gradient flow", "200,30,60", above=1000, kinds=20)


def test_no_gradient_and_an_infinite_one_look_different(show: OpenTab) -> None:
    tab = show(NOT_FINITE)
    infinite, exactly_zero = "235,80,235", "200,30,60"
    heat = tab.painted("Gradient flow", infinite, above=1000)
    assert exactly_zero not in heat
    expect(tab.chart("Loss")).to_contain_text("×: NaN or infinite")


def test_one_cursor_runs_through_all_charts(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    tab.hover("Gradient flow", 0.5, down=0.05)
    expect(tab.step).to_have_text(re.compile(r"step 3[12]\d"))
    lines = tab.frame.locator(".cursor-line:visible")
    expect(lines).to_have_count(4)  # three charts, and the lanes of the findings
    comes_to(1, lambda: len({round(place_of(line)["x"]) for line in lines.all()}))
    flow = tab.chart("Gradient flow")
    expect(flow).to_contain_text(re.compile(r"0 0\.000\d+|0 \d\.\d+e−\d"))
    expect(flow).to_contain_text(re.compile(r"at step 3[12]0"))
    expect(tab.chart("Loss")).to_contain_text(re.compile(r"at step 3[12]\d"))
    tab.page.mouse.move(5, 5)
    expect(lines).to_have_count(0)


def test_dragging_zooms_all_charts_and_a_button_shows_the_whole_run(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    tab.drag("Loss", 0.25, 0.5)
    tab.hover("Predicted classes", 0.0)
    expect(tab.step).to_have_text(re.compile(r"step 1[56]\d"))
    tab.hover("Gradient flow", 1.0)
    expect(tab.step).to_have_text(re.compile(r"step 3[12]\d"))
    tab.frame.get_by_role("button", name="Whole run").click()
    tab.hover("Loss", 1.0)
    expect(tab.step).to_have_text(re.compile(r"step 6(39|40)"))


def test_every_chart_is_there_as_a_table(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    for title, head, cell in (
        ("Predicted classes", "ham, predicted", "100%"),
        ("Loss", "loss", "0.213"),
        ("Gradient flow", "2", "0.00238"),
    ):
        chart = tab.chart(title)
        chart.get_by_role("button", name="as table").click()
        expect(chart.get_by_role("columnheader", name=head, exact=True)).to_be_visible()
        newest = chart.get_by_role("row").nth(1)
        expect(newest.get_by_role("rowheader")).to_have_text("640")
        expect(newest.get_by_role("cell").filter(has_text=cell).first).to_be_visible()


def test_the_phase_is_chosen(show: OpenTab) -> None:
    tab = show(HEALTHY)
    phase = tab.frame.get_by_label("Phase")
    expect(phase).to_have_value("train")
    phase.select_option("eval")
    tab.chart("Predicted classes").get_by_role("button", name="as table").click()
    expect(tab.chart("Predicted classes").locator("caption")).to_have_text("8 rows, newest first")


def test_a_class_is_hidden_and_shown(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    orange = "211,95,0"
    key = tab.chart("Predicted classes").get_by_role("button", name=re.compile("^spam"))
    tab.painted("Predicted classes", orange)
    key.click()
    expect(key).to_have_attribute("aria-pressed", "false")
    wait_until(lambda: orange not in tab.colours("Predicted classes"), "the line is gone")
    key.click()
    tab.painted("Predicted classes", orange)  # the line is back


def test_light_and_dark_follow_tensorboard(show: OpenTab) -> None:
    tab = show(COLLAPSED, theme="dark", host=True)
    root = tab.frame.locator("html")
    body = tab.frame.locator("body")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(body).to_have_css("background-color", "rgb(33, 33, 33)")
    dark_blue, light_blue = "120,176,255", "34,104,207"
    tab.painted("Predicted classes", dark_blue, above=200)
    tab.page.evaluate("document.body.classList.remove('dark-mode')")
    expect(root).to_have_attribute("data-theme", "light")
    expect(body).to_have_css("background-color", "rgb(248, 249, 250)")
    tab.painted("Predicted classes", light_blue, above=200)  # drawn anew


def test_a_healthy_run_says_what_was_checked(show: OpenTab) -> None:
    tab = show(HEALTHY)
    expect(tab.verdict).to_have_text("healthy no problem found in 640 steps")
    expect(tab.frame.get_by_text("None: every rule that could run is clear.")).to_be_visible()
    checked = tab.frame.get_by_role("region", name="What was checked")
    expect(checked).to_contain_text("double-activation")
    expect(checked).to_contain_text("no validation data")


def test_names_from_logs_are_text(show: OpenTab) -> None:
    tab = show(HOSTILE)
    expect(tab.frame.locator(".run-line b")).to_have_text(HOSTILE)
    expect(tab.run(HOSTILE)).to_be_visible()
    expect(tab.verdict).to_contain_text("</script><img src=x onerror=alert(1)>")
    names = tab.chart("Predicted classes").locator(".class-name")
    expect(names).to_have_text(["<b>&amp;", "\"'`</script>"])
    expect(tab.frame.locator("img, #collapse script")).to_have_count(0)


def test_a_reload_keeps_what_was_chosen(show: OpenTab) -> None:
    tab = show(host=True)
    tab.run(HEALTHY).click()
    expect(tab.verdict).to_contain_text("no problem found")
    tab.frame.get_by_label("Phase").select_option("eval")
    tab.page.reload()
    expect(tab.verdict).to_contain_text("no problem found")
    expect(tab.frame.get_by_label("Phase")).to_have_value("eval")


def test_the_keyboard_moves_the_step_and_the_findings(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    expect(tab.chart("Loss")).to_be_visible()
    tab.verdict.click()
    keyboard = tab.page.keyboard
    keyboard.press("ArrowRight")
    expect(tab.step).to_have_text("step 1")
    keyboard.press("Shift+ArrowRight")
    keyboard.press("ArrowLeft")
    expect(tab.step).to_have_text("step 10")
    expect(tab.chart("Loss")).to_contain_text("at step 10")
    keyboard.press("Escape")
    expect(tab.step).not_to_contain_text("step 10")
    keyboard.press("j")
    expect(tab.finding("single-class-predictions").locator(".details")).to_be_visible()
    keyboard.press("k")
    expect(tab.finding("class-imbalance").locator(".details")).to_be_visible()


def test_focus_is_seen_and_goes_through_the_runs(show: OpenTab) -> None:
    tab = show(COLLAPSED)
    tab.run(COLLAPSED).focus()
    tab.page.keyboard.press("Tab")
    expect(tab.run(HEALTHY)).to_be_focused()
    expect(tab.run(HEALTHY)).to_have_css("outline-style", "solid")
    tab.page.keyboard.press("Enter")
    expect(tab.verdict).to_contain_text("no problem found")


@pytest.mark.parametrize("width", [1280, 900, 600])
def test_nothing_is_cut_off_or_overlaps(show: OpenTab, context: BrowserContext, width: int) -> None:
    def with_long_lines(route: Route) -> None:
        reply = route.fetch().json()
        for finding in reply["report"]["findings"]:
            finding["location"]["code"] = "model = nn.Sequential(" + "nn.Linear(30, 30), " * 9
            finding["message"] += " " + "w" * 150
        route.fulfill(json=reply)

    context.route(re.compile(r"/data/plugin/collapse/run\?"), with_long_lines)
    tab = show(COLLAPSED)
    tab.page.set_viewport_size({"width": width, "height": 800})
    expect(tab.chart("Gradient flow")).to_be_visible()
    for place in ("html", "main", "nav", ".stack", ".columns"):
        comes_to(0, partial(tab.too_wide, tab.frame.locator(place)))
    findings = place_of(tab.frame.locator(".findings"))
    charts = place_of(tab.frame.locator(".charts"))
    beside = findings["x"] + findings["width"] <= charts["x"]
    above = findings["y"] + findings["height"] <= charts["y"]
    assert beside or above
