"""Reports written by hand, for what they look like."""

from __future__ import annotations

from dataclasses import replace

from collapse_magic.findings import Evidence, Finding, Fix, Location
from collapse_magic.report import PredictionSummary, Report, Trace

IMBALANCE = Finding(
    code="CM301",
    rule="class-imbalance",
    severity="error",
    confidence="likely",
    message="class 1 is found in 2 of 100 cases",
    evidence=(
        Evidence("labels 9.1 to 1"),
        Evidence("predictions 99.4% class 0"),
        Evidence("loss fell 31% all the same"),
        Evidence("class 0 makes 88% of the gradient at the logits"),
    ),
    first_step=320,
    last_step=640,
    location=Location(7, 14, "    criterion = nn.BCEWithLogitsLoss()"),
    fix=Fix(
        "weigh class 1 by the measured ratio",
        "needs-review",
        "--- cell [7]\n+++ cell [7]\n@@ -14,1 +14,1 @@\n-    criterion = nn.BCEWithLogitsLoss()\n"
        "+    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.1))\n",
        {7: "..."},
    ),
    site="bce",
)
SYMPTOM = Finding(
    code="CM101",
    rule="single-class-predictions",
    severity="error",
    confidence="certain",
    message="99.4% of predictions are class 0",
    evidence=(),
    first_step=320,
    last_step=640,
    explained_by="class-imbalance",
    site="bce",
)
# As long as anything gets: a message of three lines, ten facts, a diff over two cells.
LONG = replace(
    IMBALANCE,
    message="the class with the name " + "very " * 30 + "long is never found",
    evidence=tuple(
        Evidence(f"fact {n} with a number {n / 7:.3f} and its reference") for n in range(10)
    ),
    location=Location(12, 3, "x = " + " + ".join(f"function_{n}(value)" for n in range(12))),
    fix=Fix(
        "a title that goes on and on, " * 4,
        "needs-review",
        "--- cell [3]\n+++ cell [3]\n@@ -1,9 +1,9 @@\n"
        + "".join(f"-    old_{n} = {n}\n+    new_{n} = {n}\n" for n in range(4))
        + "--- cell [12]\n+++ cell [12]\n@@ -3 +3 @@\n"
        + "-head = "
        + "nn.Sequential(nn.Linear(64, 64), nn.ReLU(), " * 3
        + "nn.Softmax(1))\n"
        + "+head = "
        + "nn.Sequential(nn.Linear(64, 64), nn.ReLU(), " * 3
        + ")\n",
        {3: "...", 12: "..."},
    ),
)
RESOLVED = replace(IMBALANCE, resolved_step=900)
HOSTILE = replace(
    IMBALANCE,
    message="class <script>alert(1)</script> & 'friends'",
    evidence=(Evidence('labels <b>9</b> to 1 & "more"'),),
    location=Location(7, 14, "if a < b and c > d: x = '</div><script>'"),
)
PREDICTIONS = PredictionSummary(
    site="bce",
    phase="train",
    classes=("cat", "dog", "fox"),
    samples=600,
    label_share=(0.61, 0.25, 0.14),
    predicted_share=(0.97, 0.02, 0.01),
    recall=(0.99, 0.05, 0.02),
)
MANY = replace(
    PREDICTIONS,
    classes=tuple(f"a class with a name that is long, number {n}" for n in range(40)),
    label_share=(0.025,) * 40,
    predicted_share=(0.9, 0.05, 0.03, 0.02, *((0.0,) * 36)),
    recall=(0.5,) * 40,
)
FINE = Report(
    run="mnist-3",
    steps=4690,
    epochs=5,
    seconds=102.4,
    cost=0.008,
    collapsed=False,
    findings=(),
    clear=tuple(f"rule-{n}" for n in range(31)),
    skipped={"overfitting": "no validation data", "train-eval-gap": "no validation data"},
    logdir="runs",
    predictions=(PREDICTIONS,),
)
COLLAPSED = replace(FINE, collapsed=True, findings=(IMBALANCE, SYMPTOM))
TRACE = Trace(
    site="bce",
    classes=("cat", "dog", "fox"),
    share_steps=(10, 20, 30),
    shares=((0.5, 0.3, 0.2), (0.8, 0.1, 0.1), (1.0, 0.0, 0.0)),
    label_share=(0.61, 0.25, 0.14),
    model="model",
    layers=("0", "2", "4"),
    layer_steps=(1, 2, 3, 40),
    gradient_norms=(
        (1e-6, 1e-3, 1.0),
        (1e-6, float("nan"), 1.0),
        (0.0, 1e-3, 0.5),
        (1e-7, 1e-4, float("inf")),
    ),
)
EMPTY = replace(FINE, run="training", steps=0, epochs=None, predictions=(), logdir=None)
