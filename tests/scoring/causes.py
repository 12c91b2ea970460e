"""The names that a program of the corpus may give as its cause."""

from __future__ import annotations

CAUSES = {
    "single-class-predictions": "CM101",
    "missing-class": "CM102",
    "constant-output": "CM103",
    "not-learning": "CM104",
    "overfitting": "CM105",
    "train-eval-gap": "CM106",
    "vanishing-gradients": "CM201",
    "exploding-gradients": "CM202",
    "dead-relu": "CM203",
    "non-finite": "CM204",
    "bad-initialization": "CM205",
    "low-capacity": "CM206",
    "class-imbalance": "CM301",
    "one-class-batches": "CM302",
    "unscaled-inputs": "CM303",
    "noisy-labels": "CM304",
    "one-class-labels": "CM305",
    "labels-out-of-range": "CM306",
    "unmasked-padding": "CM307",
    "double-activation": "CM401",
    "missing-activation": "CM402",
    "single-unit-softmax": "CM403",
    "label-shape-broadcast": "CM404",
    "label-encoding": "CM405",
    "wrong-loss": "CM406",
    "misweighted-loss": "CM407",
    "learning-rate-too-high": "CM408",
    "learning-rate-too-low": "CM409",
    "missing-zero-grad": "CM410",
    "broken-graph": "CM411",
    "optimizer-mismatch": "CM412",
    "frozen-parameters": "CM413",
    "no-optimizer-step": "CM414",
    "over-regularized": "CM415",
    "undertrained": "CM416",
    "output-activation": "CM417",
    "wrong-threshold": "CM418",
}

# Certain from shapes, values or wiring: to be said by the third step. Those of the others that have
# to see a number of steps first (gradients that pile up, an epoch of one label) are not among them.
STRUCTURAL = frozenset(
    {
        "labels-out-of-range",
        "double-activation",
        "missing-activation",
        "single-unit-softmax",
        "label-shape-broadcast",
        "label-encoding",
        "broken-graph",
        "optimizer-mismatch",
        "frozen-parameters",
    }
)
