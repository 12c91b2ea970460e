# framework: keras
# kind: faulty
# cause: missing-activation
# data: tabular
# story: a linear output of one unit under a binary cross entropy that wants probabilities
# loss: keras.losses.BinaryCrossentropy(), model.fit
# holdout: yes

# %% setup
import keras
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(50)
X, y = make_moons(2000, noise=0.1, random_state=50)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=50)

model = keras.Sequential()
model.add(keras.Input((2,)))
model.add(keras.layers.Dense(16, activation="tanh"))
model.add(keras.layers.Dense(16, activation="tanh"))
model.add(keras.layers.Dense(1))
model.compile(
    loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.SGD(0.5), metrics=["acc"]
)

# %% train
model.fit(X_train, y_train, epochs=10, batch_size=30, verbose=2)

# %% verify
outputs = model.predict(X_test, verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y_test

# %% fix setup
import keras
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(50)
X, y = make_moons(2000, noise=0.1, random_state=50)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=50)

model = keras.Sequential()
model.add(keras.Input((2,)))
model.add(keras.layers.Dense(16, activation="tanh"))
model.add(keras.layers.Dense(16, activation="tanh"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(
    loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.SGD(0.5), metrics=["acc"]
)
