"""Large logs for the benchmark of the Collapse tab, written as watched runs write theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from collapse_magic.report import Report
from collapse_magic.sinks import rows
from collapse_magic.sinks.events import EventEncoder, EventFile

STARTED = 1_760_000_000.0
SECONDS_PER_STEP = 0.01
ROWS_PER_CHUNK = 2_000

Matrix = npt.NDArray[np.float64]


def write_run(
    directory: Path, *, steps: int, classes: int, layers: int, looks: int, age_s: float = 0.0
) -> None:
    """A run whose every step has a loss and a window of predictions, and `looks` at its layers."""
    directory.mkdir(parents=True)
    random = np.random.default_rng(0)
    encoder = EventEncoder()
    file = EventFile(directory, encoder)
    started = STARTED - age_s

    def series(
        kind: str, name: str, fields: Sequence[rows.Field], at: Matrix, values: Matrix
    ) -> None:
        about: str | None = json.dumps(
            {"version": 1, "kind": kind, "name": name, "fields": [f.to_dict() for f in fields]}
        )
        tag = f"{kind}/{name}" + ("/train" if kind == "predictions" else "")
        table = np.column_stack([at, started + at * SECONDS_PER_STEP, values])
        for start in range(0, len(table), ROWS_PER_CHUNK):
            part = [tuple(row) for row in table[start : start + ROWS_PER_CHUNK].tolist()]
            file.write([encoder.chunk(tag, int(part[-1][0]), part[-1][1], part, about)])
            about = None

    every = np.arange(1.0, steps + 1)
    loss = np.exp(-every / steps * 3) + 0.1 * random.random(steps)
    series("loss", "cross_entropy", rows.loss_fields(), every, loss[:, None])
    names = tuple(f"class {number}" for number in range(classes))
    fields = rows.prediction_fields(names)
    series(
        "predictions", "cross_entropy", fields, every, predictions(random, fields, steps, classes)
    )
    at = np.linspace(1, steps, looks).round()
    labels = tuple(f"block{number // 4}.conv{number % 4}" for number in range(layers))
    norms = 10 ** (-3 * random.random((looks, 3 * layers)))
    series("layers", "model", rows.layer_fields(layers, labels), at, norms)
    dead = np.hstack([random.random((looks, 2 * layers)), np.full((looks, layers), 64.0)])
    series("activations", "model", rows.activation_fields(labels), at, dead)
    rates = 0.1 * 0.5 ** (at * 4 // steps)
    series("learning_rate", "optimizer", rows.learning_rate_fields(1), at, rates[:, None])
    text = {"run": {"run": directory.name, "started": started}, "models": [], "losses": []}
    for number, (tag, content) in enumerate(
        (("facts", text), ("report", report(directory.name, steps)))
    ):
        about = json.dumps({"version": 1, "kind": tag})
        file.write([encoder.text(tag, 1, started + number, json.dumps(content), about)])
    file.close()


def predictions(
    random: np.random.Generator, fields: Sequence[rows.Field], steps: int, classes: int
) -> Matrix:
    values = np.zeros((steps, sum(field.size for field in fields)))
    values[:, 0] = 64
    column = 1
    for field in fields[1:6]:  # one value per class each
        shares = random.random((steps, classes))
        values[:, column : column + field.size] = shares / shares.sum(axis=1, keepdims=True)
        column += field.size
    values[:, column] = random.random(steps)  # cross entropy over entropy
    values[:, [f.name for f in flat(fields)].index("exclusive")] = 1
    return values


def flat(fields: Sequence[rows.Field]) -> list[rows.Field]:
    """A field for every column."""
    return [field for field in fields for _ in range(field.size)]


def report(run: str, steps: int) -> Any:
    return Report(
        run, steps, None, steps * SECONDS_PER_STEP, 0.01, False, (), (), {}, None
    ).to_dict()
