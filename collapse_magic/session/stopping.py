"""Whether the cell is to be stopped at the next step boundary, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterable

from ..config import WatchConfig
from ..findings import SEVERITY_ORDER, Finding


class Stopping:
    """`reason` is None as long as the cell may go on; it does not change once it is there."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def at_limits(self, config: WatchConfig, steps: int, seconds: float) -> None:
        """`steps` and `seconds` of training so far."""
        if self.reason is not None:
            return
        if config.steps is not None and steps >= config.steps:
            self.reason = f"stopped at step {steps:,} by --steps {config.steps}"
        elif config.seconds is not None and seconds >= config.seconds:
            self.reason = f"stopped at step {steps:,} by --seconds {config.seconds:g}"

    def at_findings(self, config: WatchConfig, findings: Iterable[Finding], steps: int) -> None:
        if self.reason is not None or config.stop_on == "never":
            return
        worst = SEVERITY_ORDER[config.stop_on]
        for finding in findings:
            if finding.resolved_step is None and SEVERITY_ORDER[finding.severity] <= worst:
                step = max(steps, finding.last_step)  # the one that runs
                self.reason = (
                    f"stopped at step {step:,} by --stop-on {config.stop_on}: "
                    f"{finding.code} {finding.rule}"
                )
                return
