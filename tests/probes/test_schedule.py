"""The budget is kept, by a fake clock."""

from __future__ import annotations

import pytest

from collapse_magic.probes.schedule import GRACE_SECONDS, Schedule


class Simulation:
    """Training and watching by the clock."""

    def __init__(self, plan: Schedule) -> None:
        self.plan, self.now, self.backwards, self.counted = plan, 0.0, 0, 0

    def run(self, backwards: int, step_seconds: float, look_seconds: float) -> float:
        """Our own share of the time in the second half of these backwards."""
        own = training = 0.0
        for number in range(backwards):
            late = number >= backwards // 2
            self.now += step_seconds
            training += step_seconds * late
            self.backwards += 1
            if self.plan.due():
                self.counted += 1
                self.now += look_seconds
                self.plan.own_seconds += look_seconds
                self.plan.book_count(look_seconds)
                own += look_seconds * late
            if self.backwards % 64 == 0:
                self.plan.adapt(self.now, self.backwards)
        return own / training


@pytest.mark.parametrize("step_seconds", [1e-4, 1e-3, 1e-2])
def test_our_own_time_comes_down_to_the_budget(step_seconds: float) -> None:
    plan = Schedule(2.0)
    assert Simulation(plan).run(40_000, step_seconds, look_seconds=5e-5) <= 0.02


def test_everything_is_counted_where_that_is_cheap_or_the_run_is_short() -> None:
    cheap = Simulation(Schedule(2.0))
    cheap.run(5_000, 1e-2, look_seconds=5e-5)
    assert cheap.counted == 5_000
    short = Simulation(Schedule(2.0))
    length = int(GRACE_SECONDS / 5e-5) - 64
    short.run(length, 1e-4, look_seconds=5e-5)
    assert short.counted == length


def test_counted_batches_do_not_fall_in_step_with_an_alternation() -> None:
    plan = Schedule(2.0)
    plan.one_in = 4
    picks = [number for number in range(40_000) if plan.due()]
    assert len(picks) == pytest.approx(10_000, rel=0.05)
    assert sum(number % 2 for number in picks) == pytest.approx(len(picks) / 2, rel=0.05)


def test_counting_comes_back_when_training_slows_down() -> None:
    plan = Schedule(2.0)
    training = Simulation(plan)
    training.run(40_000, 1e-4, look_seconds=5e-5)
    assert plan.one_in > 1
    training.run(40_000, 1e-1, look_seconds=5e-5)
    assert plan.one_in == 1


def test_layers_are_looked_at_as_seldom_as_the_budget_asks_for() -> None:
    plan = Schedule(2.0)
    gap = plan.layer_gap(look_seconds=1e-4, step_seconds=1e-3)
    assert 1e-4 / (gap * 1e-3) <= 0.02
    assert plan.layer_gap(1e-4, 10.0) == 1
    assert Schedule(2.0, every=7).layer_gap(1.0, 1e-6) == 7


def test_no_budget_means_as_seldom_as_possible_not_a_failure() -> None:
    plan = Schedule(0.0)
    Simulation(plan).run(100_000, 1e-4, look_seconds=5e-5)
    assert plan.one_in == 256
    assert plan.layer_gap(1e-4, 1e-3) >= 1000
