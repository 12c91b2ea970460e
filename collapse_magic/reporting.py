"""From a history and its findings to a `Report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .engine import Engine
from .findings import Finding
from .history import History, WindowTotal
from .records import Phase, PredictionWindow
from .report import PredictionSummary, Report, Trace
from .rules import gates

# The last predictions are judged over as many samples as the gate for a collapse wants to see.
SUMMARY_SAMPLES = 512
SUMMARY_SAMPLES_PER_CLASS = 20
MOST_POINTS = 300  # a figure of 4 inches has no more pixels to tell them apart
COLLAPSE = "single-class-predictions"
T = TypeVar("T")
PHASES: tuple[Phase, ...] = ("train", "eval")


def build_report(
    history: History,
    engine: Engine,
    findings: Sequence[Finding],
    *,
    run: str,
    steps: int,
    seconds: float,
    cost: float,
    logdir: str | None,
    notes: Sequence[str],
    finished: bool,
    class_names: Sequence[str] | None,
    with_trace: bool,
) -> Report:
    return Report(
        run=run,
        steps=steps,
        epochs=history.epochs,
        seconds=seconds,
        cost=cost,
        collapsed=_collapsed(history, findings),
        findings=tuple(findings),
        clear=tuple(engine.clear),
        skipped=dict(engine.skipped),
        logdir=logdir,
        predictions=_predictions(history, class_names),
        notes=tuple(dict.fromkeys(notes)),
        finished=finished,
        fits=history.fits,
        trace=make_trace(history, findings, class_names) if with_trace else None,
    )


def bare_report(run: str, notes: Sequence[str], finished: bool) -> Report:
    """Where nothing is known but why."""
    return Report(
        run=run,
        steps=0,
        epochs=None,
        seconds=0.0,
        cost=0.0,
        collapsed=False,
        findings=(),
        clear=(),
        skipped={},
        logdir=None,
        notes=tuple(notes),
        finished=finished,
    )


def _collapsed(history: History, findings: Sequence[Finding]) -> bool:
    """Whether it still answers (nearly) one class: as a finding of its own, or beside an error
    that names the cause."""
    standing = [f for f in findings if f.resolved_step is None and f.severity == "error"]
    return any(
        f.rule == COLLAPSE or (f.site is not None and _answers_one_class(history, f.site))
        for f in standing
    )


def _answers_one_class(history: History, site: str) -> bool:
    total = last_total(history, site, "train")
    facts = history.loss_facts(site)
    return (
        total is not None
        and (facts is None or facts.task in gates.CLASSIFICATION)
        and total.samples >= gates.needed_samples(total.classes)
        and total.top >= gates.ONE_CLASS_SHARE
        and total.ttop < 1
    )


def _predictions(history: History, names: Sequence[str] | None) -> tuple[PredictionSummary, ...]:
    return tuple(
        PredictionSummary(
            site=site,
            phase=phase,
            classes=_class_names(names or _own(history, site), total.classes),
            samples=total.samples,
            label_share=total.prior,
            predicted_share=total.predicted_share,
            recall=total.recall,
            cross_entropy_over_entropy=total.cross_entropy_over_entropy,
        )
        for site in history.sites()
        for phase in PHASES
        if (total := last_total(history, site, phase)) is not None
    )


def last_total(history: History, site: str, phase: Phase) -> WindowTotal | None:
    """The last windows that hold enough samples to judge by; all of them where there are fewer."""
    windows = history.windows(site, phase)
    if not windows:
        return None
    enough = max(SUMMARY_SAMPLES, SUMMARY_SAMPLES_PER_CLASS * len(windows[-1].labels))
    taken: list[PredictionWindow] = []
    for window in reversed(windows):
        if len(window.labels) != len(windows[-1].labels):
            break
        taken.append(window)
        if sum(w.samples for w in taken) >= enough:
            break
    return WindowTotal.of(taken[::-1])


def _own(history: History, site: str) -> tuple[str, ...]:
    """What the labels at a site call their classes, where they say so."""
    facts = history.loss_facts(site)
    return () if facts is None else facts.class_names


def _class_names(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    if names is not None and len(names) == classes:
        return tuple(names)
    return tuple(str(k) for k in range(classes))


def make_trace(history: History, findings: Sequence[Finding], names: Sequence[str] | None) -> Trace:
    """Shares of the site that the first finding is about, and the gradients of its model."""
    sites = [f.site for f in findings if f.site is not None] + list(history.sites())
    site = next((site for site in sites if history.windows(site, "train")), "")
    windows = _same_classes(history.windows(site, "train")) if site else []
    windows = thin(windows)
    facts = history.loss_facts(site) if site else None
    models = [model.model for model in history.models()]
    wanted = [facts.model] if facts is not None and facts.model else []
    model = next((m for m in (*wanted, *models) if history.layer_statistics(m)), "")
    layers = [layer.name for layer in getattr(history.model_facts(model), "layers", ())]
    looks = thin(
        [s for s in history.layer_statistics(model) if len(s.gradient_norm) == len(layers)]
    )
    return Trace(
        site=site,
        classes=(
            _class_names(names or _own(history, site), len(windows[-1].labels)) if windows else ()
        ),
        share_steps=tuple(window.last_step for window in windows),
        shares=tuple(WindowTotal(window).predicted_share for window in windows),
        label_share=WindowTotal.of(windows).prior if windows else (),
        model=model,
        layers=tuple(layers) if looks else (),
        layer_steps=tuple(look.step for look in looks),
        gradient_norms=tuple(look.gradient_norm for look in looks),
    )


def _same_classes(windows: Sequence[PredictionWindow]) -> list[PredictionWindow]:
    return [w for w in windows if len(w.labels) == len(windows[-1].labels)]


def thin(items: Sequence[T]) -> list[T]:
    """At most `MOST_POINTS` of the items, evenly spread, the first and the last among them."""
    if len(items) <= MOST_POINTS:
        return list(items)
    scale = (len(items) - 1) / (MOST_POINTS - 1)
    return [items[round(n * scale)] for n in range(MOST_POINTS)]
