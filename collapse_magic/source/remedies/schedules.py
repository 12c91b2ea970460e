"""step-per-epoch and train-longer: the loops around the backward call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..callees import called_path
from ..cells import Function, Spot, line_of
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
    loop = next((above for above in case.around if isinstance(above.node, _LOOPS)), None)
    text = None if loop is None else _there(case, step, loop)
    if loop is None or text is None:
        return _shown(case, step)
    patch = Patch(case.flow)
    patch.remove_statement(step)
    patch.insert_after(loop, [text])
    return patch.fix(case.title)


def _there(case: Case, step: Spot, loop: Spot) -> str | None:
    """The schedule's step as it is written behind a loop: perhaps in the function that calls this
    one, where the schedule may have another name."""
    assert isinstance(step.node, ast.Expr) and isinstance(step.node.value, ast.Call)
    func = step.node.value.func
    assert isinstance(func, ast.Attribute)
    here, there = step.cell.function(step.node), loop.cell.function(loop.node)
    if here is there and step.cell is loop.cell:
        return step.text
    schedule = Spot(step.cell, func.value)
    name = dotted(func.value) or ""
    if here is None or not name or step.node.value.args:
        return None
    if _same_class(step, loop, here, there) and name.startswith(f"{here.args.args[0].arg}."):
        return step.text
    bound = case.flow.values(schedule) if isinstance(func.value, ast.Name) else []
    given = bound[0].spot if len(bound) == 1 else None
    taken = {a.arg for a in (*here.args.posonlyargs, *here.args.args, *here.args.kwonlyargs)}
    if name in taken and given is not None and given.cell is loop.cell:
        known = dotted(given.node) is not None and given.cell.function(given.node) is there
        return f"{given.text}.step()" if known else None
    return step.text if name not in taken and there is None and "." not in name else None


def _same_class(step: Spot, loop: Spot, here: Function, there: Function | None) -> bool:
    """Whether both are methods of one class, with the same name for the object."""
    owner = step.cell.parents.get(here)
    if there is None or not isinstance(owner, ast.ClassDef) or not here.args.args:
        return False
    same = loop.cell.parents.get(there) is owner and bool(there.args.args)
    return same and there.args.args[0].arg == here.args.args[0].arg


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
    """The outermost loop that counts, and where that ends: `N` of `range(N)`, of `while i < N`."""
    for spot in reversed(case.around):
        node = spot.node
        if isinstance(node, ast.While) and _counts_below(node):
            assert isinstance(node.test, ast.Compare)
            return spot, Spot(spot.cell, node.test.comparators[0])
        if isinstance(node, (ast.For, ast.AsyncFor)):
            for call in ast.walk(node.iter):
                if isinstance(call, ast.Call) and _counts_up(call):
                    return spot, Spot(spot.cell, call.args[-1])
    return None


def _counts_below(loop: ast.While) -> bool:
    """`while epoch < N`, with `epoch += 1` in it."""
    test = loop.test
    if not isinstance(test, ast.Compare) or not isinstance(test.left, ast.Name):
        return False
    counted = any(
        isinstance(node, ast.AugAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == test.left.id
        and isinstance(node.value, ast.Constant)
        and node.value.value == 1
        for node in loop.body
    )
    return counted and len(test.ops) == 1 and isinstance(test.ops[0], ast.Lt)


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
    names = (called_path(case.flow, one) or "" for one in made)
    return any("lr_scheduler" in name for name in names)


def _shown(case: Case, step: Spot) -> Fix:
    return example(case.title, [step.text], [f"{step.text}  # once an epoch, not in every batch"])
