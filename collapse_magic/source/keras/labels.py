"""Remedies that rewrite the labels: in the `fit` call, or in the loss call of a tape."""

from __future__ import annotations

import ast
from collections.abc import Callable

from ...findings import Fix, Safety
from ..cells import Spot
from ..names import dotted
from ..patch import Patch, example, primary
from ..remedies.labels import term, without_call
from .case import Case
from .place import Fit

_CASTS = {"astype", "float", "int", "numpy"}
# How TensorFlow and NumPy write the types that rules ask for.
_TYPES = {"long": ("int32", "int32"), "float": ("float32", "float32")}


def shift_labels(case: Case) -> Fix | None:
    """Labels 1..K become 0..K-1."""
    offset = int(case.values.get("offset", 1))
    if offset == 0:
        return None
    change = f"{'-' if offset > 0 else '+'} {abs(offset)}"
    return _rewritten(case, lambda _patch, spot: f"{term(spot)} {change}", f"y {change}")


def binarize_labels(case: Case) -> Fix | None:
    """Any positive label becomes 1.0, any other 0.0."""

    def text(patch: Patch, spot: Spot) -> str:
        bare = _uncast(case, spot)
        if _is_tensor(case, spot):
            return _cast(case, patch, spot, f"{term(bare)} > 0", "float32")
        return f'({term(bare)} > 0).astype("float32")'

    return _rewritten(case, text, "tf.cast(y > 0, tf.float32)")


def cast_labels(case: Case) -> Fix | None:
    """Labels of the type that the loss wants; a wrong cast of the user is replaced."""
    dtype = str(case.values.get("dtype", ""))
    if dtype not in _TYPES:
        return None
    tensor, array = _TYPES[dtype]

    def text(patch: Patch, spot: Spot) -> str:
        bare = _uncast(case, spot)
        if _is_tensor(case, spot):
            return _cast(case, patch, spot, bare.text, tensor)
        return f'{primary(bare)}.astype("{array}")'

    return _rewritten(case, text, f"tf.cast(y, tf.{tensor})", "safe")


def match_shapes(case: Case) -> Fix | None:
    """The labels in the shape of the outputs, whichever of the two the rule names."""
    onto_outputs = (case.values.get("argument") == "input") == (
        case.values.get("operation") == "squeeze"
    )
    dim, rank = int(case.values.get("dim", 1)), int(case.values.get("rank", 2))

    def text(patch: Patch, spot: Spot) -> str:
        if _is_tensor(case, spot):
            if onto_outputs and rank == 2:
                return f"{case.spell(patch, 'tf.reshape', spot)}({spot.text}, (-1, 1))"
            function = "tf.expand_dims" if onto_outputs else "tf.squeeze"
            return f"{case.spell(patch, function, spot)}({spot.text}, axis={dim})"
        values = f"{primary(spot)}{_to_numpy(case, spot)}"
        if onto_outputs:
            return f"{values}.reshape(-1, 1)" if rank == 2 else f"{values}[{':, ' * dim}None]"
        return f"{values}.squeeze({dim})"

    return _rewritten(case, text, f"tf.{'expand_dims' if onto_outputs else 'squeeze'}(y, {dim})")


def _to_numpy(case: Case, spot: Spot) -> str:
    """A column of a data frame knows no `reshape`."""
    return ".to_numpy()" if type(case.live(spot)).__module__.startswith("pandas") else ""


def _uncast(case: Case, spot: Spot) -> Spot:
    """`y` for `y.astype("int32")` and `tf.cast(y, tf.int32)`."""
    node = spot.node
    if isinstance(node, ast.Call):
        if case.flow.names.keras(node.func) in ("tf.cast", "keras.ops.cast") and node.args:
            return Spot(spot.cell, node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
            return Spot(spot.cell, node.func.value)
    return without_call(spot, _CASTS)


def _cast(case: Case, patch: Patch, spot: Spot, text: str, dtype: str) -> str:
    cast, kind = (case.spell(patch, f"tf.{name}", spot) for name in ("cast", dtype))
    return f"{cast}({text}, {kind})"


def _is_tensor(case: Case, spot: Spot) -> bool:
    """Whether labels are a tensor there: in a tape, or by the live object."""
    live = case.live(spot)
    if live is not None and spot.cell.function(spot.node) is None:
        return type(live).__module__.startswith("tensorflow") or not hasattr(live, "astype")
    return not isinstance(case.place, Fit)


def _rewritten(
    case: Case, text: Callable[[Patch, Spot], str], in_a_map: str, safety: Safety = "needs-review"
) -> Fix | None:
    """`text` in place of the labels; for a data set an example of its `map`."""
    labels = case.labels
    patch = Patch(case.flow)
    if labels is None:
        return _mapped(case, in_a_map)
    patch.replace(labels, text(patch, labels))
    for other in _validation(case):
        patch.replace(other, text(patch, other))
    return patch.fix(case.title, safety)


def _validation(case: Case) -> list[Spot]:
    """Labels in `validation_data=(x, y)`: what the model is measured on has the same form."""
    given = case.place.argument("validation_data") if isinstance(case.place, Fit) else None
    if given is None or not isinstance(given.node, ast.Tuple) or len(given.node.elts) < 2:
        return []
    return [Spot(given.cell, given.node.elts[1])]


def _mapped(case: Case, text: str) -> Fix | None:
    data = case.place.argument("x") if isinstance(case.place, Fit) else None
    name = None if data is None else dotted(data.node)
    if name is None:
        return None
    return example(case.title, [], [f"{name} = {name}.map(lambda x, y: (x, {text}))"])
