"""Series stay bounded, and keep what matters."""

from __future__ import annotations

import math

import numpy as np
from tensorboard_plugin_collapse.standard_summaries.points import Points
from tensorboard_plugin_collapse.standard_summaries.seen import constant_answer
from tensorboard_plugin_collapse.standard_summaries.summaries import norm_of_buckets


def test_a_long_series_is_thinned_evenly_with_its_ends() -> None:
    points = Points(most=100)
    for step in range(12_345):
        points.add(step, float(step), step / 2)
    line = points.line()
    assert 50 <= len(line) <= 101
    assert line.steps[0] == 0
    assert line.steps[-1] == 12_344
    assert len(set(np.diff(line.steps[:-1]))) == 1
    np.testing.assert_array_equal(line.values, line.steps / 2)
    assert points.count == 12_345


def test_the_first_odd_value_is_kept_whatever_is_left_out() -> None:
    points = Points(most=10)
    for step in range(5000):
        points.add(step, 0.0, math.inf if step in (777, 4001) else 1.0)
    assert points.odd == (777, math.inf)
    assert points.odd_count == 2


def test_a_constant_answer_costs_what_its_best_labels_cost() -> None:
    assert math.isclose(constant_answer(0.5), math.log(2))
    assert math.isclose(constant_answer(0.25), math.log(4))
    assert math.isclose(constant_answer(0.8), -0.8 * math.log(0.8) - 0.2 * math.log(0.2))
    # .4 + .4 + .2: two classes as large as the one that is answered, and what is left.
    assert math.isclose(constant_answer(0.4), -0.8 * math.log(0.4) - 0.2 * math.log(0.2))
    assert constant_answer(1.0) == 0


def test_the_norm_of_a_histogram_is_that_of_its_values() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    counts, edges = np.histogram(values, bins=200)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    size, norm = norm_of_buckets(buckets)
    assert size == 5000
    assert math.isclose(norm, np.linalg.norm(values), rel_tol=1e-3)
    assert norm_of_buckets(np.empty((0, 3))) == (0.0, 0.0)
