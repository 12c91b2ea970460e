"""Values reach the host in order and unharmed, and nobody waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from collapse_magic.probes.pytorch.transfer import PinnedBuffers, Transfers, stream_of

from .accelerator import Accelerator, DeviceTensor, accelerator


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accelerator]:
    with accelerator(monkeypatch) as made:
        yield made


class Told:
    """Collects what arrives; copies, for the arrays are valid during the call only."""

    def __init__(self) -> None:
        self.arrays: list[list[Any]] = []

    def __call__(self, arrays: list[Any]) -> None:
        self.arrays.append([np.array(array) for array in arrays])


def transfers() -> Transfers:
    return Transfers(torch, lambda: 0.0)


def test_values_on_the_host_are_told_at_once() -> None:
    told, on_the_way = Told(), transfers()
    assert on_the_way.later([torch.arange(3), torch.ones(2, 2, dtype=torch.bfloat16), 5.0], told)
    assert len(on_the_way) == 0
    ((first, second, number),) = told.arrays
    assert first.tolist() == [0, 1, 2]
    assert number == 5.0
    assert second.dtype == np.float32 and second.tolist() == [[1, 1], [1, 1]]


KINDS = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8,
         torch.bool]  # fmt: skip


def test_values_of_every_type_and_shape_arrive_without_waiting(device: Accelerator) -> None:
    hosts = [torch.arange(6).remainder(2).to(kind).reshape(2, 3) for kind in KINDS]
    hosts += [torch.tensor(7.5), torch.randn(0, 4), torch.randn(4, 5).T, torch.randn(9)[::3]]
    told, on_the_way = Told(), transfers()
    assert on_the_way.later([device.put(host) for host in hosts], told)
    polls = 0
    while not told.arrays:
        on_the_way.poll()
        polls += 1
    assert polls > 1  # the device took its time
    assert device.our_waits == []
    for host, array in zip(hosts, told.arrays[0], strict=True):
        assert array.shape == tuple(host.shape)
        assert np.array_equal(array, host.float().numpy())
        if not host.is_floating_point():
            assert array.dtype == host.numpy().dtype


def test_one_copy_for_each_type_however_many_tensors(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    many = [device.put(torch.full((3,), float(i))) for i in range(50)]
    on_the_way.later([*many, device.put(torch.tensor(1))], told)
    assert device.sent == 2
    on_the_way.finish()
    assert [array[0] for array in told.arrays[0][:50]] == list(range(50))


def test_what_is_written_after_sending_does_not_arrive(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    value = device.put(torch.ones(4))
    on_the_way.later([value], told)
    value.zero_()  # the stream's order: the copy comes first
    on_the_way.finish()
    assert told.arrays[0][0].tolist() == [1, 1, 1, 1]


def test_all_are_told_in_order_and_the_end_waits_for_them(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    for i in range(5):
        on_the_way.later([device.put(torch.tensor(float(i)))], told)
    assert told.arrays == []
    on_the_way.finish()
    assert [array.item() for (array,) in told.arrays] == [0, 1, 2, 3, 4]
    assert device.our_waits[0] == "synchronize"
    assert len(on_the_way) == 0


def test_tensors_of_both_places_are_told_together(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    on_the_way.later([torch.tensor(1.0), device.put(torch.tensor(2.0)), torch.tensor(3.0)], told)
    assert told.arrays == []
    on_the_way.finish()
    assert [array.item() for array in told.arrays[0]] == [1, 2, 3]


def test_pinned_memory_is_bounded_and_used_again(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    megabyte = device.put(torch.zeros(2**18))
    taken = [on_the_way.later([megabyte], told) for _ in range(40)]
    assert taken == [True] * 32 + [False] * 8
    on_the_way.finish()
    assert len(told.arrays) == 32
    before = set(device.pinned)
    assert on_the_way.later([megabyte], told)
    on_the_way.finish()
    assert device.pinned == before and len(before) == 32


def test_a_large_buffer_takes_the_room_of_small_ones_that_are_idle(device: Accelerator) -> None:
    buffers = PinnedBuffers(torch, most_bytes=2**16)
    small = [buffers.take(4096) for _ in range(16)]
    assert buffers.take(1) is None
    for buffer in small:
        buffers.give_back(buffer)
    large = buffers.take(2**15 + 1)
    assert large is not None and len(large) == 2**16
    assert buffers.bytes == 2**16
    assert buffers.take(2**17) is None


def test_buffers_made_in_inference_mode_serve_outside_of_it(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    with torch.inference_mode():
        on_the_way.later([device.put(torch.ones(3))], told)
    on_the_way.finish()
    on_the_way.later([device.put(torch.zeros(3))], told)
    on_the_way.finish()
    assert [array.tolist() for (array,) in told.arrays] == [[1, 1, 1], [0, 0, 0]]


def test_nothing_is_recorded_into_a_graph(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    value = device.put(torch.ones(2))
    assert on_the_way.later([value], told)
    with device.graph():
        assert not on_the_way.later([value], told)
        on_the_way.poll()
        on_the_way.finish()
    assert device.captured == []
    assert told.arrays == []
    on_the_way.finish()
    assert len(told.arrays) == 1


def test_a_device_without_streams_is_asked_twice_a_second_at_most(
    device: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeviceTensor, "device", torch.device("mps"))
    now = [0.0]
    told, on_the_way = Told(), Transfers(torch, lambda: now[0])
    value, asked = device.put(torch.ones(2)), []
    for i in range(20):
        now[0] = i / 8
        on_the_way.later([value * i], told)
        before = len(device.our_waits)
        on_the_way.poll()
        if len(device.our_waits) > before:
            asked.append(now[0])
    assert asked == [0.5, 1.0, 1.5, 2.0]
    on_the_way.finish()
    assert [array[0] for (array,) in told.arrays] == list(range(20))
    assert stream_of(value.device, torch) is None


def test_forgotten_transfers_are_never_told(device: Accelerator) -> None:
    told, on_the_way = Told(), transfers()
    on_the_way.later([device.put(torch.ones(2))], told)
    on_the_way.clear()
    on_the_way.finish()
    assert told.arrays == [] and device.our_waits == []


def test_what_waits_for_all_that_is_on_its_way_is_told_of_it_last(device: Accelerator) -> None:
    order: list[str] = []
    on_the_way = transfers()
    on_the_way.when_arrived(lambda: order.append("nothing is on its way"))
    on_the_way.later([device.put(torch.ones(2))], lambda _: order.append("first"))
    on_the_way.later([device.put(torch.ones(2))], lambda _: order.append("second"))
    on_the_way.when_arrived(lambda: order.append("all"))
    assert order == ["nothing is on its way"]
    on_the_way.finish()
    assert order[1:] == ["first", "second", "all"]
