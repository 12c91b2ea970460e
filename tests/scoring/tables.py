"""The scores as Markdown."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

from .causes import CAUSES, STRUCTURAL
from .judging import Judged

_CONFIDENCES = ("certain", "likely", "to check")
_BY_STEP = 3  # structural causes are said by this one

HEAD = """\
<!-- Written by `make scores`: do not edit. -->
# Scores

Written by `make scores` on {machine}.

Every program of `tests/scenarios` is run in a real kernel: plainly, plainly with its reference fix,
watched with the magic's default options, and plainly with the fix that the first finding offers.
Programs are faulty or healthy by a measure that knows nothing of the tool
(`tests/scenarios/README.md`). The held-out third was marked before any threshold was tuned, by the
number in the file's name; thresholds are tuned on the others only. How many batches are counted
within the budget depends on the machine and its load, and so, by a program or two, do the figures.

*Named* are the findings that stand at the end of the run, in their order. *Evidence after* is the
share of the run that was over when the evidence for a right answer was complete, *said after* the
share when the tool said so: rules run twice a second, and most of these trainings take about one.
An *alarm* is a finding at the level of an error or a warning at any time of the run, withdrawn or
not. A fix *cures* where it brings the program at least half the way from what it is to what the
reference fix makes of it. The shares are medians.
"""


def document(judged: Sequence[Judged]) -> str:
    tuned = [j for j in judged if not j.scenario.holdout]
    held_out = [j for j in judged if j.scenario.holdout]
    return "\n".join(
        [
            HEAD.format(machine=machine()),
            "## In all\n",
            overview({"tuned": tuned, "held out": held_out, "all": judged}),
            "\n## Rule by rule: the tuned part\n",
            by_rule(tuned),
            "\n## Rule by rule: the part held out\n",
            by_rule(held_out),
            "\n## Judged wrongly: the tuned part\n",
            wrong(tuned),
            "\n## Judged wrongly: the part held out\n",
            wrong(held_out),
            "\n## What the corpus holds\n",
            composition(judged),
            "",
        ]
    )


def overview(parts: dict[str, Sequence[Judged]]) -> str:
    rows: list[tuple[str, Callable[[Sequence[Judged]], str]]] = [
        ("faulty programs", lambda js: str(len(faulty(js)))),
        ("true cause named first", lambda js: share(faulty(js), lambda j: j.first_is_right)),
        ("among the first three", lambda js: share(faulty(js), lambda j: j.among_three)),
        ("evidence after", lambda js: evidence_after(faulty(js))),
        ("said after", lambda js: said_after(faulty(js))),
        (
            f"structural causes: evidence by step {_BY_STEP}",
            lambda js: share(structural(js), lambda j: _early(j, "evidence")),
        ),
        (
            f"structural causes: said by step {_BY_STEP}",
            lambda js: share(structural(js), lambda j: _early(j, "said")),
        ),
        ("healthy programs", lambda js: str(len(healthy(js)))),
        ("with a false alarm", lambda js: share(healthy(js), lambda j: bool(j.alarms))),
        ("with advice (info)", lambda js: share(healthy(js), lambda j: bool(j.advice))),
        ("predictions equal to plain", lambda js: share(js, lambda j: j.equal)),
        ("fix offered as code", lambda js: share(faulty(js), lambda j: fixed(j, "code"))),
        ("applies and runs", lambda js: share(faulty(js), lambda j: fixed(j, "runs"))),
        ("cures", lambda js: share(faulty(js), lambda j: fixed(j, "cures"))),
        *((f"right where *{word}* (first finding)", _calibration(word)) for word in _CONFIDENCES),
        ("programs of no use", lambda js: str(sum(bool(j.invalid) for j in js))),
    ]
    return table(
        ["", *parts], [[name, *(value(part) for part in parts.values())] for name, value in rows]
    )


def by_rule(judged: Sequence[Judged]) -> str:
    """One row per rule that a program has as its cause, or that was named."""
    alarms = Counter(rule for j in healthy(judged) for rule in set(j.alarms))
    mistaken = Counter(j.named[0] for j in faulty(judged) if j.named and not j.first_is_right)
    rows = []
    for rule, code in CAUSES.items():
        own = [j for j in faulty(judged) if j.scenario.cause == rule]
        if not (own or alarms[rule] or mistaken[rule]):
            continue
        rows.append(
            [
                code,
                rule,
                str(len(own)),
                *(str(sum(test(j) for j in own)) for test in (_first, _three)),
                evidence_after(own),
                said_after(own),
                str(mistaken[rule]),
                str(alarms[rule]),
                *(str(sum(fixed(j, what) for j in own)) for what in ("code", "runs", "cures")),
            ]
        )
    head = "code|rule|programs|first|in three|evidence after|said after|first elsewhere, wrongly"
    return table([*head.split("|"), "false alarms", "fix as code", "runs", "cures"], rows)


def wrong(judged: Sequence[Judged]) -> str:
    rows = [
        [f"`{j.scenario.slug}`", j.scenario.framework, j.scenario.story, verdict(j)]
        for j in judged
        if not j.right or not j.equal or j.invalid
    ]
    return (
        table(["program", "framework", "what is true", "what was said"], rows) if rows else "None."
    )


def verdict(judged: Judged) -> str:
    """What was said of a program, in one line."""
    if judged.invalid:
        # of a traceback the line that says what was wrong
        return "of no use: " + "; ".join(why.strip().splitlines()[-1] for why in judged.invalid)
    words = [] if judged.equal else ["**watching changed the result**"]
    said = judged.alarms if judged.scenario.healthy else judged.named
    words.append(", ".join(dict.fromkeys(said)) or "nothing")
    return "; ".join(words)


def composition(judged: Sequence[Judged]) -> str:
    kinds = sorted({(j.scenario.framework, j.scenario.data) for j in judged})
    rows = []
    for framework, data in kinds:
        own = [j for j in judged if (j.scenario.framework, j.scenario.data) == (framework, data)]
        rows.append([framework, data, str(len(faulty(own))), str(len(healthy(own)))])
    return table(["framework", "data", "faulty", "healthy"], rows)


def machine() -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    versions = ", ".join(
        f"{package} {importlib.metadata.version(package)}"
        for package in ("torch", "tensorflow", "keras", "scikit-learn")
    )
    return f"{name} ({os.cpu_count()} cores), Python {platform.python_version()}, {versions}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def share(judged: Sequence[Judged], test: Callable[[Judged], bool]) -> str:
    if not judged:
        return "-"
    count = sum(test(j) for j in judged)
    return f"{count} of {len(judged)} ({count / len(judged):.0%})"


def evidence_after(judged: Sequence[Judged]) -> str:
    return _median([j.share(j.answer.evidence) for j in judged if j.answer is not None])


def said_after(judged: Sequence[Judged]) -> str:
    return _median([j.share(j.answer.said) for j in judged if j.answer is not None])


def _median(shares: Sequence[float]) -> str:
    return f"{median(shares):.0%}" if shares else "-"


def _early(judged: Judged, what: str) -> bool:
    return judged.answer is not None and getattr(judged.answer, what) <= _BY_STEP


def faulty(judged: Sequence[Judged]) -> list[Judged]:
    return [j for j in judged if not j.scenario.healthy]


def healthy(judged: Sequence[Judged]) -> list[Judged]:
    return [j for j in judged if j.scenario.healthy]


def structural(judged: Sequence[Judged]) -> list[Judged]:
    return [j for j in judged if j.scenario.cause in STRUCTURAL]


def fixed(judged: Judged, what: str) -> bool:
    return judged.fix is not None and bool(getattr(judged.fix, what))


def _first(judged: Judged) -> bool:
    return judged.first_is_right


def _three(judged: Judged) -> bool:
    return judged.among_three


def _calibration(word: str) -> Callable[[Sequence[Judged]], str]:
    """Of the first findings with this word, how many were right; on healthy programs none is."""

    def value(judged: Sequence[Judged]) -> str:
        said = [j for j in judged if j.first is not None and j.first["confidence"] == word]
        return share(said, lambda j: j.first_is_right)

    return value
