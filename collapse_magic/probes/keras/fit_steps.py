"""The functions of a model that `fit` and its kin run: as they were, and what their tracing saw."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...records import Phase
from .activation_looks import ModelActivations
from .inputs import ModelInput
from .losses import LossSeen
from .parcels import Given
from .retraces import Retrace
from .stage import Stage, graph_here
from .stash import Stash
from .updates import Update, forms

if TYPE_CHECKING:
    from .probe import KerasProbe

_TENSORS = ("value", "scores", "targets", "weights")  # of a loss that was seen


class Switch:
    """What the replacements refer to: the probe while it watches, None before and after."""

    __slots__ = ("probe",)

    def __init__(self) -> None:
        self.probe: KerasProbe | None = None


@dataclass(slots=True, eq=False)
class Watched:
    """One model, and its functions as they were before.

    Attributes
        place: (cell, line) of the user's latest call that trains or evaluates it.
        inputs: the arrays that this call was given, as long as it runs.
        calls: how many of its calls are running, one inside the other.
        epochs: finished ones in this run.
    """

    model: weakref.ref[Any]
    name: str
    place: tuple[int, int] | None = None
    inputs: Any = None
    calls: int = 0
    epochs: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)

    def make_room(self, name: str) -> None:
        """A function that is not ours is put aside: Keras makes a new one, which is."""
        model = self.model()
        held = getattr(model, name, None)
        if held is None or held is not self.ours.get(name):
            self.before[name] = held
            self.ours.pop(name, None)
            setattr(model, name, None)

    def put_back(self, name: str) -> None:
        """The user's function again, where ours stands in its place or none has been made."""
        model = self.model()
        if model is not None and getattr(model, name, None) is self.ours.get(name):
            setattr(model, name, self.before.get(name))


@dataclass(slots=True, eq=False)
class Step:
    """The losses of a step function, as they were met when it was traced last.

    Where one execution takes several steps, the last one is what comes out of it.
    """

    watched: Watched
    phase: Phase
    most: int = 1  # steps of one execution
    stash: Stash = field(default_factory=Stash)
    seen: dict[str, LossSeen] = field(default_factory=dict)
    iterations: int = 0  # of the optimizer, before the next execution
    counted: int = 0  # updates of one step that are counted when it has been executed
    of_models: list[Update] = field(default_factory=list)  # what is known of them
    known: bool = False  # whether its model has been met, or will be with its update
    retrace: Retrace = field(default_factory=Retrace)
    looks: tuple[ModelActivations | ModelInput, ...] | None = None  # at samples, once it is met
    due: bool = False  # whether the next execution is to be looked at from outside

    @property
    def function(self) -> str:
        """The function of its model that runs it."""
        return "train_function" if self.phase == "train" else "test_function"

    def stage(self, tensorflow: Any) -> Stage:
        """The stage for its Python code, which is about to run."""
        return Stage(self.phase, graph_here(tensorflow), self.most == 1)

    def note(self, stage: Stage) -> Given:
        """The tensors to hand out; what is known without them is kept."""
        given: Given = {}
        for order, call in enumerate(stage.seen):
            key = f"{order}:{call.loss}"
            tensors = {name: getattr(call, name) for name in _TENSORS}
            given[key] = {name: held for name, held in tensors.items() if held is not None}
            self.seen[key] = call.without_tensors()
        return given

    def handed(self, stage: Stage) -> tuple[Given, tuple[dict[str, Any], ...]]:
        """What a step hands out: what its losses were given, and the tensors of its updates."""
        self.counted, self.of_models = stage.counted, forms(stage.updates)
        return self.note(stage), tuple(dict(update.tensors) for update in stage.updates)

    def filled(self, key: str, tensors: dict[str, Any]) -> LossSeen:
        """One of the losses, with the tensors of an execution."""
        return replace(self.seen[key], **tensors)

    def executed(self) -> int:
        """Steps that the latest execution took: of several at once the optimizer knows."""
        optimizer = getattr(self.watched.model(), "optimizer", None)
        if self.most == 1 or optimizer is None:
            return self.most
        before, self.iterations = self.iterations, int(optimizer.iterations)
        return min(max(self.iterations - before, 1), self.most)
