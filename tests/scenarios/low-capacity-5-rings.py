# framework: sklearn
# kind: faulty
# cause: low-capacity
# also: not-learning
# data: tabular
# story: three rings around each other and a single hidden unit
# loss: MLPClassifier's own
# holdout: no

# %% imports
import numpy as np
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

rng = np.random.default_rng(65)

# %% sensors around the well
ring = rng.integers(0, 3, 3000)
angle = rng.uniform(0, 2 * np.pi, 3000)
radius = np.array([0.5, 1.3, 2.1])[ring] + rng.normal(0, 0.12, 3000)
east, north = radius * np.cos(angle), radius * np.sin(angle)
X = np.column_stack([east, north])
X_train, X_test, y_train, y_test = train_test_split(X, ring, random_state=65)

# %% settings
layers = (1,)  # one hidden layer

# %% train
clf = MLPClassifier(layers, learning_rate_init=0.01, max_iter=25, batch_size=50, random_state=65)
clf.fit(X_train, y_train)
print(classification_report(y_test, clf.predict(X_test), zero_division=0))

# %% verify
predicted = clf.predict(X_test)
actual = y_test

# %% fix settings
layers = (24,)  # one hidden layer
