"""Whether a copy of the model can learn one batch by heart: ``--probe``.

The batch is taken from the first backward. When the cell has ended, a copy of the model, as it then
is, trains on it alone, for a moment; the copy is thrown away. The model, the batch and the random
states stay as they are.
"""

from __future__ import annotations

import copy
import math
import random
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import BatchTried, ProbeNote
from ..base import ProbeContext
from ..calls import LossCall
from ..one_batch import (
    COMPARED_CLASSES,
    MOST_BYTES,
    MOST_SECONDS,
    MOST_STEPS,
    RATE,
    SURELY,
    CannotTry,
    constant_answer,
    possible_share,
    told,
)
from ..tasks import INDEX_LOSSES, PROBABILITY_LOSSES, SOFT_LOSSES
from .sites import Site

_MOMENTA = 0.9, 0.999
_MOST_WAITED = 16  # backwards until one is found that is fit to be tried


class ByHeart:
    """Keeps the first batch of a run, and tries it on a copy of the model at its end."""

    def __init__(self, context: ProbeContext, torch: Any) -> None:
        self._context = context
        self._torch = torch
        self._handle: Any = None
        self._calls: dict[int, tuple[Any, Any, Any]] = {}  # (module, arguments, keywords) by id
        self._kept: tuple[Site, tuple[Any, Any, Any], Any, Any] | None = None
        self._waited = 0
        self._interrupted = False

    @property
    def waits(self) -> bool:
        return self._handle is not None

    def attach(self) -> None:
        """See how models are called, until the first backward."""
        register = self._torch.nn.modules.module.register_module_forward_hook
        self._handle = register(self._called, with_kwargs=True)

    def interrupt(self) -> None:
        """The user has ended the cell by Ctrl-C, and waits for nothing more."""
        self._interrupted = True

    def release(self) -> None:
        self._stop()
        self._kept = None

    def _stop(self) -> None:
        handle, self._handle = self._handle, None
        self._calls = {}
        if handle is not None:
            handle.remove()
            # torch leaves this behind, and every module would be called the slow way from now on
            self._torch.nn.modules.module._global_forward_hooks_with_kwargs.pop(handle.id, None)

    def _called(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG002
        torch = self._torch
        with suppress(Exception):  # this runs within the user's own forward
            if torch.is_grad_enabled() and not torch.compiler.is_compiling():
                self._calls[id(module)] = weakref.ref(module), args, kwargs

    def meet(self, sites: list[Site]) -> None:
        """A backward of these losses is about to run: keep its batch, if it is fit to be tried."""
        self._waited += 1
        for site in sites:
            owner, held = site.facts.owner, site.batches
            module = None if owner is None else owner.module()
            call = self._calls.get(id(module))
            if call is not None and call[0]() is module and held.targets:
                kept = call[0], *_cloned(call[1:], self._torch)
                self._kept = site, kept, held.scores[-1], held.targets[-1]
                self._stop()
                return
        self._calls.clear()
        if self._waited >= _MOST_WAITED:
            self._stop()

    def run(self, step: int) -> None:
        """Train the copy, and tell what came of it, at this last step of the run."""
        try:
            with _as_it_was(self._torch):
                tried = self._tried(step)
            self._context.emit(tried)
            says = told(tried)
        except CannotTry as reason:
            says = f"no batch could be tried: {reason}"
        except KeyboardInterrupt:
            says = "interrupted"
        except Exception as error:  # of the user's forward, or of copying the model
            says = f"no batch could be tried: {type(error).__name__}: {error}".splitlines()[0]
        finally:
            self.release()
        self._context.emit(ProbeNote(f"--probe: {says}"))

    def _tried(self, step: int) -> BatchTried:
        if self._interrupted:
            raise CannotTry("the cell was interrupted")
        if self._kept is None:
            raise CannotTry("no model was seen with a batch and its labels")
        site, (reference, args, kwargs), scores, targets = self._kept
        call, judged, module = site.facts.call, site.facts.judged, reference()
        if call is None or judged is None or judged.task not in COMPARED_CLASSES:
            raise CannotTry("the loss does not compare classes")
        if module is None:
            raise CannotTry("the model is gone")
        trial = _Trial(self._torch, module, (args, kwargs), call, scores, targets)
        return trial.run(site.name, site.facts.model_name or "the model", step)


class _Trial:
    """One copy, one batch."""

    def __init__(
        self, torch: Any, module: Any, batch: Any, call: LossCall, scores: Any, targets: Any
    ) -> None:
        size = sum(p.numel() * p.element_size() for p in module.parameters())
        if size > MOST_BYTES:
            raise CannotTry(f"the model takes {size / 2**20:,.0f} MB")
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            raise CannotTry("several processes train together, and each would wait for the others")
        if torch.nn.modules.module._has_any_global_hook():
            raise CannotTry("there are hooks that all modules share")
        self._torch = torch
        self._model = copy.deepcopy(module)
        _make_plain(self._model)
        self._args, self._kwargs = batch
        self._loss, self._shape = call.loss, tuple(scores.shape)
        self._by_class = call.loss in INDEX_LOSSES or call.loss in SOFT_LOSSES
        self._targets = torch.as_tensor(np.array(targets))

    def run(self, site: str, name: str, step: int) -> BatchTried:
        """Raises `CannotTry`."""
        torch, began = self._torch, perf_counter()
        parameters = [p for p in self._model.parameters() if p.requires_grad]
        constant = constant_answer(self._classes)
        if not parameters:
            raise CannotTry(f"no parameter of {name} asks for a gradient")
        moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
        steps, best, without, learned = 0, 0.0, 0, False
        while steps < MOST_STEPS and perf_counter() - began < MOST_SECONDS:
            loss, right = self._look()
            best = max(best, right)
            learned = right == 1.0 and float(loss.detach()) <= SURELY * constant
            if learned:
                break
            if not math.isfinite(float(loss.detach())):
                raise CannotTry(f"the loss of a copy of {name} is not finite")
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            without = sum(g is None for g in gradients)
            steps += 1
            with torch.no_grad():
                for parameter, gradient, both in zip(parameters, gradients, moments, strict=True):
                    if gradient is not None:
                        _adam(parameter, gradient, both, steps)
        given = [t.cpu().numpy() for t in _tensors((self._args, self._kwargs), torch)]
        return BatchTried(
            site=site,
            model=name,
            step=step,
            samples=len(self._targets),
            learned=learned,
            right=best,
            possible=possible_share(given, self._classes),
            steps=steps,
            parameters=len(parameters),
            unreached=without,
        )

    def _look(self) -> tuple[Any, float]:
        """(cross entropy, share of the batch that is right), of the copy as it is."""
        functional = self._torch.nn.functional
        output = self._model(*self._args, **self._kwargs)
        if not isinstance(output, self._torch.Tensor) or output.numel() != math.prod(self._shape):
            raise CannotTry("what the model gives is not what the loss is given")
        scores = output.reshape(self._shape).float()
        targets = self._targets.to(scores.device)
        if self._by_class:
            labels = targets.long() if targets.dim() == 1 else targets.argmax(1)
            right = scores.detach().argmax(1) == labels
            return functional.cross_entropy(scores, labels), float(right.float().mean())
        targets = targets.float().reshape(self._shape)
        inside = bool(((scores >= 0) & (scores <= 1)).all())
        if self._loss in PROBABILITY_LOSSES and inside:
            loss = functional.binary_cross_entropy(scores, targets)
            predicted = scores.detach() > 0.5
        else:
            loss = functional.binary_cross_entropy_with_logits(scores, targets)
            predicted = scores.detach() > 0
        return loss, float((predicted == (targets > 0.5)).float().mean())

    @property
    def _classes(self) -> NDArray[np.integer]:
        """The class of each sample of the batch."""
        targets = self._targets
        labels = targets.argmax(1) if self._by_class and targets.dim() > 1 else targets.reshape(-1)
        found: NDArray[np.integer] = labels.round().long().numpy()
        return found


def _adam(parameter: Any, gradient: Any, moments: tuple[Any, Any], step: int) -> None:
    """By hand: an optimizer of torch's would call hooks that all optimizers share."""
    for moment, value, keep in zip(moments, (gradient, gradient * gradient), _MOMENTA, strict=True):
        moment.mul_(keep).add_(value, alpha=1 - keep)
    mean, square = (m / (1 - keep**step) for m, keep in zip(moments, _MOMENTA, strict=True))
    parameter.sub_(RATE * mean / (square.sqrt() + 1e-8))


def _cloned(value: Any, torch: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in (tuple, list):
        return type(value)(_cloned(one, torch) for one in value)
    if type(value) is dict:
        return {key: _cloned(one, torch) for key, one in value.items()}
    return value


def _tensors(value: Any, torch: Any) -> Iterator[Any]:
    """Those that are numbers on their own, not a sparse or quantized form of them."""
    if isinstance(value, torch.Tensor):
        if value.layout == torch.strided and value.dim() and not value.is_quantized:
            yield value.view(torch.int16) if value.dtype == torch.bfloat16 else value
    elif isinstance(value, (tuple, list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors(one, torch)


def _make_plain(model: Any) -> None:
    """Training mode without dropout, and without hooks: the user's may reach what is no copy. Those
    of torch.nn.utils make weights, and stay."""
    model.train()
    for module in model.modules():
        if "Dropout" in type(module).__name__:
            module.eval()
        if isinstance(getattr(module, "dropout", None), float):  # of recurrent layers, attention
            module.dropout = 0.0
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"):
            hooks = getattr(module, name)
            for key, hook in list(hooks.items()):
                if not type(hook).__module__.startswith("torch.nn.utils"):
                    del hooks[key]


@contextmanager
def _as_it_was(torch: Any) -> Iterator[None]:
    """Puts the random states back, and trains whatever mode the cell has left behind."""
    numpy = sys.modules["numpy"]
    states = random.getstate(), numpy.random.get_state()
    try:
        with (
            torch.random.fork_rng(),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        random.setstate(states[0])
        numpy.random.set_state(states[1])
