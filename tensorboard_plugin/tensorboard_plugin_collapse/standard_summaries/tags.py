"""What a tag is about, by the words in it.

Nobody tells in a log what a number means: the names that libraries and people give are all there
is. ``Loss/train``, ``train_loss_epoch``, ``epoch_loss`` in a run ``train`` and ``train/loss`` are
the loss of the training; what no word tells is left aside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from collapse_magic.records import Phase

Role = Literal["loss", "accuracy", "learning_rate", "gradient_norm"]
Part = Literal["weight", "gradient"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
READ_CHARACTERS = 200  # of a name; nobody's is longer but to do harm

TRAIN = {"train", "training", "tr"}
EVAL = {  # how far such data are from those of the training: the nearest are asked first
    "val": 0, "valid": 0, "validation": 0, "dev": 0, "eval": 1, "evaluation": 1, "test": 2,
    "testing": 2, "holdout": 2,
}  # fmt: skip
LOSS = {"loss", "losses", "nll", "xent", "crossentropy", "bce", "ce"}
ACCURACY = {"acc", "accuracy", "accuracies", "acc1", "top1"}
GRADIENT = {"grad", "grads", "gradient", "gradients"}
WEIGHT = {"weight", "weights", "kernel", "bias", "biases", "embeddings", "gamma", "beta", "scale"}
DRAWN = {"histogram", "histograms", "hist"}
GROUPS = {"weights", "weight", "parameters", "parameter", "params", "param"}
# Say when a number was taken, not what it is.
WHEN = {
    "epoch", "epochs", "batch", "step", "steps", "iter", "iteration", "iterations", "vs", "avg",
    "average", "mean", "running", "per", "smooth", "smoothed", "ema", "histogram",
}  # fmt: skip
# With these in the name it is something else: AMP's scale, a weight of a loss, the best so far.
NOT_A_LOSS = {"scale", "scaler", "weight", "weights", "coef", "coefficient", "best", "min", "hp"}
NOT_AN_ACCURACY = {"top5", "acc5", "topk", "best", "max", "hp"}
# Two models that play against each other, or a policy that makes its own data: neither a flat nor a
# rising loss says anything there.
CONTESTED = {
    "gan", "disc", "dis", "discriminator", "gen", "generator", "critic", "adv", "adversarial",
    "policy", "actor", "reward",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scalar:
    """What a scalar's tag says."""

    role: Role
    key: str  # the words that are left: the same in training and evaluation
    phase: Phase | None  # None: the tag does not say
    distance: int  # of the data from those of the training, for evaluations
    per: Literal["epoch", "step", ""]
    contested: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """What a histogram's tag says."""

    part: Part
    layer: str
    parameter: str  # "bias", "weight" ...


@lru_cache(maxsize=1 << 14)
def words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name[:READ_CHARACTERS]))


def phase_of(found: tuple[str, ...]) -> tuple[Phase | None, int]:
    """Which data these words name, and how far they are from those of the training."""
    named = [EVAL[word] for word in found if word in EVAL]
    if named:
        return "eval", min(named)
    return ("train" if any(word in TRAIN for word in found) else None), 0


@lru_cache(maxsize=1 << 14)
def scalar(tag: str) -> Scalar | None:
    """None where nothing of use is known by this name."""
    found = words(tag)
    role = _role(found)
    if role is None:
        return None
    phase, distance = phase_of(found)
    key = "_".join(w for w in found if w not in TRAIN and w not in EVAL and w not in WHEN)
    key = key.replace("acc_1", "acc").replace("accuracy_1", "accuracy")
    epoch = "epoch" in found or "epochs" in found
    step = not epoch and bool({"batch", "step", "iteration"} & set(found))
    contested = bool(CONTESTED & set(found)) or (role == "loss" and bool({"g", "d"} & set(found)))
    return Scalar(
        role,
        key or role,
        phase,
        distance,
        "epoch" if epoch else ("step" if step else ""),
        contested,
    )


def _role(found: tuple[str, ...]) -> Role | None:
    every = set(found)
    if "lr" in every or {"learning", "rate"} <= every:
        return "learning_rate"
    if every & GRADIENT:
        return "gradient_norm" if "norm" in every else None
    if every & ACCURACY and not every & NOT_AN_ACCURACY and not _is_top_five(found):
        return "accuracy"
    named = every & LOSS or {"cross", "entropy"} <= every
    return "loss" if named and not every & NOT_A_LOSS else None


def _is_top_five(found: tuple[str, ...]) -> bool:
    return any(w in ("top", "acc", "accuracy") and n == "5" for w, n in pairwise(found))


@lru_cache(maxsize=1 << 14)
def histogram(tag: str) -> Histogram | None:
    """None where it is neither weights nor gradients (activations, data)."""
    tag = tag[:READ_CHARACTERS]
    gradient = bool(set(words(tag)) & GRADIENT)
    parts = [part for part in re.split(r"[/.:]", tag) if set(words(part)) - GRADIENT - DRAWN]
    grouped = [part for part in parts[:1] if len(parts) > 1 and set(words(part)) <= GROUPS]
    parts = parts[len(grouped) :]
    named = [n for n, part in enumerate(parts) if set(words(part)) & WEIGHT]
    if not gradient and not named and not grouped:
        return None
    kind, rest = "weight", parts
    if named:
        last = parts[named[-1]]
        kind = next(word for word in words(last) if word in WEIGHT)
        # fc1_weight: the layer stands in the same part
        own = "_".join(w for w in re.split(r"[_-]", last) if not set(words(w)) <= WEIGHT | GRADIENT)
        rest = [*parts[: named[-1]], *filter(None, [own])]
    return Histogram("gradient" if gradient else "weight", ".".join(rest) or tag, kind)
