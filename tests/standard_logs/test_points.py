"""Series stay bounded, and keep what matters."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2
from tensorboard_plugin_collapse.standard_summaries.points import Points
from tensorboard_plugin_collapse.standard_summaries.scalar_events import ScalarEvents
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


@pytest.mark.parametrize("most", [3, 10, 64])
def test_many_points_at_once_are_as_one_after_the_other(most: int) -> None:
    draw = np.random.default_rng(most)
    one, many = Points(most), Points(most)
    step = 0
    for _ in range(40):
        count = int(draw.integers(0, 30))
        steps = step + np.cumsum(draw.integers(1, 4, count))
        values = draw.choice([1.0, 2.5, math.nan, math.inf], count, p=[0.6, 0.3, 0.05, 0.05])
        if count:
            step = int(steps[-1]) - (5 if draw.random() < 0.2 else 0)  # some begin anew
        for row in zip(steps.tolist(), (steps / 2).tolist(), values.tolist(), strict=True):
            one.add(*row)
        many.extend(steps, steps / 2, values)
        np.testing.assert_array_equal(astuple(one.line()), astuple(many.line()))
        assert (one.count, one.odd_count) == (many.count, many.odd_count)
        assert repr(one.odd) == repr(many.odd)


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


@pytest.mark.parametrize("step", [0, 1, 127, 128, 16_383, 16_384, 2**40, -3])
def test_events_known_by_their_bytes_are_what_they_are_read_as(step: int) -> None:
    """GIVEN one event that was read in the ordinary way WHEN others of its form follow
    THEN each gives the step, the time and the number that protobuf reads."""
    events = [event_pb2.Event(wall_time=1.5e9 + n, step=step + n if n else 5) for n in range(3)]
    for n, event in enumerate(events):
        event.summary.value.add(tag="loss", simple_value=n / 3)
    records = [event.SerializeToString() for event in events]
    points = Points()
    known = ScalarEvents()
    assert not known.take(records[0])
    known.learn(records[0], events[0], points)
    for event, record in zip(events[1:], records[1:], strict=True):
        taken = known.take(record)
        assert taken == (event.step > 0)
        if taken:
            line = points.line()
            assert line.steps[-1] == event.step
            assert line.walls[-1] == event.wall_time
            assert line.values[-1] == event.summary.value[0].simple_value


def test_other_events_are_not_taken_for_known_ones() -> None:
    known = ScalarEvents()
    event = event_pb2.Event(wall_time=1.5e9, step=5)
    event.summary.value.add(tag="loss", simple_value=1.0)
    record = event.SerializeToString()
    known.learn(record, event, Points())
    assert known.take(record)
    for other in (b"", b"\x09", record[:-1], record[1:], b"\x08" + record[1:], record + b"\x00"):
        assert not known.take(other)
    event.summary.value.add(tag="loss", simple_value=2.0)
    assert not known.take(event.SerializeToString())
    event.summary.value[1].tag = "loss2"
    known.learn(event.SerializeToString(), event, Points())
    assert not known.take(event.SerializeToString())
