"""What every rewriting is given."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...findings import Fix, Remedy
from ..cells import Cell, Function, Spot
from ..context import Context
from ..flow import Flow
from ..losses import KINDS, LossCall
from ..outputs import Path
from ..patch import example

# Functions between the backward call and the cell that starts the training.
_CALLS = 6


@dataclass(frozen=True)
class Case:
    """One remedy at one place of the user's code."""

    context: Context
    remedy: Remedy

    @property
    def flow(self) -> Flow:
        return self.context.flow

    @property
    def cell(self) -> Cell:
        return self.context.cell

    @property
    def line(self) -> int:
        return self.context.line

    @property
    def title(self) -> str:
        return self.remedy.title

    @property
    def values(self) -> Mapping[str, Any]:
        return self.remedy.values

    @property
    def loss(self) -> LossCall | None:
        return self.context.loss

    @property
    def paths(self) -> list[Path]:
        return self.context.paths

    @cached_property
    def around(self) -> list[Spot]:
        """Statements around the backward call, innermost first, through the calls of its functions
        up to the cell that starts the training."""
        found, spot = [], self.context.statement
        for _ in range(_CALLS):
            cell = spot.cell
            found.append(spot)
            for above in cell.ancestors(spot.node):
                if isinstance(above, Function):
                    break
                if isinstance(above, ast.stmt):
                    found.append(Spot(cell, above))
            function = cell.function(spot.node)
            calls = [] if function is None else list(self.flow.calls(Spot(cell, function)))
            if len({id(call.cell.statement(call.node)) for call, _ in calls}) != 1:
                break
            call = calls[0][0]
            spot = Spot(call.cell, call.cell.statement(call.node))
        return found

    @property
    def start(self) -> Spot | None:
        """The statement at the top of a cell that the training begins with; None where several may
        be meant."""
        last = self.around[-1]
        return last if last.node in last.cell.tree.body else None

    @cached_property
    def device(self) -> str | None:
        """Device of the user's models as text; None where it is the CPU or not known."""
        for value in list(self.flow.namespace.values()):
            if any(c.__module__ == "torch.nn.modules.module" for c in type(value).__mro__):
                first = next(iter(value.parameters()), None)
                if first is not None and first.device.type not in ("cpu", "meta"):
                    first_of_kind = not first.device.index
                    return str(first.device.type if first_of_kind else first.device)
        return None

    def no_construction(self, loss: LossCall, argument: str, made: str | None = None) -> Fix:
        """An example where the loss module is made outside of the cells."""
        name = loss.cell.text(loss.call.func)
        kinds = {kind: module for module, kind in KINDS.items() if module.startswith("nn.")}
        module = made or kinds.get(loss.kind or "", "nn.CrossEntropyLoss")
        return example(self.title, [], [f"{name} = {module}({argument})"])
