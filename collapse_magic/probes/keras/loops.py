"""Training loops that the user has written: tapes, losses, and functions that are compiled.

A loss that is computed while a tape records is trained with; it belongs to the model whose weights
the tape's gradient is asked for. Without a tape it is an evaluation.
"""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from ...records import Phase, ProbeNote, TrainingLoop
from ..tasks import told
from .activations import activations_of
from .functions import Functions, Trace
from .heads import with_activations
from .kept_values import KeptValues
from .loop_calls import LoopCall, LoopStage, recording
from .losses import LossSeen
from .names import native
from .places import place_of
from .sites import Site
from .stage import Stage, current
from .updates import filled
from .written import Terms

if TYPE_CHECKING:
    from ..guard import Guard
    from .probe import KerasProbe

_MOST_SITES = 64
_MOST_PENDING = 64  # losses under a tape whose gradient has not been asked for
# Gradients without any update before that is told: loops that accumulate take so many.
_GRADIENTS_BEFORE_STEPLESS = 16
# Gradients without an update after which some weights are kept: they may be updated by hand.
_KEPT_AFTER = 8
_SOUGHT_FOR = 3  # gradients at which optimizers are looked for that update nothing


class Loops:
    """What is seen of the user's own loops, one probe's."""

    def __init__(self, probe: KerasProbe) -> None:
        self._probe = probe
        self._sites: dict[tuple[Any, ...], Site] = {}
        self._pending: list[LoopCall] = []
        self._tapes: weakref.WeakSet[Any] = weakref.WeakSet()  # whose losses are known
        # Passes over data sets that are under way, and the steps made before each.
        self._passes: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._epochs = 0
        self._told_stepless = 0
        self._gradients = 0
        self._kept: KeptValues | None = None
        self.functions = Functions(self)

    @property
    def guard(self) -> Guard:
        return self._probe.guard

    def clear(self) -> None:
        """Let go of everything of the user's."""
        self._sites.clear()
        self._pending.clear()
        self.functions = Functions(self)

    def sites(self) -> list[Site]:
        return list(self._sites.values())

    # -- losses -----------------------------------------------------------------------------------

    def loss(self, seen: LossSeen, frame: FrameType) -> None:
        """A loss was computed outside of Keras' own training, with values or in a graph."""
        stage = current()
        if isinstance(stage, LoopStage):
            place = place_of(self._probe.context, frame, seen.value)
            stage.take(LoopCall(seen, place))
        elif sys.modules["tensorflow"].executing_eagerly():
            self._computed(LoopCall(seen, self._probe.context.place(frame)))

    def _computed(self, call: LoopCall) -> None:
        """A loss has its values."""
        if not (call.trained or recording()):
            self._probe.loop_losses("eval", [call])
        elif call.owner is not None:
            self._probe.loop_losses("train", [call])
        else:
            self._pending = [*self._pending[-_MOST_PENDING:], call]

    def executed(self, trace: Trace, results: dict[str, Any]) -> None:
        """A compiled function has run; this is what it has handed out."""
        stage, probe, parcel = current(), self._probe, trace.parcel
        values = [results[key] for key in parcel.losses]
        content = None
        if stage is None:
            probe.handed_out()
            self._count(trace.gradients)
            probe.counter.executed += trace.gradients
            if probe.optimizers.looking:
                content = parcel.opened(results[parcel.key])
                probe.optimizers.after_execution(filled(trace.of_models, content[1]))
            if trace.counted:
                probe.counter.step(trace.counted)
            if values and trace.trained and probe.lets_pass("train", lambda: values):
                return
        content = content or parcel.opened(results[parcel.key])
        trained: list[LoopCall] = []
        for call in trace.calls(values, content[0]):
            if isinstance(stage, LoopStage):
                stage.take(call)
            elif stage is not None:
                stage.note(call.seen)
            elif call.trained:
                trained.append(call)
            else:
                self._computed(call)
        if stage is not None:
            stage.updates += [update.after(stage.counted) for update in trace.of_models]
            stage.counted += trace.counted
        if isinstance(stage, LoopStage):
            stage.updates_made += trace.updates
            stage.gradients += trace.gradients
        elif trained:
            probe.loop_losses("train", trained, updated=trace.updates > 0)

    # -- epochs -----------------------------------------------------------------------------------

    def pass_begins(self, iterator: Any) -> None:
        if current() is None and sys.modules["tensorflow"].executing_eagerly():
            self._passes[iterator] = self._probe.counter.done

    def pass_ends(self, iterator: Any) -> None:
        """A pass over a data set in which there was training is an epoch."""
        before = self._passes.pop(iterator, None)
        if before is not None and self._probe.counter.done > before:
            self._epochs += 1
            self._probe.epoch_ended(self._epochs)

    # -- gradients --------------------------------------------------------------------------------

    def gradient(
        self, tape: Any, target: Any, sources: Any, gradients: Any, frame: FrameType
    ) -> None:
        """The gradient of a loss by some weights was asked for."""
        tf = sys.modules["tensorflow"]
        pairs = _variables(sources, gradients, tf)
        if not pairs:
            return  # of the inputs, say
        stage = current()
        written = self._probe.written.take()
        variables = [variable for variable, _ in pairs]
        self._probe.wirings.gradient(pairs)
        if self._gradients < _SOUGHT_FOR:
            self._probe.wirings.in_sight(self._probe.names.optimizers(frame))
        owners = self._probe.models.of(variables, frame)
        owner = owners[0] if owners else None
        known = tape in self._tapes
        self._tapes.add(tape)
        if stage is None:
            self._count(1)
            self._probe.counter.executed += 1
            calls, self._pending = self._pending, []
            if not calls and not known:
                calls = self._by_hand(target, written, frame)
            for call in calls:
                call.owner, call.trained = owner, True
            if calls:
                self._probe.loop_losses("train", calls)
        elif isinstance(stage, LoopStage):
            stage.gradients += 1
            if not stage.calls and not known:
                for call in self._by_hand(target, written, frame):
                    stage.take(call)
            for call in stage.calls:
                if not call.trained:
                    call.owner, call.trained = owner, True
        elif not stage.seen:  # a `train_step` with a tape of its own
            for call in self._by_hand(target, written, frame):
                stage.note(call.seen)
        elif written is not None and stage.graph is None:
            self._wrote(stage, written)

    def _wrote(self, stage: Stage, written: Terms) -> None:
        """The only loss of a step that runs eagerly, of which no more than its value was known."""
        (seen, *others) = stage.seen
        if not others and seen.scores is None and _alike(written, seen.value):
            weighted = seen.weighted or written.weighted
            stage.seen[0] = replace(
                seen,
                loss=written.loss,
                scores=written.scores,
                targets=written.labels,
                weighted=weighted,
                written=True,
            )

    def _by_hand(self, target: Any, written: Terms | None, frame: FrameType) -> list[LoopCall]:
        """A loss that was written out: its value and, where that is understood, what it is of."""
        values = [t for t in sys.modules["tensorflow"].nest.flatten(target) if hasattr(t, "shape")]
        if len(values) != 1:
            return []
        place = place_of(self._probe.context, frame, values[0])
        seen = LossSeen("custom", values[0])
        if written is not None and _alike(written, values[0]):
            given = activations_of(written.scores)
            seen = LossSeen(
                written.loss,
                values[0],
                written.scores,
                written.labels,
                activations=given,
                weighted=written.weighted,
                written=True,
            )
        return [LoopCall(seen, place)]

    # -- sites ------------------------------------------------------------------------------------

    def site(self, phase: Phase, call: LoopCall) -> Site | None:
        """The site of a loss call that has values; evaluations go to the one that is trained."""
        seen = call.seen
        if phase == "eval" and seen.scores is not None:
            shape = tuple(seen.scores.shape)
            for site in self._sites.values():
                if site.facts.takes(seen.loss, shape):
                    return site
        name = None if call.owner is None else call.owner.name
        key = (call.place, seen.loss, name)
        known = self._sites.get(key)
        if known is None:
            if len(self._sites) >= _MOST_SITES:
                return None
            probe = self._probe
            known = Site(probe.names.unique(told(seen.loss)), probe.context, name)
            known.facts.place = call.place
            self._sites[key] = known
        return known

    def seen(self, call: LoopCall) -> LossSeen:
        """What was seen of a loss, with the activations that its model ends in."""
        return with_activations(call.seen, None if call.owner is None else call.owner.model())

    def _count(self, gradients: int) -> None:
        """Steps of training that were seen to run."""
        self._gradients += gradients
        updating = self._probe.counter.updating
        if self._kept is None and not updating and self._gradients > _KEPT_AFTER:
            self._kept = KeptValues(self._probe.wirings.asked())

    # -- telling ----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell of gradients that no optimizer is given, nor anything else moves the weights by."""
        probe = self._probe
        seen = self._gradients
        if probe.counter.updating or seen <= _GRADIENTS_BEFORE_STEPLESS:
            return
        if seen >= 2 * self._told_stepless:
            self._told_stepless = seen
            if self._kept is None or self._kept.moved():
                return
            step = max(probe.counter.done, 1)
            probe.context.emit(TrainingLoop("", step, seen, 0, 0, 0))

    def tell_random(self, function: Any) -> None:
        name = getattr(function.python_function, "__name__", "a function")
        self._probe.context.emit(
            ProbeNote(
                f"{name} was compiled before, and draws random numbers whose state it keeps: "
                "it is not watched, so that they stay the same"
            )
        )


def _alike(written: Terms, value: Any) -> bool:
    """Whether all of a loss belongs to one graph, or all of it has values."""
    graphs = {id(getattr(part, "graph", None)) for part in (written.scores, written.labels, value)}
    return len(graphs) == 1


def _variables(sources: Any, gradients: Any, tf: Any) -> list[tuple[Any, Any]]:
    """(variable, gradient or None) of those sources that are variables."""
    flat = tf.nest.flatten(sources)
    found = tf.nest.flatten(gradients)
    if len(flat) != len(found):
        return []
    return [(v, g) for v, g in zip(flat, found, strict=True) if _is_variable(v, tf)]


def _is_variable(value: Any, tf: Any) -> bool:
    return isinstance(native(value), tf.Variable)
