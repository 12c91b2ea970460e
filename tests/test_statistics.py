"""Shares, entropies, bounds, merged windows, numbers as words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collapse_magic.statistics import (
    entropy_nats,
    merge_windows,
    number,
    percent,
    ratio,
    round_measured,
    shares,
    weighted_mean,
    wilson_bounds,
)
from tests.rules.hand_made import BATCHES, window


def test_shares_add_up_and_nothing_has_no_shares() -> None:
    assert shares((90, 10)) == (0.9, 0.1)
    assert all(math.isnan(share) for share in shares((0, 0)))


def test_entropy_of_equal_shares_is_the_logarithm_of_their_number() -> None:
    assert entropy_nats((5, 5)) == pytest.approx(math.log(2))
    assert entropy_nats((7,) * 10) == pytest.approx(math.log(10))
    assert entropy_nats((900, 100)) == pytest.approx(0.3251, abs=1e-4)
    assert entropy_nats((8, 0)) == 0
    assert math.isnan(entropy_nats((0, 0)))


def test_a_ratio_to_nothing_is_nan() -> None:
    assert ratio(1, 4) == 0.25
    assert math.isnan(ratio(1, 0))


def test_wilson_bounds_hold_in_about_as_many_cases_as_they_promise() -> None:
    # GIVEN many draws of 100 cases with a known share
    draws = np.random.default_rng(0).binomial(100, 0.05, size=4000)

    # WHEN each is given its interval of two standard errors
    inside = [low <= 0.05 <= high for low, high in (wilson_bounds(n, 100) for n in draws)]

    # THEN it holds the true share in about 95 of 100
    assert 0.93 < np.mean(inside) < 0.98


def test_wilson_bounds_of_none_and_of_nothing() -> None:
    low, high = wilson_bounds(0, 100)
    assert low == 0
    assert 0.03 < high < 0.05
    assert wilson_bounds(0, 0) == (0.0, 1.0)
    assert wilson_bounds(70, 100, z=1.0)[0] > wilson_bounds(70, 100)[0]


def test_a_weighted_mean_leaves_out_what_is_not_a_number() -> None:
    assert weighted_mean((1.0, math.nan, 4.0), (2, 5, 1)) == 2.0
    assert math.isnan(weighted_mean((math.nan,), (3,)))
    assert weighted_mean((1.0, math.inf), (1, 1)) == math.inf


def test_merged_windows_count_as_one() -> None:
    # GIVEN two windows of different size
    few = window(
        0,
        labels=(30, 10),
        recall=(1.0, 0.0),
        rank=math.nan,
        cross_entropy_nats=0.8,
        spread_in_batch=2.0,
    )
    many = window(
        1,
        labels=(90, 30),
        recall=(1.0, 1.0),
        rank=0.9,
        cross_entropy_nats=0.4,
        spread_in_batch=0.0,
    )

    # WHEN they are merged
    both = merge_windows([few, many])

    # THEN counts add up and means go by samples
    assert (both.first_step, both.last_step, both.batches, both.samples) == (1, 128, 128, 160)
    assert both.labels == (120, 40)
    assert both.correct == (120, 30)
    assert sum(both.predicted) == 160
    assert both.cross_entropy_nats == pytest.approx((40 * 0.8 + 120 * 0.4) / 160)
    assert both.rank == 0.9
    assert both.spread_in_batch == pytest.approx(1.0)  # a quarter of the samples vary by 2
    assert math.isnan(both.outside_unit)


def test_a_new_number_of_classes_starts_anew() -> None:
    two = window(0)
    three = window(1, labels=(10, 20, 30), recall=(1.0, 1.0, 1.0))
    merged = merge_windows([two, three])
    assert (merged.labels, merged.samples, merged.first_step) == ((10, 20, 30), 60, BATCHES + 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.9819, "98.2%"),
        (0.9999, "99.9%"),
        (1.0, "100%"),
        (0.0, "0%"),
        (1e-6, "<0.1%"),
        (8.6, "860.0%"),
        (math.nan, "nan"),
    ],
)
def test_shares_in_words_never_claim_all_or_nothing_wrongly(value: float, words: str) -> None:
    assert percent(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (9.0, "9.0"),
        (9.12, "9.1"),
        (0.69314, "0.693"),
        (1.4611, "1.46"),
        (4690.0, "4,690"),
        (24641.4, "24,641"),
        (1.2e-7, "1.2e-07"),
        (0.0, "0"),
        (-6.2, "-6.2"),
        (1e6, "1,000,000"),
        (1e38, "1.0e+38"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_in_words(value: float, words: str) -> None:
    assert number(value) == words


def test_numbers_for_code_are_rounded_to_figures() -> None:
    assert round_measured(8.97) == 9.0
    assert round_measured(0.1111) == 0.11
    assert round_measured(123.4) == 120
    assert round_measured(0.0003, 3) == 0.0003
    assert round_measured(0) == 0
