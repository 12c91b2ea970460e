"""Losses computed without gradients: evaluation.

`torch.nn.functional` calls its losses as attributes of C-level modules, so wrappers there see every
style of call (loss modules, functions, functions imported by name), need no recompiling of compiled
code and leave the user's own references alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..patching import Patches
from ..tasks import INDEX_LOSSES, classes_of, width
from . import hooks
from .hooks import Switch
from .reading import LossCall, readable
from .sites import Site
from .transfer import capturing

if TYPE_CHECKING:
    from .probe import TorchProbe

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

    def __init__(self, probe: TorchProbe) -> None:
        self._probe = probe
        self._own: dict[tuple[str, int], Site] = {}  # evaluated before or without training
        self._wrappers: list[tuple[Any, Any]] = []  # (replacement, original)

    def attach(self, patches: Patches, switch: Switch) -> None:
        torch = self._probe._torch
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
        builtins = self._probe._torch.jit._builtins
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
        torch = self._probe._torch
        if not readable(scores, torch) or not readable(targets, torch):
            return False
        if not scores.is_cpu and capturing(torch):
            return False
        if loss in INDEX_LOSSES and targets.is_floating_point():
            return False  # probabilities for classes: no labels to count
        shape = tuple(scores.shape)
        step = max(self._probe.counter.done, 1)
        site = self._site(loss, shape, targets, step)
        site.take_evaluation(scores, targets, step)
        return site.full

    def adopt(self, call: LossCall | None) -> Site | None:
        """The site of evaluations that came before this first training batch, if there is one."""
        if call is None:
            return None
        return self._own.pop((call.loss, _outputs(call.loss, call.input_shape)), None)

    def _site(self, loss: str, shape: tuple[int, ...], targets: Any, step: int) -> Site:
        outputs = _outputs(loss, shape)
        trained = None
        for _, site in self._probe._sites.values():
            if site is not None and site.call is not None and site.call.loss == loss:
                fits = _outputs(loss, site.call.input_shape) == outputs
                if fits and (trained is None or site.last_step >= trained.last_step):
                    trained = site
        if trained is not None:
            return trained
        key = (loss, outputs)
        if key not in self._own:
            site = Site(self._probe._names.unique(loss), self._probe.context, self._probe.transfers)
            call = LossCall(loss, (), shape, tuple(targets.shape), False, False, -100, None)
            site.learn(call, step, targets)
            self._own[key] = site
        return self._own[key]


def _outputs(loss: str, shape: tuple[int, ...]) -> int:
    return classes_of(shape) if loss in INDEX_LOSSES else width(shape)
