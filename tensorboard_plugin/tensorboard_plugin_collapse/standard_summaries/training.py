"""One training as its logs show it: which runs belong together, and what their tags mean."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np

from collapse_magic.records import Phase

from . import tags
from .points import Line
from .summaries import PrCurve, Summaries

ROOT = "."  # what TensorBoard calls the log directory itself
_PER = {"epoch": 0, "": 1, "step": 2}
# The same number under several names: the plain one first.
_PLAIN = ("loss", "accuracy", "acc", "total_loss", "loss_total")


@dataclass(frozen=True, slots=True)
class Metric:
    """One scalar series."""

    name: str  # its tag, with its run's own name before it where several belong together
    about: tags.Scalar
    phase: Phase
    line: Line
    odd: tuple[int, float] | None  # step and value of the first one that is not finite

    @property
    def is_per_epoch(self) -> bool:
        """Whether a point stands for a whole pass over its data."""
        return self.phase == "eval" or self.about.per == "epoch"


@dataclass(frozen=True, slots=True)
class Layer:
    """The histograms of one layer's parameters; norms over all of them."""

    name: str
    size: int  # weights, 0 if unknown
    outputs: int  # of its bias, 0 if unknown
    weight: Line | None
    gradient: Line | None
    odd: tuple[int, float] | None
    normalizes: bool


@dataclass(frozen=True)
class Training:
    """All that is known of one training."""

    name: str
    runs: tuple[str, ...]  # that belong to it
    metrics: tuple[Metric, ...]
    layers: tuple[Layer, ...]  # in the order in which they were first written
    curves: tuple[tuple[str, tuple[PrCurve, ...]], ...]
    left_out: int = 0  # tags

    def of(self, role: tags.Role, phase: Phase | None = None) -> list[Metric]:
        """The series of a role, the one that speaks for the training first."""
        return self._by_role.get((role, phase), [])

    @cached_property
    def _by_role(self) -> dict[tuple[tags.Role, Phase | None], list[Metric]]:
        found: dict[tuple[tags.Role, Phase | None], list[Metric]] = defaultdict(list)
        for metric in sorted(self.metrics, key=_order):
            found[metric.about.role, metric.phase].append(metric)
            found[metric.about.role, None].append(metric)
        return dict(found)

    @cached_property
    def contested(self) -> bool:
        return any(metric.about.contested for metric in self.metrics)

    @cached_property
    def loss(self) -> Metric | None:
        """The loss of the training, of whole epochs where it was logged so."""
        return next(iter(self.of("loss", "train")), None)

    @cached_property
    def pair(self) -> tuple[Metric, Metric] | None:
        """(loss in training, the same in evaluation)."""
        held = {metric.about.key: metric for metric in reversed(self.of("loss", "eval"))}
        trained = self.of("loss", "train")
        return next(((m, held[m.about.key]) for m in trained if m.about.key in held), None)

    @property
    def site(self) -> str | None:
        """What findings are told of: the loss of the training, or else any."""
        losses = [*self.of("loss", "train"), *self.of("loss")]
        return losses[0].name if losses else None

    @cached_property
    def classes(self) -> int:
        """Outputs of the last layer, by its bias; 0 if unknown."""
        return self.layers[-1].outputs if self.layers else 0

    @cached_property
    def steps(self) -> int:
        """Of the series that counts furthest; one that counts from 0 has one more."""
        ends = [(m.line.steps[0], m.line.steps[-1]) for m in self.metrics if len(m.line)]
        ends += [
            (line.steps[0], line.steps[-1])
            for layer in self.layers
            for line in (layer.weight, layer.gradient)
            if line is not None and len(line)
        ]
        ends += [(kept[0].step, kept[-1].step) for _, kept in self.curves if kept]
        return max((int(last) + int(first == 0 < last) for first, last in ends), default=0)

    @cached_property
    def time(self) -> tuple[float, float]:
        """(first, last) wall time, s since the epoch."""
        walls = [
            line.walls
            for line in chain(
                (m.line for m in self.metrics),
                (each for y in self.layers for each in (y.weight, y.gradient) if each is not None),
            )
            if len(line)
        ]
        known = [
            *(float(w.min()) for w in walls),
            *(c.wall for _, kept in self.curves for c in kept),
        ]
        late = [
            *(float(w.max()) for w in walls),
            *(c.wall for _, kept in self.curves for c in kept),
        ]
        return min(known, default=0.0), max(late, default=0.0)


def _order(metric: Metric) -> tuple[int, int, int, bool]:
    key = metric.about.key
    plain = _PLAIN.index(key) if key in _PLAIN else len(_PLAIN)
    # A summary of the whole training is a single point under much the same name.
    return plain, metric.about.distance, _PER[metric.about.per], len(metric.line) < 2


def trainings(every: Sequence[Summaries]) -> list[Training]:
    """The trainings behind the runs; those without anything of use are left out.

    Libraries write evaluations into runs of their own: Keras into ``train`` and ``validation``,
    ``SummaryWriter.add_scalars`` into one for each of the curves.
    """
    used = [summaries for summaries in every if not summaries.empty]
    groups: dict[str, list[Summaries]] = defaultdict(list)
    for summaries in used:
        groups[home_of(summaries.run, list(summaries.scalars))].append(summaries)
    made = []
    for home, members in groups.items():
        if len(members) == 1 and members[0].run != home:
            home = members[0].run
        made.append(training(home, members))
    return sorted(made, key=lambda each: each.name)


def home_of(run: str, scalars: Sequence[str]) -> str:
    """The run that a run is a part of, by its name and its scalars' tags; itself where it is none.

    Only where several runs have the same home do they belong together.
    """
    parent, _, last = run.rpartition("/")
    named = tags.words(last)
    phase, _ = tags.phase_of(named)
    if phase is not None and len(named) == 1:
        return parent or ROOT
    # add_scalars("Loss", {"train": ...}) writes the tag "Loss" into the run "Loss_train".
    if len(scalars) == 1 and last.startswith(scalars[0].replace("/", "_") + "_"):
        return parent or ROOT
    if phase is not None and named[-1] in tags.TRAIN | set(tags.EVAL):
        return f"{parent}/{last[: -len(named[-1])].rstrip('_-. ')}".lstrip("/")
    return run


def training(name: str, members: Sequence[Summaries]) -> Training:
    """What the tags of the runs say together."""
    metrics = [m for member in members for m in _metrics(member, name)]
    order = {run: place for place, run in enumerate(member.run for member in members)}
    return Training(
        name,
        tuple(sorted(order, key=order.__getitem__)),
        tuple(metrics),
        tuple(_layers(members)),
        tuple((tag, tuple(kept)) for member in members for tag, kept in member.curves.items()),
        sum(member.left_out for member in members),
    )


def _metrics(member: Summaries, home: str) -> Iterable[Metric]:
    own = member.run if home == ROOT else member.run.removeprefix(home).lstrip("/_-")
    of_run, distance = tags.phase_of(tags.words(member.run.rpartition("/")[2]))
    for tag, points in member.scalars.items():
        about = tags.scalar(tag)
        if about is None:
            continue
        if about.phase is None and of_run is not None and member.run != home:
            about = replace(about, phase=of_run, distance=distance)
        name = f"{own}/{tag}" if own and member.run != home else tag
        yield Metric(name, about, about.phase or "train", points.line(), points.odd)


def _layers(members: Sequence[Summaries]) -> list[Layer]:
    found: dict[str, list[tuple[tags.Histogram, str, Summaries]]] = defaultdict(list)
    for member in members:
        for tag in member.histograms:
            about = tags.histogram(tag)
            if about is not None:
                found[about.layer].append((about, tag, member))
    layers = [(_first(parts), _natural(name), _layer(name, parts)) for name, parts in found.items()]
    return [layer for *_, layer in sorted(layers, key=lambda each: each[:2])]


def _first(parts: Sequence[tuple[tags.Histogram, str, Summaries]]) -> float:
    """When a layer was first written: writers go through a model from its first layer on."""
    lines = [member.histograms[tag].points.line() for _, tag, member in parts]
    return min((float(line.walls[0]) for line in lines if len(line)), default=0.0)


def _natural(name: str) -> list[tuple[int, str]]:
    """So that layer 10 comes after layer 9."""
    return [(int(p), "") if p.isdigit() else (0, p) for p in re.split(r"(\d+)", name[:200])]


def _layer(name: str, parts: Sequence[tuple[tags.Histogram, str, Summaries]]) -> Layer:
    weights = [(a, m.histograms[tag]) for a, tag, m in parts if a.part == "weight"]
    gradients = [(a, m.histograms[tag]) for a, tag, m in parts if a.part == "gradient"]
    odd = [norms.points.odd for _, norms in (*weights, *gradients) if norms.points.odd is not None]
    sized = weights or gradients
    kinds = {about.parameter for about, *_ in parts}
    return Layer(
        name,
        sum(norms.size for _, norms in sized),
        next((norms.size for about, norms in sized if about.parameter in ("bias", "biases")), 0),
        _together([norms.points.line() for _, norms in weights]),
        _together([norms.points.line() for _, norms in gradients]),
        min(odd, key=lambda each: each[0], default=None),
        bool(kinds & {"gamma", "beta"}) or bool({"norm", "bn"} & set(tags.words(name))),
    )


def _together(lines: Sequence[Line]) -> Line | None:
    """The norm over several parameters, at the steps that all of them have."""
    lines = [line for line in lines if len(line)]
    if not lines:
        return None
    steps = lines[0].steps
    for line in lines[1:]:
        steps = np.intersect1d(steps, line.steps)
    if not len(steps):
        return lines[0]
    picked = [np.searchsorted(line.steps, steps) for line in lines]
    squares = sum(line.values[at] ** 2 for line, at in zip(lines, picked, strict=True))
    return Line(steps, lines[0].walls[picked[0]], np.sqrt(squares))
