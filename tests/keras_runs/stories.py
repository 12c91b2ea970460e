"""Data that the stories share, and what is asked of their models."""

from __future__ import annotations

from typing import Any

from .notebook import Run, run

IMPORTS = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
"""
RARE = """
rng = np.random.default_rng(7)
events = rng.normal(1.2, 1.0, (150, 6))
calls = rng.normal(0.0, 1.0, (1350, 6))
X = np.vstack([events, calls]).astype("float32")
y = np.r_[np.ones(150), np.zeros(1350)]
"""
GROUPS = """
rng = np.random.default_rng(3)
group = np.repeat(np.arange({classes}), 400)
corners = 4.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
X = (corners[group] + rng.normal(size=(len(group), 2))).astype("float32")
"""
RINGS = """
rng = np.random.default_rng(5)
y = np.arange(1200) % 2
angle, radius = rng.uniform(0, 2 * np.pi, 1200), 1.0 + y + rng.normal(0, 0.1, 1200)
X = np.c_[radius * np.cos(angle), radius * np.sin(angle)].astype("float32")
"""
FIT = "model.fit(X, y, epochs={epochs}, batch_size=30, verbose=0)"


def groups(classes: int, labels: str = "") -> str:
    return IMPORTS + GROUPS.format(classes=classes) + labels


def probabilities(done: Run) -> Any:
    return done.variables["model"].predict(done.variables["X"], verbose=0)


def accuracy(done: Run, labels: str = "group") -> float:
    found = probabilities(done).argmax(axis=1)
    return float((found == done.variables[labels]).mean())


def silent(*cells: str) -> Run:
    """A healthy training: nothing is said, and it has learned."""
    done = run(*cells)
    assert done.error is None
    assert done.report.findings == (), [f.message for f in done.report.findings]
    assert done.report.steps > 0
    return done


# -- a rare class ------------------------------------------------------------------------------
