"""How losses, models and optimizers hang together, in programs that train for real."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.records import ParameterSet, Wiring

from .watched import watched

NONE = ParameterSet()


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(16, 6), torch.randint(0, 3, (16,))


def train(model: nn.Module, *optimizers: torch.optim.Optimizer, steps: int = 6) -> None:
    for _ in range(steps):
        x, y = batch()
        for optimizer in optimizers:
            optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        for optimizer in optimizers:
            optimizer.step()


def wirings(model: nn.Module, *optimizers: torch.optim.Optimizer, **names: Any) -> list[Wiring]:
    with watched(net=model, **names) as context:
        train(model, *optimizers)
    return context.of(Wiring)


def test_a_sound_program_has_nothing_to_tell() -> None:
    model = mlp()
    (wiring,) = wirings(model, torch.optim.Adam(model.parameters()))
    assert (wiring.model, wiring.optimizers, wiring.step) == ("net", 1, 2)
    assert wiring.trainable == ParameterSet(
        4, 6 * 8 + 8 + 8 * 3 + 3, ("0.weight", "0.bias", "2.weight", "2.bias")
    )
    assert wiring.frozen == wiring.untrained == wiring.unreached == NONE
    assert wiring.unregistered == wiring.strangers == NONE


def test_a_model_that_was_made_again_after_its_optimizer() -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model = mlp()
    (wiring,) = wirings(model, optimizer)
    assert wiring.untrained.tensors == 4
    assert wiring.untrained.names == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert wiring.strangers == ParameterSet(4, 83, ("(8, 6)", "(8,)", "(3, 8)", "(3,)"))


def test_moving_a_model_after_its_optimizer_is_harmless() -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    (wiring,) = wirings(model.to("cpu").double().float(), optimizer)
    assert wiring.untrained == wiring.strangers == NONE


def test_layers_in_a_plain_list_are_reached_but_not_registered() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(6, 6), nn.Linear(6, 6)]
            self.heads = {"main": nn.Linear(6, 3)}
            self.stem = nn.Linear(6, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in (self.stem, *self.layers):
                x = layer(x).relu()
            return self.heads["main"](x)

    model = Net()
    (wiring,) = wirings(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert wiring.model == "net"
    assert wiring.trainable.names == ("stem.weight", "stem.bias")
    assert wiring.unregistered.tensors == 6
    assert set(wiring.unregistered.names) == {
        *(f"layers[{i}].{kind}" for i in (0, 1) for kind in ("weight", "bias")),
        *(f"heads['main'].{kind}" for kind in ("weight", "bias")),
    }
    assert wiring.untrained == wiring.unregistered


def test_frozen_unused_and_cut_off_layers_are_three_different_things() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frozen, self.cut, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
            self.unused = nn.Linear(2, 2)
            self.frozen.requires_grad_(False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.cut(self.frozen(x)).detach())

    model = Net()
    (wiring,) = wirings(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert wiring.frozen.names == ("frozen.weight", "frozen.bias")
    assert wiring.unreached.names == ("cut.weight", "cut.bias", "unused.weight", "unused.bias")
    assert wiring.untrained == wiring.strangers == NONE


def test_parts_that_no_optimizer_holds_until_one_is_met() -> None:
    model = mlp()
    head = torch.optim.SGD(model[2].parameters(), lr=0.1)
    with watched(net=model) as context:
        train(model, head)
        late = torch.optim.SGD(model[0].parameters(), lr=0.1)
        train(model, head, late)
    before, after = context.of(Wiring)
    assert (before.optimizers, before.untrained.names) == (1, ("0.weight", "0.bias"))
    assert (after.optimizers, after.untrained) == (2, NONE)


def test_an_optimizer_among_the_variables_counts_before_it_steps() -> None:
    model = mlp()
    head = torch.optim.SGD(model[2].parameters(), lr=0.1)
    later = torch.optim.SGD(model[0].parameters(), lr=0.1)
    (wiring,) = wirings(model, head, later=later)
    assert (wiring.optimizers, wiring.untrained) == (2, NONE)


def test_unfreezing_with_a_new_group_is_told() -> None:
    model = mlp()
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    with watched(net=model) as context:
        train(model, optimizer)
        model[0].requires_grad_(True)
        optimizer.add_param_group({"params": model[0].parameters()})
        train(model, optimizer)
    before, after = context.of(Wiring)
    assert (before.frozen.tensors, before.trainable.tensors) == (2, 2)
    assert (after.frozen, after.trainable.tensors, after.untrained) == (NONE, 4, NONE)


def test_an_average_of_the_weights_and_a_teacher_look_like_nothing_wrong() -> None:
    model, teacher = mlp(), mlp().requires_grad_(False)
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(net=model, average=average, teacher=teacher) as context:
        for _ in range(6):
            x, y = batch()
            optimizer.zero_grad()
            out = model(x)
            (F.cross_entropy(out, y) + F.mse_loss(out, teacher(x))).backward()
            optimizer.step()
            with torch.no_grad():
                for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
                    mean.lerp_(weight, 0.1)
                F.cross_entropy(average(x), y)
    (wiring,) = context.of(Wiring)
    assert wiring.model == "net"
    assert wiring.untrained == wiring.unreached == wiring.strangers == wiring.frozen == NONE


def test_a_gan_with_a_late_generator_step_has_nothing_to_tell() -> None:
    generator = nn.Sequential(nn.Linear(4, 6))
    critic = nn.Sequential(nn.Linear(6, 1))
    make = torch.optim.Adam(generator.parameters())
    judge = torch.optim.Adam(critic.parameters())
    with watched(generator=generator, critic=critic) as context:
        for index in range(12):
            fake = generator(torch.randn(8, 4))
            judge.zero_grad()
            loss = F.binary_cross_entropy_with_logits(critic(fake.detach()), torch.zeros(8, 1))
            loss.backward()
            judge.step()
            if index % 5 == 4:
                make.zero_grad()
                F.binary_cross_entropy_with_logits(critic(fake), torch.ones(8, 1)).backward()
                make.step()
    told = {wiring.model: wiring for wiring in context.of(Wiring)}
    assert set(told) == {"generator", "critic"}
    for wiring in context.of(Wiring):
        assert wiring.untrained == wiring.unreached == wiring.strangers == NONE


def test_a_backbone_of_its_own_and_an_input_that_wants_a_gradient() -> None:
    backbone, head = nn.Linear(6, 8), nn.Linear(8, 3)
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.1)
    with watched(backbone=backbone, head=head) as context:
        for _ in range(6):
            x, y = batch()
            x.requires_grad_(True)
            optimizer.zero_grad()
            F.cross_entropy(head(backbone(x)), y).backward()
            optimizer.step()
    told = {wiring.model: wiring for wiring in context.of(Wiring)}
    assert set(told) == {"backbone", "head"}
    assert all(w.untrained == w.unregistered == w.strangers == NONE for w in told.values())


def test_parameters_that_no_module_in_sight_owns() -> None:
    weight = nn.Parameter(torch.randn(6, 3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    with watched() as context:
        for _ in range(6):
            x, y = batch()
            optimizer.zero_grad()
            F.cross_entropy(x @ weight, y).backward()
            optimizer.step()
    (wiring,) = context.of(Wiring)
    assert (wiring.model, wiring.trainable) == (None, ParameterSet(1, 18, ("(6, 3)",)))
    assert wiring.untrained == wiring.strangers == NONE


def test_without_any_step_it_is_told_at_the_end() -> None:
    model = mlp()
    with watched(net=model) as context:
        for _ in range(2):
            x, y = batch()
            F.cross_entropy(model(x), y).backward()
    (wiring,) = context.of(Wiring)
    assert (wiring.optimizers, wiring.untrained.tensors) == (0, 4)


def test_evaluation_alone_has_no_wiring() -> None:
    model = mlp()
    with watched(net=model) as context, torch.no_grad():
        for _ in range(6):
            x, y = batch()
            F.cross_entropy(model(x), y)
    assert context.of(Wiring) == []
