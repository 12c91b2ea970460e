"""What a remedy looks like in general, where the cells do not hold the code that it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..findings import Fix, Remedy
from .patch import example, number

Values = Mapping[str, Any]
Lines = Callable[[Values], Sequence[str]]


def in_general(remedy: Remedy, *, keras: bool) -> Fix | None:
    """An example with the measured numbers, in Keras' idiom or in that of PyTorch."""
    lines = (KERAS if keras else TORCH).get(remedy.kind)
    if lines is None:
        return None
    return example(remedy.title, [], [_WHERE, *lines(remedy.values)])


_WHERE = "# where the training is written:"


def _numbers(values: Values) -> str:
    return "[" + ", ".join(number(float(one)) for one in values.get("weights") or ()) + "]"


def _torch_weights(values: Values) -> Sequence[str]:
    binary = str(values.get("loss", "")).startswith("binary") or not values.get("weights")
    if "pos_weight" in values and binary:
        pos = number(float(values["pos_weight"]))
        return [f"nn.BCEWithLogitsLoss(pos_weight=torch.tensor({pos}))"]
    return [f"nn.CrossEntropyLoss(weight=torch.tensor({_numbers(values)}))"]


def _keras_weights(values: Values) -> Sequence[str]:
    pairs = ", ".join(
        f"{k}: {number(float(one))}" for k, one in enumerate(values.get("weights") or ())
    )
    return [f"model.fit(..., class_weight={{{pairs}}})"]


def _new(values: Values) -> str:
    return number(float(values.get("new", 0.001)))


def _norm(values: Values) -> str:
    return number(float(values.get("max_norm", 1.0)))


def _paired(order: str) -> Lines:
    return lambda _: [f"order = {order}(len(x))", "x, y = x[order], y[order]  # one order for both"]


_SHARED: Mapping[str, Lines] = {
    "drop-activation": lambda v: [f"# outputs without a {str(v.get('activation', '')).lower()}"],
    "match-shapes": lambda v: [
        f"{'outputs' if v.get('argument') == 'input' else 'labels'}."
        f"{v.get('operation', 'squeeze')}({v.get('dim', 1)})  # in the loss call"
    ],
    "shift-labels": lambda v: [f"labels = labels - {v.get('offset', 1)}"],
    "scale-inputs": lambda _: [
        "mean, std = x.mean(0), x.std(0)  # of the training data, once",
        "x = (x - mean) / std  # wherever the model is used",
    ],
    "count-labels": lambda _: ["print(np.unique(labels, return_counts=True))  # over all data"],
    "check-one-batch": lambda _: [
        "# train on one batch only: a sound model and loop bring its loss to about 0"
    ],
}
TORCH: Mapping[str, Lines] = {
    **_SHARED,
    "weigh-classes": _torch_weights,
    "use-logits-loss": lambda v: [
        "nn.CrossEntropyLoss()"
        if v.get("loss") == "nll"
        else "nn.BCEWithLogitsLoss()  # applies the sigmoid itself"
    ],
    "change-loss": lambda v: [
        "nn.BCELoss()" if v.get("new") == "BinaryCrossentropy" else "nn.CrossEntropyLoss()"
    ],
    "binarize-labels": lambda _: ["labels = (labels > 0).float()"],
    "cast-labels": lambda v: [f"labels = labels.{v.get('dtype', 'long')}()"],
    "widen-output": lambda v: [
        f"nn.Linear(..., {v.get('classes')})  # the output layer",
        "loss = F.cross_entropy(outputs, labels.long())",
    ],
    "replace-output-activation": lambda v: [f"nn.{v.get('new')}()  # on the output layer"],
    "replace-hidden-activation": lambda v: [f"nn.{v.get('new')}()  # in the hidden layers"],
    "scale-learning-rate": lambda v: [f"lr={_new(v)}  # of the optimizer"],
    "step-per-epoch": lambda _: ["scheduler.step()  # behind the loop over the batches"],
    "train-longer": lambda _: ["# ten times as many epochs, to begin with"],
    "lower-weight-decay": lambda v: [f"weight_decay={_new(v)}  # of the optimizer"],
    "lower-dropout": lambda v: [f"nn.Dropout({_new(v)})"],
    "clip-gradients": lambda v: [
        f"nn.utils.clip_grad_norm_(model.parameters(), {_norm(v)})  # before the step"
    ],
    "make-step": lambda _: ["optimizer.step()  # after the backward call"],
    "clear-gradients": lambda _: ["optimizer.zero_grad()  # once a step"],
    "give-optimizer": lambda v: [
        f"torch.optim.Adam({v.get('model') or 'model'}.parameters())  # below the model"
    ],
    "register-layers": lambda _: ["self.layers = nn.ModuleList(...)  # in place of a plain list"],
    "unfreeze": lambda v: [f"{v.get('model') or 'model'}.requires_grad_(True)"],
    "join-graph": lambda _: ["# no detach, item or numpy between model and loss"],
    "shuffle-data": lambda _: ["DataLoader(..., shuffle=True)"],
    "pair-labels": _paired("torch.randperm"),
    "train-mode": lambda _: ["model.train()  # before each epoch"],
    "settle-averages": lambda _: ["nn.BatchNorm1d(..., momentum=0.1)"],
    "stop-early": lambda _: ["# keep the weights of the best validation, and stop there"],
    "clean-inputs": lambda _: ["x = torch.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)"],
    "initialize-anew": lambda _: [
        "for layer in model.modules():",
        "    if hasattr(layer, 'reset_parameters'):",
        "        layer.reset_parameters()",
    ],
}
KERAS: Mapping[str, Lines] = {
    **_SHARED,
    "weigh-classes": _keras_weights,
    "use-logits-loss": lambda _: ["# from_logits=True, or the activation on the output layer"],
    "change-loss": lambda v: [f"keras.losses.{v.get('new')}()"],
    "binarize-labels": lambda _: ["y = (y > 0).astype('float32')"],
    "cast-labels": lambda v: [
        f"y = y.astype('{'int32' if v.get('dtype') == 'long' else 'float32'}')"
    ],
    "widen-output": lambda v: [
        f"keras.layers.Dense({v.get('classes')}, activation='softmax')  # the output layer",
        "loss='sparse_categorical_crossentropy'",
    ],
    "replace-output-activation": lambda v: [
        f"activation='{str(v.get('new', '')).lower()}'  # of the output layer"
    ],
    "replace-hidden-activation": lambda v: [
        f"activation='{str(v.get('new', '')).lower()}'  # of the hidden layers"
    ],
    "scale-learning-rate": lambda v: [f"learning_rate={_new(v)}  # of the optimizer"],
    "step-per-epoch": lambda _: ["decay_steps=batches_per_epoch  # schedules count batches"],
    "train-longer": lambda _: ["epochs=10 * epochs  # in fit"],
    "lower-weight-decay": lambda v: [f"keras.regularizers.l2({_new(v)})"],
    "lower-dropout": lambda v: [f"keras.layers.Dropout({_new(v)})"],
    "clip-gradients": lambda v: [f"clipnorm={_norm(v)}  # of the optimizer"],
    "make-step": lambda _: ["optimizer.apply_gradients(zip(gradients, model.trainable_variables))"],
    "unfreeze": lambda _: ["model.trainable = True  # then compile, and fit"],
    "give-optimizer": lambda _: ["tape.gradient(loss, model.trainable_variables)  # all of them"],
    "join-graph": lambda _: ["# no numpy, and no stop_gradient, between model and loss"],
    "shuffle-data": lambda _: ["model.fit(..., shuffle=True)"],
    "pair-labels": _paired("np.random.permutation"),
    "train-mode": lambda _: ["model(x, training=True)  # where the tape records it"],
    "settle-averages": lambda _: ["keras.layers.BatchNormalization(momentum=0.9)"],
    "stop-early": lambda _: [
        "keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)"
    ],
    "clean-inputs": lambda _: ["x = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)"],
    "initialize-anew": lambda _: ['kernel_initializer="glorot_uniform"  # it is the default'],
}
