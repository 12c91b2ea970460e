"""Values on their way from a device to the host, without anybody waiting for them.

Asking a GPU for a value makes the host wait until everything that was asked of the GPU before is
done. Here values are copied into pinned memory behind that work, in the order of their stream, and
are looked at only when the event behind the copy says that it has happened. While a stream is being
captured into a CUDA graph nothing is asked of the device at all: it would become part of the graph.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Then = Callable[[list[Array]], None]

# Pinned memory cannot be swapped out and belongs to the whole machine. A flush takes up to 4 MiB of
# it, and a few may be on their way at once where the device is behind.
MOST_PINNED_BYTES = 32 * 2**20
# Where a copy can only be waited for, the values stay on the device until then.
BLOCKING_SECONDS = 0.5
_LEAST_BUFFER = 4096
_ALIGNMENT = 16
# Devices whose streams, events and pinned memory have the interface of `torch.cuda`.
_WITH_STREAMS = ("cuda", "xpu")
# Of floats only these have a counterpart in NumPy that is fine enough to reckon with.
_KEPT_FLOATS = ("torch.float32", "torch.float64")


class PinnedBuffers:
    """Page-locked host memory in buffers that are used again; bounded in bytes."""

    def __init__(self, torch: Any, most_bytes: int = MOST_PINNED_BYTES) -> None:
        self.torch = torch
        self._most = most_bytes
        self._idle: list[Any] = []
        self.bytes = 0  # idle and lent

    def take(self, size: int) -> Any | None:
        """A buffer of at least `size` bytes (uint8), or None where the bound would be passed."""
        self._idle.sort(key=len)
        for index, buffer in enumerate(self._idle):
            if len(buffer) >= size:
                return self._idle.pop(index)
        wanted = max(_LEAST_BUFFER, 1 << max(size - 1, 0).bit_length())
        while self._idle and self.bytes + wanted > self._most:
            self.bytes -= len(self._idle.pop(0))
        if self.bytes + wanted > self._most:
            return None
        self.bytes += wanted
        kind = self.torch.uint8
        return self.torch.empty(wanted, dtype=kind, device="cpu", pin_memory=True)

    def give_back(self, buffer: Any) -> None:
        self._idle.append(buffer)


@dataclass(slots=True)
class _Part:
    """Tensors of one device and type, end to end, so that one copy does for all."""

    device: Any
    places: list[int]  # which of the tensors that were handed in
    shapes: list[tuple[int, ...]]
    flat: Any  # (values,), on the device until it has been copied

    def unpack(self, into: list[Array]) -> None:
        values: Array = self.flat.numpy()
        at = 0
        for place, shape in zip(self.places, self.shapes, strict=True):
            size = math.prod(shape)
            into[place] = values[at : at + size].reshape(shape)
            at += size


@dataclass(slots=True)
class _Transfer:
    """Some tensors that are awaited together."""

    arrays: list[Any]  # in the places of what is still to come, tensors
    then: Then
    parts: list[_Part] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)  # none: copied when it is told of
    buffer: Any = None

    @property
    def bytes(self) -> int:
        return sum(_aligned(part.flat.nbytes) for part in self.parts)

    def tell(self) -> None:
        for part in self.parts:
            part.flat = part.flat.cpu()  # nothing to do where it has been copied before
            part.unpack(self.arrays)
        self.then(self.arrays)


class Transfers:
    """Everything that is on its way; told of in the order in which it was sent."""

    def __init__(self, torch: Any, clock: Callable[[], float]) -> None:
        self.torch = torch
        self._clock = clock
        self._last_blocking = clock()
        self._pinned = PinnedBuffers(torch)
        self._pending: deque[_Transfer] = deque()

    def __len__(self) -> int:
        return len(self._pending)

    def later(self, values: Sequence[Any], then: Then, stream: Any = None) -> bool:
        """Call ``then(arrays)`` once all values are on the host: at once if they are there already.

        False where nothing was sent, because a graph is being captured or too much is on its way;
        it may be asked again.

        Parameters: detached tensors that nobody writes to any more, and numbers and arrays, which
        are handed on as they are; what to call, with arrays that are valid during the call only
        (half precision arrives as float32); and the stream in which the tensors were made (see
        `stream_of`), where it may not be the current one.
        """
        transfer = _Transfer(list(values), then)
        groups: dict[tuple[Any, Any], list[int]] = {}
        for place, value in enumerate(values):
            if not isinstance(value, self.torch.Tensor):
                continue
            if value.is_cpu:
                transfer.arrays[place] = _as_kept(value).numpy()
            else:
                groups.setdefault((value.device, value.dtype), []).append(place)
        if not groups:
            then(transfer.arrays)
            return True
        if capturing(self.torch):
            return False
        # A buffer made in inference mode could never be written to outside of it.
        with self.torch.inference_mode(False):
            for (device, _), places in groups.items():
                chosen = [values[place] for place in places]
                with in_stream(stream, device, self.torch):
                    flat = _as_kept(self.torch.cat([tensor.reshape(-1) for tensor in chosen]))
                shapes = [tuple(tensor.shape) for tensor in chosen]
                transfer.parts.append(_Part(device, places, shapes, flat))
            sent = self._send(transfer, stream)
        if sent:
            self._pending.append(transfer)
        return sent

    def when_arrived(self, then: Callable[[], None]) -> None:
        """Call ``then()`` once all that is on its way has been told of: now, if nothing is."""
        if not self._pending:
            then()
            return
        last = self._pending[-1]
        tell = last.then

        def tell_and_go_on(arrays: list[Array]) -> None:
            tell(arrays)
            then()

        last.then = tell_and_go_on

    def poll(self) -> None:
        """Tell of what has arrived. Waits only where the device has no other way, and seldom."""
        if not self._pending:
            return
        may_block = self._clock() - self._last_blocking >= BLOCKING_SECONDS
        while self._pending and not capturing(self.torch):
            first = self._pending[0]
            if not first.events:
                if not may_block:
                    return
                self._last_blocking = self._clock()
            elif not all(event.query() for event in first.events):
                return
            self._tell_first()

    def finish(self) -> None:
        """Wait for all that is on its way: for the end of a cell, after which nothing polls."""
        while self._pending and not capturing(self.torch):
            for event in self._pending[0].events:
                event.synchronize()
            self._tell_first()

    def clear(self) -> None:
        """Forget what is on its way, without waiting for it."""
        self._pending.clear()
        self._pinned = PinnedBuffers(self.torch)

    def _send(self, transfer: _Transfer, stream: Any) -> bool:
        """Have the parts copied into pinned memory, where the device can; False without room."""
        if any(part.device.type not in _WITH_STREAMS for part in transfer.parts):
            waiting = sum(other.bytes for other in self._pending if not other.events)
            return not waiting or waiting + transfer.bytes <= MOST_PINNED_BYTES
        transfer.buffer = self._pinned.take(transfer.bytes)
        if transfer.buffer is None:
            return False
        at = 0
        for part in transfer.parts:
            size = part.flat.nbytes
            host = transfer.buffer[at : at + size].view(part.flat.dtype)
            at += _aligned(size)
            with in_stream(stream, part.device, self.torch):
                host.copy_(part.flat, non_blocking=True)
                module = self.torch.get_device_module(part.device)
                event = module.Event()
                event.record(module.current_stream(part.device))
            part.flat = host
            transfer.events.append(event)
        return True

    def _tell_first(self) -> None:
        transfer = self._pending.popleft()
        transfer.tell()
        if transfer.buffer is not None:
            self._pinned.give_back(transfer.buffer)


def capturing(torch: Any) -> bool:
    """Whether what is asked of the GPU now would be recorded into a CUDA graph."""
    return torch.cuda.is_initialized() and bool(torch.cuda.is_current_stream_capturing())


def stream_of(device: Any, torch: Any) -> Any:
    """The stream in which work for this device is queued now; None where there are none."""
    if device.type not in _WITH_STREAMS:
        return None
    return torch.get_device_module(device).current_stream(device)


def in_stream(stream: Any, device: Any, torch: Any) -> AbstractContextManager[Any]:
    """Queue in `stream`, if it is one of this device's; else in the current one."""
    if stream is None or stream.device != device:
        return nullcontext()
    context: AbstractContextManager[Any] = torch.get_device_module(device).stream(stream)
    return context


def _as_kept(tensor: Any) -> Any:
    """Cast where it is, if NumPy has no such type or only a coarse one."""
    if tensor.is_floating_point() and str(tensor.dtype) not in _KEPT_FLOATS:
        return tensor.float()
    return tensor


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
