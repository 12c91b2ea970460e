"""How losses, models and optimizers hang together: which parameters are reached, held, owned.

Parameters are compared by identity. A run may have several losses, models and optimizers, and some
of them come late, so what was reached and held is gathered over all of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any

from ...records import ParameterSet, Wiring
from ..base import ProbeContext
from ..variables import attributes_of
from .names import Names, key_of
from .sharded import ordinary
from .tree import Tree
from .weights import unready

if TYPE_CHECKING:
    from .counter import StepCounter

_MOST_NAMES = 8
_MOST_ITEMS = 256  # of a list of layers
FIRST_STEPS = 3
_BACKWARDS_BEFORE_STEPLESS = 16

Reference = weakref.ref[Any]


class Wirings:
    """Gathers what losses reach and optimizers hold; tells of each model what comes of it."""

    def __init__(
        self, context: ProbeContext, names: Names, counter: StepCounter, torch: Any
    ) -> None:
        self._context = context
        self._names = names
        self._counter = counter
        self._parameter = torch.nn.Parameter
        self._reached: dict[int, Reference] = {}  # leaves of the graphs of losses
        self._optimizers: dict[int, Reference] = {}  # in sight
        self._seen = 0  # optimizers so far, those among them that are gone
        self._held: dict[int, Reference] = {}  # by any optimizer so far, though it may be gone
        self._bare: dict[int, dict[int, Reference]] = {}  # stepped, and never had a gradient
        self._sizes: dict[int, int] = {}  # parameters of each optimizer when it was last asked
        self._told: dict[str | None, Wiring] = {}
        self.changed = False

    # -- gathering --------------------------------------------------------------------------------

    def reached(self, leaves: Iterable[Any]) -> None:
        """The leaves of a loss's graph; plain tensors are data, and of no interest."""
        reached, parameter = self._reached, self._parameter
        for leaf in leaves:
            known = reached.get(id(leaf))
            if known is not None and known() is leaf:
                continue
            if type(leaf) is parameter or isinstance(leaf, parameter):  # which asks the class
                reached[id(leaf)] = weakref.ref(leaf)
                self.changed = True

    def in_sight(self, optimizers: Iterable[Any]) -> None:
        for optimizer in optimizers:
            if not _holds(self._optimizers, optimizer):
                self._optimizers[id(optimizer)] = weakref.ref(optimizer)
                self._seen += 1
                self._bare.pop(id(optimizer), None)
                self.changed = True

    def knows(self, optimizer: Any) -> bool:
        """Whether all that the optimizer holds has had a gradient before."""
        return self._bare.get(id(optimizer)) == {} and _holds(self._optimizers, optimizer)

    def before_step(self, optimizer: Any, parameters: list[Any]) -> None:
        """An optimizer is about to step, and the gradients stand."""
        self.in_sight((optimizer,))
        without = {id(p): p for p in parameters if p.grad is None}
        known = self._bare.get(id(optimizer))
        if known is None:
            self._hold(parameters)
            self._bare[id(optimizer)] = {key: weakref.ref(p) for key, p in without.items()}
        else:
            for key in [key for key in known if key not in without]:
                del known[key]
                self.changed = True

    # -- telling ----------------------------------------------------------------------------------

    def tell(self, final: bool = False) -> None:
        """Emit what is new, once the first steps are over."""
        counter = self._counter
        stepless = not counter.taken and counter.backwards > _BACKWARDS_BEFORE_STEPLESS
        sure = counter.current() >= FIRST_STEPS or stepless
        if not sure and not (final and self._reached):
            return
        if not self._regrouped() and not self.changed:
            return
        self.changed = False
        for optimizer in _living(self._optimizers).values():
            self._hold(p for group in optimizer.param_groups for p in group["params"])
        for wiring in self._wirings(set(_living(self._held))):
            before = self._told.get(wiring.model)
            if before is None or _facts(before) != _facts(wiring):
                self._told[wiring.model] = wiring
                self._context.emit(wiring)

    def nothing_reached(self, frame: FrameType | None) -> None:
        """A loss without any parameter behind it: told of the model in sight, if there is one."""
        model = self._names.only_model(frame)
        module = None if model is None else model.module()
        if model is None or module is None or self._reached:
            return
        own = self._names.tree(module).parameters
        self._context.emit(self._wiring(model.name, own, [], ParameterSet(), {}, set(), {}))

    def _regrouped(self) -> bool:
        """Whether an optimizer has been given other parameters, as where layers are unfrozen."""
        sizes = {
            key: sum(len(group["params"]) for group in optimizer.param_groups)
            for key, optimizer in _living(self._optimizers).items()
        }
        before, self._sizes = self._sizes, sizes
        return sizes != before

    def _hold(self, parameters: Iterable[Any]) -> None:
        held = self._held
        for parameter in parameters:
            known = held.get(id(parameter))  # as `_holds`, without a thousand calls
            if known is None or known() is not parameter:
                held[id(parameter)] = weakref.ref(parameter)

    def parameters(self) -> list[Any]:
        """The parameters that losses have reached so far."""
        return list(_living(self._reached).values())

    def _wirings(self, held: set[int]) -> Iterator[Wiring]:
        reached = _living(self._reached)
        models = self._names.owners_of(reached)
        names: dict[int, str] = {}
        for _, module in models:
            own = self._names.tree(module).names.items()
            names.update((key, dotted) for key, (dotted, _) in own)
        unknown = {key: p for key, p in reached.items() if key not in names}
        hidden = [
            _hidden(self._names.tree(module), unknown) if unknown else {} for _, module in models
        ]
        for found in hidden:
            names.update((key, name) for key, name in found.items() if key not in names)
        strangers = self._strangers(names, reached)
        for (model, module), found in zip(models, hidden, strict=True):
            own_parameters = self._names.tree(module).parameters
            unregistered = [unknown[key] for key in found]
            yield self._wiring(
                model.name, own_parameters, unregistered, strangers, reached, held, names
            )
        nobodys = [p for key, p in unknown.items() if key not in names]
        if nobodys and self._names.sees_everything():
            yield self._wiring(None, nobodys, [], strangers, reached, held, names)

    def _wiring(
        self,
        model: str | None,
        own: list[Any],
        unregistered: list[Any],
        strangers: ParameterSet,
        reached: dict[int, Any],
        held: set[int],
        names: dict[int, str],
    ) -> Wiring:
        trainable: list[Any] = []
        frozen: list[Any] = []
        for p in own:
            (trainable if p.requires_grad else frozen).append(p)
        lost = [p for p in trainable if id(p) not in reached and p.grad is None]
        untrained = [
            p for p in (*trainable, *unregistered) if id(p) not in held and id(p) in reached
        ]
        return Wiring(
            model=model,
            step=max(self._counter.done, 1),
            optimizers=self._seen,
            trainable=_set_of(trainable, names),
            frozen=_set_of(frozen, names),
            untrained=_set_of(untrained, names),
            unreached=_set_of(lost, names),
            unregistered=_set_of(unregistered, names),
            strangers=strangers,
        )

    def _strangers(self, names: dict[int, str], reached: dict[int, Any]) -> ParameterSet:
        known: dict[int, Any] = {}
        for bare in self._bare.values():
            known.update(_living(bare))
        found = [p for key, p in known.items() if key not in names and key not in reached]
        return _set_of(found, {})


def _set_of(parameters: list[Any], names: dict[int, str]) -> ParameterSet:
    known = parameters if ordinary(parameters) else [p for p in parameters if not unready(p)]
    return ParameterSet(
        tensors=len(parameters),
        scalars=sum([p.numel() for p in known]),
        names=tuple(names.get(id(p), str(tuple(p.shape))) for p in known[:_MOST_NAMES]),
    )


def _hidden(tree: Tree, wanted: dict[int, Any]) -> dict[int, str]:
    """Those of the wanted parameters that a model keeps in plain lists, tuples and dicts.

    Only modules, and lists that know of modules, register what they are given: the others are
    used in `forward`, but `parameters()` does not know of them.
    """
    found: dict[int, str] = {}
    for prefix, part in tree.parts:
        if type(part).__module__.startswith("torch.nn."):
            continue
        for attribute, value in list(attributes_of(part).items()):
            if attribute.startswith("_") or type(value) not in (list, tuple, dict):
                continue
            items = list(value.items()) if type(value) is dict else enumerate(value)
            for key, item in islice(items, _MOST_ITEMS):
                name = ".".join(filter(None, (prefix, f"{attribute}[{key_of(key)}]")))
                if id(item) in wanted:
                    found[id(item)] = name
                elif attributes_of(item).keys() >= {"_modules", "_parameters"}:
                    own = Tree(item).names.items()
                    found.update((k, f"{name}.{d}") for k, (d, _) in own if k in wanted)
    return found


def _facts(wiring: Wiring) -> Wiring:
    """What is compared: the same at another step is no news."""
    return replace(wiring, step=0)


def _holds(store: dict[int, Reference], thing: Any) -> bool:
    """Whether it is the very same thing: an id may have been used again."""
    known = store.get(id(thing))
    return known is not None and known() is thing


def _living(store: dict[int, Reference]) -> dict[int, Any]:
    return {key: thing for key, known in list(store.items()) if (thing := known()) is not None}
