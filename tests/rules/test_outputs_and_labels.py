"""What stands on the output layer, and which labels there are, really trained.

Rules: output-activation and one-class-labels.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.rules.programs import blobs, circles, column, fit, mlp
from tests.rules.training import Watched, watch

# -- output-activation -------------------------------------------------------------------------


def ends_in(*parts: nn.Module, outputs: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, outputs), *parts)


def three(model: nn.Module, loss: nn.Module, **given: float) -> Watched:
    x, y = blobs((300, 300, 300), 2.0)
    return watch(lambda: fit(model, loss, x, y, **given))  # type: ignore[arg-type]


def test_a_relu_in_front_of_a_sigmoid_makes_everything_class_1() -> None:
    x, y = blobs((500, 500))
    model = ends_in(nn.ReLU(), outputs=1)
    watched = watch(lambda: fit(model, nn.BCEWithLogitsLoss(), x, column(y), lr=0.05))
    cause = watched.first
    assert (cause.rule, cause.severity, cause.first_step) == ("output-activation", "error", 1)
    assert cause.message == "relu on the output layer"
    assert cause.evidence[1].text.startswith("class 1: ")
    assert {found.explained_by for found in watched.findings[1:]} <= {cause.rule}
    remedy = watched.engine.diagnosis(cause).remedy
    assert remedy is not None
    assert remedy.values == {
        "activation": "relu", "loss": "binary_cross_entropy_with_logits",
    }  # fmt: skip


def test_a_relu_in_front_of_classes_that_are_told_apart_all_the_same() -> None:
    watched = three(ends_in(nn.ReLU()), nn.CrossEntropyLoss())
    assert watched.first.rule == "output-activation"
    assert watched.ever["output-activation"].severity in ("warning", "error")


def test_a_relu_under_a_log_softmax() -> None:
    watched = three(ends_in(nn.ReLU(), nn.LogSoftmax(dim=1)), nn.NLLLoss())
    assert watched.first.rule == "output-activation"


def test_outputs_that_are_dead_from_the_start() -> None:
    model = ends_in(nn.ReLU())
    with torch.no_grad():
        model[2].bias.fill_(-50.0)
    watched = three(model, nn.CrossEntropyLoss(), epochs=40)
    assert (watched.first.rule, watched.first.severity) == ("output-activation", "error")


@pytest.mark.parametrize(
    "parts",
    [(), (nn.Tanh(),), (nn.LogSoftmax(dim=1),), (nn.LeakyReLU(0.2),)],
    ids=["none", "tanh", "log_softmax", "leaky relu"],
)
def test_outputs_that_learn_are_silent(parts: tuple[nn.Module, ...]) -> None:
    assert three(ends_in(*parts), nn.CrossEntropyLoss()).alarms == {}


def test_a_hidden_relu_and_one_of_a_regression_are_silent() -> None:
    x, _ = blobs()
    model = ends_in(nn.ReLU(), outputs=1)
    target = x.abs().sum(dim=1, keepdim=True)
    assert watch(lambda: fit(model, nn.MSELoss(), x, target, lr=0.01)).alarms == {}


# -- one-class-labels --------------------------------------------------------------------------


def loaded(x: Tensor, y: Tensor, model: nn.Module, loss: nn.Module) -> Callable[[], None]:
    """Through a loader: epochs are seen."""
    loader = DataLoader(TensorDataset(x, y), batch_size=25, shuffle=True)

    def run() -> None:
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for _ in range(3):
            for rows, labels in loader:
                optimizer.zero_grad()
                loss(model(rows), labels).backward()
                optimizer.step()

    return run


@pytest.mark.parametrize("label", [0, 2])
def test_a_folder_of_one_class(label: int) -> None:
    x, y = blobs((300, 300, 300))
    watched = watch(loaded(x, torch.full_like(y, label), mlp(3), nn.CrossEntropyLoss()))
    cause = watched.first
    assert (cause.rule, cause.severity) == ("one-class-labels", "error")
    assert cause.message == f"all labels are class {label}"
    assert {found.explained_by for found in watched.findings[1:]} <= {cause.rule}


def test_labels_that_were_compared_with_the_wrong_type() -> None:
    x, y = circles()
    labels = torch.tensor([str(int(label)) == 1 for label in y]).float().unsqueeze(1)
    watched = watch(lambda: fit(mlp(1), nn.BCEWithLogitsLoss(), x, labels))
    assert watched.first.rule == "one-class-labels"
    assert watched.first.message == "all labels are class 0"


def sorted_labels() -> Callable[[], None]:
    x, y = blobs((400, 400), 3.0)
    return lambda: fit(mlp(2), nn.CrossEntropyLoss(), x, y, lr=0.02, shuffle=False)


def against_a_queue() -> Callable[[], None]:
    """The first of many scores is that of the pair: all labels are 0."""
    encoder = mlp(8)
    x, _ = blobs()
    queue = nn.functional.normalize(torch.randn(64, 8), dim=1)

    def run() -> None:
        optimizer = torch.optim.Adam(encoder.parameters(), 0.01)
        for _ in range(5):
            for rows in torch.randperm(len(x)).split(50):
                one = nn.functional.normalize(encoder(x[rows]), dim=1)
                with torch.no_grad():
                    two = nn.functional.normalize(encoder(x[rows] + 0.01), dim=1)
                own = (one * two).sum(dim=1, keepdim=True)
                scores = torch.cat([own, one @ queue.T], dim=1) / 0.1
                optimizer.zero_grad()
                labels = torch.zeros(len(rows), dtype=torch.long)
                nn.functional.cross_entropy(scores, labels).backward()
                optimizer.step()

    return run


def a_generator_alone() -> Callable[[], None]:
    judge = mlp(1).requires_grad_(False)
    maker = mlp(2, features=4)
    loss = nn.BCEWithLogitsLoss()

    def run() -> None:
        optimizer = torch.optim.Adam(maker.parameters(), 0.01)
        for _ in range(100):
            optimizer.zero_grad()
            loss(judge(maker(torch.randn(32, 4))), torch.ones(32, 1)).backward()
            optimizer.step()

    return run


@pytest.mark.parametrize("make", [sorted_labels, against_a_queue, a_generator_alone])
def test_one_label_on_purpose_or_at_a_time_is_silent(
    make: Callable[[], Callable[[], None]],
) -> None:
    torch.manual_seed(0)
    assert watch(make()).alarms == {}
