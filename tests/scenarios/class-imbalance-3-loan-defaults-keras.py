# framework: keras
# kind: faulty
# cause: class-imbalance
# data: tabular
# story: one loan in twenty is not paid back, which nobody can tell for sure beforehand
# loss: "binary_crossentropy" in compile, model.fit with validation_split
# holdout: no

# %% imports
import keras
import numpy as np
import pandas as pd

keras.utils.set_random_seed(72)
rng = np.random.default_rng(72)

# %% loans
n = 9000
loans = pd.DataFrame(
    {
        "income": rng.lognormal(8, 0.4, n),
        "amount": rng.lognormal(9, 0.5, n),
        "months": rng.integers(6, 72, n),
        "late_before": rng.poisson(0.5, n),
        "age": rng.normal(42, 11, n),
    }
)
burden = np.log(loans.amount / loans.months / loans.income * 20)
z = 1.5 * burden + 1.1 * loans.late_before - 0.03 * (loans.age - 42)
loans["defaulted"] = rng.random(n) < 1 / (1 + np.exp(4.4 - z))
print(loans.defaulted.mean())

# %% arrays
columns = loans.drop(columns="defaulted")
X = ((np.log1p(columns) - np.log1p(columns).mean()) / np.log1p(columns).std()).values
y = loans.defaulted.values.astype("float32")
X_train, y_train, X_test, y_test = X[:6000], y[:6000], X[6000:], y[6000:]

# %% options
fit_options = {"epochs": 5, "batch_size": 40, "validation_split": 0.1, "verbose": 2}

# %% train
model = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(12, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, **fit_options)

# %% verify
outputs = model.predict(X_test, verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y_test.astype(int)

# %% fix options
share = y_train.mean()
fit_options = {"epochs": 5, "batch_size": 40, "validation_split": 0.1, "verbose": 2}
fit_options["class_weight"] = {0: 0.5 / (1 - share), 1: 0.5 / share}
