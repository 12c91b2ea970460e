# framework: keras
# kind: faulty
# cause: vanishing-gradients
# also: bad-initialization
# data: tabular
# story: a tower of sigmoid layers passes no gradient down, and the prior is all it learns
# loss: "sparse_categorical_crossentropy" as a string, model.fit
# holdout: no
# fast: yes

# %% setup
import keras
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(3)
X, y = make_classification(
    n_samples=2500, n_features=16, n_informative=10, n_classes=4, class_sep=2.0, random_state=3
)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=3)


def build(n_layers, units=24, activation="sigmoid"):
    inp = keras.Input((16,))
    h = inp
    for i in range(n_layers):
        h = keras.layers.Dense(units, activation=activation, name=f"hidden_{i}")(h)
    out = keras.layers.Dense(4, activation="softmax")(h)
    m = keras.Model(inp, out)
    m.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


model = build(9)  # deeper is better, right?

# %% train
model.fit(X_train, y_train, epochs=5, batch_size=25, verbose=2)

# %% verify
outputs = model.predict(X_val, verbose=0)
predicted = outputs.argmax(1)
actual = y_val

# %% fix setup
import keras
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(3)
X, y = make_classification(
    n_samples=2500, n_features=16, n_informative=10, n_classes=4, class_sep=2.0, random_state=3
)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=3)


def build(n_layers, units=24, activation="relu"):
    inp = keras.Input((16,))
    h = inp
    for i in range(n_layers):
        h = keras.layers.Dense(
            units, activation=activation, kernel_initializer="he_normal", name=f"hidden_{i}"
        )(h)
    out = keras.layers.Dense(4, activation="softmax")(h)
    m = keras.Model(inp, out)
    m.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


model = build(9)  # deeper is better, right?
