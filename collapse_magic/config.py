"""Every option of a watched run, written once.

The magic's flags, the keywords of ``with watch_training(...)``, the script
runner's flags and the option table in the docs are all read from the fields
of `WatchConfig`: a field's metadata holds its flag, its metavar and its help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

StopOn = Literal["never", "error", "warning"]
STOP_ON: tuple[StopOn, ...] = ("never", "error", "warning")

DEFAULT_LOGDIR = "runs"
DEFAULT_BUDGET_PERCENT = 2.0


def _option(flag: str, default: Any, help: str, metavar: str | None = None) -> Any:
    return field(default=default, metadata={"flag": flag, "help": help, "metavar": metavar})


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """Options of one watched run; see the fields' help for units and defaults."""

    name: str | None = _option(
        "name", None, "name of the run; by default that of the model", "NAME"
    )
    model: Any = _option(
        "--model", None, "the model to watch, if several are trained; by default all", "EXPR"
    )
    class_names: Sequence[str] | None = _option(
        "--class-names", None, "names of the classes, in the order of their indices", "EXPR"
    )
    logdir: str = _option("--logdir", DEFAULT_LOGDIR, "directory of the TensorBoard logs", "DIR")
    tensorboard: bool = _option("--no-tensorboard", True, "write no TensorBoard logs")
    budget: float = _option(
        "--budget",
        DEFAULT_BUDGET_PERCENT,
        "most time that watching may take, in percent of the training's own",
        "PERCENT",
    )
    every: int | None = _option(
        "--every", None, "take layer statistics every N steps, whatever they cost", "N"
    )
    select: tuple[str, ...] = _option(
        "--select", (), "run only these rules (names or codes, comma-separated)", "LIST"
    )
    ignore: tuple[str, ...] = _option(
        "--ignore", (), "do not run these rules (names or codes, comma-separated)", "LIST"
    )
    stop_on: StopOn = _option(
        "--stop-on", "never", "stop the cell at a finding: never, error or warning", "WHEN"
    )
    steps: int | None = _option("--steps", None, "stop the cell after N steps of training", "N")
    seconds: float | None = _option(
        "--seconds", None, "stop the cell after T seconds of training", "T"
    )
    probe: bool = _option(
        "--probe",
        False,
        "at the end, see whether a copy of the model (PyTorch) learns one batch by heart",
    )
    quiet: bool = _option("--quiet", False, "show no cards while training, only the summary")
    plain: bool = _option("--plain", False, "plain text instead of HTML")
    export: str | None = _option(
        "--export", None, "write the report to this file (.json, .html or .txt)", "PATH"
    )
    out: str | None = _option("-o", None, "put the report into this variable", "VAR")
