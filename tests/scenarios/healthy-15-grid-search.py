# framework: sklearn
# kind: healthy
# data: tabular
# story: a grid search: dozens of fits, some of its settings poor ones
# loss: GridSearchCV over a pipeline with an SGDClassifier
# holdout: no

# %% setup
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=1
)

pipe = Pipeline([("scale", StandardScaler()), ("clf", SGDClassifier(random_state=1))])
grid = {
    "clf__alpha": [1e-5, 1e-4, 1e-3, 1e-2, 1.0],
    "clf__loss": ["hinge", "log_loss"],
    "clf__penalty": ["l2", "l1"],
}

# %% train
search = GridSearchCV(pipe, grid, cv=StratifiedKFold(3), scoring="f1")
search.fit(X_train, y_train)
print(search.best_params_, round(search.best_score_, 4))
for mean, params in sorted(
    zip(search.cv_results_["mean_test_score"], search.cv_results_["params"]), key=lambda t: -t[0]
)[:5]:
    print(f"{mean:.4f}", params)

# %% verify
outputs = search.decision_function(X_test)
predicted = search.predict(X_test)
actual = y_test
