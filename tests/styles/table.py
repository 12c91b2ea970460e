"""The table of styles: what was observed of each, as Markdown."""

from __future__ import annotations

from pathlib import Path

from collapse_magic.records import EpochEnded, LayerStatistics, LossFacts, OptimizerFacts

from .account import ASPECTS, Style
from .watching import Run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "styles.md"
HEAD = """\
<!-- Written by `python -m tests.styles` from what the styles' test runs observe: do not edit. -->
# Styles of training, and what is seen of them

Every line is a program in `tests/styles/` that trains for real. Watched, it gives the same weights,
losses and random states, bit for bit, as unwatched, and afterwards everything is as it was before.
What is seen equals what the program itself counted: with every batch counted and the layers looked
at in every step, as here. Within its budget the watching counts fewer batches and says so.
Several processes that train one model are no style of one program: `tests/processes/` trains them,
`docs/guarantees.md` says what is seen.
"""

NOUNS = {  # one, several
    "loss": ("loss value", "loss values"),
    "predictions": ("prediction", "predictions"),
    "steps": ("step", "steps"),
    "epochs": ("epoch", "epochs"),
    "layers": ("layer", "layers"),
    "evaluation": ("prediction at evaluation", "predictions at evaluation"),
}


def table(runs: list[tuple[Style, Run]]) -> str:
    """The whole page."""
    lines, group = [HEAD], None
    for style, run in runs:
        if style.group != group:
            group = style.group
            lines += [f"\n## {group}\n", "| style | written | seen | how |", "|---|---|---|---|"]
        cells = (style.name, style.written, seen(style, run), how(run))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def amounts(run: Run) -> dict[str, int]:
    """How much was observed of each aspect."""
    return {
        "loss": len({pair for values in run.values() for pair in values}),
        "predictions": run.counted("train").labels.total(),
        "steps": 0 if run.report is None else run.report.steps,
        "epochs": len(run.of(EpochEnded)),
        "layers": sum(len(look.weight_norm) for look in last_looks(run)),
        "evaluation": run.counted("eval").labels.total(),
    }


def last_looks(run: Run) -> list[LayerStatistics]:
    return list({look.model: look for look in run.of(LayerStatistics)}.values())


def seen(style: Style, run: Run) -> str:
    there = amounts(run)
    words = [f"{there[a]} {NOUNS[a][there[a] > 1]}" for a in ASPECTS if there[a]]
    missing = [f"**no {NOUNS[a][1]}**: {reason}" for a, reason in style.unseen.items()]
    return "; ".join([", ".join(words), *missing])


def how(run: Run) -> str:
    """The ways by which it was seen, read from the records."""
    there = amounts(run)
    facts = run.of(LossFacts)
    nodes = list(dict.fromkeys(f"`{f.loss}`" for f in facts if f.task != "unknown"))
    ways = [f"{' and '.join(nodes)} in the graph of backward"] if nodes else []
    if not nodes and there["loss"]:
        ways.append("only the value that backward is called on")
    steps = bool(run.of(OptimizerFacts))
    ways.append("hooks of the optimizer" if steps else "each backward counts as a step")
    if there["epochs"]:
        ways.append("passes of the loader")
    if there["evaluation"]:
        ways.append("loss calls without gradients")
    if run.account.graphs:
        graphs = len(run.account.graphs)
        ways.append(f"{graphs} graph{'s' * (graphs > 1)} compiled, watched or not")
    return "; ".join(ways)
