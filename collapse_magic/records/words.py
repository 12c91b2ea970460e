"""The words that fields of records may hold."""

from __future__ import annotations

from typing import Literal

Phase = Literal["train", "eval"]
Task = Literal["binary", "multiclass", "multilabel", "regression", "unknown"]
TargetKind = Literal["index", "binary", "one-hot", "probabilities", "continuous", "unknown"]
Place = Literal["input", "target", "logits", "loss", "gradient", "weight"]
Start = Literal["random", "constant", "zero", "unknown"]
InputKind = Literal["features", "channels", "integers"]
Reading = Literal["threshold", "argmax", "ranking"]
