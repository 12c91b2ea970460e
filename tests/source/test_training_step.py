"""scale-learning-rate, clip-gradients, make-step and clear-gradients."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed, show

HEAD = "import torch\nfrom torch import nn, optim\nmodel = nn.Linear(2, 2)"
LOOP = """
%%watch_training
for x, y in loader:
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    opt.step()
    scheduler.step()
"""
RATE = {"factor": 0.1, "old": 1.0, "new": 0.1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("opt = optim.SGD(model.parameters(), lr=1.0)",
         "opt = optim.SGD(model.parameters(), lr=0.1)"),
        ("opt = optim.SGD(model.parameters(), 1)", "opt = optim.SGD(model.parameters(), 0.1)"),
        ("opt = optim.SGD(model.parameters(), lr=1.,  momentum=.9)  # fast",
         "opt = optim.SGD(model.parameters(), lr=0.1,  momentum=.9)  # fast"),
        ("opt = torch.optim.Adam(model.parameters())",
         "opt = torch.optim.Adam(model.parameters(), lr=0.1)"),
        ("opt = torch.optim.Adam(model.parameters(), weight_decay=1)",
         "opt = torch.optim.Adam(model.parameters(), weight_decay=1, lr=0.1)"),
        ("opt = optim.SGD(model.parameters(), lr=LR)",
         "opt = optim.SGD(model.parameters(), lr=LR * 0.1)"),
        ("opt = optim.SGD(model.parameters(), lr=base + 1)",
         "opt = optim.SGD(model.parameters(), lr=(base + 1) * 0.1)"),
        ("opt = optim.SGD(model.parameters(), lr=5e-2)",
         "opt = optim.SGD(model.parameters(), lr=0.005)"),
        ("opt = optim.SGD([{'params': a, 'lr': 1.0}, {'params': b}], lr=2.0)",
         "opt = optim.SGD([{'params': a, 'lr': 0.1}, {'params': b}], lr=0.2)"),
        ("opt = optim.SGD(params=model.parameters(), lr=1.0); other = optim.SGD(p, lr=1.0)",
         "opt = optim.SGD(params=model.parameters(), lr=0.1); other = optim.SGD(p, lr=1.0)"),
    ],
)  # fmt: skip
def test_the_rate_is_scaled_where_the_optimizer_is_made(before: str, after: str) -> None:
    notebook = cells(HEAD, before, LOOP)
    fix = ask(notebook, "scale-learning-rate", **RATE)
    assert fix is not None and fix.cells == {2: after}
    assert show(notebook, "optimizer") == (2, before)


def test_a_call_of_several_lines_gets_its_rate_on_a_line_of_its_own() -> None:
    made = "opt = optim.AdamW(\n    model.parameters(),  # all\n)"
    fix = ask(cells(HEAD, made, LOOP), "scale-learning-rate", **RATE)
    assert fix is not None
    assert fix.cells[2] == "opt = optim.AdamW(\n    model.parameters(),  # all\n    lr=0.1,\n)"


def test_a_gan_has_two_optimizers_and_the_stepping_one_is_meant() -> None:
    made = "d_opt = optim.Adam(d.parameters(), lr=1.0)\ng_opt = optim.Adam(g.parameters(), lr=1.0)"
    loop = """
    for x in data:
        d_loss = bce(d(x), ones)
        d_loss.backward()
        d_opt.step()
        g_loss = bce(d(g(z)), ones)
        g_loss.backward(retain_graph=True)
        g_opt.step()
    """
    notebook = cells(HEAD, made, loop)
    fix = ask(notebook, "scale-learning-rate", at="g_loss.backward", **RATE)
    assert changed(fix)[1] == ["g_opt = optim.Adam(g.parameters(), lr=0.1)"]
    fix = ask(notebook, "scale-learning-rate", at="d_loss.backward", **RATE)
    assert changed(fix)[1] == ["d_opt = optim.Adam(d.parameters(), lr=0.1)"]


def test_scaler_and_function_arguments_are_followed() -> None:
    notebook = cells(
        HEAD + "\nmy_opt = optim.SGD(model.parameters(), lr=1.0)",
        """
        def train(model, loader, optimizer, scaler):
            for x, y in loader:
                loss = loss_of(model, x, y)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
        """,
        "train(model, loader, my_opt, torch.amp.GradScaler())",
    )
    fix = ask(notebook, "scale-learning-rate", **RATE)
    assert fix is not None and "my_opt = optim.SGD(model.parameters(), lr=0.1)" in fix.cells[1]


def test_a_closure_finds_the_optimizer_that_takes_it() -> None:
    loop = """
    opt = optim.LBFGS(model.parameters(), lr=1.0)
    def closure():
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss
    for _ in range(9):
        opt.step(closure)
    """
    fix = ask(cells(HEAD, loop), "scale-learning-rate", **RATE)
    assert changed(fix)[1] == ["opt = optim.LBFGS(model.parameters(), lr=0.1)"]


@pytest.mark.parametrize(
    ("rows", "added"),
    [
        (["loss.backward()", "opt.step()"],
         ["torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)"]),
        (["loss.backward(); opt.step()  # go"],
         ["loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0);"
          " opt.step()  # go"]),
        (["opt.zero_grad(); loss.backward()", "opt.step()"],
         ["opt.zero_grad(); loss.backward(); "
          "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)"]),
        (["scaler.scale(loss).backward()  # amp", "scaler.step(opt)"],
         ["scaler.unscale_(opt)",
          "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)"]),
        (["accelerator.backward(loss)", "opt.step()"],
         ["accelerator.clip_grad_norm_(model.parameters(), 1.0)"]),
        (["if ok: loss.backward()", "opt.step()"],
         ["if ok: loss.backward(); "
          "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)"]),
    ],
)  # fmt: skip
def test_clipping_goes_between_backward_and_step(rows: list[str], added: list[str]) -> None:
    body = "\n".join(f"\t{r}" for r in rows)
    loop = (
        "import torch\nfor x, y in loader:\n"
        f"\tloss = torch.nn.functional.cross_entropy(model(x), y)\n{body}"
    )
    at = "backward("
    fix = ask(cells(loop), "clip-gradients", at=at, max_norm=1.0)
    assert changed(fix)[1] == added


def test_clipping_in_a_trainer_uses_self() -> None:
    trainer = """
    import torch
    class Trainer:
        def __init__(self, net):
            self.net = net
        def step(self, x, y):
            loss = torch.nn.functional.cross_entropy(self.net(x), y)
            loss.backward()
            self.opt.step()
    """
    fix = ask(cells(trainer), "clip-gradients", max_norm=1.0)
    assert changed(fix)[1] == [
        "torch.nn.utils.clip_grad_norm_(self.net.parameters(), max_norm=1.0)"
    ]


# -- make-step and clear-gradients -------------------------------------------------------------

MADE = (
    HEAD
    + "\nopt = optim.SGD(model.parameters(), lr=0.1)\nsched = optim.lr_scheduler.StepLR(opt, 9)"
)


@pytest.mark.parametrize(
    ("rows", "taken", "added"),
    [
        (["opt.zero_grad()", "loss.backward()", "sched.step()"], [], ["opt.step()"]),
        (["loss.backward()  # all"], [], ["opt.step()"]),
        (["opt.zero_grad()", "loss.backward()", "opt.step"], ["opt.step"], ["opt.step()"]),
        (["scaler.scale(loss).backward()", "scaler.update()"], [], ["scaler.step(opt)"]),
        (["opt.zero_grad(); loss.backward()"],
         ["opt.zero_grad(); loss.backward()"], ["opt.zero_grad(); loss.backward(); opt.step()"]),
    ],
)  # fmt: skip
def test_the_step_goes_after_the_backward_call(
    rows: list[str], taken: list[str], added: list[str]
) -> None:
    body = "\n".join(f"    {row}" for row in rows)
    loop = f"for x, y in loader:\n    loss = nn.functional.cross_entropy(model(x), y)\n{body}"
    assert changed(ask(cells(MADE, loop), "make-step", at="backward(")) == (taken, added)


def test_a_step_that_is_never_reached_is_shown() -> None:
    loop = """
    for i, (x, y) in enumerate(loader):
        (nn.functional.cross_entropy(model(x), y) / 64).backward()
        if (i + 1) % 64 == 0:
            opt.step()
            opt.zero_grad()
    """
    fix = ask(cells(MADE, loop), "make-step")
    assert fix is not None and fix.safety == "example"
    assert fix.diff.split("\n")[1] == "+opt.step()"


@pytest.mark.parametrize(
    ("rows", "added"),
    [
        (["loss.backward()", "opt.step()"], ["opt.zero_grad()"]),
        (["loss.backward()", "if i % 4 == 3:", "    opt.step()"], ["opt.zero_grad()"]),
        (["scaler.scale(loss).backward()", "scaler.step(opt)", "scaler.update()"],
         ["opt.zero_grad()"]),
        (["loss.backward()", "opt.step()", "sched.step()"], ["opt.zero_grad()"]),
    ],
)  # fmt: skip
def test_gradients_are_cleared_right_after_the_step(rows: list[str], added: list[str]) -> None:
    body = "\n".join(f"    {row}" for row in rows)
    loop = f"for i, (x, y) in enumerate(loader):\n    loss = F.cross_entropy(model(x), y)\n{body}"
    head = MADE + "\nimport torch.nn.functional as F"
    fix = ask(cells(head, loop), "clear-gradients", at="backward(")
    assert changed(fix) == ([], added)
    assert fix is not None
    rows_after = [row.strip() for row in fix.cells[2].split("\n")]
    at = rows_after.index(added[0])
    assert rows_after[at - 1] in ("opt.step()", "scaler.step(opt)")


def test_a_step_in_another_method_is_found() -> None:
    trainer = """
    import torch
    class Trainer:
        def __init__(self, net):
            self.net = net
            self.opt = torch.optim.Adam(net.parameters())
        def update(self):
            self.opt.step()
        def learn(self, x, y):
            loss = torch.nn.functional.cross_entropy(self.net(x), y)
            loss.backward()
            self.update()
    """
    assert changed(ask(cells(trainer), "clear-gradients")) == ([], ["self.opt.zero_grad()"])


def test_of_two_optimizers_an_example_is_shown() -> None:
    loop = """
    other = optim.SGD(model.parameters(), lr=1.0)
    for x, y in loader:
        nn.functional.cross_entropy(model(x), y).backward()
        opt.step()
        other.step()
    """
    fix = ask(cells(MADE, loop), "clear-gradients")
    assert fix is not None and fix.safety == "example"
