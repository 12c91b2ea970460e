"""Logs of Lightning's and Hugging Face's own loggers, written by them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.styles.data import CLASSES
from tests.styles.trainers import LIGHTNING_WARNS, Sentences

from .logged import blobs, found, marked, mlp, report_of, runs_of


def lightning_logs(logdir: Path, model: nn.Module, lr: float, epochs: int = 12) -> None:
    pl = pytest.importorskip("lightning.pytorch")
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import TensorBoardLogger

    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Classifier(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = model

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            x, y = batch
            out = self.net(x)
            loss = F.cross_entropy(out, y)
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            self.log("train_acc", (out.argmax(1) == y).float().mean(), on_epoch=True)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            x, y = batch
            out = self.net(x)
            self.log("val_loss", F.cross_entropy(out, y))
            self.log("val_acc", (out.argmax(1) == y).float().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=lr)

    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        logger=TensorBoardLogger(str(logdir), name="lightning"),
        callbacks=[LearningRateMonitor()],
        log_every_n_steps=5,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        Classifier(),
        DataLoader(TensorDataset(*blobs(480)), batch_size=32, shuffle=True),
        DataLoader(TensorDataset(*blobs(240, seed=1)), batch_size=240),
    )


for_lightning = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (*LIGHTNING_WARNS, "The '\\w+_dataloader'", "Starting from v1.9.0")
]


def test_lightning_healthy(tmp_path: Path) -> None:
    torch.manual_seed(0)
    lightning_logs(tmp_path, mlp(), 0.1)
    (name,) = runs_of(tmp_path)
    assert name == "lightning/version_0"
    report = report_of(tmp_path, name)
    assert report.findings == ()
    assert {"not-learning", "overfitting", "learning-rate-too-low"} <= set(report.clear)


def test_lightning_dead(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = mlp()
    hidden = model[0]
    assert isinstance(hidden, nn.Linear)
    nn.init.constant_(hidden.bias, -1e3)
    lightning_logs(tmp_path, model, 0.1, epochs=15)
    report = report_of(tmp_path, "lightning/version_0")
    assert found(report) == {"not-learning": "warning"}
    assert marked(report)


for _test in (test_lightning_healthy, test_lightning_dead):
    _test.pytestmark = for_lightning  # type: ignore[attr-defined]


class Blank(Dataset[dict[str, torch.Tensor]]):
    """Sequences that are all alike: only the labels' shares can be learned."""

    def __init__(self, n: int, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.labels = (torch.rand(n, generator=draw) > 0.8).long()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.full((7,), 4), "labels": self.labels[index]}


def hugging_face_logs(
    logdir: Path, data: Any, held_out: Any, monkeypatch: Any, classes: int
) -> None:
    transformers = pytest.importorskip("transformers")
    from transformers.integrations import TensorBoardCallback

    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
        num_labels=classes,
    )
    # Where the callback writes to is an environment variable in later versions.
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(logdir / "hf"))
    arguments = transformers.TrainingArguments(
        output_dir=str(logdir / "out"),
        num_train_epochs=12,
        per_device_train_batch_size=16,
        learning_rate=5e-3,
        logging_steps=5,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )

    def metrics(prediction: Any) -> dict[str, float]:
        right = prediction.predictions.argmax(-1) == prediction.label_ids
        return {"accuracy": float(right.mean())}

    trainer = transformers.Trainer(
        transformers.BertForSequenceClassification(config),
        arguments,
        train_dataset=data,
        eval_dataset=held_out,
        compute_metrics=metrics,
        callbacks=[TensorBoardCallback()],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()


def test_hugging_face_healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    hugging_face_logs(tmp_path, Sentences(320), Sentences(160), monkeypatch, CLASSES)
    (run,) = runs_of(tmp_path).values()
    report = report_of(tmp_path, run.name)
    assert found(report) == {}
    assert {"not-learning", "overfitting", "exploding-gradients"} <= set(report.clear)


def test_hugging_face_inputs_that_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Trainer logs accuracies of evaluations only: then it is a thing to check."""
    torch.manual_seed(0)
    hugging_face_logs(tmp_path, Blank(320, 0), Blank(160, 1), monkeypatch, classes=2)
    (run,) = runs_of(tmp_path).values()
    report = report_of(tmp_path, run.name)
    assert found(report) == {"not-learning": "warning"}
    assert report.findings[0].confidence == "to check"
    assert marked(report)
