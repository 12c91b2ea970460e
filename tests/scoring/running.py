"""One run of a program in a fresh kernel, plainly or watched."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernels import ForkedKernel, Kernels
from .measure import Measure, of_predictions
from .scenario import Scenario

WATCHED = "%%watch_training --export report.json"
_KEEP = """
__import__("numpy").savez("verified.npz", **{
    name: __import__("numpy").asarray(globals()[name])
    for name in ("predicted", "actual", "skill", "outputs") if name in globals()
})
"""


class BrokenProgram(RuntimeError):  # noqa: N818 - named for what is wrong
    """A program that raises where it should not, or verifies nothing; the message says which."""


@dataclass(frozen=True)
class Run:
    """What came of a program."""

    measure: Measure
    verified: Mapping[str, NDArray[np.generic]]  # what its verify cell found, by variable
    error: str | None  # the name of the exception that the training ended in
    seconds: float  # of all cells, the framework's import left out
    report: Mapping[str, Any] | None = None  # of the watched cell
    numbers: Mapping[int, str] = field(default_factory=dict)  # execution count -> cell

    def same_predictions(self, other: Run) -> bool:
        """Whether everything that was verified is equal to the bit."""
        return self.error == other.error and (
            {name: (value.dtype, value.tobytes()) for name, value in self.verified.items()}
            == {name: (value.dtype, value.tobytes()) for name, value in other.verified.items()}
        )


def run(
    kernels: Kernels, scenario: Scenario, cells: Mapping[str, str], *, watched: bool = False
) -> Run:
    """Run cells in the program's place, each as a cell of a notebook. Raises `BrokenProgram`."""
    with kernels.fresh(scenario.framework, scenario.backend) as kernel:
        if watched:
            kernel.aside("%load_ext collapse_magic")
        began = time.perf_counter()
        numbers: dict[int, str] = {}
        raised: str | None = None
        for name, source in cells.items():
            text = f"{WATCHED}\n{source}" if watched and name == "train" else source
            outcome = kernel.run(text)
            numbers[int(outcome.reply["execution_count"])] = name
            if outcome.status == "ok":
                continue
            if name != "train":
                raise BrokenProgram(f"the cell {name} raised\n" + "\n".join(outcome.errors))
            raised = str(outcome.reply["ename"])
        verified = _verified(kernel)
        seconds = time.perf_counter() - began
        report = None
        if watched:
            report = json.loads((kernel.folder / "report.json").read_text(encoding="utf-8"))
    return Run(_measure(verified), verified, raised, seconds, report, numbers)


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
