"""step-per-epoch and train-longer: the loops around the backward call."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot, line_of
from ..patch import Patch, example
from .base import Case

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def step_per_epoch(case: Case) -> Fix | None:
    """The schedule's step behind the loop over the batches, where it stands inside of it."""
    steps = _schedule_steps(case)
    if len(steps) != 1:
        return example(case.title, [], ["scheduler.step()  # behind the loop over the batches"])
    (step,) = steps
    loop = next((above for above in _loops(case) if _holds(above, step)), None)
    if loop is None:
        return _shown(case, step)
    patch = Patch(case.flow)
    patch.remove_statement(step)
    patch.insert_after(Spot(case.cell, loop), [step.text])
    return patch.fix(case.title)


def train_longer(case: Case) -> Fix | None:
    """The outermost loop around the backward call, ten times as long."""
    loops = _loops(case)
    if not loops:
        return None
    head = case.cell.code(line_of(loops[-1])).strip()
    rounds = _rounds(loops[-1])
    longer = head.replace(f"range({rounds})", f"range({10 * rounds})") if rounds else head
    return example(case.title, [head], [f"{longer}  # ten times as many, to begin with"])


def _rounds(loop: ast.stmt) -> int:
    """How often a loop over `range(N)` runs; 0 where that is not written as a number."""
    match getattr(loop, "iter", None):
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(rounds))]):
            return rounds
    return 0


def _loops(case: Case) -> list[ast.stmt]:
    """Loops around the backward call in its function, the innermost first."""
    statement = case.context.statement.node
    return [above for above in case.cell.ancestors(statement) if isinstance(above, _LOOPS)]


def _holds(loop: ast.stmt, step: Spot) -> bool:
    return any(node is step.node for node in ast.walk(loop))


def _schedule_steps(case: Case) -> list[Spot]:
    """Statements around the backward call that step a schedule and do nothing else."""
    return [
        Spot(case.cell, node)
        for node in case.cell.walk(case.cell.scope(case.context.statement.node))
        if isinstance(node, ast.Expr) and _steps_schedule(case, node.value)
    ]


def _steps_schedule(case: Case, call: ast.expr) -> bool:
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return False
    if call.func.attr != "step":
        return False
    made = case.flow.origins(Spot(case.cell, call.func.value))
    names = (case.flow.names.path(getattr(one.node, "func", one.node)) or "" for one in made)
    return any("lr_scheduler" in name for name in names)


def _shown(case: Case, step: Spot) -> Fix:
    return example(case.title, [step.text], [f"{step.text}  # once an epoch, not in every batch"])
