# framework: sklearn
# kind: healthy
# data: tabular
# story: a pipeline that scales and fits a small network, with early stopping
# loss: MLPClassifier.fit in a Pipeline
# holdout: no

# %% setup
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_wine(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, random_state=2, stratify=y)

# %% train
pipe = make_pipeline(
    StandardScaler(), MLPClassifier((20,), learning_rate_init=0.01, max_iter=300, random_state=2)
)
pipe.fit(Xtr, ytr)
print("train", pipe.score(Xtr, ytr), "test", pipe.score(Xte, yte))

# %% verify
outputs = pipe.predict_proba(Xte)
predicted = pipe.predict(Xte)
actual = yte
