"""The graph of a loss at a full look: which parameters it reaches, activations, inputs, modes.

A look belongs to every fourth full look at the layers, for it takes as long for a small model, and
is taken at the next backward that is counted. The graph is walked whole when a loss is met and ever
more seldom afterwards; in between only the nodes that are looked at are visited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ...records import Record
from ..base import ProbeContext
from .activations import Activations, Group
from .inputs import Input
from .loops import Loops
from .modes import Mode
from .names import Names
from .sites import Site
from .structure import Layer
from .survey import Spot, Survey, survey
from .transfer import Transfers
from .wiring import Wirings

if TYPE_CHECKING:
    from .counter import StepCounter

_MOST_LOSSES = 16
_LOOKS_AT_FIRST = 3
_LAYER_LOOKS = 4  # to one look at a graph
# A look at a model of many layers takes longer; then the first steps are not looked at each.
_LONG_LOOK_SECONDS = 0.002
_LONG_WAY = 128  # nodes from the root to what is looked at
# Looks after which a graph is walked again: what is used may change with time.
_WALKED_AGAIN = frozenset({8, 64, 512, 4096})

Arrays = list[NDArray[Any]]
Make = Callable[[int, Arrays], Record | None]


@dataclass(slots=True)
class _Loss:
    """What is known of the graph of one loss."""

    looks: int = 0
    survey: Survey | None = None
    groups: tuple[tuple[Activations, list[Group]], ...] = ()
    looks_at_first: int = _LOOKS_AT_FIRST
    entries: tuple[tuple[Input, Spot], ...] = ()


class Inspection:
    """Looks at graphs, and hands what optimizers do on to those who ask for it."""

    def __init__(
        self, context: ProbeContext, names: Names, counter: StepCounter, transfers: Transfers
    ) -> None:
        self._context = context
        self._names = names
        self._counter = counter
        self._transfers = transfers
        self._torch = transfers.torch
        self._wirings = Wirings(context, names, counter, self._torch)
        self._loops = Loops(context, counter, self._wirings.parameters)
        self._losses: dict[tuple[str, ...], _Loss] = {}
        self._layers: dict[int, tuple[str, str]] = {}  # model and layer, by id of a parameter
        self._activations: dict[str, Activations] = {}
        self._inputs: dict[tuple[str, str], Input] = {}
        self._modes: dict[str, Mode] = {}
        self._full_looks = 0
        self._asked = False
        self._seconds = 0.0

    def after_look(self) -> float:
        """A full look at the layers has ended: after every fourth one look at a graph too.

        Gives the time that looking at graphs has taken since the last call (s).
        """
        self._full_looks += 1
        self._asked = self._full_looks % _LAYER_LOOKS == 0 or self._context.config.every is not None
        if self._wirings.changed:
            self._wirings.tell()
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def before_backward(
        self, root: Any, sites: list[Site], frame: FrameType, *, adds: bool = True
    ) -> None:
        """A counted backward is about to run.

        Parameters: the node of its root, its sites, the caller's frame, and whether it adds to
        the gradients that stand (`torch.autograd.grad` hands its own back).
        """
        key = tuple([site.name for site in sites])
        if adds:
            self._loops.before_backward()
        if root is not None and sites and self.is_due(key):
            self.look_at(key, root, sites, frame)

    def again(self, key: tuple[str, ...]) -> bool:
        """A counted backward of the losses with these names is about to run; whether their graph
        is to be looked at."""
        self._loops.before_backward()
        return self.is_due(key)

    def is_due(self, key: tuple[str, ...]) -> bool:
        loss = self._losses.get(key)
        return self._asked or loss is None or loss.looks < loss.looks_at_first

    def look_at(self, key: tuple[str, ...], root: Any, sites: list[Site], frame: FrameType) -> None:
        loss = self._losses.get(key)
        if loss is None:
            if len(self._losses) >= _MOST_LOSSES:
                return
            loss = self._losses[key] = _Loss()
        began = self._context.clock()
        if self._asked or loss.looks == 0 or self._seconds < _LONG_LOOK_SECONDS:
            self._asked = False
            self._look(loss, root, sites, frame)
        self._seconds += self._context.clock() - began

    def adopt(self, model: str, layers: Sequence[Layer]) -> None:
        """Parameters that no module owns are looked at as a model of this name."""
        for layer in layers:
            self._layers.update(
                (id(parameter), (model, layer.name)) for parameter in layer.parameters
            )
        for loss in self._losses.values():
            loss.survey = None  # walked before they were known

    def before_step(self, optimizer: Any, name: str) -> None:
        """An optimizer is about to step, at a full look: its gradients stand."""
        if self._loops.knows(optimizer) and self._wirings.knows(optimizer):
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._wirings.before_step(optimizer, parameters)
        self._loops.before_step(optimizer, name, parameters)

    def flush(self, final: bool = False) -> None:
        self._wirings.tell(final)
        self._loops.flush(final)

    def nothing_reached(self, frame: FrameType | None) -> None:
        """A loss was sent backward that no parameter is behind."""
        self._wirings.nothing_reached(frame)

    # -- looking ----------------------------------------------------------------------------------

    def _look(self, loss: _Loss, root: Any, sites: list[Site], frame: FrameType) -> None:
        loss.looks += 1
        again = loss.looks in _WALKED_AGAIN
        nodes = None if loss.survey is None or again else loss.survey.follow(root)
        if nodes is None:
            nodes = self._walk(loss, root, frame)
        step = self._counter.current()
        for model in {
            id(s.facts.owner): s.facts.owner for s in sites if s.facts.owner is not None
        }.values():
            if model.name not in self._modes:
                self._modes[model.name] = Mode(model, self._names, self._torch)
            self._modes[model.name].look(step, self._context)
        with self._torch.no_grad():
            self._take(loss, nodes, step)

    def _take(self, loss: _Loss, nodes: list[Any], step: int) -> None:
        for of_model, groups in loss.groups:
            self._fetch(of_model.take(groups, nodes, self._torch), step)
        for entered, spot in loss.entries:
            self._fetch(entered.take(nodes[spot.row], spot), step)

    def _fetch(self, taken: tuple[list[Any], Make] | None, step: int) -> None:
        """Emit the record that is made of the values of some tensors, when they have come."""
        if taken is None:
            return
        tensors, make = taken

        def arrived(arrays: Arrays) -> None:
            record = make(step, arrays)
            if record is not None:
                self._context.emit(record)

        self._transfers.later(tensors, arrived)

    def _walk(self, loss: _Loss, root: Any, frame: FrameType) -> list[Any]:
        """Learn a graph: what it reaches, and where to look; gives the nodes to look at."""
        found, nodes, leaves = survey(root)
        self._names.find_owners(leaves, frame)
        self._wirings.in_sight(self._names.optimizers(frame))
        self._wirings.reached(leaves)
        spots = (*found.activations, *found.entries)
        for model, module in self._names.owners_of({id(leaf) for leaf in leaves}):
            own = self._names.tree(module).names
            for key in {spot.parameter for spot in spots}.intersection(own):
                self._layers[key] = model.name, own[key][1]
        loss.survey = found
        loss.looks_at_first = _LOOKS_AT_FIRST if len(found.rows) <= _LONG_WAY else 1
        by_model: dict[str, list[tuple[Spot, str]]] = {}
        for spot in found.activations:
            if spot.parameter in self._layers:
                model_name, layer = self._layers[spot.parameter]
                by_model.setdefault(model_name, []).append((spot, layer))
        loss.groups = tuple(
            (known, known.groups(spots))
            for name, spots in by_model.items()
            for known in [self._activations.setdefault(name, Activations(name))]
        )
        loss.entries = tuple(
            (self._inputs.setdefault(owner, Input(*owner)), spot)
            for spot in found.entries
            if (owner := self._layers.get(spot.parameter)) is not None
        )
        return nodes
