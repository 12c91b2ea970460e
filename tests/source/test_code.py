"""What holds for every question: the right line or none, no exception, nothing done too early."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_magic.findings import Target
from collapse_magic.source import Code
from collapse_magic.source.cells import Cell
from collapse_magic.source.remedies import REMEDIES

from .notebooks import ask, cells, changed, diagnosis, show

ROOT = Path(__file__).parents[2]
NOTEBOOK = cells(
    """
    # data
    import torch, torch.nn as nn
    loader = torch.utils.data.DataLoader(
        data, batch_size=8,
    )
    """,
    "!nvidia-smi\nmodel = nn.Sequential(\n    nn.Linear(2, 9), nn.Tanh(),\n    nn.Linear(9, 1)\n)",
    "criterion = nn.BCEWithLogitsLoss(\n    reduction='mean')\n"
    "opt = torch.optim.Adam(model.parameters())",
    """
    %%watch_training demo --every 5
    %matplotlib inline
    from tqdm import tqdm
    for i, (x, y) in enumerate(tqdm(loader)):
        opt.zero_grad()
        loss = criterion(
            model(x), y,
        )
        loss = loss / 4
        loss += 1e-4 * sum(p.norm() for p in model.parameters())
        loss.backward()
        opt.step()
    """,
)


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("loss", (3, "criterion = nn.BCEWithLogitsLoss(")),
        ("labels", (4, "loss = criterion(")),
        ("backward", (4, "loss = criterion(")),
        ("output", (2, "nn.Linear(9, 1)")),
        ("model", (2, "nn.Linear(2, 9), nn.Tanh(),")),
        ("optimizer", (3, "opt = torch.optim.Adam(model.parameters())")),
        ("data", (1, "loader = torch.utils.data.DataLoader(")),
    ],
)
def test_each_target_has_its_line(target: Target, where: tuple[int, str]) -> None:
    assert show(NOTEBOOK, target) == where


def test_without_a_construction_the_call_is_shown() -> None:
    notebook = cells("loss = torch.nn.functional.cross_entropy(model(x), y)\nloss.backward()")
    assert show(notebook, "loss") == (1, "loss = torch.nn.functional.cross_entropy(model(x), y)")
    assert show(notebook, "data") == (1, "loss = torch.nn.functional.cross_entropy(model(x), y)")
    assert show(notebook, "optimizer") is None
    assert show(notebook, "model") is None


def test_no_line_rather_than_a_guessed_one() -> None:
    notebook = cells(
        "import torch.nn.functional as F\nloss = F.mse_loss(a(x), y) + F.mse_loss(b(x), y)\n"
        "loss.backward()"
    )
    code = Code(notebook, {})
    for target in ("output", "optimizer", "model"):
        assert show(notebook, target) is None
    for cell, number in ((None, 3), (1, None), (7, 3), (1, 99)):
        assert code.locate(diagnosis(), cell, number) is None
    assert code.fix(diagnosis("weigh-classes", pos_weight=2.0), 1, 99) is None
    fix = code.fix(diagnosis("weigh-classes", pos_weight=2.0), None, 3)  # trained in a module
    assert fix is not None and fix.safety == "example"
    assert fix.diff.endswith("+nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0))")


def test_a_loss_of_another_kind_than_was_seen_is_not_touched() -> None:
    notebook = cells("import torch.nn.functional as F\nF.mse_loss(model(x), y).backward()")
    assert ask(notebook, "shift-labels", loss="cross_entropy") is None
    assert ask(notebook, "shift-labels", loss="mse") is not None


def test_an_unknown_remedy_and_none_have_no_fix() -> None:
    code = Code(NOTEBOOK, {})
    assert code.fix(diagnosis("no-such-remedy"), 4, 11) is None
    assert code.fix(diagnosis(), 4, 11) is None


def test_missing_numbers_make_no_exception() -> None:
    code = Code(NOTEBOOK, {})
    for kind in REMEDIES:
        code.fix(diagnosis(kind), 4, 11)


def test_a_cell_that_does_not_parse_is_left_out() -> None:
    notebook = {**NOTEBOOK, 5: "for x in", 6: "%%bash\necho criterion", 7: "\0", 8: "x = (" * 500}
    assert show(notebook, "loss") == (3, "criterion = nn.BCEWithLogitsLoss(")


def test_a_hostile_namespace_is_no_obstacle() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    space = {"loader": Hostile(), "opt": Hostile(), "model": Hostile(), "other": Hostile()}
    fix = ask(NOTEBOOK, "weigh-classes", namespace=space, pos_weight=9.0)
    assert fix is not None and list(fix.cells) == [3]


PIECES = [*"\n".join(NOTEBOOK.values()).split("\n"), "loss.backward()", "model = model(model)",
          "criterion = criterion", "def f(x): return f(x)", "loss = f(loss)", "class A(A): pass",
          "model = A(); model.forward = model", "self.x = self.x", "a, *b = b, a"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=25), st.sampled_from(sorted(REMEDIES))
)
def test_any_cell_gets_an_answer(lines: list[str], kind: str) -> None:
    text = "\n".join(lines)
    code = Code({1: text, 2: "loss = criterion(model(x), y)\nloss.backward()"}, {})
    for target in ("loss", "output", "model", "optimizer", "data"):
        code.locate(diagnosis(target=target), 2, 2)
    values = {
        "old": 1.0,
        "new": 0.1,
        "pos_weight": 2.0,
        "weights": [1.0, 2.0],
        "loss": "cross_entropy",
    }
    code.fix(diagnosis(kind, **values), 2, 2)


def test_lightning_finds_the_loss_in_training_step() -> None:
    module = """
    import torch, lightning as L
    from torch import nn
    class Lit(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(2, 2)
            self.loss = nn.CrossEntropyLoss()

        def training_step(self, batch, batch_idx):
            x, y = batch
            loss = self.loss(self.net(x), y)
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=1.0)
    """
    notebook = cells(
        module, "model = Lit()\ntrainer = L.Trainer(max_epochs=1)\ntrainer.fit(model, loader)"
    )
    fix = ask(
        notebook, "weigh-classes", at="trainer.fit(", weights=(0.5, 5.0), loss="cross_entropy"
    )
    assert changed(fix)[1] == ["self.loss = nn.CrossEntropyLoss(weight=torch.tensor([0.5, 5.0]))"]
    fix = ask(notebook, "scale-learning-rate", at="trainer.fit(", factor=0.1, old=1.0, new=0.1)
    assert changed(fix)[1] == ["return torch.optim.Adam(self.parameters(), lr=0.1)"]


def test_a_loop_in_a_function_with_await_and_decorators() -> None:
    text = """
    %%watch_training
    import asyncio, torch
    import torch.nn.functional as F

    @torch.compile(
        dynamic=True)
    def loss_of(model, x, *, y: torch.Tensor) -> torch.Tensor:
        def inner(out):
            return F.cross_entropy(out, y - 0)  # inner
        return inner(model(x))

    async def train():
        async for x, y in stream():
            (loss_of(model, x, y=y) * 1.0).mean().backward()
    await train()
    """
    fix = ask(cells(text), "weigh-classes", weights=(0.5, 5.0))
    assert changed(fix)[1] == [
        "return F.cross_entropy(out, y - 0, weight=torch.tensor([0.5, 5.0]))  # inner"
    ]


def test_windows_line_ends_stay() -> None:
    rows = ["%time 1", "import torch.nn as nn", "loss = nn.CrossEntropyLoss()(model(x), y)"]
    text = "\r\n".join([*rows, "loss.backward()", ""])
    fix = Code({1: text}, {}).fix(diagnosis("weigh-classes", weights=(0.5, 5.0)), 1, 4)
    assert fix is not None
    assert fix.cells[1].split("\r\n") == [
        "%time 1",
        "import torch.nn as nn",
        "import torch",
        "loss = nn.CrossEntropyLoss(weight=torch.tensor([0.5, 5.0]))(model(x), y)",
        "loss.backward()",
        "",
    ]


def test_libcst_is_loaded_by_the_first_fix_only() -> None:
    program = """
import sys
from collapse_magic.source import Code
from collapse_magic.source.cells import Cell
from collapse_magic.findings import Diagnosis, Remedy
assert "libcst" not in sys.modules
code = Code({1: "import torch.nn.functional as F\\nF.mse_loss(model(x), y).backward()"}, {})
d = Diagnosis("r", "C", "error", "certain", "m", (), 1, 1, Remedy("shift-labels", "t", {}))
assert code.locate(d, 1, 2).line == 2
assert "libcst" not in sys.modules
assert "y - 1" in code.fix(d, 1, 2).diff
assert "libcst" in sys.modules and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_what_was_read_before_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    read = Cell.read

    def counted(number: int, source: str) -> Cell | None:
        parsed.append(number)
        return read(number, source)

    monkeypatch.setattr(Cell, "read", counted)
    first = Code(NOTEBOOK, {})
    at = NOTEBOOK[4].split("\n").index("    loss.backward()") + 1
    shown = first.locate(diagnosis(target="output"), 4, at)
    assert shown is not None
    changed_later = {**NOTEBOOK, 2: NOTEBOOK[2].replace("9, 1", "9, 2")}
    second = Code(changed_later, {}, before=first).locate(diagnosis(target="output"), 4, at)
    assert second is not None
    assert (shown.code.strip(), second.code.strip()) == ("nn.Linear(9, 1)", "nn.Linear(9, 2)")
    assert sorted(parsed) == [1, 2, 2, 3, 4]
