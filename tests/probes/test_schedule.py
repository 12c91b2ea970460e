"""The budget is kept, by a fake clock."""

from __future__ import annotations

import pytest

from collapse_magic.probes.schedule import (
    PATIENT,
    SHORT,
    SHORT_RUN_SECONDS,
    Countdown,
    Sampler,
    Schedule,
)


class Simulation:
    """Training and watching by the clock."""

    def __init__(self, plan: Schedule) -> None:
        self.plan, self.now, self.counted, self.flushed = plan, 0.0, 0, 0.0
        self.countdown = Countdown()
        plan.begin(0.0)

    def run(self, backwards: int, step_seconds: float, look_seconds: float) -> float:
        """Our own share of the time in the second half of these backwards, the calls in passing
        included."""
        plan, countdown = self.plan, self.countdown
        own = training = 0.0
        for number in range(backwards):
            late = number >= backwards // 2
            self.now += step_seconds + plan.quick_seconds
            training += step_seconds * late
            own += plan.quick_seconds * late
            if countdown.left > 0:
                countdown.left -= 1
                continue
            countdown.count()
            self.counted += 1
            self.now += look_seconds
            plan.own_seconds += look_seconds
            plan.training.book(look_seconds)
            own += look_seconds * late
            countdown.grant(plan.gap(plan.training, self.now, countdown.passed))
            if self.counted % 64 == 0 or self.now - self.flushed >= 0.5:
                self.flushed = self.now
                pause = plan.adapt(self.now, countdown.passed, 0)
                countdown.grant(max(pause, countdown.left))
        assert countdown.passed >= backwards
        return own / training


@pytest.mark.parametrize("step_seconds", [5e-4, 1e-3, 1e-2])
def test_our_own_time_comes_down_to_the_budget(step_seconds: float) -> None:
    plan = Schedule(2.0)
    share = Simulation(plan).run(40_000, step_seconds, look_seconds=5e-5)
    assert share <= 0.025
    assert plan.unchecked == 0 or step_seconds < 1e-3


def test_in_the_fastest_loops_not_every_loss_is_checked() -> None:
    plan = Schedule(2.0)
    Simulation(plan).run(40_000, 1e-4, look_seconds=5e-5)
    assert plan.unchecked == 3
    assert Simulation(Schedule(20.0)).run(40_000, 1e-4, look_seconds=5e-5) <= 0.2


def test_what_was_unusually_dear_is_made_good_by_a_pause() -> None:
    plan = Schedule(2.0)
    training = Simulation(plan)
    training.run(20_000, 1e-3, look_seconds=5e-5)
    plan.own_seconds += 1.0
    training.now += 1.0
    before = training.counted
    training.run(5_000, 1e-3, look_seconds=5e-5)
    assert training.counted - before < 200
    training.run(60_000, 1e-3, look_seconds=5e-5)
    assert plan.own_seconds <= 0.1 + 0.03 * training.now


def test_everything_is_counted_where_that_is_cheap_or_the_run_is_short() -> None:
    cheap = Simulation(Schedule(2.0))
    cheap.run(5_000, 1e-1, look_seconds=5e-5)
    assert cheap.counted == 5_000
    short = Simulation(Schedule(2.0))
    length = PATIENT.counted - 1
    short.run(length, 1e-4, look_seconds=5e-5)
    assert short.counted == length


def test_at_first_more_are_counted_than_the_budget_allows_and_ever_fewer() -> None:
    training = Simulation(Schedule(2.0))
    counts = []
    for length in (128, 128, 256, 512, 100_000, 1_000):
        before = training.counted
        training.run(length, 1e-4, look_seconds=5e-5)
        counts.append(training.counted - before)
    assert counts[0] == 128
    assert counts[1:4] == pytest.approx([64] * 3, abs=25)
    assert counts[-1] == pytest.approx(1_000 / 64, abs=10)


@pytest.mark.parametrize(
    ("step_seconds", "look_seconds", "exceeded_by"),
    [
        (1e-3, 1e-4, 1.0),
        (2e-3, 1e-4, 1.0),
        (1e-2, 1e-4, 1.0),
        (1e-1, 3e-4, 1.0),
        # here the calls in passing alone take more than 1 %
        (4e-4, 1e-4, 1.5),
    ],
)
def test_a_short_run_spends_no_more_than_it_may_and_goes_on_counting(
    step_seconds: float, look_seconds: float, exceeded_by: float
) -> None:
    plan = Schedule(2.0, start=SHORT)
    training = Simulation(plan)
    while training.now < 2.5:
        before = training.counted
        training.run(768, step_seconds, look_seconds)
        assert training.counted > before
        spent = plan.own_seconds + training.countdown.passed * plan.quick_seconds
        allowed = max(SHORT_RUN_SECONDS, 0.02 * training.now)
        assert spent <= allowed * exceeded_by + look_seconds


def test_where_a_batch_is_dear_a_short_run_counts_few() -> None:
    plan = Schedule(2.0, start=SHORT)
    training = Simulation(plan)
    training.run(192, 5e-3, look_seconds=2e-3)
    at_first = training.counted
    assert SHORT.most_seconds / 2e-3 < at_first <= SHORT.most_seconds / 2e-3 + 4
    training.run(256, 5e-3, look_seconds=2e-3)
    assert 1 <= training.counted - at_first <= 12


def test_one_interrupted_look_changes_nothing_of_what_a_short_run_counts() -> None:
    counts = []
    for interruption in (0.0, 0.5):
        training = Simulation(Schedule(2.0, start=SHORT))
        training.plan.own_seconds = SHORT.seconds
        training.run(100, 1e-3, look_seconds=1e-4)
        training.plan.own_seconds += interruption
        training.plan.training.book(interruption)
        training.run(900, 1e-3, look_seconds=1e-4)
        counts.append(training.counted)
    assert counts[0] == pytest.approx(counts[1], abs=5)


@pytest.mark.parametrize(("steps", "least"), [(200, 100), (1_000, 200)])
def test_a_short_run_on_a_slow_machine_counts_enough_for_a_finding(steps: int, least: int) -> None:
    training = Simulation(Schedule(2.0, start=SHORT))
    training.plan.own_seconds = SHORT.seconds  # gone with the structure of the model
    training.run(steps, 1e-3, look_seconds=1e-4)
    assert training.counted >= least


def test_of_large_batches_fewer_are_counted_and_never_too_few() -> None:
    """Eight times as many samples in each, a quarter of the batches: twice as many samples."""
    counts = {}
    for samples in (32, 64, 256):
        training = Simulation(Schedule(2.0, start=SHORT))
        training.plan.own_seconds = SHORT.seconds
        training.plan.training.meet(samples)
        training.run(1_000, 1e-3, look_seconds=1e-4)
        counts[samples] = training.counted
    assert counts[32] >= 200
    assert counts[32] * 0.5 <= counts[64] < counts[32] * 0.75
    assert 60 <= counts[256] < counts[64] * 0.75


def test_a_batch_size_that_is_told_again_and_again_thins_nothing_further() -> None:
    """As where each batch is read the long way, and where the last one of an epoch is smaller."""
    gaps = []
    for told in ([256] * 70, [256] + [0] * 69, [256, 40] * 35):
        sampler = Sampler(SHORT)
        sampler.adapt(0.0, 0, 0.01, 0.0)
        for number, samples in enumerate(told, start=1):
            sampler.meet(samples)
            sampler.book(1e-3)
            if number % 10 == 0:  # so dear that the budget allows for few
                sampler.adapt(number * 1e-3, number, 1e-6, 0.0)
        gaps.append(sampler.one_in)
    assert gaps == [4, 4, 4]  # thinned twice: after 48 and after 64


def test_a_dear_first_batch_silences_nothing() -> None:
    """With it the model is met; on a busy machine that alone takes as long as a short run may."""
    training = Simulation(Schedule(2.0, start=SHORT))
    training.plan.training.book(2 * SHORT.most_seconds)
    training.run(32, 1e-3, look_seconds=1e-4)
    assert training.counted == 32


def test_flushes_come_seldom_where_they_are_dear_but_not_at_first() -> None:
    cheap, dear = Schedule(2.0), Schedule(2.0)
    for plan, seconds in ((cheap, 1e-4), (dear, 1e-2)):
        plan.begin(0.0)
        plan.book_flush(seconds)
    assert dear.flush_gap(1.0, 64) == cheap.flush_gap(1.0, 64) == 0.5
    assert dear.flush_gap(6.0, 64) == pytest.approx(1.2)
    assert cheap.flush_gap(6.0, 64) == 0.5
    assert dear.flush_gap(60.0, 64) == cheap.flush_gap(60.0, 64) == 1.5  # live all the same


def test_counted_batches_do_not_fall_in_step_with_an_alternation() -> None:
    sampler = Sampler()
    sampler.one_in = 4
    picks, number = [], 0
    while number < 40_000:
        picks.append(number)
        number += 1 + sampler.gap()
    assert len(picks) == pytest.approx(10_000, rel=0.05)
    assert sum(number % 2 for number in picks) == pytest.approx(len(picks) / 2, rel=0.05)


def test_counting_comes_back_when_training_slows_down() -> None:
    plan = Schedule(2.0)
    training = Simulation(plan)
    training.run(40_000, 1e-4, look_seconds=5e-5)
    assert plan.training.one_in > 1
    training.run(40_000, 1e-1, look_seconds=5e-5)
    assert plan.training.one_in == 1


def test_a_countdown_knows_how_many_have_passed() -> None:
    countdown = Countdown()
    countdown.count()
    countdown.grant(10)
    assert countdown.passed == 1
    countdown.left -= 4
    assert countdown.passed == 5
    countdown.grant(3)
    assert (countdown.passed, countdown.left) == (5, 3)


def test_layers_are_looked_at_as_seldom_as_the_budget_asks_for() -> None:
    plan = Schedule(2.0)
    gap = plan.layer_gap(look_seconds=1e-4, step_seconds=1e-3, step=1000)
    assert 1e-4 / (gap * 1e-3) <= 0.02
    assert plan.layer_gap(1e-4, 10.0, 1000) == 1
    assert Schedule(2.0, every=7).layer_gap(1.0, 1e-6, 1000) == 7


def test_no_budget_means_as_seldom_as_possible_not_a_failure() -> None:
    plan = Schedule(0.0)
    Simulation(plan).run(100_000, 1e-4, look_seconds=5e-5)
    assert plan.training.one_in == 128
    assert plan.layer_gap(1e-4, 1e-3, 10_000) >= 1000


def test_a_short_run_is_looked_at_several_times_whatever_that_takes() -> None:
    plan = Schedule(2.0, start=SHORT)
    looks = [1]
    while looks[-1] <= 700:
        looks.append(looks[-1] + plan.layer_gap(1.0, step_seconds=1e-3, step=looks[-1]))
    assert looks[:-1] == [1, 31, 124, 496]
    assert plan.layer_gap(1.0, 1e-3, 10**6) == 5000
