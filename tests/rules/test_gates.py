"""Gates on windows written by hand: which batches were counted must not decide."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from collapse_magic.history import History
from collapse_magic.rules import gates
from collapse_magic.rules.overfitting import Overfitting

from .hand_made import history_of, loss_facts, window

ENTROPY = math.log(2)  # of the labels of `window`


def falling(losses: Sequence[float], rank: float, alike: Sequence[float] = (1.0,)) -> History:
    """Losses over that of a constant answer, a window each; what samples of a batch differ by."""
    spreads = [alike[min(index, len(alike) - 1)] for index in range(len(losses))]
    return history_of(
        loss_facts(),
        *(
            window(index, cross_entropy_nats=loss * ENTROPY, rank=rank, spread_in_batch=spread)
            for index, (loss, spread) in enumerate(zip(losses, spreads, strict=True))
        ),
    )


def is_getting_better(history: History) -> bool:
    look = gates.look(history, "loss")
    assert look is not None
    return gates.gets_better(history, look)


@pytest.mark.parametrize(
    ("losses", "rank", "better"),
    [
        ((2.0, 1.6, 1.4, 1.08, 1.0), 0.5, False),  # it has arrived at the label shares
        ((2.0, 1.6, 1.4, 1.2, 1.0), 0.5, True),  # where it goes on to is not known yet
        ((2.0, 1.04, 1.03, 1.02, 1.0), 0.5, False),
        ((2.0, 1.6, 1.4, 1.2, 1.1), 0.5, True),  # on its way, wherever that leads
        ((2.0, 1.6, 1.4, 1.2, 1.0), 0.6, True),  # what it knows of the inputs grows
        ((2.0, 1.6, 1.4, 1.2, 0.9), 0.5, True),
        ((1.0, 1.0, 1.0, 1.0, 1.0), 0.6, False),
    ],
)
def test_a_way_to_the_label_shares_is_none_to_learning(
    losses: Sequence[float], rank: float, better: bool
) -> None:
    assert is_getting_better(falling(losses, rank)) is better


def test_one_answer_for_all_samples_of_each_batch_gets_no_better() -> None:
    losses = (2.0, 1.6, 1.4, 1.3, 1.2)
    assert is_getting_better(falling(losses, 0.6))
    assert not is_getting_better(falling(losses, 0.6, (1.0, 1.0, 1.0, 1.0, 0.0)))


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_how_evaluations_fall_into_windows_does_not_decide(at_a_time: int) -> None:
    """A validation that gets worse step by step: the late half of it, whatever was put together
    early on."""
    records = [loss_facts()]
    for index in range(24):
        over = max(0.5, 1.0 - 0.06 * index)
        records.append(window(index, cross_entropy_nats=over * ENTROPY))
    costs = [0.6, *(0.61 + 0.012 * index for index in range(23))]
    for first in [0, *range(1, 12), *range(12, 24, at_a_time)]:
        width = at_a_time if first >= 12 else 1
        mean = math.fsum(costs[first : first + width]) / width
        records.append(
            window(
                first,
                phase="eval",
                last_step=64 * (first + width),
                cross_entropy_nats=mean * ENTROPY,
            )
        )
    (found,) = Overfitting().check(history_of(*records))
    assert found.since_step == 64
