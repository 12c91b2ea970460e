"""step-per-epoch and train-longer: the loops around the backward call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot, line_of
from ..names import dotted
from ..patch import Patch, example, primary
from .base import Case

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LONGER = 10


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
    """Ten times as many rounds of the outermost loop; no `break` that ends it early."""
    patch = Patch(case.flow)
    found = rounds(case)
    if found is None:
        return _shown_longer(case)
    loop, stop = found
    early = [node for node in _breaks(loop.node) if _own_line(loop, node)]
    if early and _broken_off(case, loop, stop):
        for node in early:
            patch.remove_statement(Spot(loop.cell, node))
        return patch.fix("train to the end, without the break")
    patch.replace(stop, times(stop, _LONGER))
    return patch.fix(case.title)


def rounds(case: Case) -> tuple[Spot, Spot] | None:
    """The outermost loop over a `range`, and where that ends: `N` of `range(N)`."""
    for spot in reversed(case.around):
        node = spot.node
        if isinstance(node, (ast.For, ast.AsyncFor)):
            for call in ast.walk(node.iter):
                if isinstance(call, ast.Call) and _counts_up(call):
                    return spot, Spot(spot.cell, call.args[-1])
    return None


def _counts_up(call: ast.Call) -> bool:
    """`range(N)` and `range(1, N)`."""
    ranges = dotted(call.func) in ("range", "trange")
    return ranges and 1 <= len(call.args) <= 2 and not call.keywords


def _broken_off(case: Case, loop: Spot, stop: Spot) -> bool:
    """Whether the loop's variable shows that it ended before its last round."""
    assert isinstance(loop.node, (ast.For, ast.AsyncFor))
    target, end = loop.node.target, stop.node
    reached = case.flow.namespace.get(target.id) if isinstance(target, ast.Name) else None
    return (
        isinstance(end, ast.Constant)
        and isinstance(end.value, int)
        and loop.cell.function(loop.node) is None
        and type(reached) is int
        and reached + 1 < end.value
    )


def times(spot: Spot, factor: int) -> str:
    """A number of rounds that is so many times as large."""
    node = spot.node
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return str(factor * node.value)
    return f"{factor} * {primary(spot)}"


def _breaks(loop: ast.AST) -> Iterator[ast.Break]:
    """`break` statements that end this loop, not one inside of it."""
    for node in ast.iter_child_nodes(loop):
        if isinstance(node, ast.Break):
            yield node
        elif not isinstance(node, (*_LOOPS, ast.expr, *_DEFINITIONS)):
            yield from _breaks(node)


def _own_line(loop: Spot, node: ast.stmt) -> bool:
    return loop.cell.lines[node.lineno - 1].strip().partition("#")[0].strip() == "break"


def _shown_longer(case: Case) -> Fix | None:
    loops = _loops(case)
    if not loops:
        return None
    head = case.cell.code(line_of(loops[-1])).strip()
    return example(case.title, [head], [f"{head}  # {_LONGER} times as many, to begin with"])


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
