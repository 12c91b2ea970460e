"""The table of styles: what was observed of each, as Markdown."""

from __future__ import annotations

from pathlib import Path

from collapse_magic.records import EpochEnded, LossFacts

from .account import Style
from .watching import Run

PAGE = Path(__file__).resolve().parents[3] / "docs" / "styles-keras.md"
HEAD = """\
<!-- Written by `python -m tests.keras_runs.styles` from what its runs observe: do not edit. -->
# Styles of training with Keras on TensorFlow, and what is seen of them

Every line is a program in `tests/keras_runs/styles/` that trains for real. Watched, it gives the
same weights, losses and metrics, bit for bit, as unwatched. What is seen agrees with the history
that `fit` returns (loss, accuracy, validation accuracy) and with what the loops count themselves:
with every batch counted and the layers looked at in every step, as here. Within its budget the
watching counts fewer batches and says so.
[styles.md](styles.md) holds the styles of PyTorch.
"""
TAIL = """\
## What is not seen, and why

- **Gradient norms in a step that XLA compiles.** With further results XLA may fuse the user's
  operations in another way, and then the last bits of the weights are others. How far the weights
  move is seen from outside.
- **Activations and the scale of the inputs** of models with a `call` of one's own or several
  inputs, and in loops with a tape. Elsewhere a few samples are sent once more through Keras' own
  layers, in the order of the layer graph; the user's code is never run a second time.
- **Losses of one's own that take parts of their arguments**, or in which the label stands for the
  contrary of the output: what they make of them is not told from the graph, and not guessed.
"""


def table(runs: list[tuple[Style, Run]]) -> str:
    """The whole page."""
    lines, group = [HEAD], None
    for style, run in runs:
        if style.group != group:
            group = style.group
            lines += [f"\n## {group}\n", "| style | written | seen | how |", "|---|---|---|---|"]
        cells = (style.name, style.written, seen(style, run), how(run))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n\n" + TAIL


def seen(style: Style, run: Run) -> str:
    assert run.report is not None
    amounts = (
        (len(run.losses()), "loss value"),
        (run.labels("train").total(), "prediction"),
        (run.report.steps, "step"),
        (len(run.of(EpochEnded)), "epoch"),
        (len(run.norms()), "layer"),
        (run.labels("eval").total(), "prediction at evaluation"),
    )
    words = [f"{n} {noun if n == 1 else _several(noun)}" for n, noun in amounts if n]
    missing = [f"**not all {aspect}**: {reason}" for aspect, reason in style.unseen.items()]
    return "; ".join([", ".join(words), *missing])


def _several(noun: str) -> str:
    first, *rest = noun.split(" at ")
    return " at ".join([first + "s", *rest])


def how(run: Run) -> str:
    """The losses by the names they go by, and what stands before them."""
    last = {facts.site: facts for facts in run.of(LossFacts)}
    ways = [
        f"`{facts.loss}`" + "".join(f" over {kind}" for kind in facts.activations)
        for facts in last.values()
    ]
    return " and ".join(ways)
