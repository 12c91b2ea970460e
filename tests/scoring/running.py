"""One run of a program in a fresh kernel, plainly or watched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import ForkedKernel, Kernels
from .measure import Measure, of_predictions
from .scenario import Scenario

WATCH = "%%watch_training --export report.json"
# A report tells since when a thing is wrong; this, when a rule first fired: the step at which its
# evidence was complete, and how far the training was by then (rules run twice a second).
_LISTEN = """
def __listen():
    from collapse_magic.engine import Engine
    said, plain = {}, Engine._follow
    def follow(engine, key, diagnosis):
        said.setdefault(key[0], (diagnosis.step, max(diagnosis.step, engine._history.steps)))
        return plain(engine, key, diagnosis)
    Engine._follow = follow
    return said
__said = __listen()
"""
_SEED = "import collapse_magic.probes.schedule as __schedule; __schedule.SEED = {}"
_KEEP = """
__import__("numpy").savez("verified.npz", **{
    name: __import__("numpy").asarray(globals()[name])
    for name in ("predicted", "actual", "skill", "outputs") if name in globals()
})
"""


class BrokenProgram(RuntimeError):  # noqa: N818 - named for what is wrong
    """A program that raises where it should not, or verifies nothing; the message says which."""


class Fired(NamedTuple):
    """A rule's first diagnosis of a run."""

    evidence: int  # the step at which its evidence was complete
    said: int  # the step that the training had reached


@dataclass(frozen=True)
class Run:
    """What came of a program."""

    measure: Measure
    verified: Mapping[str, NDArray[np.generic]]  # what its verify cell found, by variable
    error: str | None  # the name of the exception that the training ended in
    seconds: float  # of CPU time, without the framework's import
    report: Mapping[str, Any] | None = None  # of the watched cell
    fired: Mapping[str, Fired] = field(default_factory=dict)  # by rule: the first time
    numbers: Mapping[int, str] = field(default_factory=dict)  # execution count -> cell

    def same_predictions(self, other: Run) -> bool:
        """Whether everything that was verified is equal to the bit."""
        return self.error == other.error and (
            {name: (value.dtype, value.tobytes()) for name, value in self.verified.items()}
            == {name: (value.dtype, value.tobytes()) for name, value in other.verified.items()}
        )


def watch_line(scenario: Scenario, options: str = "") -> str:
    """The line that watches a program, with its own options and more."""
    return " ".join([WATCH, *scenario.options.split(), *options.split()])


def run(
    kernels: Kernels,
    scenario: Scenario,
    cells: Mapping[str, str],
    *,
    watch: str | None = None,
    seed: int = 0,
) -> Run:
    """Run cells in the program's place, each as a cell of a notebook.

    ``watch`` is the line that watches the training, `WATCH` and perhaps options; without it the run
    is plain. ``seed`` is that of the tool's own choice of the batches that it counts. Raises
    `BrokenProgram`.
    """
    with kernels.fresh(scenario.framework, scenario.backend) as kernel:
        if watch:
            kernel.aside("%load_ext collapse_magic")
            kernel.aside(_LISTEN)
            kernel.aside(_SEED.format(seed))
        numbers: dict[int, str] = {}
        raised: str | None = None
        for name, source in cells.items():
            text = f"{watch}\n{source}" if watch and name == "train" else source
            outcome = kernel.run(text)
            numbers[int(outcome.reply["execution_count"])] = name
            if outcome.status == "ok":
                continue
            if name != "train":
                raise BrokenProgram(f"the cell {name} raised\n" + "\n".join(outcome.errors))
            raised = str(outcome.reply["ename"])
        verified, seconds = _verified(kernel), kernel.cpu_seconds()
        report, fired = None, {}
        if watch:
            report = json.loads((kernel.folder / "report.json").read_text(encoding="utf-8"))
            said = json.loads(kernel.aside("print(__import__('json').dumps(__said))").stdout)
            fired = {rule: Fired(*steps) for rule, steps in said.items()}
    return Run(_measure(verified), verified, raised, seconds, report, fired, numbers)


def _verified(kernel: ForkedKernel) -> dict[str, NDArray[np.generic]]:
    outcome = kernel.aside(_KEEP)
    if outcome.status != "ok":
        raise BrokenProgram("what was verified is no array\n" + "\n".join(outcome.errors))
    with np.load(kernel.folder / "verified.npz") as file:
        return dict(file)


def _measure(verified: Mapping[str, NDArray[np.generic]]) -> Measure:
    if "skill" in verified:
        return Measure(float(verified["skill"]))
    if not {"predicted", "actual"} <= set(verified):
        raise BrokenProgram("the cell verify assigns neither predicted and actual nor skill")
    try:
        return of_predictions(verified["predicted"], verified["actual"])
    except ValueError as error:
        raise BrokenProgram(f"the cell verify: {error}") from error
