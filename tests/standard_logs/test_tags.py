"""What tags are taken for: those that libraries write, and those that people think of."""

from __future__ import annotations

import pytest
from tensorboard_plugin_collapse.standard_summaries import tags
from tensorboard_plugin_collapse.standard_summaries.training import home_of


@pytest.mark.parametrize(
    ("tag", "role", "phase", "key"),
    [
        ("Loss/train", "loss", "train", "loss"),
        ("Loss/test", "loss", "eval", "loss"),
        ("training loss", "loss", "train", "loss"),
        ("loss", "loss", None, "loss"),
        ("Accuracy/val", "accuracy", "eval", "accuracy"),
        ("Acc@1", "accuracy", None, "acc"),
        ("lr", "learning_rate", None, "lr"),
        # Keras' callback
        ("epoch_loss", "loss", None, "loss"),
        ("epoch_sparse_categorical_accuracy", "accuracy", None, "sparse_categorical_accuracy"),
        ("evaluation_loss_vs_iterations", "loss", "eval", "loss"),
        ("epoch_learning_rate", "learning_rate", None, "learning_rate"),
        # Lightning
        ("train_loss_step", "loss", "train", "loss"),
        ("train_loss_epoch", "loss", "train", "loss"),
        ("val_acc", "accuracy", "eval", "acc"),
        ("lr-AdamW/pg1", "learning_rate", None, "lr_adam_w_pg_1"),
        ("grad_2.0_norm_total", "gradient_norm", None, "grad_2_0_norm_total"),
        # Hugging Face
        ("train/grad_norm", "gradient_norm", "train", "grad_norm"),
        ("eval/loss", "loss", "eval", "loss"),
        ("train/learning_rate", "learning_rate", "train", "learning_rate"),
    ],
)
def test_scalars_are_known_by_their_names(tag: str, role: str, phase: str, key: str) -> None:
    about = tags.scalar(tag)
    assert about is not None
    assert (about.role, about.phase, about.key) == (role, phase, key)


@pytest.mark.parametrize(
    "tag",
    [
        "loss_scale", "hp_metric", "epoch", "train/epoch", "train/total_flos", "eval/runtime",
        "Acc@5", "top5_accuracy", "best_val_loss", "epoch_steps_per_second", "grad_clip", "",
        "train/train_samples_per_second", "gloss", "slurm",
    ],
)  # fmt: skip
def test_other_scalars_are_left_aside(tag: str) -> None:
    assert tags.scalar(tag) is None


@pytest.mark.parametrize(
    ("tag", "part", "layer", "parameter"),
    [
        ("fc1.weight", "weight", "fc1", "weight"),
        ("fc1.weight.grad", "gradient", "fc1", "weight"),
        ("grad/fc1.bias", "gradient", "fc1", "bias"),
        ("gradients/layer1.0.conv1.weight", "gradient", "layer1.0.conv1", "weight"),
        ("weights/fc1", "weight", "fc1", "weight"),
        ("fc1/weight_grad", "gradient", "fc1", "weight"),
        ("fc1_bias", "weight", "fc1", "bias"),
        ("sequential/dense_1/kernel/histogram", "weight", "sequential.dense_1", "kernel"),
    ],
)
def test_histograms_are_known_by_their_names(
    tag: str, part: str, layer: str, parameter: str
) -> None:
    assert tags.histogram(tag) == tags.Histogram(part, layer, parameter)  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", ["activations/relu1", "inputs", "x", "predictions"])
def test_histograms_of_other_things_are_left_aside(tag: str) -> None:
    assert tags.histogram(tag) is None


@pytest.mark.parametrize(
    ("run", "scalars", "home"),
    [
        ("logs/1/train", ["epoch_loss"], "logs/1"),
        ("logs/1/validation", ["epoch_loss"], "logs/1"),
        ("train", ["epoch_loss"], "."),
        ("exp/Loss_train", ["Loss"], "exp"),
        ("exp/run_losses_b", ["run/losses"], "exp"),
        ("resnet_train", ["loss", "acc"], "resnet"),
        ("resnet", ["loss"], "resnet"),
        (".", ["loss"], "."),
    ],
)
def test_runs_that_belong_together_have_one_home(run: str, scalars: list[str], home: str) -> None:
    assert home_of(run, scalars) == home
