"""Watches PyTorch training: a wrapper around backward, hooks around optimizer steps."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from ...records import LossRaised, NonFinite, ProbeNote
from ..base import Probe, ProbeContext, TrainingStopped
from ..patching import Patches
from ..schedule import Schedule
from . import graph, nonfinite, raised, reading
from .epochs import Epochs
from .evaluation import Evaluation
from .names import Names
from .sites import Site
from .steps import StepCounter, Steps, report_models

FLUSH_SECONDS = 0.5
_MOST_SITES = 64
# What a call into the probe takes before its first and after its last look at the clock (s).
_CALL_SECONDS = 0.5e-6


class Switch:
    """What the replacements refer to: the probe while it watches, None before and after."""

    def __init__(self) -> None:
        self.probe: TorchProbe | None = None


class TorchProbe(Probe):
    """Observes losses, predictions, optimizer steps, layers, epochs and evaluation."""

    framework = "torch"

    def __init__(self, context: ProbeContext) -> None:
        super().__init__(context)
        self._torch: Any = sys.modules["torch"]
        self._switch = Switch()
        self._patches = Patches()
        self._handles: list[Any] = []
        self._busy = False
        self._note: str | None = None
        self.plan = Schedule(context.config.budget, context.config.every)
        self.counter = StepCounter()
        self._fresh()

    def _fresh(self) -> None:
        """Empty stores: nothing of the user's stays behind in the probe."""
        self._names = Names(self.context, self._torch)
        self._steps = Steps(self.context, self._names, self.plan, self.counter, self._torch)
        self._sites: dict[tuple[Any, ...], tuple[Any, Site | None]] = {}
        self._codes: dict[int, CodeType] = {}
        self._counted = 0
        self._last_flush = -math.inf
        self._evaluation = Evaluation(self)
        self._epochs = Epochs(self.context, self.counter)

    @classmethod
    def available(cls) -> bool:
        return "torch" in sys.modules and hasattr(sys.modules["torch"], "autograd")

    @property
    def cost_seconds(self) -> float:
        return self.plan.own_seconds

    @property
    def steps(self) -> int:
        """Finished steps of the run so far."""
        return self.counter.done

    # -- attaching --------------------------------------------------------------------------------

    def _attach(self) -> None:
        torch = self._torch
        self._switch.probe = self
        self._last_flush = self.context.clock()
        for name in ("backward", "grad"):
            self._patches.replace(torch.autograd, name, self._around_backward)
        optim = sys.modules["torch.optim.optimizer"]
        self._handles = [
            optim.register_optimizer_step_pre_hook(_pre_hook(self._switch)),
            optim.register_optimizer_step_post_hook(_post_hook(self._switch)),
        ]
        loader = sys.modules.get("torch.utils.data.dataloader")
        if loader is not None:
            switch = self._switch
            self._patches.replace(
                loader._BaseDataLoaderIter, "__next__", lambda original: _next(original, switch)
            )
        self._evaluation.attach(self._patches, self._switch)

    def _detach(self) -> None:
        self._switch.probe = None
        self._switch = Switch()  # replacements that stay behind keep the old, empty one
        self._patches.restore()
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._evaluation.detach()
        self._fresh()

    def _around_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        switch = self._switch

        def backward(*args: Any, **kwargs: Any) -> Any:
            probe = switch.probe
            if probe is not None and not probe._busy:
                probe.guarded(probe.before_backward, args, kwargs)
            return original(*args, **kwargs)

        backward.__name__ = backward.__qualname__ = original.__name__
        backward.__doc__ = original.__doc__
        backward.__module__ = original.__module__
        # What `torch.compiler.disable` sets, without importing the compiler (seconds): compiled
        # code calls this function as it is and is neither broken up nor compiled again.
        backward._torchdynamo_disable = True  # type: ignore[attr-defined]
        return backward

    # -- guarding ---------------------------------------------------------------------------------

    def guarded(self, action: Callable[..., None], *args: Any) -> None:
        """Run our own code: its time is booked, its failure ends the watching and nothing else."""
        if self._note is not None:
            return
        clock = self.context.clock
        began = clock()
        self._busy = True
        try:
            action(*args)
        except TrainingStopped:
            raise
        except Exception as error:
            self._fail(error)
        finally:
            self._busy = False
            self.plan.own_seconds += clock() - began + _CALL_SECONDS

    def _fail(self, error: Exception) -> None:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        at = f" ({where.tb_frame.f_code.co_name})" if where is not None else ""
        self._note = f"watching was switched off: {type(error).__name__}: {error}{at}"
        self.context.emit(ProbeNote(self._note))

    # -- events -----------------------------------------------------------------------------------

    def before_backward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """One backward is about to run: look at its loss and its graph."""
        root = args[0] if args else kwargs.get("tensors", kwargs.get("outputs"))
        if isinstance(root, (list, tuple)):
            root = root[0] if len(root) == 1 else None
        if not isinstance(root, self._torch.Tensor) or root.numel() != 1:
            return
        self.counter.backwards += 1
        due = self.plan.due()
        value: Any
        if root.is_cpu:
            value = float(root.item())
            finite = math.isfinite(value)
            if finite and not due:
                return
        elif due:
            value, finite = root.detach().clone(), True
        else:
            return
        frame = _caller(sys._getframe(3), self._torch)
        step = self.counter.now()
        for site, node in self._sites_of(root.grad_fn, frame):
            site.take_loss(step, value)
            if node is not None:
                site.take_node(node, step)
            if not finite and not site.non_finite_told:
                self._tell_non_finite(site, node, root, max(step, 1))
        self._counted += due
        self._maybe_flush()

    def before_step(self, optimizer: Any, caller: FrameType) -> None:
        self._steps.before(optimizer, caller)

    def after_step(self, optimizer: Any) -> None:
        if self._steps.after(optimizer):
            reason = self.context.stop_reason()
            if reason is not None:
                raise TrainingStopped(reason)

    def evaluated(self, loss: str, scores: Any, targets: Any) -> None:
        self._evaluation.take(loss, scores, targets)

    def before_batch(self, iterator: Any) -> None:
        self._epochs.before_batch(iterator)

    def after_pass(self, iterator: Any) -> None:
        self._epochs.after_pass(iterator)

    # -- sites ------------------------------------------------------------------------------------

    def _sites_of(self, root: Any, frame: FrameType) -> list[tuple[Site, Any]]:
        """The sites of one backward with their loss nodes; None where the loss is handwritten."""
        if root is None:
            return []
        found = []
        nodes = graph.loss_nodes(root) or [None]
        for order, node in enumerate(nodes):
            head = reading.head_of(node) if node is not None else graph.head_parameter(root)
            key = (id(frame.f_code), frame.f_lasti, order, id(head))
            known = self._sites.get(key)
            if known is None or (known[0] is not None and known[0]() is not head):
                known = self._new_site(key, root, node, head, frame)
            if known[1] is not None:
                found.append((known[1], node))
        return found

    def _new_site(
        self, key: tuple[Any, ...], root: Any, node: Any, head: Any, frame: FrameType
    ) -> tuple[Any, Site | None]:
        reference = None if head is None else weakref.ref(head)
        self._codes[key[0]] = frame.f_code  # kept, so that its id stays its own
        site = None
        full = len(self._sites) >= _MOST_SITES
        if not full and (head is None or self._names.wanted(head)):
            model = None if head is None else self._names.model_of(head, frame)
            report_models(self._names, self.context, self._torch)
            loss = graph.handwritten_kind(root)
            if node is not None:
                loss = reading.read_call(node).loss
            site = self._evaluation.adopt(loss, node) or Site(
                self._names.unique(loss), self.context
            )
            site.owner, site.place = model, self.context.place(frame)
            if node is None:
                site.learn_unknown(loss, self.counter.current())
        self._sites[key] = (reference, site)
        return reference, site

    def _tell_non_finite(self, site: Site, node: Any, root: Any, step: int) -> None:
        site.non_finite_told = True
        module = None if site.owner is None else site.owner.module()
        place = nonfinite.first_place(root, node, site.call, module, self._torch)
        if place is None:
            site.non_finite_told = False
        else:
            self.context.emit(NonFinite(site.name, step, *place))

    def all_sites(self) -> list[Site]:
        sites = [site for _, site in self._sites.values() if site is not None]
        return list(dict.fromkeys([*sites, *self._evaluation.sites()]))

    # -- flushing ---------------------------------------------------------------------------------

    def _maybe_flush(self) -> None:
        now = self.context.clock()
        if now - self._last_flush < FLUSH_SECONDS and not any(
            site.full for _, site in self._sites.values() if site is not None
        ):
            return
        if not self.counter.settled:
            return
        self._flush(now)

    def _flush(self, now: float) -> None:
        self._last_flush = now
        for site in self.all_sites():
            site.flush(self.plan.one_in, self.counter.known)
        self._steps.flush()
        self.plan.adapt(self.context.clock(), self.counter.backwards, self._counted)

    def flush(self) -> None:
        if self.attached and self._note is None:
            self.guarded(self._flush, self.context.clock())

    def explain(self, error: BaseException) -> LossRaised | None:
        try:
            return raised.explain(error, self.context, self.counter.current(), self._torch)
        except Exception:
            return None


def _caller(frame: FrameType, torch: Any) -> FrameType:
    """The frame that called backward, Tensor.backward itself left out."""
    while frame.f_code is torch.Tensor.backward.__code__ and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _pre_hook(switch: Switch) -> Callable[..., None]:
    def before_step(optimizer: Any, *_: Any) -> None:
        probe = switch.probe
        if probe is not None and not probe._busy:
            probe.guarded(probe.before_step, optimizer, sys._getframe(1))

    return before_step


def _post_hook(switch: Switch) -> Callable[..., None]:
    def after_step(optimizer: Any, *_: Any) -> None:
        probe = switch.probe
        if probe is not None and not probe._busy:
            probe.guarded(probe.after_step, optimizer)

    return after_step


def _next(original: Callable[[Any], Any], switch: Switch) -> Callable[[Any], Any]:
    def next_batch(self: Any) -> Any:
        probe = switch.probe
        if probe is None:
            return original(self)
        if self._num_yielded == 0:
            probe.guarded(probe.before_batch, self)
        try:
            return original(self)
        except StopIteration:
            probe.guarded(probe.after_pass, self)
            raise

    return next_batch
