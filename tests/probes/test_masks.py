"""What a mask leaves out of a loss is not counted, whatever stands in its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from collapse_magic.records import LossFacts, PredictionWindow

from .watched import watched

N, K = 60, 4
X = torch.linspace(-2, 2, N * 6).sin().reshape(N, 6)
MASK = torch.arange(N * K).reshape(N, K) % 3 > 0
LABELS = torch.arange(N * K).reshape(N, K) % 5 % 2
GAPS = torch.where(MASK, LABELS, -1).float()  # -1 stands for an answer that nobody knows
each = F.binary_cross_entropy_with_logits
Masked = Callable[[Tensor], Tensor]

SEVERAL: dict[str, Masked] = {
    "product": lambda z: (each(z, GAPS, reduction="none") * MASK).sum() / MASK.sum(),
    "index": lambda z: each(z, GAPS, reduction="none")[MASK].mean(),
    "select": lambda z: each(z, GAPS, reduction="none").masked_select(MASK).mean(),
    "fill": lambda z: each(z, GAPS, reduction="none").masked_fill(~MASK, 0.0).sum() / N,
    "where": lambda z: torch.where(MASK, each(z, GAPS, reduction="none"), 0.0).sum() / N,
    "otherwise": lambda z: torch.where(~MASK, 0.0, each(z, GAPS, reduction="none")).sum() / N,
    "weight": lambda z: each(z, GAPS, weight=MASK.float()),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_answers_that_are_missing_are_no_labels(form: str) -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, K)
    with watched() as context:
        z = model(X)
        SEVERAL[form](z).backward()
        if form != "weight":
            with torch.no_grad():  # which of these count is not seen
                SEVERAL[form](z)
    (facts,), (window,) = context.of(LossFacts), context.of(PredictionWindow)
    assert (facts.task, facts.target_kind, facts.target_min) == ("multilabel", "binary", 0)
    asked = [MASK[:, c] for c in range(K)]
    yes, true = z.detach() > 0, LABELS == 1
    assert window.labels == tuple(int((true & MASK)[:, c].sum()) for c in range(K))
    assert window.predicted == tuple(int(yes[a, c].sum()) for c, a in enumerate(asked))
    assert window.correct == tuple(int((yes & true)[a, c].sum()) for c, a in enumerate(asked))
    assert window.out_of_range == 0
    own = each(z[MASK], GAPS[MASK]).item()
    assert window.cross_entropy_nats == pytest.approx(own, rel=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
def test_samples_that_an_index_leaves_out_are_not_counted(outputs: int) -> None:
    torch.manual_seed(0)
    model, mask = nn.Linear(6, outputs), MASK[:, 0]
    labels = torch.arange(N) % max(outputs, 2)
    gaps = torch.where(mask, labels, 0 if outputs > 1 else -1)
    with watched() as context:
        z = model(X)
        if outputs > 1:
            losses = F.cross_entropy(z, gaps, reduction="none")
        else:
            losses = each(z[:, 0], gaps.float(), reduction="none")
        losses[mask].mean().backward()
    (window,) = context.of(PredictionWindow)
    assert window.labels == tuple(torch.bincount(labels[mask]).tolist())
    assert window.samples == int(mask.sum())
    assert context.of(LossFacts)[-1].target_min == 0


def test_what_is_chosen_by_its_place_is_not_counted() -> None:
    """The hardest samples, say: which ones these are changes with the batch."""
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    with watched() as context:
        losses = F.cross_entropy(model(X), torch.arange(N) % 3, reduction="none")
        losses[losses.argsort(descending=True)[:20]].mean().backward()
    assert context.of(LossFacts)[0].task == "unknown"
    assert not context.of(PredictionWindow)


def test_a_survival_curve_is_no_choice_of_classes() -> None:
    """Each interval is asked about only as long as the sample lives."""
    torch.manual_seed(0)
    model, death = nn.Linear(6, K), torch.arange(N) % K
    died = F.one_hot(death, K).float()
    alive = (torch.arange(K) < death[:, None]).float()
    with watched() as context:
        p = model(X).sigmoid()
        (-(died * p.log() + alive * (1 - p).log()).sum(1).mean()).backward()
    assert context.of(LossFacts)[0].task == "unknown"
    assert not context.of(PredictionWindow)
