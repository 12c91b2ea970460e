"""``%watch_training --try-fix``: the user's cells anew, once as they are and once with the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..render import trial as card
from ..render.html import render_line
from ..report import Report
from ..session import current
from ..session.options import OptionError
from ..sinks.notebook import show
from ..trial.cells import WATCH, MissingCellsError, cells_to_run, options_of
from ..trial.comparison import Comparison, compare
from ..trial.process import Job, TrialFailedError, running
from .command_line import BY_FLAG, split
from .cures import Cure

SECONDS = 60.0
# What the trial says itself, or what would write the user's files and variables anew.
_OWN = frozenset({"--logdir", "--export", "-o", "--stop-on", "--steps", "--seconds"})
_OWN |= {"--quiet", "--plain"}


@dataclass(frozen=True)
class Wanted:
    """What was asked for behind ``--try-fix``."""

    which: list[str]  # a number or "all", if any
    steps: int | None
    seconds: float
    sure: bool  # --yes: do not ask


def read(words: Sequence[str]) -> Wanted:
    """Raises `OptionError`."""
    which: list[str] = []
    steps, seconds, sure = None, SECONDS, False
    waiting = list(words)
    while waiting:
        word, equals, value = waiting.pop(0).partition("=")
        if word == "--yes":
            sure = True
        elif word in ("--steps", "--seconds"):
            value = value if equals else (waiting.pop(0) if waiting else "")
            number = _positive(word, value)
            steps, seconds = (int(number), seconds) if word == "--steps" else (steps, number)
        elif word.startswith("-"):
            raise OptionError(f"--try-fix knows --steps N, --seconds T and --yes, not {word}")
        else:
            which.append(word)
    return Wanted(which, steps, seconds, sure)


def _positive(flag: str, text: str) -> float:
    try:
        number = float(text) if flag == "--seconds" else int(text)
    except ValueError:
        raise OptionError(f"--try-fix {flag} needs a number, not {text!r}") from None
    if not 0 < number < float("inf"):
        raise OptionError(f"--try-fix {flag} must be more than 0")
    return number


def try_fix(
    shell: Any, wanted: Wanted, report: Report, cure: Cure, history: Mapping[int, str]
) -> None:
    """Runs the trial of a cure and shows what it has changed.

    Raises `OptionError` where there is nothing to try, or where the trial comes to nothing.
    """
    if not cure.fix.cells:
        raise OptionError(f"the cure of {cure.names} is an example: it has no cell to run")
    # Where the user's own kernel started: cells that change the folder will do so again.
    job = make_job(wanted, report, cure.fix.cells, history, folder=shell.starting_dir)
    if not (wanted.sure or _agrees(job)):
        print("Nothing was run.")
        return
    before, after, notes = _run(shell, job)
    notes += [f"left out: {f.code} {f.rule}, which changes the same lines" for f in cure.left_out]
    compared = compare(cure.findings, cure.fix.title, before, after)
    made = make_card(compared, report, notes, wanted.which)
    show({"text/plain": card.render_text(made), "text/html": card.render_html(made)})


def make_job(
    wanted: Wanted,
    report: Report,
    changes: Mapping[int, str],
    history: Mapping[int, str],
    folder: str,
) -> Job:
    """Both sides' cells. Raises `OptionError`."""
    cell = current.last_cell()
    if cell is None:
        raise OptionError("--try-fix runs cells of a notebook; the last run was in none")
    options = options_of(history.get(cell, ""))
    try:
        before, after = (
            cells_to_run(history, cell, changed, watch_line(options, report, side))
            for side, changed in (("before", {}), ("after", changes))
        )
    except MissingCellsError as error:
        raise OptionError(str(error)) from None
    return Job(before, after, folder, wanted.steps or max(report.steps, 1), wanted.seconds)


def watch_line(options: str, report: Report, side: str) -> str:
    """The magic for one side: the user's own options, but for what the trial decides."""
    kept: list[str] = []
    words = split(options)
    while words:
        word = words.pop(0)
        flag, equals, _ = word.partition("=")
        if flag not in BY_FLAG:
            continue  # the name
        value = [words.pop(0)] if BY_FLAG[flag].metadata["metavar"] and not equals and words else []
        if flag not in _OWN:
            kept += [word, *value]
    logdir = (
        []
        if report.logdir is None
        else ["--logdir", repr(str(Path(report.logdir, report.run).absolute()))]
    )
    return " ".join([WATCH, side, *logdir, *kept])


def _agrees(job: Job) -> bool:
    """Whether the user lets the cells run again: they may write files, or send something."""
    cells = len(job.before)
    question = (
        f"This runs {'cell [1]' if cells == 1 else f'cells [1] to [{cells}]'} twice in fresh "
        "kernels, in this folder, with all that they write or send. Go on? [y/N] "
    )
    try:
        answer = input(question)
    except (EOFError, NotImplementedError, RuntimeError):
        raise OptionError("--try-fix asks before it runs cells again: add --yes") from None
    return bool(answer.strip().lower() in ("y", "yes"))


def _run(shell: Any, job: Job) -> tuple[Report, Report, list[str]]:
    """Both reports, and what went wrong on the way; progress is shown meanwhile."""
    reports: dict[str, Report] = {}
    notes: list[str] = []
    progress = _Progress(hasattr(shell, "kernel"))
    try:
        with running(job) as events:
            for event in events:
                if event["kind"] == "report":
                    reports[event["side"]] = Report.from_dict(event["report"])
                    notes += [f"{event['side']}: {text}" for text in event["failed"]]
                elif event["kind"] == "cell":
                    total = len(job.before)
                    progress.say(f"{event['side']}: cell [{event['number']}] of {total}")
                else:
                    progress.say(f"{event['side']}: {event['text']}")
    except TrialFailedError as error:
        raise OptionError(f"--try-fix: {error}") from None
    except OSError as error:
        raise OptionError(f"--try-fix: the trial could not be run: {error}") from None
    except KeyboardInterrupt:
        progress.say("broken off; the kernels of the trial have ended", last=True)
        raise OptionError("--try-fix was broken off, nothing was compared") from None
    if len(reports) < 2:
        raise OptionError("--try-fix: the process of the trial ended before its answer")
    progress.say(f"both ran for {reports['after'].steps:,} steps", last=True)
    return reports["before"], reports["after"], list(dict.fromkeys(notes))


class _Progress:
    """One line, rewritten in place."""

    def __init__(self, rich: bool) -> None:
        self._rich = rich
        self._handle: Any = None

    def say(self, text: str, last: bool = False) -> None:
        line = f"try-fix  {text}"
        if not self._rich:
            print(f"\r{line:<79.79}", end="\n" if last else "", flush=True)
            return
        data = {"text/plain": line, "text/html": render_line(line)}
        if self._handle is None:
            self._handle = show(data, display_id=True)
        else:
            self._handle.update(data, raw=True)


def make_card(
    comparison: Comparison, report: Report, notes: Sequence[str], which: Sequence[str] = ()
) -> card.TrialCard:
    """`report`: of the run whose finding it is; `which`: the words that named the fix."""
    before, after = comparison.before, comparison.after
    rows = [card.Row("steps", f"{before.steps:,}", f"{after.steps:,}")]
    rows += [
        card.Row(m.name, card.number(m.before, m.share), card.number(m.after, m.share), m.detail)
        for m in comparison.measures
    ]
    rows += [
        card.Row(f"{finding.code} {finding.rule}", *map(_stands, fates))
        for finding, *fates in comparison.fates
    ]
    foot = list(notes)
    if before.logdir is not None and after.logdir is not None:
        runs = f"{report.run}/{before.run}, {report.run}/{after.run}"
        foot.append(f"runs: {runs} in {report.logdir}")
    if comparison.cured:
        flag = " ".join(["--fix", *which])
        foot.append(f"next: %watch_training {flag} puts the changed code before you")
    return card.TrialCard(
        title=f"try-fix  {comparison.names}: {comparison.title}",
        verdict=comparison.verdict,
        cured=comparison.cured,
        rows=tuple(rows),
        foot=tuple(foot),
    )


def _stands(found: bool) -> str:
    return "stands" if found else "not seen"
