"""Training in code that cannot be seen: the argument to change in the call that leads there.

A library's trainer, or a function of a module of the user's own: the cell holds its call, the
objects that it is given, and what those were made with.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..findings import Fix, Remedy
from .callees import Place, argument_of, given_at
from .cells import Cell, Spot, own_nodes
from .flow import Flow
from .names import dotted
from .patch import Patch, example, number

_EPOCHS = ("num_train_epochs", "max_epochs", "epochs", "n_epochs", "num_epochs")
# What libraries and people call the setting that a remedy changes; the first that is taken counts.
NAMES: Mapping[str, tuple[str, ...]] = {
    "scale-learning-rate": ("learning_rate", "lr", "init_lr", "optimizer__lr"),
    "clip-gradients": (
        *("max_grad_norm", "gradient_clip_val", "grad_clip", "clip_norm", "clipnorm", "clip"),
        "max_norm",
    ),
    "train-longer": _EPOCHS,
    "stop-early": _EPOCHS,
    "lower-weight-decay": ("weight_decay", "optimizer__weight_decay", "wd"),
    "lower-dropout": ("dropout", "dropout_rate", "module__dropout", "drop"),
    "shuffle-data": ("shuffle", "iterator_train__shuffle"),
    "weigh-classes": (
        *("class_weight", "class_weights", "criterion__weight", "pos_weight"),
        "criterion__pos_weight",
    ),
}
# Settings that a library takes as `**options`, by the module of its class.
_OPTIONS: Mapping[str, frozenset[str]] = {
    "skorch": frozenset({"criterion__weight", "iterator_train__shuffle", "optimizer__weight_decay"})
}
# A method that leads to code of a library's, of the model's or of the user's.
_OWN = frozenset({"backward", "gradient", "apply_gradients", "minimize", "step", "append", "print"})
_DEPTH = 3  # constructions: a trainer, its settings, what these were made of
_LONGER = 10


def in_library(flow: Flow, cell: Cell, line: int, remedy: Remedy) -> Fix | None:
    """The remedy as an argument of a call that trains; None where no call takes it, or where the
    code that trains is in sight."""
    for call in calls(flow, cell, line):
        for made in _constructions(flow, call, _DEPTH):
            found = _set(flow, made, remedy) or _by_hand(flow, made, remedy)
            if found is not None:
                return found
    return None


def _set(flow: Flow, made: Spot, remedy: Remedy) -> Fix | None:
    taken = _parameters(flow, made)
    for name in NAMES.get(remedy.kind, ()):
        text = _value(flow, made, name, remedy) if name in taken else None
        if text is not None:
            patch = Patch(flow)
            if name.startswith("criterion__"):
                text = f"{patch.spell('torch.tensor', made)}({text})"
            patch.set_argument(made, name, text)
            return patch.fix(remedy.title)
    return None


def _by_hand(flow: Flow, made: Spot, remedy: Remedy) -> Fix | None:
    """What takes more than an argument: the measured weights in a loss that is handed over, or in
    one that is written for Hugging Face's trainer."""
    weights = [number(float(one)) for one in remedy.values.get("weights") or ()]
    if remedy.kind != "weigh-classes" or not weights:
        return None
    assert isinstance(made.node, ast.Call)
    patch = Patch(flow)
    name = flow.names.torch(made.node.func)
    if name in ("nn.CrossEntropyLoss", "nn.NLLLoss"):
        tensor = patch.spell("torch.tensor", made)
        patch.set_argument(made, "weight", f"{tensor}([{', '.join(weights)}])", 0)
        return patch.fix(remedy.title)
    if "compute_loss_func" not in _parameters(flow, made):
        return None
    tensor, loss = (patch.spell(one, made) for one in ("torch.tensor", "F.cross_entropy"))
    statement = Spot(made.cell, made.cell.statement(made.node))
    lines = [
        "def weighted(outputs, labels, **options):",
        f"    weights = {tensor}([{', '.join(weights)}], device=labels.device)",
        f"    return {loss}(outputs.logits, labels, weights)",
    ]
    if given_at(flow, made, "compute_loss_func") != Place(made) or _is_named(flow, "weighted"):
        called = made.cell.text(made.node.func)
        return example(remedy.title, [], [*lines, f"{called}(..., compute_loss_func=weighted)"])
    patch.insert_before(statement, ["\n".join(lines) + "\n"])
    patch.set_argument(made, "compute_loss_func", "weighted")
    return patch.fix(remedy.title)


def _is_named(flow: Flow, name: str) -> bool:
    return name in flow.namespace or flow.function_named(name) is not None


def calls(flow: Flow, cell: Cell, line: int) -> list[Spot]:
    """Calls on a line of functions and methods that no cell holds."""
    statements = cell.statements_at(line)
    nodes = list(own_nodes(statements[0])) if statements else []
    found = [node for node in nodes if isinstance(node, ast.Call)]
    if any(isinstance(one.func, ast.Attribute) and one.func.attr in _OWN for one in found):
        return []
    return [Spot(cell, one) for one in found if flow.called_function(Spot(cell, one)) is None]


def _constructions(flow: Flow, call: Spot, depth: int) -> Iterator[Spot]:
    """The call itself, what its object was made by, and what that was given."""
    yield call
    assert isinstance(call.node, ast.Call)
    if depth == 0:
        return
    given = [*call.node.args, *(keyword.value for keyword in call.node.keywords)]
    if isinstance(call.node.func, ast.Attribute):
        given.insert(0, call.node.func.value)
    for one in _parts(given):
        if isinstance(one, (ast.Name, ast.Attribute, ast.Call)):
            for origin in flow.origins(Spot(call.cell, one)):
                if isinstance(origin.node, ast.Call) and origin.node is not call.node:
                    yield from _constructions(flow, origin, depth - 1)


def _parts(given: list[ast.expr]) -> Iterator[ast.expr]:
    """Expressions, with those in lists and tuples: the steps of a pipeline."""
    for one in given:
        if isinstance(one, (ast.List, ast.Tuple)):
            yield from _parts(one.elts)
        else:
            yield one


def _parameters(flow: Flow, call: Spot) -> Mapping[str, Any]:
    """Arguments that a call takes, with their defaults, as far as the live function or class
    tells."""
    assert isinstance(call.node, ast.Call)
    live = _live(flow, call.node.func)
    home = str(getattr(live, "__module__", "")).partition(".")[0]
    if live is None or home in ("torch", "keras", "tensorflow", "numpy", "builtins"):
        return {}  # these are for the frameworks' own remedies
    taken: dict[str, Any] = {}
    if isinstance(live, type):  # what one class takes as `**options` goes to the class below it
        for base in reversed(live.__mro__[:-1]):
            taken |= _defaults(vars(base).get("__init__"))
        return taken | dict.fromkeys(_OPTIONS.get(home, ()))
    return _defaults(live)


def _defaults(function: object) -> dict[str, Any]:
    if not callable(function):
        return {}
    try:
        return {name: p.default for name, p in inspect.signature(function).parameters.items()}
    except (TypeError, ValueError):
        return {}


def _live(flow: Flow, node: ast.AST) -> Any:
    """The function or class behind a name, an attribute of a module, or a method of an object."""
    head, *rest = (dotted(node) or "").split(".")
    value = flow.namespace.get(head)
    for name in rest:
        if type(value).__name__ == "module":
            value = vars(value).get(name)
        elif value is not None:  # of the class: asking the object itself may run the user's code
            value = inspect.getattr_static(type(value), name, None)
    return value if callable(value) else None


def _value(flow: Flow, made: Spot, name: str, remedy: Remedy) -> str | None:
    """What the argument is to be, with the measured numbers."""
    values = remedy.values
    if name in _EPOCHS:
        return _epochs(flow, made, name, remedy)
    if remedy.kind == "shuffle-data":
        return "True"
    if remedy.kind == "clip-gradients":
        return number(float(values.get("max_norm", 1.0)))
    if remedy.kind != "weigh-classes":
        return number(float(values["new"])) if values.get("new") else None
    if name.endswith("pos_weight"):
        return number(float(values["pos_weight"])) if "pos_weight" in values else None
    weights = [number(float(one)) for one in values.get("weights") or ()]
    if name == "class_weight":
        return "{" + ", ".join(f"{k}: {one}" for k, one in enumerate(weights)) + "}"
    return f"[{', '.join(weights)}]" if weights else None


def _epochs(flow: Flow, made: Spot, name: str, remedy: Remedy) -> str | None:
    """Ten times as many epochs; or as many as it took to the best validation."""
    given = _given(flow, made, name)
    if given is None:
        return None
    if remedy.kind == "train-longer":
        return str(_LONGER * given)
    best, steps = remedy.values.get("best_step"), remedy.values.get("steps")
    return str(max(1, math.ceil(given * float(best) / float(steps)))) if best and steps else None


def _given(flow: Flow, made: Spot, name: str) -> int | None:
    """The number that a call is given by a name, or its default."""
    given = argument_of(flow, made, name)
    if given is not None:
        written = flow.literal(given)
        value = None if written is None else getattr(written.node, "value", None)
        return int(value) if isinstance(value, (int, float)) else None
    default = _parameters(flow, made).get(name)
    return int(default) if isinstance(default, (int, float)) and default else None
