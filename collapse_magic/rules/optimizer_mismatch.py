"""optimizer-mismatch (CM412)

## What it checks
Whether the optimizer holds the parameters that the loss trains.

## Why it matters
Gradients are computed for one set of weights, and steps are made with another: the model stays
what it was. It happens where a model is made again after its optimizer, where layers stand in a
plain list that no module registers, and where the optimizer is given a part of the model only.

## How it is measured
Parameters are compared by identity: those that a loss reaches with those that any optimizer in
sight holds. It fires where none of a model is held while an optimizer steps with parameters that
never get a gradient (at once where these are as many, else when nothing is learned), where layers
of a plain list are reached but not held, and where the layer that makes the logits gets a gradient
but no step. The last one is named at once if that layer began as a new one, else when nothing is
learned; not when the model learns well.

## Known limits
A backbone that is left out is taken for one that is to stay as it is. An optimizer that cannot be
seen, of a library that does without torch's, is none.

## Example
    optimizer = torch.optim.Adam(model.parameters())
    model = Net()

## Use instead
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())

## Fix safety
Needs review: the state of the old optimizer is lost.

## References
PyTorch, torch.optim ("parameters need to be specified as collections"); nn.ModuleList.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy, Severity
from ..history import History
from ..records import ModelFacts, Wiring
from . import gates
from .first_weights import is_fresh
from .stepping import SYMPTOMS
from .wording import fitting, layer

# Looks at the layers after which one that never moved is known not to.
MIN_LOOKS = 3
# Words for parameters in one line of evidence.
MOST_NAMES = 2


class OptimizerMismatch:
    code = "CM412"
    name = "optimizer-mismatch"
    says = "the optimizer holds other parameters than the loss trains"
    explains: tuple[str, ...] = SYMPTOMS

    def missing(self, history: History) -> str | None:
        return None if history.wirings() else "no optimizer and no graph of a loss were seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        if not history.optimizers():
            return
        for wiring in history.wirings():
            site = _site(history, wiring)
            if site is None or not wiring.untrained.tensors or not wiring.optimizers:
                continue
            if _holds_another(history, wiring, site):
                yield self._another(wiring, site)
            elif hidden := _hidden(wiring):
                yield self._unregistered(history, wiring, site, hidden)
            else:
                yield from self._head(history, wiring, site)

    def _another(self, wiring: Wiring, site: str) -> Diagnosis:
        strangers, own = wiring.strangers, wiring.untrained
        return self._diagnosis(
            wiring,
            site,
            "error",
            "the optimizer steps with other parameters",
            (
                Evidence(
                    f"{own.tensors} parameters of {layer(wiring.model or '', 8)} get a gradient; "
                    "the optimizer holds 0 of them",
                    {"reached": float(own.tensors), "held": 0.0},
                ),
                Evidence(
                    f"it holds {strangers.tensors} others, of no model in sight, without any "
                    "gradient",
                    {"strangers": float(strangers.tensors)},
                ),
            ),
            Remedy(
                "give-optimizer",
                "make the optimizer after the model",
                {"model": wiring.model, "again": True},
            ),
        )

    def _unregistered(
        self, history: History, wiring: Wiring, site: str, hidden: tuple[str, ...]
    ) -> Diagnosis:
        found = wiring.unregistered
        look = gates.look(history, site)
        everything = not wiring.trainable.tensors
        severity: Severity = (
            "error"
            if everything or gates.fails(history, look) or _holds_head(history, wiring)
            else "warning"
        )
        shown = [layer(name, 30) for name in hidden[:MOST_NAMES]]
        attributes = tuple(dict.fromkeys(name.partition("[")[0] for name in hidden))
        return self._diagnosis(
            wiring,
            site,
            severity,
            "layers in a plain list are not trained",
            (
                Evidence(
                    f"{found.tensors} parameters that {layer(wiring.model or '', 12)}"
                    ".parameters() does not know of",
                    {"tensors": float(found.tensors), "scalars": float(found.scalars)},
                ),
                Evidence(fitting([f"among them {shown[0]}", *shown[1:]], ", ")),
            ),
            Remedy(
                "register-layers",
                "register the layers that stand in a plain list",
                {"model": wiring.model, "attributes": attributes},
            ),
        )

    def _head(self, history: History, wiring: Wiring, site: str) -> Iterable[Diagnosis]:
        model = history.model_facts(wiring.model)
        if model is None or not _head_is_left_out(history, model):
            return
        head = next(part for part in model.layers if part.name == model.last_layer)
        fails = gates.fails(history, gates.look(history, site))
        if gates.has_learned(history, site) or not (fails or is_fresh(head)):
            return
        yield self._diagnosis(
            wiring,
            site,
            "error" if fails else "warning",
            "the last layer is in no optimizer",
            (
                Evidence(
                    f"layer {layer(head.name)} makes the logits: gradients, and no step",
                    {"untrained": float(wiring.untrained.tensors)},
                ),
                Evidence(
                    f"{wiring.untrained.tensors} parameters with a gradient are in no optimizer"
                ),
            ),
            Remedy(
                "give-optimizer",
                "give the optimizer all parameters of the model",
                {"model": wiring.model, "again": False},
            ),
        )

    def _diagnosis(
        self,
        wiring: Wiring,
        site: str,
        severity: Severity,
        message: str,
        evidence: tuple[Evidence, ...],
        remedy: Remedy,
    ) -> Diagnosis:
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity=severity,
            confidence="certain" if severity == "error" else "likely",
            message=message,
            evidence=evidence,
            step=wiring.step,
            since_step=1,
            remedy=remedy,
            target="optimizer",
            site=site,
            structural=True,
        )


def _site(history: History, wiring: Wiring) -> str | None:
    """The loss whose logits this model makes: a teacher or a frozen judge beside it makes none."""
    for site in history.sites():
        facts = history.loss_facts(site)
        if facts is not None and wiring.model is not None and facts.model == wiring.model:
            return site
    return None


def _holds_another(history: History, wiring: Wiring, site: str) -> bool:
    """Whether nothing that is reached is held, while an optimizer steps with what never is.

    Where that is less than the model, somebody may move the model by hand; then it learns.
    """
    reached = wiring.trainable.tensors - wiring.unreached.tensors + wiring.unregistered.tensors
    return (
        wiring.strangers.tensors > 0
        and wiring.untrained.tensors >= reached
        and not history.layer_statistics(wiring.model)
        and (
            wiring.strangers.scalars >= wiring.trainable.scalars
            or gates.fails(history, gates.look(history, site))
        )
    )


def _hidden(wiring: Wiring) -> tuple[str, ...]:
    """Names of parameters in plain lists that no optimizer holds."""
    return tuple(name for name in wiring.unregistered.names if name in wiring.untrained.names)


def _holds_head(history: History, wiring: Wiring) -> bool:
    """Whether the last layer that is known is none of the registered ones."""
    model = history.model_facts(wiring.model)
    return model is None or not model.last_layer


def _head_is_left_out(history: History, model: ModelFacts) -> bool:
    """Whether the layer that makes the logits gets gradients in every look, and a step in none."""
    names = [part.name for part in model.layers]
    looks = history.layer_statistics(model.model)
    if model.last_layer not in names or len(looks) < MIN_LOOKS:
        return False
    place = names.index(model.last_layer)
    return all(
        math.isnan(look.update_ratio[place]) and look.gradient_norm[place] > 0
        for look in looks
        if not math.isnan(look.weight_norm[place])
    ) and any(look.gradient_norm[place] > 0 for look in looks)
