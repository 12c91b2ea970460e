"""label-shape-broadcast (CM404)

## What it checks
Whether outputs and targets of different shapes, mostly (N, 1) and (N,), are broadcast in the loss.

## Why it matters
Every output is then compared with every target: N x N pairs. The best answer to that is the mean of
the targets for every input, so the model learns to answer the same to everything while the loss
falls.

## How it is measured
The shapes at the loss call: the broadcast result is larger than either. Certain from the first
batch. Losses that refuse such shapes raise instead; that is explained with the same words.

## Known limits
A broadcast that happens before the loss call, in code of the user's own, is not seen.

## Example
    loss = nn.MSELoss()(model(x), y)               # (32, 1) against (32,)

## Use instead
    loss = nn.MSELoss()(model(x).squeeze(1), y)    # (32,) against (32,)

## Fix safety
Needs review: what is trained changes, from the mean of all targets to each sample's own.

## References
NumPy, Broadcasting; PyTorch warns of it with "Using a target size that is different to the input
size".
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LossFacts, LossRaised
from .base import SYMPTOMS
from .raised import Problem, raised_problems
from .wording import loss_name, shape


class LabelShapeBroadcast:
    code = "CM404"
    name = "label-shape-broadcast"
    says = "outputs (N, 1) against targets (N,) in the loss"
    explains: tuple[str, ...] = (
        "double-activation",
        "learning-rate-too-high",
        "wrong-loss",
        "dead-relu",
        "vanishing-gradients",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return None if history.sites() or history.raised() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in history.sites():
            facts = history.loss_facts(site)
            if facts is not None and facts.broadcast:
                yield self._broadcast(history, facts)
        for record in raised_problems(history, Problem.SHAPE):
            yield Diagnosis(
                rule=self.name,
                code=self.code,
                severity="error",
                confidence="certain",
                message=_shapes(record),
                evidence=(
                    Evidence(f"{loss_name(history, record.loss)} cannot compare these shapes"),
                ),
                step=record.step,
                since_step=record.step,
                remedy=match_shapes(record.input_shape, record.target_shape),
                target="loss",
                structural=True,
            )

    def _broadcast(self, history: History, facts: LossFacts) -> Diagnosis:
        result = _broadcast_shape(facts.input_shape, facts.target_shape)
        samples = facts.input_shape[0] if facts.input_shape else 1
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message=_shapes(facts),
            evidence=(
                Evidence(
                    f"broadcast to {shape(result)}: {prod(result):,} pairs, {samples:,} samples",
                    {"pairs": float(prod(result)), "samples": float(samples)},
                ),
            ),
            step=max(facts.step, history.steps),
            since_step=facts.step,
            remedy=match_shapes(facts.input_shape, facts.target_shape),
            target="loss",
            site=facts.site,
            structural=True,
        )


def _shapes(record: LossFacts | LossRaised) -> str:
    return f"outputs {shape(record.input_shape)}, targets {shape(record.target_shape)}"


def _broadcast_shape(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    size = max(len(one), len(other))
    padded = ((1,) * (size - len(one)) + one, (1,) * (size - len(other)) + other)
    return tuple(max(pair) for pair in zip(*padded, strict=True))


def match_shapes(input_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> Remedy | None:
    """Drops the dimension of size 1 that one of the two has too many; None where that is not it."""
    for argument, longer, shorter in (
        ("input", input_shape, target_shape),
        ("target", target_shape, input_shape),
    ):
        for dim in range(len(longer) - 1, 0, -1):
            if longer[dim] == 1 and longer[:dim] + longer[dim + 1 :] == shorter:
                return Remedy(
                    "match-shapes",
                    f"give outputs and targets the shape {shape(shorter)}",
                    {"argument": argument, "operation": "squeeze", "dim": dim, "rank": len(longer)},
                )
    # cross entropy takes outputs (N, K) with targets (N,): the (N, 1) of a column of labels is too
    # much
    if len(target_shape) == 2 and target_shape[1] == 1 and input_shape[:1] == target_shape[:1]:
        return Remedy(
            "match-shapes",
            f"give the targets the shape {shape(target_shape[:1])}",
            {"argument": "target", "operation": "squeeze", "dim": 1, "rank": 2},
        )
    return None
