# framework: keras
# kind: healthy
# data: tabular
# story: 95 to 5 labels; few cases pass the threshold, but the scores rank them well
# loss: "binary_crossentropy" as a string, model.fit with AUC as the metric
# holdout: no

# %% setup
import keras
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(21)
X, y = make_classification(
    n_samples=5000,
    n_features=10,
    n_informative=5,
    n_clusters_per_class=2,
    weights=[0.95],
    class_sep=0.8,
    flip_y=0.0,
    random_state=21,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=21)

norm = keras.layers.Normalization()
norm.adapt(X_train)
churn = keras.Sequential(
    [
        keras.Input((10,)),
        norm,
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
churn.compile(
    optimizer=keras.optimizers.Adam(5e-3),
    loss="binary_crossentropy",
    metrics=[keras.metrics.AUC(name="auc")],
)

# %% train
churn.fit(X_train, y_train, validation_data=(X_test, y_test), epochs=8, batch_size=64, verbose=2)

# %% verify
outputs = churn.predict(X_test, verbose=0).ravel()
skill = 2 * roc_auc_score(y_test, outputs) - 1  # a ranking at random has an AUC of one half
