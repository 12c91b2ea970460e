# framework: keras
# kind: faulty
# cause: unscaled-inputs
# also: dead-relu
# data: tabular
# story: one column is in the hundreds and one below one, and nothing brings them together
# loss: "sparse_categorical_crossentropy" as a string, model.fit
# holdout: yes

# %% setup
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

tf.keras.utils.set_random_seed(5)
wine = load_wine()
x_tr, x_te, y_tr, y_te = train_test_split(
    wine.data, wine.target, test_size=0.3, random_state=5, stratify=wine.target
)


def build_model(n_features, n_classes):
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Input((n_features,)))
    model.add(tf.keras.layers.Dense(20, activation="relu"))
    model.add(tf.keras.layers.Dense(20, activation="relu"))
    model.add(tf.keras.layers.Dense(n_classes, activation="softmax"))
    model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# %% train
model = build_model(x_tr.shape[1], 3)
h = model.fit(x_tr, y_tr, epochs=30, batch_size=8, verbose=0)
print("final train acc:", h.history["accuracy"][-1])
print("test:", model.evaluate(x_te, y_te, verbose=0))

# %% verify
outputs = model.predict(x_te, verbose=0)
predicted = outputs.argmax(axis=1)
actual = y_te

# %% fix setup
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

tf.keras.utils.set_random_seed(5)
wine = load_wine()
x_tr, x_te, y_tr, y_te = train_test_split(
    wine.data, wine.target, test_size=0.3, random_state=5, stratify=wine.target
)
scaler = StandardScaler().fit(x_tr)
x_tr, x_te = scaler.transform(x_tr), scaler.transform(x_te)


def build_model(n_features, n_classes):
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Input((n_features,)))
    model.add(tf.keras.layers.Dense(20, activation="relu"))
    model.add(tf.keras.layers.Dense(20, activation="relu"))
    model.add(tf.keras.layers.Dense(n_classes, activation="softmax"))
    model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
