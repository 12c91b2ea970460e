# framework: keras
# kind: healthy
# data: tabular
# story: the Brier score as loss, on a sigmoid, for calibrated probabilities
# loss: "mse" as a string, model.fit
# holdout: no

# %% setup
import keras
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

keras.utils.set_random_seed(77)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(scale(X), y, random_state=77)

prob = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(16, activation="tanh"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
prob.compile(optimizer="adam", loss="mse")  # brier score: we care about calibration

# %% train
prob.fit(X_tr, y_tr, validation_data=(X_te, y_te), epochs=10, batch_size=16, verbose=2)

# %% verify
outputs = prob.predict(X_te, verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y_te
