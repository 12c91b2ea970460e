"""What the store answers, and that it stays small."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from typing import Any

import pytest

from collapse_magic.history import History, WindowTotal
from collapse_magic.history.store import MAX_LOSS_POINTS
from collapse_magic.records import (
    EpochEnded,
    LearningRate,
    LossValues,
    NonFinite,
    ProbeNote,
    RunStarted,
)
from tests.rules.hand_made import (
    BATCHES,
    activation_statistics,
    history_of,
    input_facts,
    layer_statistics,
    loss_facts,
    model_facts,
    model_mode,
    optimizer_facts,
    raised,
    training_loop,
    window,
    wiring,
)


def test_a_total_merges_the_last_windows_until_there_are_enough_samples() -> None:
    history = history_of(*(window(index) for index in range(5)))  # 640 samples each

    total = history.total("loss", "train", 1000)

    assert total is not None
    assert (total.samples, total.first_step, total.last_step) == (1280, 3 * BATCHES + 1, 320)
    assert history.total("loss", "train", 5 * 640 + 1) is None
    assert history.total("loss", "eval", 1) is None
    assert history.total("elsewhere", "train", 1) is None


def test_two_totals_do_not_overlap() -> None:
    history = history_of(*(window(index) for index in range(5)))

    totals = history.two_totals("loss", "train", 1000)

    assert totals is not None
    before, last = totals
    assert (before.first_step, before.last_step) == (BATCHES + 1, 3 * BATCHES)
    assert last.first_step == before.last_step + 1
    assert history.two_totals("loss", "train", 2000) is None


def test_totals_are_taken_anew_when_a_window_arrives() -> None:
    history = history_of(window(0, recall=(1.0, 0.0)))
    first = history.total("loss", "train", 100)
    history.append(window(1, recall=(1.0, 1.0)))
    second = history.total("loss", "train", 100)
    assert first is not None
    assert second is not None
    assert (first.recall, second.recall) == ((1.0, 0.0), (1.0, 1.0))


def test_windows_before_a_step_can_be_left_out() -> None:
    history = history_of(*(window(index) for index in range(4)))
    assert history.total("loss", "train", 1200, since=2 * BATCHES + 1) is not None
    assert history.total("loss", "train", 1300, since=2 * BATCHES + 1) is None
    earlier = history.total_until("loss", "train", 640, 2 * BATCHES)
    assert earlier is not None
    assert earlier.last_step == 2 * BATCHES
    assert history.total_until("loss", "train", 2000, 2 * BATCHES) is None


def test_what_follows_from_the_counts() -> None:
    total = WindowTotal.of(
        [window(labels=(900, 100), recall=(0.99, 0.5), cross_entropy_nats=0.2, rank=0.97)]
    )
    assert total.prior == (0.9, 0.1)
    assert total.recall == (0.99, 0.5)
    assert (total.top_class, total.ttop_class) == (0, 0)
    assert total.top == pytest.approx((891 + 50) / 1000)
    assert total.ttop == 0.9
    assert total.entropy_nats == pytest.approx(0.3251, abs=1e-4)
    assert total.cross_entropy_over_entropy == pytest.approx(0.2 / 0.3251, abs=1e-3)
    assert total.batch_size == 1000 / BATCHES


def test_a_total_of_one_class_has_no_entropy_to_compare_with() -> None:
    total = WindowTotal.of([window(labels=(640, 0), recall=(1.0, 0.0))])
    assert math.isnan(total.cross_entropy_over_entropy)
    assert math.isnan(total.recall[1])


def test_facts_are_the_latest_and_the_range_of_targets_is_of_all() -> None:
    history = history_of(
        loss_facts(target_min=-1.0, target_max=0.0),
        loss_facts(step=4, target_min=0.0, target_max=1.0),
        loss_facts(site="other", target_min=math.nan, target_max=math.nan),
    )
    facts = history.loss_facts("loss")
    assert facts is not None
    assert (facts.step, facts.target_min, facts.target_max) == (4, -1.0, 1.0)
    assert history.sites() == ("loss", "other")
    assert history.loss_facts("nowhere") is None


def test_everything_else_is_kept() -> None:
    history = history_of(
        RunStarted("run", 0.0, "torch", 3, ("cat", "a very long name of a class")),
        loss_facts(),
        model_facts(),
        optimizer_facts(),
        layer_statistics(5),
        NonFinite("loss", 7, "loss", "", "nan"),
        EpochEnded(2, 40),
        raised(),
        ProbeNote("once"),
        ProbeNote("once"),
    )
    assert history.model_facts("model") == model_facts()
    assert history.model_facts(None) is None
    assert history.models() == (model_facts(),)
    assert history.optimizers() == (optimizer_facts(),)
    assert history.optimizers("model") == (optimizer_facts(),)
    assert history.optimizers("other") == ()
    assert history.layer_statistics("model") == (layer_statistics(5),)
    assert history.layer_statistics(None) == ()
    assert history.non_finite()[0].step == 7
    assert history.raised() == (raised(),)
    assert (history.epochs, history.steps) == (2, 40)
    assert history.notes == ("once",)
    assert history.class_name("loss", 0) == "cat"
    assert history.class_name("loss", 1) == "a very long n…"
    assert history.class_name("loss", 2) == "class 2"


def test_of_what_is_told_again_the_latest_counts() -> None:
    history = history_of(
        model_mode(step=1),
        model_mode(step=40, since=2, training=False, in_eval=2),
        wiring(optimizers=0),
        wiring(model=None),
        wiring(step=9),
        training_loop(optimizer="", steps=0),
        training_loop(steps=1),
        training_loop(steps=2),
        input_facts(),
        input_facts(layer="second"),
        input_facts(step=8),
        activation_statistics(1),
        activation_statistics(5),
    )
    mode = history.mode("model")
    assert mode is not None and (mode.step, mode.in_eval) == (40, 2)
    assert history.mode(None) is None and history.mode("other") is None
    assert history.wirings() == (wiring(step=9), wiring(model=None))
    assert history.training_loops() == (training_loop(steps=2),)
    assert history.inputs("model") == (input_facts(step=8), input_facts(layer="second"))
    assert history.inputs(None) == ()
    looks = history.activation_statistics("model")
    assert [look.step for look in looks] == [1, 5]
    assert history.activation_statistics("other") == ()


@pytest.mark.parametrize(
    ("rates", "settled"),
    [
        ([0.1] * 6, 0),  # never changed
        ([0.1, 0.05, 0.02], 0),  # falls
        ([0.01, 0.02, 0.05, 0.1, 0.1, 0.1], 4),  # warm-up
        ([0.01, 0.1, 0.05, 0.01, 0.1, 0.05], 2),  # restarts
        ([0.01, 0.02, 0.04, 0.08], 4),  # still rises
        ([1.0, 1.003, 1.006, 1.009, 1.012], 5),  # rises by little at a time
    ],
)
def test_a_warm_up_has_settled_at_the_first_peak(rates: list[float], settled: int) -> None:
    history = history_of(
        optimizer_facts(rates[0]),
        *(LearningRate("optimizer", step, (rate,)) for step, rate in enumerate(rates, start=1)),
    )
    assert history.settled_step("model") == settled
    assert len(history.learning_rates("optimizer")) == len(rates)


def size_of(value: Any, seen: set[int]) -> int:
    """Bytes of an object and everything below it."""
    if id(value) in seen or isinstance(value, type) or callable(value):
        return 0
    seen.add(id(value))
    below: list[Any] = []
    if isinstance(value, dict):
        below = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set)):
        below = list(value)
    elif hasattr(value, "__slots__"):
        below = [getattr(value, name) for name in value.__slots__]
    elif hasattr(value, "__dict__"):
        below = [vars(value)]
    return sys.getsizeof(value) + sum(size_of(item, seen) for item in below)


@pytest.mark.parametrize("classes", [2, 1000])
def test_a_long_run_stays_within_a_few_megabytes(classes: int) -> None:
    # GIVEN many windows, losses and looks at 50 layers
    history = History()
    count = 3000 if classes == 2 else 100
    for index in range(count):
        history.append(
            window(index, labels=tuple(range(1000, 1000 + classes)), recall=(0.5,) * classes)
        )
        history.append(layer_statistics(index + 1, (0.1 + index,) * 50, (0.2,) * 50))
        history.append(activation_statistics(index + 1, (0.1 + index,) * 40, (0.2,) * 40))
        first = index * BATCHES + 1
        history.append(
            LossValues(
                "loss",
                tuple(range(first, first + BATCHES)),
                tuple(1.0 / (first + k) for k in range(BATCHES)),
            )
        )

    # THEN little is kept, no sample is lost, and the present is as it was measured
    assert size_of(history, set()) < 8e6
    kept = history.windows("loss")
    assert len(kept) < count
    assert sum(one.samples for one in kept) == history.samples("loss")
    assert history.label_counts("loss")[0] == 1000 * count
    assert history.label_counts("elsewhere") == ()
    assert kept[0].first_step == 1
    assert kept[-1].batches == BATCHES
    assert all(a.last_step + 1 == b.first_step for a, b in pairwise(kept))
    steps, values = history.loss_values("loss")
    assert len(steps) <= MAX_LOSS_POINTS
    assert list(steps) == sorted(set(steps))
    assert values[-1] == pytest.approx(1 / steps[-1])
    assert history.layer_statistics("model")[-1].step == count
    assert history.activation_statistics("model")[-1].step == count
    assert history.steps == count * BATCHES


def test_the_whole_run_comes_in_totals_however_short_its_windows_are() -> None:
    whole = [window(index, labels=(150, 150)) for index in range(6)]
    thirds = [
        window(
            index,
            labels=(50, 50),
            first_step=index * 21 + 1,
            last_step=(index + 1) * 21,
        )
        for index in range(18)
    ]
    for windows in (whole, thirds):
        totals = history_of(*windows).totals("loss", "train", 256)
        assert [total.samples for total in totals] == [300] * 6
        assert all(a.last_step < b.first_step for a, b in pairwise(totals))
    assert history_of(*thirds[:2]).totals("loss", "train", 256) == ()
    kept = history_of(*thirds)
    assert len(kept.totals("loss", "train", 256)) == 6
    kept.append(window(18, labels=(150, 150)))
    assert len(kept.totals("loss", "train", 256)) == 7
