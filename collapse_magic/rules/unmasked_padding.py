"""unmasked-padding (CM307)

## What it checks
Whether sequences are mostly padding that nothing masks, and the model gets nowhere.

## Why it matters
The last output of a recurrent layer, a mean or a maximum over time then says how the padding looks,
and that is the same for all samples. What the sample was is forgotten, or drowned, on the way.

## How it is measured
The share of the positions that hold the filling alone: frames whose features are all zero, or the
most frequent token. From half of all positions on it is told, if the last two windows are no better
than a constant answer after 200 steps and get no better, or (nearly) all predictions are one class,
or all samples of a batch get the same answer; where a run ends after 100 steps, if the outputs for
the samples of a batch hardly differ besides. Sequences that are packed have no such positions;
an embedding that masks them (`mask_zero`, `EmbeddingBag`) is not looked at, nor a model with
attention, which mostly has a mask. Silent while the model learns, whatever it is given.

## Known limits
A mask that the user's own code applies is not seen: then something else keeps the model from
learning, and other causes come first. Only the first layer's input is looked at.

## Example
    states, _ = gru(padded)          # (samples, 72 frames, features), most of them 20 frames long
    scores = head(states[:, -1])     # the state after 52 frames of nothing

## Use instead
    rows = torch.arange(len(padded))
    scores = head(states[rows, lengths - 1])

## Fix safety
Needs review: the last real step takes the place of the last one; how long a sample is follows from
its zeros, where the code does not know it.

## References
PyTorch, `torch.nn.utils.rnn.pack_padded_sequence`; Keras, Understanding masking and padding.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import InputFacts, ModelFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .models import model_behind
from .not_learning import follows_nothing

# Where half of what a model reads is filling, the last step is one for nearly every sample.
MOSTLY_PADDING = 0.5
MIN_STEPS = 8
# Where a short run ends, outputs that hardly hang on the input count, too: logit margins differ by
# some tenths between samples that are seen, whatever the weights; over padding by .03 to .06.
FORGETFUL_STEPS = 100
HARDLY_DIFFERENT = 0.1
RECURRENT = ("RNN", "GRU", "LSTM", "SimpleRNN", "Bidirectional")


class UnmaskedPadding:
    code = "CM307"
    name = "unmasked-padding"
    says = "sequences are mostly padding, and the read-out sees it"
    explains: tuple[str, ...] = SYMPTOMS

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        if reason is None and not any(history.inputs(facts.model) for facts in history.models()):
            return "no inputs were seen"
        return reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            model = model_behind(history, history.loss_facts(site))
            padded = None if model is None else _padded(model, history)
            look = gates.look(history, site)
            if padded is not None and look is not None and _gets_nowhere(history, look):
                yield self._diagnosis(look, padded)

    def _diagnosis(self, look: gates.Look, padded: InputFacts) -> Diagnosis:
        over, share = look.last.cross_entropy_over_entropy, padded.padding_share
        filling = "one token" if padded.kind == "integers" else "zeros"
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="warning",
            confidence="likely",
            message=f"{percent(share, 0)} of what the model reads is padding",
            evidence=(
                Evidence(
                    f"{percent(share, 0)} of the positions of its input are {filling}",
                    {"padding_share": share},
                ),
                Evidence(
                    f"loss {number(over)} x a constant answer's; rank {number(look.last.rank)} "
                    f"(chance 0.5) after {look.last.last_step:,} steps",
                    {"cross_entropy_over_entropy": over, "rank": look.last.rank},
                ),
            ),
            step=look.last.last_step,
            since_step=look.before.first_step,
            remedy=Remedy(
                "mask-padding", "read the last real step, not the padding", {"inputs": padded.kind}
            ),
            target="model",
            site=look.site,
        )


def _padded(model: ModelFacts, history: History) -> InputFacts | None:
    kinds = {layer.name: layer.kind for layer in model.layers}
    if any("Attention" in kind for kind in kinds.values()):
        return None
    return next(
        (
            one
            for one in history.inputs(model.model)
            # nothing but zeros is the state that a recurrent layer begins with
            if MOSTLY_PADDING <= one.padding_share < 1
            and _is_sequence(one, kinds.get(one.layer, ""))
        ),
        None,
    )


def _is_sequence(inputs: InputFacts, layer: str) -> bool:
    """Whether there are steps in what a layer is given: a recurrent one may be given all steps of
    all samples as one table, and a table of few columns may be integers, too."""
    if layer.startswith(RECURRENT):
        return True
    if inputs.kind == "integers":
        return layer != "EmbeddingBag" and len(inputs.shape) == 2 and inputs.shape[1] >= MIN_STEPS
    return len(inputs.shape) == 3


def _gets_nowhere(history: History, look: gates.Look) -> bool:
    if look.last.last_step < gates.NOT_LEARNING_STEPS:
        return (
            history.finished
            and look.last.last_step >= FORGETFUL_STEPS
            and follows_nothing(look)
            and all(total.spread_in_batch < HARDLY_DIFFERENT for total in (look.before, look.last))
        )
    return (
        gates.learns_nothing(history, look)
        or gates.answers_alike(look)
        or (gates.predicts_one_class(look) and not gates.only_threshold_is_off(history, look))
    )
