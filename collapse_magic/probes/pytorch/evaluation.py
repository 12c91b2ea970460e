"""Losses computed without gradients: evaluation.

`torch.nn.functional` calls its losses as attributes of C-level modules, so wrappers there see every
style of call (loss modules, functions, functions imported by name), need no recompiling of compiled
code and leave the user's own references alone.
"""

from __future__ import annotations

import functools
import sys
from types import FrameType, ModuleType
from typing import Any

from ..base import ProbeContext
from ..calls import LossCall
from ..patching import Patches
from ..tasks import INDEX_LOSSES, outputs_of
from ..variables import attributes_of, locals_of
from . import hooks
from .counter import StepCounter
from .hooks import Switch
from .names import Names
from .reading import readable
from .registry import Registry
from .sites import Site
from .transfer import Transfers, capturing

_MOST_FRAMES = 16  # up from the loss call, its modules' and our own among them

# Attribute of torch._C._nn -> name of the loss.
_LOSSES = {
    "cross_entropy_loss": "cross_entropy",
    "nll_loss_nd": "nll",
    "binary_cross_entropy": "binary_cross_entropy",
    "mse_loss": "mse",
    "smooth_l1_loss": "smooth_l1",
    "huber_loss": "huber",
    "soft_margin_loss": "soft_margin",
    "multi_margin_loss": "multi_margin",
}


class Evaluation:
    """Assigns evaluation batches to the site that trains with the same loss."""

    def __init__(
        self,
        context: ProbeContext,
        names: Names,
        counter: StepCounter,
        transfers: Transfers,
        registry: Registry,
    ) -> None:
        self._context = context
        self._names = names
        self._counter = counter
        self._transfers = transfers
        self._torch = transfers.torch
        self._registry = registry
        registry.adopt = self.adopt
        self._own: dict[tuple[str, int], Site] = {}  # evaluated before or without training
        self._wrappers: list[tuple[Any, Any]] = []  # (replacement, original)

    def attach(self, patches: Patches, switch: Switch) -> None:
        torch = self._torch
        places = [(torch._C._nn, name, loss) for name, loss in _LOSSES.items()]
        name = "binary_cross_entropy_with_logits"
        places.append((torch, name, name))
        for owner, name, loss in places:
            if not hasattr(owner, name):
                continue
            original = getattr(owner, name)
            make = functools.partial(hooks.around_loss, loss, switch=switch, torch=torch)
            wrapper = patches.replace(owner, name, make)
            self._wrappers.append((wrapper, original))
            builtins = torch.jit._builtins
            if builtins._builtin_table is not None:
                # torch.jit.script resolves C functions by identity.
                known = builtins._builtin_table.get(id(original))
                if known is not None:
                    builtins._builtin_table[id(wrapper)] = known

    def detach(self) -> None:
        builtins = self._torch.jit._builtins
        table = builtins._builtin_table
        wrappers, self._wrappers = self._wrappers, []
        if table is None:
            return
        for wrapper, original in wrappers:
            known = table.pop(id(wrapper), None)
            if known is not None:
                # The table may have been built while ours stood in the original's place.
                table.setdefault(id(original), known)
        ours = {id(wrapper) for wrapper, _ in wrappers}
        builtins._builtin_ops[:] = [op for op in builtins._builtin_ops if id(op[0]) not in ours]

    def sites(self) -> list[Site]:
        return list(self._own.values())

    def take(self, loss: str, scores: Any, targets: Any) -> bool:
        """One batch that was evaluated; True where it is time to flush."""
        torch = self._torch
        if not readable(scores, torch) or not readable(targets, torch):
            return False
        if not scores.is_cpu and capturing(torch):
            return False
        if loss in INDEX_LOSSES and targets.is_floating_point():
            loss = f"soft_{loss}"  # probabilities for classes
        shape = tuple(scores.shape)
        step = max(self._counter.done, 1)
        site = self._site(loss, shape, targets, step)
        site.take_evaluation(scores, targets, step)
        return site.full

    def adopt(self, call: LossCall | None) -> Site | None:
        """The site of evaluations that came before this first training batch, if there is one."""
        if call is None:
            return None
        site = self._own.pop((call.loss, outputs_of(call.loss, call.input_shape)), None)
        if site is not None:
            site.facts.tell_again()  # now its model and its line are known
        return site

    def _site(self, loss: str, shape: tuple[int, ...], targets: Any, step: int) -> Site:
        trained = [site for site in self._registry.trained() if site.facts.takes(loss, shape)]
        if trained:
            return self._evaluated_now(trained)
        key = (loss, outputs_of(loss, shape))
        if key not in self._own:
            site = Site(self._names.unique(loss), self._context, self._transfers)
            call = LossCall(loss, (), shape, tuple(targets.shape), False, False, -100, None)
            site.facts.learn(call, step, targets)
            self._own[key] = site
        return self._own[key]

    def _evaluated_now(self, sites: list[Site]) -> Site:
        """Which of several sites an evaluation belongs to; scores do not tell who made them.

        That is told by the model that the calling function has in hand, else by the only model
        that is in evaluation mode, else it is the one trained last. Of several losses of that
        model it is the first.
        """
        owners = {id(owner): owner for site in sites if (owner := site.facts.owner) is not None}
        if len(owners) > 1:
            modules = {key: owner.module() for key, owner in owners.items()}
            named = _in_hand(sys._getframe(3), [m for m in modules.values() if m is not None])
            resting = [m for m in modules.values() if m is not None and not m.training]
            chosen = named if named is not None else (resting[0] if len(resting) == 1 else None)
            if chosen is not None:
                sites = [s for s in sites if s.facts.owner and s.facts.owner.module() is chosen]
        last = max(site.last_step for site in sites)
        newest = next(site for site in sites if site.last_step == last)
        return next(site for site in sites if site.facts.owner is newest.facts.owner)


def _in_hand(frame: FrameType | None, modules: list[Any]) -> Any | None:
    """The one of the modules that the innermost function knows which knows just one of them."""
    for _ in range(_MOST_FRAMES):
        if frame is None or frame.f_code.co_name == "<module>":
            return None
        values = list(locals_of(frame).values())
        found = [m for m in modules if any(_holds(value, m) for value in values)]
        if len(found) == 1:
            return found[0]
        frame = frame.f_back
    return None


def _holds(value: Any, module: Any) -> bool:
    """Whether a variable is the module, or an object with the module for an attribute."""
    if value is module:
        return True
    if issubclass(type(value), (type, ModuleType)):
        return False
    attributes = attributes_of(value)
    inside = attributes.get("_modules")
    own = [*attributes.values(), *(inside.values() if type(inside) is dict else ())]
    return any(one is module for one in own)
