"""Trainings whose code is in no cell: the argument to change in the call that leads there."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import pytest

from collapse_magic.findings import Fix

from .notebooks import ask, cells, run

torch = pytest.importorskip("torch")

RATE = {"factor": 0.1, "old": 0.5, "new": 0.05}
WEIGHTS = {"weights": [0.6, 3.0], "pos_weight": 5.0, "loss": "cross_entropy"}
DATA = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x, y = torch.randn(40, 4), torch.arange(40) % 2
loader = DataLoader(TensorDataset(x, y), batch_size=10)
"""


def cured(notebook: Mapping[int, str], fix: Fix | None) -> dict[str, Any]:
    assert fix is not None and fix.cells, fix
    return run({**notebook, **fix.cells})


# -- skorch ------------------------------------------------------------------------------------

SKORCH = """
from skorch import NeuralNetClassifier
net = NeuralNetClassifier(
    nn.Linear, module__in_features=4, module__out_features=2,  # one layer
    criterion=nn.CrossEntropyLoss, lr=0.5, max_epochs=2, train_split=None, verbose=0,
)
"""


@pytest.mark.parametrize(
    ("kind", "values", "name", "value"),
    [
        ("scale-learning-rate", RATE, "lr", 0.05),
        ("train-longer", {}, "max_epochs", 20),
        ("shuffle-data", {"samples": 40}, "iterator_train__shuffle", True),
        ("lower-weight-decay", {"old": 1.0, "new": 0.01}, "optimizer__weight_decay", 0.01),
        ("weigh-classes", WEIGHTS, "criterion__weight", [0.6, 3.0]),
    ],
)
def test_skorch_takes_settings(kind: str, values: dict[str, Any], name: str, value: object) -> None:
    pytest.importorskip("skorch")
    notebook = cells(DATA, SKORCH, "net.fit(x.numpy(), y.numpy())")
    space = run(notebook)
    fix = ask(notebook, kind, at="net.fit", namespace=space, **values)
    after = cured(notebook, fix)["net"].get_params()[name]
    assert (after.tolist() if isinstance(after, torch.Tensor) else after) == pytest.approx(value)
    assert fix is not None and "# one layer" in fix.cells[2]


# -- Lightning ---------------------------------------------------------------------------------

LIGHTNING = """
import logging, warnings
import lightning.pytorch as pl
for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch"):
    logging.getLogger(name).setLevel(logging.ERROR)

class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 2)

    def training_step(self, batch, index):
        inputs, labels = batch
        return nn.functional.cross_entropy(self.net(inputs), labels)  # the loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.5)

module = Module()
trainer = pl.Trainer(
    accelerator="cpu", devices=1, max_epochs=1,  # one is enough
    logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False,
)
"""


@pytest.mark.filterwarnings("ignore:`isinstance")
@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:The number of training batches")
def test_lightning_takes_settings() -> None:
    pytest.importorskip("lightning.pytorch")
    notebook = cells(DATA, LIGHTNING, "trainer.fit(module, loader)")
    space = run(notebook)
    clipped = ask(notebook, "clip-gradients", at="trainer.fit", namespace=space, max_norm=0.5)
    assert cured(notebook, clipped)["trainer"].gradient_clip_val == 0.5
    longer = ask(notebook, "train-longer", at="trainer.fit", namespace=space)
    assert cured(notebook, longer)["trainer"].current_epoch == 10
    shuffled = ask(notebook, "shuffle-data", at="trainer.fit", namespace=space, samples=40)
    sampler = cured(notebook, shuffled)["loader"].sampler
    assert isinstance(sampler, torch.utils.data.RandomSampler)
    slower = ask(notebook, "scale-learning-rate", at="trainer.fit", namespace=space, **RATE)
    after = cured(notebook, slower)["trainer"].optimizers[0].param_groups[0]
    assert after["lr"] == pytest.approx(0.05)
    weighed = ask(notebook, "weigh-classes", at="trainer.fit", namespace=space, **WEIGHTS)
    assert weighed is not None
    assert "weight=torch.tensor([0.6, 3.0])" in weighed.cells[2]


# -- Hugging Face ------------------------------------------------------------------------------

HUGGING_FACE = """
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
model = BertForSequenceClassification(BertConfig(
    vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=16, max_position_embeddings=8, num_labels=2,
))
options = TrainingArguments(
    output_dir="unused", learning_rate=0.5, num_train_epochs=1,  # rates as in the paper
    use_cpu=True, report_to="none",
)
rows = [{"input_ids": torch.tensor([3, 4, 5]), "labels": torch.tensor(k % 2)} for k in range(8)]
trainer = Trainer(model=model, args=options, train_dataset=rows)
"""


@pytest.mark.parametrize(
    ("kind", "values", "name", "value"),
    [
        ("scale-learning-rate", RATE, "learning_rate", 0.05),
        ("clip-gradients", {"max_norm": 0.5}, "max_grad_norm", 0.5),
        ("train-longer", {}, "num_train_epochs", 10),
        ("lower-weight-decay", {"old": 1.0, "new": 0.01}, "weight_decay", 0.01),
    ],
)
def test_hugging_face_takes_settings(
    kind: str, values: dict[str, Any], name: str, value: float
) -> None:
    pytest.importorskip("transformers")
    made = cells(DATA, HUGGING_FACE)
    fix = ask({**made, 3: "trainer.train()"}, kind, at="trainer.train", namespace=run(made),
              **values)  # fmt: skip
    assert getattr(cured(made, fix)["trainer"].args, name) == pytest.approx(value)


def test_hugging_face_takes_a_loss_of_ones_own() -> None:
    pytest.importorskip("transformers")
    made = cells(DATA, HUGGING_FACE)
    fix = ask({**made, 3: "trainer.train()"}, "weigh-classes", at="trainer.train",
              namespace=run(made), **WEIGHTS)  # fmt: skip
    after = cured(made, fix)
    batch = {"input_ids": torch.tensor([[3, 4, 5], [5, 4, 3]]), "labels": torch.tensor([0, 1])}
    model, trainer = after["model"].eval(), after["trainer"]
    logits = model(input_ids=batch["input_ids"]).logits
    wanted = torch.nn.functional.cross_entropy(logits, batch["labels"], torch.tensor([0.6, 3.0]))
    assert float(trainer.compute_loss(model, batch).detach()) == pytest.approx(
        float(wanted.detach())
    )
    taken = {**made, 2: made[2] + "\nweighted = None"}
    shown = ask({**taken, 3: "trainer.train()"}, "weigh-classes", at="trainer.train",
                namespace=run(taken), **WEIGHTS)  # fmt: skip
    assert shown is not None and shown.safety == "example"


# -- Ignite and Accelerate ---------------------------------------------------------------------

IGNITE = """
from ignite.engine import create_supervised_trainer
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
criterion = nn.CrossEntropyLoss()
engine = create_supervised_trainer(model, optimizer, criterion)
"""


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_ignite_takes_settings() -> None:
    pytest.importorskip("ignite.engine")
    notebook = cells(DATA, IGNITE, "state = engine.run(loader, max_epochs=1)")
    space = run(notebook)
    longer = ask(notebook, "train-longer", at="engine.run", namespace=space)
    assert cured(notebook, longer)["state"].epoch == 10
    slower = ask(notebook, "scale-learning-rate", at="engine.run", namespace=space, **RATE)
    assert cured(notebook, slower)["optimizer"].param_groups[0]["lr"] == pytest.approx(0.05)
    weighed = ask(notebook, "weigh-classes", at="engine.run", namespace=space, **WEIGHTS)
    assert cured(notebook, weighed)["criterion"].weight.tolist() == pytest.approx([0.6, 3.0])
    shuffled = ask(notebook, "shuffle-data", at="engine.run", namespace=space, samples=40)
    sampler = cured(notebook, shuffled)["loader"].sampler
    assert isinstance(sampler, torch.utils.data.RandomSampler)


def test_accelerate_clips_by_itself() -> None:
    pytest.importorskip("accelerate")
    made = """
    from accelerate import Accelerator
    accelerator = Accelerator(cpu=True)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model, optimizer, batches = accelerator.prepare(model, optimizer, loader)
    """
    loop = """
    for rows, labels in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(rows), labels)
        accelerator.backward(loss)
        optimizer.step()
    accelerator.free_memory()
    """
    notebook = cells(DATA, made, loop)
    fix = ask(notebook, "clip-gradients", at="accelerator.backward", namespace=run(notebook))
    assert fix is not None
    assert "    accelerator.clip_grad_norm_(model.parameters(), 1.0)" in fix.cells[3].split("\n")
    cured(notebook, fix)


# -- a module of the user's own ----------------------------------------------------------------


def train(
    model: Any, lr: float = 0.5, epochs: int = 3, class_weight: Any = None
) -> tuple[Any, ...]:
    return lr, epochs, class_weight


def own_module(**functions: Any) -> dict[str, Any]:
    module = types.ModuleType("recipes")
    vars(module).update(functions)
    return {"recipes": module, "model": None}


@pytest.mark.parametrize(
    ("kind", "values", "added"),
    [
        ("scale-learning-rate", RATE, "lr=0.05"),
        ("train-longer", {}, "epochs=30"),
        ("stop-early", {"best_step": 10, "steps": 30}, "epochs=1"),
        ("weigh-classes", WEIGHTS, "class_weight={0: 0.6, 1: 3.0}"),
    ],
)
def test_a_function_of_a_module_takes_its_argument(
    kind: str, values: dict[str, Any], added: str
) -> None:
    notebook = cells("import recipes", "done = recipes.train(model)  # see recipes.py")
    fix = ask(notebook, kind, at="recipes.train", namespace=own_module(train=train), **values)
    assert fix is not None
    assert fix.cells == {2: f"done = recipes.train(model, {added})  # see recipes.py"}


@pytest.mark.parametrize("text", ["recipes.run()", "from recipes import run\nrun()"])
def test_a_function_without_such_an_argument_gets_an_example(text: str) -> None:
    space = own_module(run=lambda: None)
    notebook = cells("import torch, recipes", text)
    space["run"] = space["recipes"].run
    fix = ask(notebook, "scale-learning-rate", at="run()", namespace=space, **RATE)
    assert fix is not None and fix.safety == "example"
    assert fix.diff == "+# where the training is written:\n+lr=0.05  # of the optimizer"


def test_a_keras_model_trained_in_a_module_gets_keras_words() -> None:
    notebook = cells("import keras, recipes", "recipes.run()")
    fix = ask(notebook, "weigh-classes", at="run()", namespace=own_module(run=len), **WEIGHTS)
    assert fix is not None and fix.safety == "example"
    assert fix.diff.endswith("+model.fit(..., class_weight={0: 0.6, 1: 3.0})")
