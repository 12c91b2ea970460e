"""weigh-classes in the many ways in which people write a loss."""

from __future__ import annotations

import pytest
import torch

from .notebooks import ask, cells, changed, show

IMPORTS = """
import torch
import torch.nn as nn
import torch.nn.functional as F
model = nn.Linear(4, 3)
"""
LOOP = """
%%watch_training
for x, y in loader:
    optimizer.zero_grad()
    out = model(x)
    loss = criterion(out, y)
    loss.backward()
    optimizer.step()
"""
WEIGHTS = {"weights": (0.5556, 5.0, 1.25), "pos_weight": 9.0}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "criterion = nn.CrossEntropyLoss()",
            "criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.556, 5.0, 1.25]))",
        ),
        (
            "criterion = nn.CrossEntropyLoss(label_smoothing=0.1)  # smooth",
            "criterion = nn.CrossEntropyLoss(label_smoothing=0.1,"
            " weight=torch.tensor([0.556, 5.0, 1.25]))  # smooth",
        ),
        (
            "criterion: nn.Module = torch.nn.NLLLoss( )",
            "criterion: nn.Module = torch.nn.NLLLoss( weight=torch.tensor([0.556, 5.0, 1.25]))",
        ),
        (
            "a = 1; criterion = nn.CrossEntropyLoss(); b = f'{a!r}'",
            "a = 1; criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.556, 5.0, 1.25]));"
            " b = f'{a!r}'",
        ),
        (
            "criterion = nn.CrossEntropyLoss(None)",
            "criterion = nn.CrossEntropyLoss(torch.tensor([0.556, 5.0, 1.25]))",
        ),
        (
            "criterion = nn.BCEWithLogitsLoss()",
            "criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))",
        ),
        (
            "criterion = nn.BCEWithLogitsLoss().to(device)",
            "criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0)).to(device)",
        ),
        (
            "criterion = \\\n    nn.BCEWithLogitsLoss()",
            "nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))",
        ),
    ],
)
def test_the_construction_gets_the_measured_weights(before: str, after: str) -> None:
    notebook = cells(IMPORTS + before, LOOP)
    fix = ask(notebook, "weigh-classes", **WEIGHTS)
    removed, added = changed(fix)
    assert (removed, added) == ([before.split("\n")[-1].strip()], [after])
    assert fix is not None and fix.safety == "needs-review" and list(fix.cells) == [1]
    assert fix.cells[1] == notebook[1].replace(before.split("\n")[-1].strip(), after)


def test_comments_in_a_call_of_several_lines_stay() -> None:
    made = """
    !nvidia-smi
    criterion = nn.CrossEntropyLoss(
        reduction='mean',     # as in the paper
        label_smoothing=0.1   # a little
    )  # done
    """
    fix = ask(cells(IMPORTS, made, LOOP), "weigh-classes", **WEIGHTS)
    assert fix is not None
    assert (
        fix.cells[2]
        == cells(
            """
    !nvidia-smi
    criterion = nn.CrossEntropyLoss(
        reduction='mean',     # as in the paper
        label_smoothing=0.1,   # a little
        weight=torch.tensor([0.556, 5.0, 1.25])
    )  # done
    """
        )[1]
    )


def test_a_trailing_comma_stays_trailing() -> None:
    made = """
    criterion = nn.CrossEntropyLoss(
    \treduction='mean',  # as in the paper
    )
    """
    fix = ask(cells(IMPORTS, made, LOOP), "weigh-classes", **WEIGHTS)
    assert fix is not None
    assert fix.cells[2].split("\n")[1:] == [
        "\treduction='mean',  # as in the paper",
        "\tweight=torch.tensor([0.556, 5.0, 1.25]),",
        ")",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "F.cross_entropy(model(x), y).backward()",
            "F.cross_entropy(model(x), y, weight=torch.tensor([0.556, 5.0, 1.25])).backward()",
        ),
        (
            "nn.CrossEntropyLoss()(out, y).backward()",
            "nn.CrossEntropyLoss(weight=torch.tensor([0.556, 5.0, 1.25]))(out, y).backward()",
        ),
        (
            "(F.binary_cross_entropy_with_logits(out, y) + 0.1 * l2(model)).backward()",
            "(F.binary_cross_entropy_with_logits(out, y, pos_weight=torch.tensor(9.0))"
            " + 0.1 * l2(model)).backward()",
        ),
        (
            "scaler.scale(F.cross_entropy(input=out, target=y) / 4).backward()",
            "scaler.scale(F.cross_entropy(input=out, target=y,"
            " weight=torch.tensor([0.556, 5.0, 1.25])) / 4).backward()",
        ),
        (
            "F.binary_cross_entropy(out.squeeze(1), y.float()).backward()",
            "F.binary_cross_entropy(out.squeeze(1), y.float(),"
            " weight=torch.where(y.float() > 0.5, 9.0, 1.0)).backward()",
        ),
        (
            "nn.BCELoss(reduction='sum')(out, y).backward()",
            "F.binary_cross_entropy(out, y, weight=torch.where(y > 0.5, 9.0, 1.0),"
            " reduction='sum').backward()",
        ),
    ],
)
def test_a_loss_made_in_the_call_is_weighed_there(before: str, after: str) -> None:
    fix = ask(cells(IMPORTS, "out = model(x)\n" + before), "weigh-classes", **WEIGHTS)
    assert changed(fix) == ([before], [after])


def test_probabilities_are_weighed_in_the_call_and_the_module_is_left_alone() -> None:
    notebook = cells(IMPORTS + "criterion = nn.BCELoss(reduction='sum')", LOOP)
    fix = ask(notebook, "weigh-classes", loss="binary_cross_entropy", pos_weight=9.04)
    assert changed(fix) == (
        ["loss = criterion(out, y)"],
        [
            "loss = F.binary_cross_entropy(out, y, weight=torch.where(y > 0.5, 9.04, 1.0),"
            " reduction='sum')"
        ],
    )


@pytest.mark.parametrize(
    ("imports", "spelled", "added"),
    [
        ("import torch", "torch.nn.functional.binary_cross_entropy", []),
        ("import torch as th", "th.nn.functional.binary_cross_entropy", []),
        ("import torch\nfrom torch import nn", "nn.functional.binary_cross_entropy", []),
        ("import torch\nfrom torch.nn import functional", "functional.binary_cross_entropy", []),
        (
            "import torch\nfrom torch.nn.functional import binary_cross_entropy",
            "binary_cross_entropy",
            [],
        ),
    ],
)
def test_the_users_own_spelling_is_used(imports: str, spelled: str, added: list[str]) -> None:
    made = "import torch.nn\ncriterion = torch.nn.BCELoss()"
    if "as th" in imports:
        made = "criterion = th.nn.BCELoss()"
    made = made if "as th" in imports else made.removeprefix("import torch.nn\n")
    fix = ask(cells(imports, made, LOOP), "weigh-classes", pos_weight=9.0)
    _, lines = changed(fix)
    assert len(lines) == 1
    assert lines[0].startswith(f"loss = {spelled}(out, y, weight=")


def test_what_is_not_imported_is_imported_below_the_magic_line() -> None:
    notebook = cells(
        "from torch.nn import BCELoss\ncriterion = BCELoss()",
        "%%watch_training\n# train\n" + LOOP.split("\n", 2)[2],
    )
    fix = ask(notebook, "weigh-classes", pos_weight=9.0)
    _, added = changed(fix)
    assert fix is not None
    assert fix.cells[2].split("\n")[:4] == [
        "%%watch_training",
        "import torch",
        "import torch.nn.functional as F",
        "# train",
    ]
    assert added[-1].startswith("loss = F.binary_cross_entropy(out, y, weight=torch.where(")


def test_an_import_goes_below_the_imports_and_never_takes_a_used_name() -> None:
    notebook = cells(
        "from torch.nn import BCELoss\ncriterion = BCELoss()\nF = 96485",
        "import math\nimport os\n\n" + LOOP.split("\n", 2)[2],
    )
    fix = ask(notebook, "weigh-classes", namespace={"F": 96485}, pos_weight=9.0)
    assert fix is not None
    assert fix.cells[2].split("\n")[:4] == ["import math", "import os", "import torch", ""]
    assert "torch.nn.functional.binary_cross_entropy(out" in fix.cells[2]


def test_only_the_one_of_two_losses_that_goes_backward_changes() -> None:
    made = """
    import torch
    from torch import nn
    aux = nn.CrossEntropyLoss()
    main = nn.CrossEntropyLoss()
    """
    loop = """
    for x, y in loader:
        helper = aux(model(x), y)
        loss = main(model(x), y)
        loss.backward()
    """
    fix = ask(cells(made, loop), "weigh-classes", **WEIGHTS)
    assert changed(fix)[0] == ["main = nn.CrossEntropyLoss()"]


def test_two_losses_that_both_go_backward_are_told_apart_by_their_kind() -> None:
    loop = """
    import torch, torch.nn.functional as F
    loss = F.mse_loss(a, b) + F.cross_entropy(model(x), y)
    loss.backward()
    """
    fix = ask(cells(loop), "weigh-classes", loss="cross_entropy", **WEIGHTS)
    assert fix is not None and fix.safety == "needs-review"
    assert "F.mse_loss(a, b) + F.cross_entropy(model(x), y, weight=" in fix.cells[1]


def test_two_losses_of_one_kind_make_an_example() -> None:
    loop = """
    import torch, torch.nn.functional as F
    loss = F.cross_entropy(a(x), y) + F.cross_entropy(b(x), y)
    loss.backward()
    """
    fix = ask(cells(loop), "weigh-classes", **WEIGHTS)
    assert fix is not None and fix.safety == "example"
    assert "weight=torch.tensor([0.556, 5.0, 1.25])" in fix.diff


def test_a_loss_in_a_class_is_found_through_self() -> None:
    trainer = """
    import torch
    from torch import nn
    class Trainer:
        def __init__(self, model):
            self.model = model
            self.criterion = nn.CrossEntropyLoss()  # plain

        def step(self, batch):
            x, y = batch
            out = self.model(x)
            loss = self.criterion(out, y)
            loss.backward()
    """
    fix = ask(cells(trainer, "Trainer(model).step(batch)"), "weigh-classes", **WEIGHTS)
    assert changed(fix) == (
        ["self.criterion = nn.CrossEntropyLoss()  # plain"],
        ["self.criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.556, 5.0, 1.25]))  # plain"],
    )


@pytest.mark.parametrize(
    "call", ["train(model, crit, loader)", "train(model, loader=loader, loss_fn=crit)"]
)
def test_a_loss_passed_as_an_argument_is_found_at_the_call(call: str) -> None:
    notebook = cells(
        "import torch\nfrom torch import nn\ncrit = nn.CrossEntropyLoss()",
        """
        def train(model, loss_fn, loader, *, epochs=3):
            for _ in range(epochs):
                for x, y in loader:
                    loss = loss_fn(model(x), y)
                    loss.backward()
        """,
        f"%%watch_training\n{call}",
    )
    fix = ask(notebook, "weigh-classes", **WEIGHTS)
    assert fix is not None and list(fix.cells) == [1]
    assert changed(fix)[0] == ["crit = nn.CrossEntropyLoss()"]


def test_a_loss_built_by_a_function_is_changed_there() -> None:
    notebook = cells(
        "import torch\nfrom torch import nn\ndef build():\n"
        "\treturn nn.Linear(2, 2), nn.CrossEntropyLoss()",
        "model, criterion = build()",
        LOOP,
    )
    fix = ask(notebook, "weigh-classes", **WEIGHTS)
    assert changed(fix)[1] == [
        "return nn.Linear(2, 2), nn.CrossEntropyLoss(weight=torch.tensor([0.556, 5.0, 1.25]))"
    ]


def test_a_cell_run_again_wins() -> None:
    notebook = {
        1: "import torch\nfrom torch import nn\ncriterion = nn.CrossEntropyLoss(reduction='sum')",
        4: "criterion = nn.CrossEntropyLoss(ignore_index=-1)",
        5: LOOP.strip("\n"),
    }
    fix = ask(notebook, "weigh-classes", **WEIGHTS)
    assert fix is not None and list(fix.cells) == [4]


def test_a_construction_that_the_live_object_contradicts_is_passed_over() -> None:
    class CrossEntropyLoss:
        """Stands for the live module, by its class name."""

    notebook = cells(
        "import torch\nfrom torch import nn\ncriterion = nn.CrossEntropyLoss()",
        "criterion = nn.BCELoss()",
        LOOP,
    )
    fix = ask(notebook, "weigh-classes", namespace={"criterion": CrossEntropyLoss()}, **WEIGHTS)
    assert fix is not None and list(fix.cells) == [1]


def test_where_the_loss_is_made_out_of_sight_the_example_can_be_run() -> None:
    live = {"criterion": torch.nn.BCEWithLogitsLoss()}
    fix = ask(cells(LOOP), "weigh-classes", namespace=live, pos_weight=32.0)
    assert fix is not None and fix.safety == "example" and not fix.cells
    (line,) = fix.diff.splitlines()
    exec(line.removeprefix("+"), vars(torch) | {"torch": torch}, live)
    assert live["criterion"].pos_weight == 32


def test_either_branch_may_have_run_so_it_is_an_example() -> None:
    notebook = cells(
        """
        import torch
        from torch import nn
        if smooth:
            criterion = nn.CrossEntropyLoss(label_smoothing=.1)
        else:
            criterion = nn.CrossEntropyLoss()
        """,
        LOOP,
    )
    fix = ask(notebook, "weigh-classes", **WEIGHTS)
    assert fix is not None and fix.safety == "example"


def test_a_loss_of_the_users_own_is_weighed_where_it_is_averaged() -> None:
    notebook = cells(
        """
        import torch
        class FocalLoss(torch.nn.Module):
            def forward(self, out, y):
                return ((1 - out) ** 2 * y).mean()
        criterion = FocalLoss()
        """,
        LOOP,
    )
    fix = ask(notebook, "weigh-classes", pos_weight=9.0, weights=(0.5, 5))
    row = "return (torch.where(y > 0.5, 9.0, 1.0) * ((1 - out) ** 2 * y)).mean()"
    assert changed(fix)[1] == [row]
    assert show(notebook, "loss") == (1, "criterion = FocalLoss()")


def test_a_target_that_must_not_be_computed_twice_is_an_example() -> None:
    loop = """
    import torch, torch.nn.functional as F
    loss = F.binary_cross_entropy(model(x), next(labels))
    loss.backward()
    """
    fix = ask(cells(loop), "weigh-classes", pos_weight=9.0)
    assert fix is not None and fix.safety == "example"


def test_a_hundred_classes_are_weighed_by_counting() -> None:
    notebook = cells(IMPORTS + "criterion = nn.CrossEntropyLoss()", LOOP)
    fix = ask(notebook, "weigh-classes", weights=[1.0] * 100)
    assert fix is not None and fix.safety == "example"
    assert "minlength=100" in fix.diff


def test_weights_follow_the_model_to_its_device() -> None:
    torch = pytest.importorskip("torch")

    class OnGpu(torch.nn.Linear):
        """Says of itself that it is on a GPU, so that no GPU is needed here."""

        def parameters(self, recurse: bool = True):  # type: ignore[no-untyped-def]
            class Parameter:
                device = torch.device("cuda", 0)

            yield Parameter()

    space = {"model": OnGpu(2, 2)}
    made = cells(IMPORTS + "criterion = nn.CrossEntropyLoss()", LOOP)
    fix = ask(made, "weigh-classes", namespace=space, **WEIGHTS)
    assert changed(fix)[1][0].endswith('(weight=torch.tensor([0.556, 5.0, 1.25], device="cuda"))')
    inline = cells(IMPORTS, "out = model(x)\nF.cross_entropy(out, y).backward()")
    fix = ask(inline, "weigh-classes", namespace=space, **WEIGHTS)
    assert "weight=torch.tensor([0.556, 5.0, 1.25], device=out.device)" in changed(fix)[1][0]
    moved = cells(IMPORTS + "criterion = nn.CrossEntropyLoss().cuda()", LOOP)
    fix = ask(moved, "weigh-classes", namespace=space, **WEIGHTS)
    assert "weight=torch.tensor([0.556, 5.0, 1.25])).cuda()" in changed(fix)[1][0]


def test_losses_in_a_list_and_on_a_trainer_of_a_library_are_found() -> None:
    listed = """
    import torch
    from torch import nn
    crit = nn.CrossEntropyLoss()
    losses = []
    for x, y in loader:
        losses.append(crit(model(x), y))
    torch.stack(losses).mean().backward()
    """
    fix = ask(cells(listed), "weigh-classes", **WEIGHTS)
    assert changed(fix)[0] == ["crit = nn.CrossEntropyLoss()"]
    trainer = """
    class WeightedTrainer(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False):
            labels = inputs.pop("labels")
            outputs = model(**inputs)
            loss = nn.CrossEntropyLoss()(outputs.logits.view(-1, 3), labels.view(-1))
            return (loss, outputs) if return_outputs else loss
    """
    notebook = cells(IMPORTS, trainer, "trainer = WeightedTrainer(model=model)\ntrainer.train()")
    fix = ask(notebook, "weigh-classes", at="trainer.train(", **WEIGHTS)
    assert fix is not None and list(fix.cells) == [2]


def test_a_live_loss_is_no_alias_of_torch() -> None:
    torch = pytest.importorskip("torch")
    notebook = cells(IMPORTS + "criterion = nn.CrossEntropyLoss()", LOOP)
    space = {"criterion": torch.nn.CrossEntropyLoss(), "torch": torch, "nn": torch.nn}
    fix = ask(notebook, "weigh-classes", namespace=space, **WEIGHTS)
    assert fix is not None and list(fix.cells) == [1]
