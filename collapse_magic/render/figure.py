"""What a run looked like: predicted shares against label shares, and the gradient flow.

Matplotlib's object interface on an Agg canvas: the user's backend, open figures and rcParams are
neither read nor changed. The background is see-through and all text mid-grey, which reads on
white and on black.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..report import Trace
from .words import cut, percent

GREY = "#7a7a7a"  # 4.3 to 1 on white, 4.4 to 1 on #111111
# Between the luminances that hold 3 to 1 on white and on #111111 lie only a few colours that
# people with any kind of colour vision tell apart; the second five are the first five, dashed.
COLOURS = ("#255ae9", "#f55916", "#25a074", "#ae2b82", "#6f602c")
DASHES: tuple[Any, ...] = ("solid", (0, (4, 2)))
MOST_CLASSES = 10
MOST_LAYERS = 40
DPI = 144
# What Matplotlib would take from the user's settings and what would change how the figure reads.
FONT = {"family": "DejaVu Sans", "size": 10}


def class_style(index: int) -> dict[str, Any]:
    """Colour and dash of a class: the same in every figure."""
    row, column = divmod(index % MOST_CLASSES, len(COLOURS))
    return {"color": COLOURS[column], "linestyle": DASHES[row]}


def styles(classes: Sequence[int]) -> list[dict[str, Any]]:
    """Styles for the classes of one figure, no two alike: where two would be, the class that
    comes later takes the next one that is free."""
    taken: list[int] = []
    for index in classes:
        free = (n % MOST_CLASSES for n in range(index, index + MOST_CLASSES))
        taken.append(next(n for n in free if n not in taken))
    return [class_style(n) for n in taken]


def draw(trace: Trace) -> bytes | None:
    """The figure as PNG; None where there is nothing to draw."""
    shares = len(trace.share_steps) > 1 and bool(trace.classes)
    flow = len(trace.layer_steps) > 1 and bool(trace.layers)
    if not shares and not flow:
        return None
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        panels = [panel for panel, there in ((_shares, shares), (_flow, flow)) if there]
        figure = Figure(figsize=(4.6 * len(panels), 2.6), layout="constrained", facecolor="none")
        canvas = FigureCanvasAgg(figure)
        for position, panel in enumerate(panels, start=1):
            axes = figure.add_subplot(1, len(panels), position)
            _plain(axes)
            panel(figure, axes, trace)
        file = io.BytesIO()
        canvas.print_figure(file, format="png", dpi=DPI, facecolor="none")
    return file.getvalue()


def _plain(axes: Any) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=GREY, labelsize=9)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(GREY)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("step", color=GREY, fontdict=FONT)


def _shares(_figure: Any, axes: Any, trace: Trace) -> None:
    axes.set_title("predicted share of each class  (dots: labels)", color=GREY, fontdict=FONT)
    final = trace.shares[-1]
    order = sorted(range(len(trace.classes)), key=lambda k: -_rank(trace, k))[:MOST_CLASSES]
    for k, style in zip(order, styles(order), strict=True):
        values = [row[k] for row in trace.shares]
        name = f"{cut(trace.classes[k], 14)} {percent(final[k])}"
        axes.plot(trace.share_steps, values, linewidth=1.6, label=name, **style)
        if k < len(trace.label_share):
            axes.axhline(trace.label_share[k], color=style["color"], linestyle=":", linewidth=1.0)
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0.0, 0.5, 1.0], ["0%", "50%", "100%"])
    legend = axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9, labelcolor=GREY
    )
    hidden = len(trace.classes) - len(order)
    if hidden > 0:
        legend.set_title(f"and {hidden} more", prop={"size": 9})
        legend.get_title().set_color(GREY)


def _rank(trace: Trace, k: int) -> float:
    label = trace.label_share[k] if k < len(trace.label_share) else 0.0
    return max(max(row[k] for row in trace.shares), label)


def _flow(figure: Any, axes: Any, trace: Trace) -> None:
    """Layer x step, first layer on top; logarithmic, since vanishing is a matter of powers of
    ten."""
    import numpy as np
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_title("gradient norm of each layer", color=GREY, fontdict=FONT)
    layers = list(range(len(trace.layers)))
    if len(layers) > MOST_LAYERS:
        layers = [round(n * (len(layers) - 1) / (MOST_LAYERS - 1)) for n in range(MOST_LAYERS)]
    norms = np.asarray(trace.gradient_norms, dtype=float).T[layers]
    seen = norms[np.isfinite(norms) & (norms > 0)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (1e-3, 1.0)
    low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high * 1.0001))
    # Zero is drawn as the smallest value; no gradient and NaN stay empty.
    shown = np.ma.masked_invalid(np.where(norms == 0, low, norms))
    edges = _edges(trace.layer_steps)
    rows = np.arange(len(layers) + 1)
    mesh = axes.pcolormesh(
        edges, rows, shown, cmap="cividis", norm=LogNorm(low, high), rasterized=True
    )
    axes.invert_yaxis()
    every = max(1, math.ceil(len(layers) / 12))
    axes.set_yticks(
        [n + 0.5 for n in range(0, len(layers), every)],
        [cut(trace.layers[k], 16) for k in layers[::every]],
    )
    bar = figure.colorbar(mesh, ax=axes, pad=0.02, aspect=30)
    bar.ax.yaxis.set_major_locator(LogLocator(numticks=6))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(colors=GREY, labelsize=9)
    bar.outline.set_visible(False)


def _edges(steps: tuple[int, ...]) -> list[float]:
    """Cell borders half way between the steps that were looked at."""
    inner = [(a + b) / 2 for a, b in pairwise(steps)]
    return [steps[0] - 0.5, *inner, steps[-1] + 0.5]
