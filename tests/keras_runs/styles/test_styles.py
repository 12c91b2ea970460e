"""Every style is seen as it says, and goes on exactly as if nobody watched."""

from __future__ import annotations

import pytest

from collapse_magic.records import EpochEnded

from . import STYLES
from .table import PAGE, table
from .watching import observed, plain


@pytest.mark.parametrize("name", STYLES)
def test_what_is_seen_is_what_happened(name: str) -> None:
    style, watched = STYLES[name], observed(name)
    account, report = watched.account, watched.report
    assert report is not None and report.notes == ()
    assert report.steps == account.steps
    assert [record.epoch for record in watched.of(EpochEnded)] == list(range(1, account.epochs + 1))
    if "predictions" in style.unseen:
        assert watched.labels("train") < account.labels
    else:
        assert watched.labels("train") == account.labels
    if account.right is not None and "predictions" not in style.unseen:
        assert watched.right("train") == account.right
    assert watched.labels("eval") == account.val_labels
    assert watched.right("eval") == account.val_right
    if "losses" not in style.unseen:
        assert losses(name) == pytest.approx(account.losses, rel=1e-3)
    if account.norms:
        assert watched.norms() == pytest.approx(account.norms, rel=1e-3)


def losses(name: str) -> list[float]:
    """The values of each site in order; of a fit their means over the epochs."""
    watched = observed(name)
    values: dict[str, list[float]] = {}
    for site, _, value in watched.losses():
        values.setdefault(site, []).append(value)
    in_order = [value for of_site in values.values() for value in of_site]
    if watched.account.by_step:
        return in_order
    size = len(in_order) // len(watched.account.losses)
    return [sum(in_order[i : i + size]) / size for i in range(0, len(in_order), size)]


@pytest.mark.parametrize("name", STYLES)
def test_watching_changes_nothing_and_keeps_nothing(name: str) -> None:
    unwatched, watched = plain(name), observed(name)
    assert watched.account.printed == unwatched.account.printed
    assert watched.account.losses == unwatched.account.losses
    assert watched.account.weights == unwatched.account.weights
    assert watched.alive <= unwatched.alive


def test_the_table_in_the_docs_is_what_was_observed() -> None:
    given = table([(style, observed(name)) for name, style in STYLES.items()])
    assert PAGE.read_text("utf-8") == given, "run `python -m tests.keras_runs.styles`"
