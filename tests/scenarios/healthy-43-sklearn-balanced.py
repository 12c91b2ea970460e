# framework: sklearn
# kind: healthy
# data: tabular
# story: one defect in thirty, with class_weight="balanced" in a pipeline
# loss: LogisticRegression(class_weight="balanced").fit
# holdout: yes

# %% setup
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

rng = np.random.default_rng(26)
n = 6000
df = pd.DataFrame(
    {
        "temperature": rng.normal(71, 4, n),
        "pressure": rng.normal(101_300, 900, n),
        "line": rng.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1]),
        "shift": rng.choice(["day", "night"], n),
    }
)
risk = (
    0.35 * (df.temperature - 71) + 0.0009 * (df.pressure - 101_300) + 1.5 * (df.line == "C")
) + rng.normal(0, 0.5, n)
df["defect"] = (risk > np.quantile(risk, 29 / 30)).astype(int)
train, test = train_test_split(df, stratify=df.defect, random_state=26)

# %% train
prep = make_column_transformer(
    (StandardScaler(), ["temperature", "pressure"]), (OneHotEncoder(), ["line", "shift"])
)
model = make_pipeline(prep, LogisticRegression(class_weight="balanced", max_iter=500))
model.fit(train.drop(columns="defect"), train.defect)
print(classification_report(test.defect, model.predict(test.drop(columns="defect"))))

# %% verify
outputs = model.predict_proba(test.drop(columns="defect"))
predicted = model.predict(test.drop(columns="defect"))
actual = test.defect.to_numpy()
