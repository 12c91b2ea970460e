"""What watching adds to scikit-learn's `fit`, beside the same fit unwatched.

    python benchmarks/estimators.py

Each kind of cell is run watched and plain in turn, in the session as the magic runs it, with its
rules but without a log. A cell of milliseconds pays a few milliseconds for its one look, whatever
it does; from some seconds on the budget holds.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV

import collapse_magic

ROUNDS = 5
_random = np.random.default_rng(0)
X = _random.normal(size=(5000, 20))
Y = (X[:, 0] + _random.normal(size=5000) > 0).astype(int)


def one_fit() -> None:
    LogisticRegression().fit(X, Y)


def many_fits() -> None:
    for _ in range(300):
        LogisticRegression().fit(X, Y)


def a_forest() -> None:
    RandomForestClassifier(100, random_state=0).fit(X, Y)


def a_search() -> None:
    GridSearchCV(LogisticRegression(), {"C": np.logspace(-3, 3, 12)}, cv=5).fit(X, Y)


def a_loop() -> None:
    model = SGDClassifier(random_state=0)
    for _ in range(30):
        for at in range(0, len(Y), 50):
            model.partial_fit(X[at : at + 50], Y[at : at + 50], classes=[0, 1])


def seconds(work: Callable[[], Any], watched: bool) -> float:
    began = time.process_time()
    if watched:
        silence = io.StringIO()
        with (
            contextlib.redirect_stderr(silence),
            contextlib.redirect_stdout(silence),
            collapse_magic.watch_training(tensorboard=False),
        ):
            work()
    else:
        work()
    return time.process_time() - began


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"{'cell':<12} {'plain':>10} {'watched':>10} {'ratio':>7}")
    for work in (one_fit, many_fits, a_forest, a_search, a_loop):
        seconds(work, False)
        seconds(work, True)
        pairs = [(seconds(work, False), seconds(work, True)) for _ in range(ROUNDS)]
        plain, watched = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(w / p for p, w in pairs)
        print(f"{work.__name__:<12} {1e3 * plain:7.1f} ms {1e3 * watched:7.1f} ms {ratio:7.2f}")


if __name__ == "__main__":
    main()
