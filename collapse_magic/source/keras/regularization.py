"""lower-weight-decay, lower-dropout, step-per-epoch and train-longer, in Keras' idiom."""

from __future__ import annotations

import ast
import math

from ...findings import Fix
from ..callees import argument_of, given_at
from ..cells import Spot
from ..patch import Patch, example, number
from ..remedies.regularization import weaken
from ..remedies.schedules import times
from .case import Case
from .place import Fit

_LONGER = 10
_LEFT = 0.1  # of a learning rate, at the end
_EPOCHS = 3  # position in fit(x, y, batch_size, epochs)


def lower_weight_decay(case: Case) -> Fix | None:
    """`weight_decay` of the optimizer; else what the layers' penalties look like."""
    new = number(case.values["new"])
    found = [optimizer.spot for optimizer in case.optimizers if optimizer.call is not None]
    if case.values.get("old") and len(found) == 1:
        patch = Patch(case.flow)
        patch.set_argument(found[0], "weight_decay", new)
        return patch.fix(case.title)
    patch = Patch(case.flow)
    if not case.values.get("old") and _weaken_penalties(case, patch, new):
        return patch.fix(case.title)
    return example(case.title, _penalties(case), [f"keras.regularizers.l2({new})"])


def _weaken_penalties(case: Case, patch: Patch, new: str) -> bool:
    """The usual factor where the regularizers take a larger one from; False where none is seen."""
    found: dict[ast.AST, list[Spot]] = {}
    for spot in _made(case, "keras.regularizers.", ""):
        assert isinstance(spot.node, ast.Call)
        given = [*spot.node.args, *(keyword.value for keyword in spot.node.keywords)]
        for value in given:
            at = case.flow.literal(Spot(spot.cell, value))
            if at is not None and _above(at.node, float(new)):
                found.setdefault(at.node, []).append(Spot(spot.cell, value))
    for each in found.values():
        for spot in each:
            patch.replace(case.flow.own_literal(spot, len(each)) or spot, new)
    return bool(found)


def _above(node: ast.AST, usual: float) -> bool:
    value = getattr(node, "value", None)
    return not isinstance(value, bool) and isinstance(value, (int, float)) and value > usual


def lower_dropout(case: Case) -> Fix | None:
    """The rate of the dropouts that have the measured one."""
    old, new = float(case.values["old"]), number(case.values["new"])
    made = _made(case, "keras.layers.", "Dropout")
    patch = Patch(case.flow)
    if weaken(case.flow, patch, made, "rate", old, new):
        return patch.fix(case.title)
    return example(case.title, [spot.text for spot in made], [f"keras.layers.Dropout({new})"])


def step_per_epoch(case: Case) -> Fix | None:
    """A schedule counts steps: so many to an epoch."""
    made = _made(case, "keras.optimizers.schedules.", "")
    batches = _batches(case)
    at = argument_of(case.flow, made[0], "decay_steps", 1) if len(made) == 1 else None
    written = None if at is None else case.flow.literal(at)
    counted = getattr(getattr(written, "node", None), "value", None)
    if batches and written is not None and isinstance(counted, int):
        patch = Patch(case.flow)
        assert at is not None
        steps = max(counted * batches, _lasting(case, made[0], batches))
        patch.replace(case.flow.own_literal(at) or at, str(steps))
        return patch.fix(f"{case.title}: of {batches} batches")
    shown = list(dict.fromkeys(spot.text for spot in made))
    return example(case.title, shown, ["decay_steps=batches_per_epoch  # schedules count batches"])


def _lasting(case: Case, schedule: Spot, batches: int) -> int:
    """Steps of a decay after which a tenth of the learning rate is left at the training's end."""
    rounds = argument_of(case.flow, case.spot, "epochs", _EPOCHS)
    rate = argument_of(case.flow, schedule, "decay_rate", 2)
    known = [None if one is None else case.flow.literal(one) for one in (rounds, rate)]
    epochs, left = (getattr(getattr(one, "node", None), "value", None) for one in known)
    if not isinstance(epochs, int):
        return 0
    if isinstance(left, float) and 0 < left < 1:  # an exponential decay
        return math.ceil(epochs * batches * math.log(left) / math.log(_LEFT))
    return epochs * batches if rate is None else 0


def _batches(case: Case) -> int | None:
    """Batches of an epoch, as Keras counted them in the latest fit; None where it is not known."""
    model = None if case.model is None else case.live(case.model)
    history = getattr(model, "__dict__", {}).get("history")
    counted = getattr(history, "__dict__", {}).get("params") or {}
    steps = counted.get("steps") if isinstance(counted, dict) else None
    return steps if isinstance(steps, int) and steps > 1 else None


def train_longer(case: Case) -> Fix | None:
    """`epochs` of the fit, ten times as many."""
    fits = isinstance(case.place, Fit) and case.place.method == "fit"
    if not fits or given_at(case.flow, case.spot, "epochs", _EPOCHS) is None:
        return example(case.title, [], [f"epochs={_LONGER} * epochs  # to begin with"])
    given = argument_of(case.flow, case.spot, "epochs", _EPOCHS)
    patch = Patch(case.flow)
    if given is not None:
        patch.replace(given, times(given, _LONGER))
    else:
        patch.set_argument(case.spot, "epochs", str(_LONGER))
    return patch.fix(case.title)


def _made(case: Case, prefix: str, last: str) -> list[Spot]:
    """Constructions of Keras' classes whose name begins and ends so."""
    found: list[Spot] = []
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            name = case.flow.names.keras(node.func) or "" if isinstance(node, ast.Call) else ""
            if name.startswith(prefix) and name.endswith(last):
                found.append(Spot(cell, node))
    return found


def _penalties(case: Case) -> list[str]:
    made = _made(case, "keras.regularizers.", "")
    return list(dict.fromkeys(spot.text for spot in made))
