"""What batches hold one after the other, counted one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collapse_magic.probes.batch_order import batch_order, spread_in_batch


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_a_plain_count_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 40).tolist()
    labels = np.sort(rng.integers(0, 3, sum(sizes)))
    labels = np.roll(labels, int(rng.integers(len(labels))))
    right = rng.random(len(labels)) < 0.4
    single = new = found = start = 0
    before: set[int] = set()
    for size in sizes:
        rows = range(start, start + size)
        for row in rows if len(before) == 1 else ():
            if labels[row] not in before:
                new += 1
                found += int(right[row])
        before = {int(labels[row]) for row in rows}
        single += len(before) == 1
        start += size
    assert batch_order(sizes, labels, right) == (single, new, found)
    assert batch_order(sizes, labels, None) == (single, 0, 0)


def test_a_single_batch_follows_none() -> None:
    assert batch_order([3], np.array([1, 1, 1]), np.array([True, False, True])) == (1, 0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_spread_in_batches_is_around_the_mean_of_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 40).tolist()
    batches = [rng.normal(100 * rng.random(), 0.01, size) for size in sizes]
    squares = [(v - batch.mean()) ** 2 for batch in batches if len(batch) > 1 for v in batch]
    margins = np.concatenate(batches).astype(np.float32)
    assert spread_in_batch(sizes, margins) == pytest.approx(np.mean(squares) ** 0.5, rel=1e-3)


def test_one_answer_for_each_batch_is_no_spread_and_single_samples_tell_none() -> None:
    answers = np.repeat(np.float32([1e6, -3.3, 7.7]), 4)
    assert spread_in_batch([4, 4, 4], answers) == 0
    assert math.isnan(spread_in_batch([1] * 12, answers))
    assert math.isnan(spread_in_batch([12], np.full(12, np.nan)))
