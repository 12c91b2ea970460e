"""One place that trains, with what belongs to it: loss, labels, model, layers and optimizer."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...findings import Remedy
from ..callees import argument_of
from ..cells import Spot
from ..flow import Flow
from ..names import dotted
from ..patch import Patch
from .compiling import compiled
from .losses import Loss, TapeLoss, named
from .models import Activation, Models, Step
from .optimizers import Optimizer, of_compile, of_tape
from .place import Fit, Tape, is_keras_class

# Positions of the arguments of `compile`.
_COMPILE = {"optimizer": 0, "loss": 1, "metrics": 3}


@dataclass(frozen=True)
class Case:
    """Lazy answers about one place of the user's code; each is computed once."""

    flow: Flow
    place: Fit | Tape
    remedy: Remedy | None = None

    @property
    def title(self) -> str:
        return "" if self.remedy is None else self.remedy.title

    @property
    def values(self) -> Mapping[str, Any]:
        return {} if self.remedy is None else self.remedy.values

    @property
    def spot(self) -> Spot:
        """The `fit` call, or the statement of the tape."""
        return self.place.spot if isinstance(self.place, Fit) else self.place.statement

    @property
    def tape_loss(self) -> TapeLoss | None:
        return self.place.loss if isinstance(self.place, Tape) else None

    @cached_property
    def models(self) -> Models:
        return Models(self.flow)

    @cached_property
    def compiled(self) -> Spot | None:
        """The `compile` call that counts for this `fit`."""
        if isinstance(self.place, Tape):
            return None
        return compiled(self.flow, self.models, self.place.model, self.place.spot)

    def compile_argument(self, name: str) -> Spot | None:
        if self.compiled is None:
            return None
        return argument_of(self.flow, self.compiled, name, _COMPILE[name])

    @cached_property
    def loss(self) -> Loss | None:
        if isinstance(self.place, Tape):
            return None if self.place.loss is None else self.place.loss.loss
        given = self.compile_argument("loss")
        return None if given is None else named(self.flow, given)

    @property
    def labels(self) -> Spot | None:
        """The expression that is given as labels; None where a data set holds them."""
        if isinstance(self.place, Fit):
            return self.place.argument("y")
        return None if self.place.loss is None else self.place.loss.target

    @cached_property
    def model(self) -> Spot | None:
        """The expression that stands for the model."""
        if isinstance(self.place, Fit):
            return self.place.model
        loss = self.place.loss
        return None if loss is None else self._called_model(loss.output)

    def _called_model(self, output: Spot) -> Spot | None:
        """`model` of `tf.nn.softmax(model(x, training=True))`."""
        spots = [output]
        while spots:
            spot = spots.pop()
            if isinstance(spot.node, ast.Name):
                values = self.flow.values(spot)
                spots += [b.spot for b in values if not b.loop][:1]
            elif isinstance(spot.node, ast.Call):
                called = Spot(spot.cell, spot.node.func)
                if self.flow.self_class(called) is not None or self._is_model(called):
                    return called
                spots += [Spot(spot.cell, a) for a in spot.node.args[:1]]
        return None

    def _is_model(self, called: Spot) -> bool:
        if (self.flow.names.keras(called.node) or "").startswith(("keras.", "tf.")):
            return False
        if self.models.constructions(called):
            return True
        owner = self.flow.class_of(called)
        live = self.flow.namespace.get(dotted(called.node) or "")
        return (owner is not None and is_keras_class(self.flow, owner)) or any(
            c.__module__.startswith("keras.src.layers") for c in type(live).__mro__
        )

    @cached_property
    def steps(self) -> list[Step]:
        """Layers from the loss's input backwards."""
        if isinstance(self.place, Tape):
            return [] if self.place.loss is None else self.models.behind(self.place.loss.output)
        return self.models.steps(self.place.model)

    @property
    def output_activations(self) -> list[Activation]:
        return self.models.at_output(self.steps)

    @property
    def last_layer(self) -> Step | None:
        return self.models.last_layer(self.steps)

    @cached_property
    def optimizers(self) -> list[Optimizer]:
        if isinstance(self.place, Tape):
            return of_tape(self.flow, self.place.statement)
        given = self.compile_argument("optimizer")
        return [] if given is None else of_compile(self.flow, given)

    def spell(self, patch: Patch, wanted: str, spot: Spot) -> str:
        """The user's spelling of `keras.losses.Hinge` or `tf.cast` at a place; an import is added
        where it takes one."""
        known = self.flow.names.known_spelling(_paths(wanted), spot.cell, spot.node)
        if known is not None:
            return known
        if wanted.startswith("tf."):
            patch.add_import(spot, "import tensorflow as tf")
        elif self.flow.names.imports("keras"):
            patch.add_import(spot, "import keras")
        else:
            patch.add_import(spot, "from tensorflow import keras")
        return wanted

    def live(self, spot: Spot) -> Any:
        """The object behind a plain name, None for any other expression."""
        return self.flow.namespace.get(spot.node.id) if isinstance(spot.node, ast.Name) else None


def _paths(wanted: str) -> list[str]:
    if wanted.startswith("tf."):
        return [f"tensorflow.{wanted.removeprefix('tf.')}"]
    return [wanted, f"tensorflow.{wanted}"]
