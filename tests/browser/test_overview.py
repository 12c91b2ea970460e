"""All runs at once, and some beside each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.tab import Tab, comes_to, place_of
from tests.support.sample_logs import COLLAPSED, HEALTHY, HOSTILE, RUNS
from tests.support.tensorboards import RunningTensorBoard
from tests.support.waiting import wait_until

OpenTab = Callable[..., Tab]


@pytest.fixture
def overview(open_tab: OpenTab, tensorboard: RunningTensorBoard) -> Tab:
    return shown(open_tab(tensorboard.address))


@pytest.fixture
def overview_in_host(open_tab: OpenTab, tensorboard: RunningTensorBoard) -> Tab:
    """With an address that may be loaded again."""
    return shown(open_tab(tensorboard.address, host=True))


def shown(tab: Tab) -> Tab:
    tab.frame.get_by_role("button", name=f"All {len(RUNS)}").click()
    return tab


def rows(tab: Tab) -> Locator:
    return tab.frame.locator(".run-row")


def test_every_run_is_there_with_its_verdict_and_who_is_predicted(overview: Tab) -> None:
    expect(overview.verdict).to_have_text("5 runs")
    expect(rows(overview)).to_have_count(5)
    collapsed = rows(overview).nth(0)
    expect(collapsed).to_contain_text("error")
    expect(collapsed).to_contain_text("class-imbalance: class spam is found in 2 of 100 cases")
    expect(collapsed.get_by_role("img")).to_have_attribute(
        "aria-label", "largest predicted share 100%, largest label share 90%"
    )
    expect(overview.frame.get_by_role("list", name="How the runs stand").first).to_contain_text(
        "2 error"
    )


def test_a_thumbnail_shows_the_collapse(overview: Tab) -> None:
    """GIVEN a run that ends with one class THEN its right half is nearly all of that colour."""
    picture = rows(overview).nth(0).locator("canvas")
    expect(picture).to_have_attribute("aria-label", re.compile("largest"))

    def share_of_blue() -> float:
        share: float = picture.evaluate(
            """canvas => {
              const { width, height } = canvas;
              const x = Math.round(width * 0.85);
              const { data } = canvas.getContext('2d').getImageData(x, 0, 1, height);
              let blue = 0;
              for (let at = 0; at < data.length; at += 4) blue += data[at] === 34;
              return blue / height;
            }"""
        )
        return share

    wait_until(lambda: share_of_blue() > 0.9, "class ham fills the picture")


def test_runs_are_searched_sorted_and_found_again(overview: Tab) -> None:
    search = overview.frame.get_by_label("Search")
    overview.page.keyboard.press("/")
    expect(search).to_be_focused()
    search.fill("class-imbalance error")
    expect(rows(overview)).to_have_count(1)
    search.fill("nothing of the kind")
    expect(overview.frame.get_by_text("No run matches “nothing of the kind”")).to_be_visible()
    overview.frame.get_by_role("button", name="Show all runs").click()
    expect(rows(overview)).to_have_count(5)
    verdict = overview.frame.get_by_role("columnheader", name="Verdict")
    verdict.get_by_role("button").click()
    expect(verdict).to_have_attribute("aria-sort", "ascending")
    in_order = rows(overview).locator(".run-verdict")
    words = ["error", "error", "waiting", "healthy", "warning"]  # the last is of another directory
    expect(in_order).to_have_text([re.compile(word) for word in words])
    verdict.get_by_role("button").click()
    expect(verdict).to_have_attribute("aria-sort", "descending")
    expect(rows(overview).locator(".run-verdict").first).to_contain_text("healthy")


def test_a_run_is_opened_by_its_name_and_the_address_remembers(overview_in_host: Tab) -> None:
    overview = overview_in_host
    overview.frame.get_by_role("button", name=HEALTHY, exact=True).click()
    expect(overview.verdict).to_contain_text("no problem found")
    overview.page.keyboard.press("o")
    expect(overview.verdict).to_have_text("5 runs")
    overview.page.reload()
    expect(overview.verdict).to_have_text("5 runs")


@pytest.fixture
def compared(overview: Tab) -> Tab:
    return beside(overview)


def beside(overview: Tab) -> Tab:
    """The collapsed run and the healthy one."""
    compare = overview.frame.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    for run in (COLLAPSED, HEALTHY):
        overview.frame.get_by_label(f"Compare {run}").check()
    overview.frame.get_by_role("button", name="Compare 2 runs").click()
    return overview


def column(tab: Tab, run: str) -> Locator:
    return tab.frame.get_by_role("region", name=run, exact=True)


def test_two_runs_stand_beside_each_other_on_the_same_axes(compared: Tab) -> None:
    left, right = column(compared, COLLAPSED), column(compared, HEALTHY)
    for each, says in ((left, "class-imbalance"), (right, "no problem found")):
        expect(each).to_contain_text(says)
        expect(each.get_by_role("region", name="Loss", exact=True)).to_be_visible()

    def tops() -> set[float]:
        flows = (each.get_by_role("region", name="Gradient flow") for each in (left, right))
        return {place_of(flow)["y"] for flow in flows}

    comes_to(1, lambda: len(tops()))
    loss = left.get_by_role("region", name="Loss", exact=True).locator(".u-over")
    loss.hover()
    expect(compared.step).to_have_text(re.compile(r"step 3[12]\d"))
    for each in (left, right):
        expect(each.locator(".cursor-line:visible")).not_to_have_count(0)
        expect(each).to_contain_text(re.compile(r"at step 3[12]\d"))
    left.get_by_role("button", name="Log").click()
    for each in (left, right):
        expect(each.get_by_role("button", name="Log")).to_have_attribute("aria-pressed", "true")


def test_a_finding_of_a_compared_run_is_opened_from_its_lane(compared: Tab) -> None:
    left, right = column(compared, COLLAPSED), column(compared, HEALTHY)
    expect(right.locator(".missing")).to_have_text(["no findings"])
    left.get_by_role("button", name="single-class-predictions").click()
    expect(compared.verdict).to_contain_text("class-imbalance")
    expect(compared.finding("single-class-predictions").locator(".details")).to_be_visible()


def test_a_comparison_survives_a_reload(overview_in_host: Tab) -> None:
    compared = beside(overview_in_host)
    compared.page.reload()
    expect(column(compared, COLLAPSED)).to_be_visible()
    column(compared, HEALTHY).get_by_role("button", name=HEALTHY).click()
    expect(compared.verdict).to_contain_text("no problem found")


def test_a_comparison_of_runs_that_are_gone_says_so(
    open_tab: OpenTab, tensorboard: RunningTensorBoard
) -> None:
    tab = open_tab(tensorboard.address)
    tab.page.evaluate("location.hash += '&p.collapse.view=compare&p.collapse.compared=[\"x\"]'")
    tab.page.reload()
    expect(tab.verdict).to_have_text("Nothing to compare")


def test_names_from_logs_are_text_here_too(overview: Tab) -> None:
    name: Any = overview.frame.get_by_role("button", name=HOSTILE, exact=True)
    expect(name).to_have_text(HOSTILE)
    expect(overview.frame.locator("img:not([role]), #collapse script")).to_have_count(0)
