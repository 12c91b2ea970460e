"""Weights that the loss does not reach, or that no optimizer moves, really trained.

Rules: optimizer-mismatch, frozen-parameters and broken-graph.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, circles, column, fit, mlp
from tests.rules.training import Watched, watch

Model = Callable[[Tensor], Tensor]


def train(
    model: Model, parameters: Iterable[Any], epochs: int = 10, classes: int = 4, lr: float = 0.1
) -> None:
    """Four blobs in eight dimensions, 20 batches an epoch."""
    x, y = blobs((250,) * classes, 1.5, features=8)
    optimizer = torch.optim.SGD(parameters, lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(50):
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


class Net(nn.Module):
    def __init__(self, outputs: int = 4) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 24), nn.Linear(24, 24)
        self.head = nn.Linear(24, outputs)

    def features(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu()).relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def named(watched: Watched, rule: str, message: str) -> Any:
    finding = watched.first
    assert (finding.rule, finding.message) == (rule, message), watched.alarms
    assert {found.explained_by for found in watched.findings[1:]} <= {rule}
    assert finding.resolved_step is None
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    return remedy


# -- optimizer-mismatch ------------------------------------------------------------------------


def test_an_optimizer_of_a_smaller_model_is_told_when_nothing_is_learned() -> None:
    tried, model = nn.Linear(8, 4), Net()
    remedy = named(
        watch(lambda: train(model, tried.parameters(), epochs=15)),
        "optimizer-mismatch",
        "the optimizer steps with other parameters",
    )
    assert remedy.values["again"] is True


def test_a_model_that_was_made_again_after_its_optimizer() -> None:
    old = list(Net().parameters())
    net = Net()
    watched = watch(lambda: train(net, old), net=net)
    remedy = named(watched, "optimizer-mismatch", "the optimizer steps with other parameters")
    assert (remedy.kind, remedy.values) == ("give-optimizer", {"model": "net", "again": True})
    assert watched.first.severity == "error"
    assert watched.first.evidence[0].values == {"reached": 6.0, "held": 0.0}


def test_the_optimizer_of_a_copy() -> None:
    net = Net()
    other = copy.deepcopy(net)
    watched = watch(lambda: train(net, other.parameters()), net=net)
    named(watched, "optimizer-mismatch", "the optimizer steps with other parameters")


@pytest.mark.parametrize("kind", [list, tuple])
def test_layers_in_a_plain_list(kind: type) -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Linear(8, 24)
            self.blocks = kind(nn.Linear(24, 24) for _ in range(3))
            self.head = nn.Linear(24, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            for block in self.blocks:
                x = block(x.relu())
            return self.head(x)

    net = Stack()
    watched = watch(lambda: train(net, net.parameters()), net=net)
    remedy = named(watched, "optimizer-mismatch", "layers in a plain list are not trained")
    assert remedy.kind == "register-layers"
    assert remedy.values == {"model": "net", "attributes": ("blocks",)}
    assert watched.first.evidence[0].values["tensors"] == 6


def test_the_head_is_in_no_optimizer() -> None:
    net = Net()
    held = [*net.first.parameters(), *net.second.parameters()]
    watched = watch(lambda: train(net, held, lr=1e-4), net=net)
    remedy = named(watched, "optimizer-mismatch", "the last layer is in no optimizer")
    assert remedy.values == {"model": "net", "again": False}


def only_head() -> Callable[[], None]:
    net = Net()
    return lambda: train(net, net.head.parameters())


def an_average_and_a_teacher() -> Callable[[], None]:
    """The teacher's graph is built, too, and its weights ask for gradients."""
    net, teacher = Net(), Net()
    x, y = blobs((500, 500), 1.5, features=8)

    def run() -> None:
        optimizer = torch.optim.Adam(net.parameters(), 0.01)
        average = copy.deepcopy(net)
        for _ in range(10):
            for rows in torch.randperm(len(x)).split(50):
                out = net(x[rows])
                loss = nn.functional.cross_entropy(out, y[rows])
                loss = loss + 0.1 * nn.functional.mse_loss(out, teacher(x[rows]))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    for mean, weight in zip(average.parameters(), net.parameters(), strict=True):
                        mean.lerp_(weight, 0.1)

    return run


def one_optimizer_each() -> Callable[[], None]:
    """Optimizers that are gone when the cell ends, one after the other."""
    one, other = mlp(2), mlp(1)
    x, y = circles()

    def run() -> None:
        fit(one, nn.CrossEntropyLoss(), x, y, lr=0.5, epochs=10)
        fit(other, nn.BCEWithLogitsLoss(), x, column(y), lr=0.5, epochs=10)
        fit(one, nn.CrossEntropyLoss(), x, y, lr=0.5, epochs=10)

    return run


def held_by_hand() -> Callable[[], None]:
    """Layers of a plain list that the optimizer is given by name."""

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [nn.Linear(8, 24), nn.Linear(24, 4)]

        def forward(self, x: Tensor) -> Tensor:
            return self.blocks[1](self.blocks[0](x).relu())

    net = Stack()
    return lambda: train(net, [p for block in net.blocks for p in block.parameters()])


def moved_after_the_optimizer() -> Callable[[], None]:
    net = Net()
    parameters = list(net.parameters())
    net.to("cpu").double().float()
    return lambda: train(net, parameters)


def gradients_from_workers() -> Callable[[], None]:
    """Copies compute the gradients, the shared model makes the steps."""
    shared = Net()
    x, y = blobs((500, 500), 1.5, features=8)

    def run() -> None:
        optimizer = torch.optim.SGD(shared.parameters(), 0.1)
        local = copy.deepcopy(shared)
        for _ in range(10):
            for rows in torch.randperm(len(x)).split(50):
                local.load_state_dict(shared.state_dict())
                local.zero_grad()
                nn.functional.cross_entropy(local(x[rows]), y[rows]).backward()
                for mine, theirs in zip(shared.parameters(), local.parameters(), strict=True):
                    mine.grad = theirs.grad
                optimizer.step()

    return run


# -- frozen-parameters -------------------------------------------------------------------------


def test_the_new_head_is_frozen_with_the_rest() -> None:
    net = Net()
    net.head.requires_grad_(False)
    net.second.requires_grad_(False)
    held = [p for p in net.parameters() if p.requires_grad]
    watched = watch(lambda: train(net, held, lr=1e-4), net=net)
    remedy = named(watched, "frozen-parameters", "the last layer is frozen")
    assert (remedy.kind, remedy.values) == ("unfreeze", {"model": "net", "layer": "head"})
    assert watched.first.evidence[0].values == {"units": 4.0, "parameters": 100.0}


def test_a_frozen_head_is_a_matter_of_the_first_steps() -> None:
    net = Net()
    net.head.requires_grad_(False)
    held = [p for p in net.parameters() if p.requires_grad]
    # So slow that the layers before it do not make up for it meanwhile.
    watched = watch(lambda: train(net, held, epochs=1, lr=1e-4), net=net)
    assert watched.ever["frozen-parameters"].first_step <= 3


def test_everything_is_frozen() -> None:
    net = Net()
    for parameter in net.parameters():
        parameter.requires_grad = False
    watched = watch(lambda: train(net, net.parameters()), net=net)
    remedy = named(watched, "frozen-parameters", "all layers are frozen")
    assert remedy.values == {"model": "net", "layer": ""}
    assert watched.first.evidence[0].values == {"frozen": 6.0}


def a_frozen_body() -> Callable[[], None]:
    net = Net()
    net.first.requires_grad_(False)
    net.second.requires_grad_(False)
    return lambda: train(net, net.head.parameters())


def a_trained_head_stays(epochs: int = 20) -> Callable[[], None]:
    """Features are made anew for a head that knows what it wants."""
    net = Net()
    train(net, net.parameters(), epochs=20)
    net.head.requires_grad_(False)
    net.first.reset_parameters()
    held = [p for p in net.parameters() if p.requires_grad]
    return lambda: train(net, held, epochs=epochs)


def unfreezing_later() -> Callable[[], None]:
    net = Net()
    net.first.requires_grad_(False)

    def run() -> None:
        train(net, [p for p in net.parameters() if p.requires_grad], epochs=4)
        net.requires_grad_(True)
        train(net, net.parameters(), epochs=4)

    return run


# -- broken-graph ------------------------------------------------------------------------------


def test_detached_features_of_new_layers() -> None:
    net = Net()
    cut = lambda x: net.head(net.features(x).detach())
    watched = watch(lambda: train(cut, net.parameters()), net=net)
    remedy = named(watched, "broken-graph", "no gradient before layer head")
    assert remedy.kind == "join-graph"
    assert watched.first.evidence[1].values == {"unreached": 4.0, "trainable": 6.0}


def test_detached_features_of_a_deep_model() -> None:
    """The first looks see some of its layers only."""
    net = nn.Sequential(*(nn.Linear(8, 8) for _ in range(90)), nn.Linear(8, 4))
    cut = lambda x: net[90](net[:90](x).detach())
    watched = watch(lambda: train(cut, net.parameters()), net=net)
    named(watched, "broken-graph", "no gradient before layer 90")
    assert watched.first.evidence[1].values == {"unreached": 180.0, "trainable": 182.0}


def test_features_that_went_through_numpy() -> None:
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 4))

    def forward(x: Tensor) -> Tensor:
        with torch.no_grad():
            features = net[:3](x.repeat(1, 8).view(-1, 1, 8, 8))
        return net[3](torch.from_numpy(features.numpy()))

    watched = watch(lambda: train(forward, net.parameters()), net=net)
    named(watched, "broken-graph", "no gradient before layer 3")


def test_a_loss_without_any_weight_behind_it_raises() -> None:
    net = Net()
    watched = watch(lambda: train(lambda x: net(x).detach(), net.parameters()), net=net)
    named(watched, "broken-graph", "no way from the loss to the weights")
    assert watched.first.evidence[1].values == {"trainable": 6.0, "reached": 0.0}


@pytest.mark.parametrize("again", [True, False], ids=["outputs", "loss"])
def test_a_new_tensor_that_asks_for_a_gradient(again: bool) -> None:
    net = Net()
    x, y = blobs((500, 500), 1.5, features=8)

    def run() -> None:
        optimizer = torch.optim.Adam(net.parameters(), 0.01)
        for _ in range(5):
            for rows in torch.randperm(len(x)).split(50):
                out = net(x[rows])
                if again:
                    out = torch.tensor(out.tolist(), requires_grad=True)
                loss = nn.functional.cross_entropy(out, y[rows])
                if not again:
                    loss = torch.tensor(loss.item(), requires_grad=True)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    named(watch(run, net=net), "broken-graph", "no gradient reaches the model")


def a_probe_on_features() -> Callable[[], None]:
    """Trained features, held by the optimizer for convenience's sake."""
    net = Net()
    train(net, net.parameters(), epochs=30, lr=0.3)
    net.head.reset_parameters()
    cut = lambda x: net.head(net.features(x).detach())
    return lambda: train(cut, net.parameters())


def features_without_a_gradient() -> Callable[[], None]:
    net = Net()

    def forward(x: Tensor) -> Tensor:
        with torch.no_grad():
            features = net.features(x)
        return net.head(features)

    return lambda: train(forward, net.head.parameters())


def layers_that_are_not_used() -> Callable[[], None]:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.old, self.first = nn.Linear(8, 16), nn.Linear(8, 24)
            self.head, self.auxiliary = nn.Linear(24, 4), nn.Linear(24, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.first(x).relu())

    net = Spare()
    return lambda: train(net, net.parameters())


def a_stopped_gradient() -> Callable[[], None]:
    """Two views of which only one is followed back."""
    net = Net()
    x, _ = blobs((500, 500), 1.5, features=8)

    def run() -> None:
        optimizer = torch.optim.SGD(net.parameters(), 0.05)
        for _ in range(10):
            for rows in torch.randperm(len(x)).split(50):
                one, two = (net(x[rows] + 0.1 * torch.randn(len(rows), 8)) for _ in range(2))
                loss = -nn.functional.cosine_similarity(one, two.detach()).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    return run


@pytest.mark.parametrize(
    "make",
    [
        only_head,
        an_average_and_a_teacher,
        one_optimizer_each,
        held_by_hand,
        moved_after_the_optimizer,
        gradients_from_workers,
        a_frozen_body,
        a_trained_head_stays,
        unfreezing_later,
        a_probe_on_features,
        features_without_a_gradient,
        layers_that_are_not_used,
        a_stopped_gradient,
    ],
)
def test_what_only_looks_alike_is_silent(make: Callable[[], Callable[[], None]]) -> None:
    torch.manual_seed(0)
    assert watch(make()).alarms == {}
