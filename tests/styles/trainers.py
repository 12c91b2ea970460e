"""Trainers that people use, in their own loops."""

from __future__ import annotations

import logging
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

from .account import Account, style
from .data import CLASSES, FEATURES, classes, loader, mlp

LIGHTNING_WARNS = (
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",
    "The '\\w+' does not have many workers",
    "The number of training batches",
)


def _lightning_trainer(**options: Any) -> Any:
    import lightning.pytorch as pl

    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return pl.Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def _lightning_module(log: Account, automatic: bool) -> Any:
    import lightning.pytorch as pl

    class Classifier(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp()
            self.automatic_optimization = automatic

        def training_step(self, batch: Any, index: int) -> torch.Tensor | None:
            x, y = batch
            out = self.net(x)
            loss = F.cross_entropy(out, y)
            log.batch(loss, out, y)
            if automatic:
                return loss
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            log.step()
            return None

        def validation_step(self, batch: Any, index: int) -> None:
            x, y = batch
            out = self.net(x)
            log.printed.append(F.cross_entropy(out, y).item())
            log.evaluated(out, y)

        def on_before_zero_grad(self, optimizer: Any) -> None:
            if automatic:  # called at the start of each step
                log.step()

        def on_train_epoch_end(self) -> None:
            log.epoch()

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    return Classifier()


def _lightning(log: Account, automatic: bool, **options: Any) -> None:
    x, y = classes()
    module = _lightning_module(log, automatic)
    trainer = _lightning_trainer(max_epochs=2, **options)
    trainer.fit(module, loader(x[:80], y[:80]), loader(x[80:], y[80:], shuffle=False))
    log.result(module)


@style(
    "Lightning, automatic optimization",
    "`Trainer(gradient_clip_val=1.0).fit(module, train, val)`: `training_step` returns the loss",
    needs=("lightning.pytorch",),
    warns=LIGHTNING_WARNS,
)
def lightning_automatic(log: Account) -> None:
    _lightning(log, automatic=True, gradient_clip_val=1.0)


@style(
    "Lightning, manual optimization",
    "`self.manual_backward(loss); self.optimizers().step()`",
    needs=("lightning.pytorch",),
    warns=LIGHTNING_WARNS,
)
def lightning_manual(log: Account) -> None:
    _lightning(log, automatic=False)


class Sentences(Dataset[dict[str, torch.Tensor]]):
    """Token sequences (7) whose class is the first token's."""

    def __init__(self, n: int) -> None:
        self.tokens = torch.randint(3, 30, (n, 7))
        self.labels = torch.randint(0, CLASSES, (n,))
        self.tokens[:, 0] = self.labels

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.tokens[index], "labels": self.labels[index]}


@style(
    "Hugging Face Trainer",
    "`Trainer(model, args, train_dataset=..., eval_dataset=...).train()`, a BERT made anew; "
    "evaluation each epoch",
    needs=("transformers",),
)
def hugging_face(log: Account) -> None:
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        PrinterCallback,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    config = BertConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
        num_labels=CLASSES,
    )
    model = BertForSequenceClassification(config)

    def seen(module: nn.Module, args: Any, inputs: dict[str, Any], output: Any) -> None:
        if module.training:
            log.batch(output.loss, output.logits, inputs["labels"])
        else:
            log.evaluated(output.logits, inputs["labels"])

    class Watcher(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            log.step()

        def on_epoch_end(self, *args: Any, **kwargs: Any) -> None:
            log.epoch()

        def on_log(self, *args: Any, logs: dict[str, float], **kwargs: Any) -> None:
            log.printed.append({k: v for k, v in logs.items() if k.endswith(("loss", "norm"))})

    handle = model.register_forward_hook(seen, with_kwargs=True)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(log.folder),
            num_train_epochs=2,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=8,
            learning_rate=1e-3,
            eval_strategy="epoch",
            save_strategy="no",
            logging_steps=1,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=Sentences(40),
        eval_dataset=Sentences(16),
        callbacks=[Watcher()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    handle.remove()
    log.result(model)


@style(
    "Accelerate",
    "`model, optimizer, loader = accelerator.prepare(...)`; `accelerator.backward(loss)`",
    needs=("accelerate",),
)
def accelerate(log: Account) -> None:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    inner = mlp()
    model, optimizer, data = accelerator.prepare(
        inner, torch.optim.AdamW(inner.parameters(), lr=0.01), loader(*classes())
    )
    for _ in range(2):
        for x, y in data:
            with accelerator.accumulate(model):
                out = model(x)
                loss = F.cross_entropy(out, y)
                log.batch(loss, out, y)
                accelerator.backward(loss)
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                log.step()
        log.epoch()
    accelerator.free_memory()
    log.result(inner)


@style(
    "Ignite",
    "`create_supervised_trainer(model, optimizer, loss_fn).run(loader, max_epochs=2)`, a "
    "`create_supervised_evaluator` after each epoch",
    needs=("ignite.engine", "ignite.metrics"),
    warns=("`torch.jit.\\w+` is deprecated",),
)
def ignite(log: Account) -> None:
    from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
    from ignite.metrics import Loss

    x, y = classes()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def told(x: Any, y: torch.Tensor, out: torch.Tensor, loss: torch.Tensor) -> float:
        log.step()
        log.losses.append((log.steps, loss.item()))
        log.train.add(out, y, None)
        return loss.item()

    trainer = create_supervised_trainer(model, optimizer, F.cross_entropy, output_transform=told)
    evaluator = create_supervised_evaluator(model, {"loss": Loss(F.cross_entropy)})

    @trainer.on(Events.EPOCH_COMPLETED)
    def evaluate() -> None:
        log.epoch()
        evaluator.run([(x[80:], y[80:])])
        log.printed.append(evaluator.state.metrics["loss"])

    @evaluator.on(Events.ITERATION_COMPLETED)
    def evaluated() -> None:
        out, labels = evaluator.state.output
        log.evaluated(out, labels)

    trainer.run(loader(x[:80], y[:80]), max_epochs=2)
    log.result(model)


@style(
    "skorch",
    "`NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss).fit(x, y)`, its own split for "
    "validation",
    needs=("skorch",),
)
def skorch(log: Account) -> None:
    from skorch import NeuralNetClassifier

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, CLASSES))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x)

    class Classifier(NeuralNetClassifier):
        def get_loss(self, out: torch.Tensor, y: torch.Tensor, X: Any, training: bool) -> Any:
            loss = super().get_loss(out, y, X=X, training=training)
            if training:
                log.batch(loss, out, y)
            else:
                log.evaluated(out, y)
            return loss

        def on_batch_end(
            self, net: Any, batch: Any = None, training: bool = False, **_: Any
        ) -> None:
            super().on_batch_end(net, batch=batch, training=training)
            if training:
                log.step()

        def on_epoch_end(self, net: Any, **options: Any) -> None:
            super().on_epoch_end(net, **options)
            log.epoch()

    x, y = classes()
    net = Classifier(
        Net,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.02,
        batch_size=16,
        max_epochs=2,
        iterator_train__shuffle=True,
        verbose=0,
    )
    net.fit(x.numpy(), y.numpy())
    log.printed += net.history[:, ("train_loss", "valid_loss")]
    log.result(net.module_)
