# framework: keras
# kind: healthy
# data: tabular
# story: class weights the right way round, a rate that is lowered on plateaus, and an early stop
# loss: "binary_crossentropy" with class_weight=, in fit
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

keras.utils.set_random_seed(7)
X, y = make_classification(
    n_samples=4500,
    n_features=15,
    n_informative=6,
    weights=[0.9],
    class_sep=1.3,
    flip_y=0.01,
    random_state=7,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=7
)
weights = compute_class_weight("balanced", classes=np.unique(y_train), y=y_train)
class_weight = dict(enumerate(weights))
print(class_weight)

# %% model
inputs = keras.Input(shape=(15,))
h = keras.layers.Dense(32, activation="relu")(inputs)
h = keras.layers.Dropout(0.5)(h)
h = keras.layers.Dense(16, activation="relu")(h)
outputs_ = keras.layers.Dense(1, activation="sigmoid")(h)
fraud = keras.Model(inputs, outputs_)
fraud.compile("adam", loss="binary_crossentropy", metrics=["accuracy", keras.metrics.Recall()])

# %% train
cb = [
    keras.callbacks.EarlyStopping(monitor="val_loss", patience=4, restore_best_weights=True),
    keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=1, min_lr=1e-6),
]
hist = fraud.fit(
    X_train,
    y_train,
    validation_split=0.2,
    epochs=12,
    batch_size=64,
    class_weight=class_weight,
    callbacks=cb,
    verbose=2,
)

# %% verify
outputs = fraud.predict(X_test, verbose=0).ravel()
predicted = (outputs > 0.5).astype(int)
actual = y_test
