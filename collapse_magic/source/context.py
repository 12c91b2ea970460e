"""The code around one backward call: loss, outputs, model, optimizer and data."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from functools import cached_property

from .cells import Cell, Spot
from .flow import Flow
from .losses import LossCall, Losses
from .outputs import Outputs, Path


@dataclass(frozen=True)
class Context:
    """Lazy answers about one place; each is computed once."""

    flow: Flow
    cell: Cell
    line: int
    kind: str | None  # of the loss, as the probe saw it
    chosen: LossCall | None = None  # one of several, to show what would be done there

    @cached_property
    def losses(self) -> list[LossCall]:
        return Losses(self.flow).at(self.cell, self.line, self.kind)

    @cached_property
    def loss(self) -> LossCall | None:
        """The loss call, where there is no doubt which it is."""
        found = self.chosen or (self.losses[0] if len(self.losses) == 1 else None)
        # a loss of the user's own takes its arguments in either order
        swapped = (
            found is not None
            and found.kind is None
            and not self._leads_to_model(found, "input")
            and self._leads_to_model(found, "target")
        )
        if found is not None and swapped:
            return replace(found, input=found.target, target=found.input)
        return found

    def _leads_to_model(self, loss: LossCall, which: str) -> bool:
        return any(path.models for path in self.outputs.paths(loss.argument(which)))

    def alternatives(self) -> list[Context]:
        """One context for each loss call that may be meant, where these are several."""
        if self.chosen is not None or len(self.losses) < 2:
            return []
        return [replace(self, chosen=loss) for loss in self.losses]

    @cached_property
    def outputs(self) -> Outputs:
        return Outputs(self.flow)

    @cached_property
    def paths(self) -> list[Path]:
        return [] if self.loss is None else self.outputs.paths(self.loss.argument("input"))

    @cached_property
    def model(self) -> Spot | None:
        """The expression that is called as the model, for example `model` or `self.net`."""
        for path in self.paths:
            if path.models:
                return path.models[0]
        return None

    @cached_property
    def loader(self) -> Spot | None:
        """What the loop around the backward call runs over, without tqdm and enumerate."""
        for above in self.cell.ancestors(self._statement):
            if isinstance(above, (ast.For, ast.AsyncFor)):
                node: ast.expr = above.iter
                while isinstance(node, ast.Call) and node.args:
                    node = node.args[0]
                return Spot(self.cell, node)
        return None

    @property
    def _statement(self) -> ast.stmt:
        found = self.cell.statements_at(self.line)
        return found[0] if found else self.cell.tree.body[0]

    @property
    def statement(self) -> Spot:
        """The statement on the line, normally `loss.backward()`."""
        return Spot(self.cell, self._statement)
