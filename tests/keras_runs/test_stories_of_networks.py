"""What people ask about networks, rare classes, steps, trained under the whole session.

The verdict, the place, and the cure run as printed; healthy ones, of which nothing is said.
"""

from __future__ import annotations

import re

import pytest

from .notebook import Run, run
from .stories import FIT, IMPORTS, RARE, RINGS, accuracy, groups, probabilities, silent

FRAUD = """
model = keras.Sequential([
    layers.Input((6,)),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer=keras.optimizers.SGD(0.02), loss="binary_crossentropy")
"""


def recall(done: Run) -> float:
    found = probabilities(done).ravel() > 0.5
    return float(found[done.variables["y"] == 1].mean())


def test_a_rare_class_is_weighed_by_the_measured_ratio() -> None:
    fit = "history = model.fit(X, y, epochs=12, batch_size=15, verbose=0)"
    before = run(IMPORTS + RARE, FRAUD, fit)
    assert before.first.rule == "class-imbalance"
    assert before.first.location is not None and before.first.location.cell == 2
    after = before.cured()
    written = re.search(r"class_weight=\{0: ([\d.]+), 1: ([\d.]+)\}", after.cells[3])
    assert written is not None  # of the batches that were counted
    assert float(written[2]) / float(written[1]) == pytest.approx(9.0, rel=0.15)
    assert recall(after) > recall(before) + 0.1
    assert after.alarms == ()


def test_weights_computed_by_scikit_learn_are_seen_and_nothing_is_said() -> None:
    fit = """
    from sklearn.utils.class_weight import compute_class_weight
    share = compute_class_weight("balanced", classes=np.unique(y), y=y)
    model.fit(X, y, epochs=12, batch_size=15, verbose=0, class_weight=dict(enumerate(share)))
    """
    assert recall(silent(IMPORTS + RARE, FRAUD, fit)) > 0.8


# -- the depth and the width -------------------------------------------------------------------

DEEP = """
model = keras.Sequential([layers.Input((2,))])
for _ in range({depth}):
    model.add(layers.Dense(16, activation="{kind}"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss="binary_crossentropy")
"""


def test_nine_layers_of_sigmoids_get_no_gradient_and_relu_learns() -> None:
    model = DEEP.format(depth=9, kind="sigmoid")
    before = run(IMPORTS + RINGS, model, FIT.format(epochs=12))
    assert before.first.rule == "vanishing-gradients"
    after = before.cured()
    relu = 'layers.Dense(16, activation="relu", kernel_initializer="he_normal")'
    assert relu in after.cells[2]
    assert 'layers.Dense(1, activation="sigmoid")' in after.cells[2]
    assert "vanishing-gradients" not in {found.rule for found in after.report.findings}


@pytest.mark.parametrize("kind", ["sigmoid", "relu"])
def test_two_hidden_layers_of_either_kind_are_no_matter(kind: str) -> None:
    model = DEEP.format(depth=2, kind=kind).replace("SGD(0.1, momentum=0.9)", "Adam(0.01)")
    silent(IMPORTS + RINGS, model, FIT.format(epochs=25))


@pytest.mark.parametrize("units", [8, 64])
def test_a_narrow_and_a_wide_network_both_learn(units: int) -> None:
    model = f"""
    model = keras.Sequential([
        layers.Input((2,)),
        layers.Dense({units}, activation="relu"),
        layers.Dense({units}, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    """
    silent(IMPORTS + RINGS, model, FIT.format(epochs=20))


def test_a_wider_network_with_sparse_labels_and_two_softmax_units() -> None:
    model = """
    model = keras.models.Sequential([
        layers.Dense(48, activation="relu"), layers.Dense(24, activation="relu"),
        layers.Dense(2, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    """
    done = silent(IMPORTS + RINGS, model, FIT.format(epochs=20))
    assert accuracy(done, "y") > 0.9


def test_early_stopping_ends_a_sound_training() -> None:
    model = """
    model = keras.Sequential([layers.Dense(32, activation="relu"),
                              layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy")
    """
    fit = """
    stop = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    order = rng.permutation(len(X))
    X += rng.normal(0, 0.4, X.shape)  # overlapping rings: there is an end to what can be learned
    history = model.fit(X[order], y[order], epochs=60, batch_size=30, validation_split=0.2,
                        callbacks=[stop], verbose=0)
    """
    done = silent(IMPORTS + RINGS, model, fit)
    assert done.report.epochs == len(done.variables["history"].epoch) < 60


# -- steps -------------------------------------------------------------------------------------


def test_steps_far_too_large() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="softmax")])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=60.0),
                  loss="sparse_categorical_crossentropy")
    """
    before = run(groups(3), model, "model.fit(X, group, epochs=10, batch_size=20, verbose=0)")
    assert before.first.rule in ("learning-rate-too-high", "non-finite")
    assert before.first.fix is not None
    added = before.first.fix.diff.partition("\n+model.compile(")[2].splitlines()[0]
    assert float(added.partition("learning_rate=")[2].rstrip("),")) in (6.0, 0.6, 0.06)


# -- units that never fire ---------------------------------------------------------------------

NEVER_FIRING = """
model = keras.Sequential([
    layers.Input((2,)),
    layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(-50.0)),
    layers.Dense(3, activation="softmax"),
])
model.compile(optimizer=keras.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy")
model.fit(X, group, epochs=10, verbose=0)
"""


def test_units_that_never_fire_are_named() -> None:
    done = run(groups(3), NEVER_FIRING)
    (found,) = [f for f in done.report.findings if f.rule == "dead-relu"]
    assert "100% of the units" in found.message
    assert done.report.findings[0].rule in ("dead-relu", found.explained_by)
