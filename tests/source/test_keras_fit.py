"""Rewritings of cells that train with Keras' `compile` and `fit`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from .notebooks import ask, cells, changed, show

HEAD = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras\n"
FIT = "%%watch_training\nhistory = model.fit(x, y, epochs=9)  # go"


def sequential(
    last: str = 'keras.layers.Dense(1, activation="sigmoid")',
    loss: str = '"binary_crossentropy"',
    optimizer: str = '"adam"',
    fit: str = FIT,
    more: str = "",
) -> dict[int, str]:
    return cells(
        HEAD,
        "model = keras.Sequential([\n"
        '    keras.layers.Dense(8, activation="tanh"),\n'
        f"    {last},  # out\n"
        "])\n"
        f"model.compile(optimizer={optimizer}, loss={loss}, metrics=['accuracy'{more}])",
        fit,
    )


WEIGHTS = {"weights": [0.556, 5.0], "pos_weight": 9.0}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.fit(x, y)", "model.fit(x, y, class_weight={0: 0.556, 1: 5.0})"),
        ("h = model.fit(x, y, epochs=3,)",
         "h = model.fit(x, y, epochs=3, class_weight={0: 0.556, 1: 5.0},)"),
        ("model.fit(x, y, class_weight={0: 1, 1: 2})",
         "model.fit(x, y, class_weight={0: 0.556, 1: 5.0})"),
        ("model.fit(x, y, class_weight=w)", "model.fit(x, y, class_weight={0: 0.556, 1: 5.0})"),
        ("model.fit(x, y, class_weight=None)", "model.fit(x, y, class_weight={0: 0.556, 1: 5.0})"),
        ("model.fit(ds)", "model.fit(ds, class_weight={0: 0.556, 1: 5.0})"),
        ("model.train_on_batch(x, y)",
         "model.train_on_batch(x, y, class_weight={0: 0.556, 1: 5.0})"),
    ],
)  # fmt: skip
def test_the_fit_weighs_classes_by_the_measured_numbers(before: str, after: str) -> None:
    notebook = sequential(fit=before)
    fix = ask(notebook, "weigh-classes", at="model.", **WEIGHTS)
    assert fix is not None and fix.cells == {3: after} and fix.safety == "needs-review"


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("model.fit(x, y, **options)", "class_weight={0: 0.556, 1: 5.0}  # in fit"),
        ("model.fit(x, y, sample_weight=w)",
         "sample_weight = np.array([0.556, 5.0])[y]  # one per sample"),
        ("def rows():\n    yield a\nmodel.fit(rows(), epochs=9)",
         "sample_weight = np.array([0.556, 5.0])[y]  # one per sample"),
    ],
)  # fmt: skip
def test_where_fit_would_not_take_them_weights_are_an_example(call: str, shown: str) -> None:
    fix = ask(sequential(fit=call), "weigh-classes", at="model.fit", **WEIGHTS)
    assert fix is not None and fix.safety == "example" and changed(fix)[1] == [shown]


def test_weights_of_very_many_classes_are_computed() -> None:
    fix = ask(sequential(), "weigh-classes", at=".fit", weights=[1.0] * 30)
    assert fix is not None and fix.safety == "example"
    assert changed(fix)[1][0] == "counts = np.bincount(y, minlength=30)"


@pytest.mark.parametrize(
    ("last", "loss", "removed", "added"),
    [
        # one output gets its sigmoid, whatever was there
        ("keras.layers.Dense(1)", '"binary_crossentropy"',
         ["keras.layers.Dense(1),  # out"],
         ['keras.layers.Dense(1, activation="sigmoid"),  # out']),
        ('keras.layers.Dense(1, activation="relu")', '"binary_crossentropy"',
         ['keras.layers.Dense(1, activation="relu"),  # out'],
         ['keras.layers.Dense(1, activation="sigmoid"),  # out']),
        ("keras.layers.Dense(1, activation=tf.nn.relu)", "keras.losses.BinaryCrossentropy()",
         ["keras.layers.Dense(1, activation=tf.nn.relu),  # out"],
         ["keras.layers.Dense(1, activation=tf.nn.sigmoid),  # out"]),
        # several outputs stay raw, and the loss takes them so
        ("keras.layers.Dense(3)", '"sparse_categorical_crossentropy"',
         ['model.compile(optimizer="adam", loss="sparse_categorical_crossentropy",'
          " metrics=['accuracy'])"],
         ['model.compile(optimizer="adam", '
          "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),"
          " metrics=['accuracy'])"]),
        ("keras.layers.Dense(3)", "tf.keras.losses.CategoricalCrossentropy(from_logits=False)",
         ['model.compile(optimizer="adam", '
          "loss=tf.keras.losses.CategoricalCrossentropy(from_logits=False),"
          " metrics=['accuracy'])"],
         ['model.compile(optimizer="adam", '
          "loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True),"
          " metrics=['accuracy'])"]),
    ],
)  # fmt: skip
def test_raw_outputs_and_their_loss_are_made_to_fit(
    last: str, loss: str, removed: list[str], added: list[str]
) -> None:
    fix = ask(sequential(last, loss), "use-logits-loss", at=".fit")
    assert changed(fix) == (removed, added)


def test_more_classes_than_units() -> None:
    notebook = sequential("keras.layers.Dense(1, activation='sigmoid')")
    fix = ask(notebook, "widen-output", at=".fit", classes=4)
    assert fix is not None and fix.safety == "needs-review"
    assert changed(fix)[1] == [
        "keras.layers.Dense(4, activation='softmax'),  # out",
        'model.compile(optimizer="adam", loss="sparse_categorical_crossentropy",'
        " metrics=['accuracy'])",
    ]


def test_more_classes_than_units_of_a_sparse_loss_change_the_layer_only() -> None:
    notebook = sequential(
        'keras.layers.Dense(units=3, activation="softmax")', '"sparse_categorical_crossentropy"'
    )
    fix = ask(notebook, "widen-output", at=".fit", classes=4)
    assert changed(fix)[1] == ['keras.layers.Dense(units=4, activation="softmax"),  # out']


def test_metrics_of_one_output_make_a_wider_one_an_example() -> None:
    fix = ask(sequential(more=", 'AUC'"), "widen-output", at=".fit", classes=4)
    assert fix is not None and fix.safety == "example"
    assert changed(fix)[1][0].startswith('Dense(4, activation="softmax")')


@pytest.mark.parametrize(
    ("encoded", "deeper"),
    [
        ("keras.utils.to_categorical(labels, 3)", "keras.utils.to_categorical(labels, 4)"),
        ("keras.utils.to_categorical(labels, num_classes=3)[rows]",
         "keras.utils.to_categorical(labels, num_classes=4)[rows]"),
        ("tf.one_hot(labels, depth=3)", "tf.one_hot(labels, depth=4)"),
        ("tf.one_hot(labels, 3).numpy()", "tf.one_hot(labels, 4).numpy()"),
    ],
)  # fmt: skip
def test_one_hot_rows_get_their_missing_column(encoded: str, deeper: str) -> None:
    notebook = sequential(
        'keras.layers.Dense(3, activation="softmax")',
        '"categorical_crossentropy"',
        fit=f"y = {encoded}\nmodel.fit(x, y)",
    )
    fix = ask(notebook, "widen-output", at=".fit", classes=4)
    assert fix is not None and set(fix.cells) == {2, 3}
    assert changed(fix)[1] == [
        'keras.layers.Dense(4, activation="softmax"),  # out',
        f"y = {deeper}",
    ]


@pytest.mark.parametrize(
    ("loss", "new", "written"),
    [
        ("'categorical_crossentropy'", "SparseCategoricalCrossentropy",
         "'sparse_categorical_crossentropy'"),
        ("keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
         "CategoricalCrossentropy", "keras.losses.CategoricalCrossentropy(from_logits=True)"),
        ("tf.keras.losses.categorical_crossentropy", "SparseCategoricalCrossentropy",
         "tf.keras.losses.sparse_categorical_crossentropy"),
    ],
)  # fmt: skip
def test_the_loss_is_swapped_in_its_own_form(loss: str, new: str, written: str) -> None:
    notebook = sequential('keras.layers.Dense(3, activation="softmax")', loss)
    fix = ask(notebook, "change-loss", at=".fit", new=new)
    assert fix is not None and fix.cells == {2: notebook[2].replace(loss, written)}


def test_a_binary_loss_over_classes_takes_its_sigmoid_along() -> None:
    notebook = sequential('keras.layers.Dense(3, activation="sigmoid")')
    fix = ask(notebook, "change-loss", at=".fit", new="SparseCategoricalCrossentropy")
    assert fix is not None
    assert 'Dense(3, activation="softmax")' in fix.cells[2]
    assert 'loss="sparse_categorical_crossentropy"' in fix.cells[2]


@pytest.mark.parametrize(
    ("last", "after"),
    [
        ('keras.layers.Dense(1, activation="softmax")',
         'keras.layers.Dense(1, activation="sigmoid")'),
        ("keras.layers.Dense(1, activation=keras.activations.softmax)",
         "keras.layers.Dense(1, activation=keras.activations.sigmoid)"),
        ("keras.layers.Dense(1),\n    keras.layers.Softmax()",
         'keras.layers.Dense(1),\n    keras.layers.Activation("sigmoid")'),
        ('keras.layers.Dense(1),\n    keras.layers.Activation("softmax")',
         'keras.layers.Dense(1),\n    keras.layers.Activation("sigmoid")'),
    ],
)  # fmt: skip
def test_a_softmax_over_one_unit_becomes_a_sigmoid(last: str, after: str) -> None:
    notebook = sequential(last)
    fix = ask(notebook, "replace-output-activation", at=".fit", old="Softmax", new="Sigmoid")
    assert fix is not None and fix.cells == {2: notebook[2].replace(last, after)}


def test_a_sigmoid_before_a_sigmoid_goes_and_one_stays() -> None:
    last = 'keras.layers.Dense(1, activation="sigmoid"),\n    keras.layers.Activation("sigmoid")'
    fix = ask(sequential(last), "drop-activation", at=".fit", activation="sigmoid")
    assert changed(fix)[0] == ['keras.layers.Activation("sigmoid"),  # out']
    assert ask(sequential(), "drop-activation", at=".fit", activation="sigmoid") is None


def test_hidden_activations_are_replaced_and_the_output_keeps_its_own() -> None:
    model = """
    model = keras.Sequential()
    model.add(keras.layers.Dense(8, activation='sigmoid', input_shape=(3,)))
    model.add(keras.layers.Dense(8))
    model.add(keras.layers.Activation('sigmoid'))
    model.add(keras.layers.Dense(1, activation='sigmoid'))
    model.compile('sgd', 'binary_crossentropy')
    """
    notebook = cells(HEAD, model, FIT)
    fix = ask(notebook, "replace-hidden-activation", at=".fit", old="Sigmoid", new="ReLU")
    assert changed(fix)[1] == [
        "model.add(keras.layers.Dense(8, activation='relu', input_shape=(3,), "
        'kernel_initializer="he_normal"))',
        "model.add(keras.layers.Activation('relu'))",
    ]
    assert show(notebook, "model", at=".fit") == (
        2,
        "model.add(keras.layers.Dense(8, activation='sigmoid', input_shape=(3,)))",
    )


RATE = {"factor": 0.1, "old": 1.0, "new": 0.1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"adam"', "keras.optimizers.Adam(learning_rate=0.1)"),
        ("keras.optimizers.SGD(learning_rate=1.0, momentum=.9)",
         "keras.optimizers.SGD(learning_rate=0.1, momentum=.9)"),
        ("tf.keras.optimizers.SGD(1.)", "tf.keras.optimizers.SGD(0.1)"),
        ("keras.optimizers.Adam()", "keras.optimizers.Adam(learning_rate=0.1)"),
        ("keras.optimizers.Adam(5e-1)", "keras.optimizers.Adam(0.05)"),
        ("keras.optimizers.Adam(learning_rate=LR)",
         "keras.optimizers.Adam(learning_rate=LR * 0.1)"),
        ("keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1.0, 9, .9))",
         "keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 9, .9))"),
    ],
)  # fmt: skip
def test_the_rate_is_scaled_where_the_optimizer_is_named(before: str, after: str) -> None:
    notebook = sequential(optimizer=before)
    fix = ask(notebook, "scale-learning-rate", at=".fit", **RATE)
    assert fix is not None and fix.cells == {2: notebook[2].replace(before, after)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"sgd"', "keras.optimizers.SGD(clipnorm=1.0)"),
        ("keras.optimizers.SGD(1.0)", "keras.optimizers.SGD(1.0, clipnorm=1.0)"),
        ("keras.optimizers.SGD(1.0, clipnorm=50.0)", "keras.optimizers.SGD(1.0, clipnorm=1.0)"),
    ],
)
def test_the_optimizer_clips(before: str, after: str) -> None:
    notebook = sequential(optimizer=before)
    fix = ask(notebook, "clip-gradients", at=".fit", max_norm=1.0)
    assert fix is not None and fix.cells == {2: notebook[2].replace(before, after)}


def test_an_optimizer_that_clips_by_value_is_an_example() -> None:
    notebook = sequential(optimizer="keras.optimizers.SGD(clipvalue=.5)")
    fix = ask(notebook, "clip-gradients", at=".fit", max_norm=1.0)
    assert fix is not None and fix.safety == "example"


@pytest.mark.parametrize(
    ("kind", "values", "before", "after"),
    [
        ("shift-labels", {"offset": 1}, "x, y", "x, y - 1"),
        ("shift-labels", {"offset": 1}, "x=x, y=a if b else c", "x=x, y=(a if b else c) - 1"),
        ("shift-labels", {"offset": 1}, "x, y, validation_data=(xv, yv)",
         "x, y - 1, validation_data=(xv, yv - 1)"),
        ("binarize-labels", {}, "x, y", 'x, (y > 0).astype("float32")'),
        ("binarize-labels", {}, "x, y.astype('int32')", 'x, (y > 0).astype("float32")'),
        ("cast-labels", {"dtype": "long"}, "x, y", 'x, y.astype("int32")'),
        ("cast-labels", {"dtype": "float"}, "x, y", 'x, y.astype("float32")'),
        ("match-shapes", {"argument": "input", "operation": "squeeze", "dim": 1, "rank": 2},
         "x, y", "x, y.reshape(-1, 1)"),
        ("match-shapes", {"argument": "target", "operation": "unsqueeze", "dim": 1, "rank": 2},
         "x, a + b", "x, (a + b).reshape(-1, 1)"),
        ("match-shapes", {"argument": "target", "operation": "squeeze", "dim": 1, "rank": 2},
         "x, y", "x, y.squeeze(1)"),
    ],
)  # fmt: skip
def test_labels_are_rewritten_in_the_fit(
    kind: str, values: dict[str, object], before: str, after: str
) -> None:
    notebook = sequential(fit=f"model.fit({before})")
    fix = ask(notebook, kind, at=".fit", **values)
    assert fix is not None and fix.cells == {3: f"model.fit({after})"}


def test_labels_of_a_data_set_are_an_example_of_its_map() -> None:
    notebook = sequential(fit="model.fit(train_ds, epochs=3)")
    fix = ask(notebook, "shift-labels", at=".fit", offset=1)
    assert fix is not None and fix.safety == "example"
    assert changed(fix)[1] == ["train_ds = train_ds.map(lambda x, y: (x, y - 1))"]


def test_one_batch_and_clean_inputs_are_examples_with_the_users_names() -> None:
    notebook = sequential(fit="model.fit(images, digits, epochs=3)")
    fix = ask(notebook, "check-one-batch", at=".fit")
    assert fix is not None and fix.safety == "example"
    assert changed(fix)[1][-1] == "model.fit(images[:32], digits[:32], epochs=200)"
    fix = ask(notebook, "clean-inputs", at=".fit", argument="input")
    assert fix is not None and "nan_to_num(images" in fix.diff
    fix = ask(sequential(fit="model.fit(ds)"), "check-one-batch", at=".fit")
    assert changed(fix)[1][-1] == "model.fit(ds.take(1), epochs=200)"


def test_missing_values_of_a_data_set_give_way_where_it_is_made_or_in_its_map() -> None:
    made = "ds = tf.data.Dataset.from_tensor_slices((images, digits)).shuffle(9).batch(3)"
    head = "import numpy as np\nimages = np.zeros((9, 4))\ndigits = np.zeros(9)\n"
    notebook = sequential(fit=f"{head}{made}\nmodel.fit(ds, epochs=3)")
    fix = ask(notebook, "clean-inputs", at=".fit", argument="input")
    assert changed(fix)[1] == [
        "images = np.where(np.isfinite(images), images, np.nanmedian(images, axis=0))"
    ]
    notebook = sequential(fit="ds = read()\nmodel.fit(ds, epochs=3)")
    variables = {"ds": SimpleNamespace(element_spec=())}
    fix = ask(notebook, "clean-inputs", at=".fit", namespace=variables, argument="input")
    assert fix is not None and fix.safety == "example"
    assert changed(fix)[1][-1] == (
        "ds = ds.map(lambda x, y: (tf.where(tf.math.is_finite(x), x, 0.0), y))"
    )


STYLES = {
    "by name": """
        from keras.models import Sequential
        from keras.layers import Dense
        from keras.losses import SparseCategoricalCrossentropy
        net = Sequential([Dense(4, 'tanh'), Dense(3)])
        net.compile(loss=SparseCategoricalCrossentropy(), optimizer='sgd')
        """,
    "functional": """
        import keras
        from keras import layers
        inputs = keras.Input((4,))
        h = layers.Dense(8, activation="tanh")(inputs)
        outputs = layers.Dense(3)(h)
        net = keras.Model(inputs, outputs)
        net.compile(loss=keras.losses.SparseCategoricalCrossentropy(), optimizer='sgd')
        """,
    "a class": """
        import tensorflow as tf
        class Net(tf.keras.Model):
            def __init__(self):
                super().__init__()
                self.hidden = tf.keras.layers.Dense(8, activation="tanh")
                self.out = tf.keras.layers.Dense(3)
            def call(self, x, training=False):
                x = self.hidden(x)
                return self.out(x)
        net = Net()
        net.compile(loss=tf.keras.losses.SparseCategoricalCrossentropy(), optimizer='sgd')
        """,
    "a function that builds": """
        import tensorflow as tf
        def build(width):
            m = tf.keras.Sequential()
            m.add(tf.keras.layers.Dense(width, activation="tanh"))
            m.add(tf.keras.layers.Dense(3))
            m.compile(loss=tf.keras.losses.SparseCategoricalCrossentropy(), optimizer='sgd')
            return m
        net = build(8)
        """,
    "a list of layers and a named loss": """
        import tensorflow as tf
        layers = [tf.keras.layers.Dense(8, activation="tanh"), tf.keras.layers.Dense(3)]
        net = tf.keras.Sequential(layers)
        loss_fn = tf.keras.losses.SparseCategoricalCrossentropy()
        net.compile(loss=loss_fn, optimizer='sgd')
        """,
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "fit", ["net.fit(x, y, epochs=2)", "def train(m, x):\n    m.fit(x, y)\ntrain(net, data)"]
)
def test_models_are_found_however_they_are_built(style: str, fit: str) -> None:
    # GIVEN a model of three raw outputs
    notebook = cells(STYLES[style], fit)

    # THEN the loss, the last layer and the hidden activation are found
    fix = ask(notebook, "use-logits-loss", at=".fit")
    assert fix is not None and list(fix.cells) == [1]
    assert "SparseCategoricalCrossentropy(from_logits=True)" in fix.cells[1]
    fix = ask(notebook, "widen-output", at=".fit", classes=5)
    assert fix is not None and "Dense(5)" in fix.cells[1] and "Dense(3)" not in fix.cells[1]
    fix = ask(notebook, "replace-hidden-activation", at=".fit", old="Tanh", new="ReLU")
    assert fix is not None and "tanh" not in fix.cells[1] and "relu" in fix.cells[1]
    shown = show(notebook, "loss", at=".fit")
    assert shown is not None and "SparseCategoricalCrossentropy()" in shown[1]
    shown = show(notebook, "output", at=".fit")
    assert shown is not None and "Dense(3)" in shown[1]


def test_the_latest_compile_above_the_fit_counts() -> None:
    notebook = cells(
        HEAD + "model = keras.Sequential([keras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\nmodel.fit(x, y)",
        "model.compile('adam', 'binary_crossentropy')\nmodel.fit(x, y)  # here",
        "model.compile('adam', 'mae')",
    )
    assert show(notebook, "loss", at="# here") == (
        2,
        "model.compile('adam', 'binary_crossentropy')",
    )


def test_two_models_are_kept_apart() -> None:
    notebook = cells(
        HEAD,
        "deep = keras.Sequential([keras.layers.Dense(1, activation='sigmoid')])\n"
        "deep.compile('adam', 'binary_crossentropy')\n"
        "wide = keras.Sequential([keras.layers.Dense(1, activation='sigmoid')])\n"
        "wide.compile('sgd', 'binary_crossentropy')",
        "deep.fit(x, y)\nwide.fit(x, y)",
    )
    fix = ask(notebook, "scale-learning-rate", at="deep.fit", **RATE)
    assert changed(fix)[1] == [
        "deep.compile(keras.optimizers.Adam(learning_rate=0.1), 'binary_crossentropy')"
    ]
    fix = ask(notebook, "weigh-classes", at="wide.fit", **WEIGHTS)
    assert changed(fix)[1] == ["wide.fit(x, y, class_weight={0: 0.556, 1: 5.0})"]


def test_an_import_is_added_where_nothing_spells_the_name() -> None:
    notebook = cells(
        "from tensorflow.keras.models import Sequential\nfrom tensorflow.keras.layers import Dense",
        "model = Sequential([Dense(2)])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\nmodel.fit(x, y)",
    )
    fix = ask(notebook, "use-logits-loss", at=".fit")
    assert changed(fix)[1] == [
        "from tensorflow import keras",
        "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))",
    ]


@pytest.mark.parametrize(
    "fit", ["clf.fit(x, y)", "trainer.fit(model)", "pipe.fit(x, y, clf__sample_weight=w)"]
)
def test_a_fit_of_another_library_is_left_alone(fit: str) -> None:
    notebook = cells(
        "import tensorflow as tf\nfrom elsewhere import Booster\nclf = Booster()",
        fit,
    )
    fix = ask(notebook, "weigh-classes", at=".fit", **WEIGHTS)
    assert fix is None or not fix.cells
    assert show(notebook, "labels", at=".fit") is None
