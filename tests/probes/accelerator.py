"""A stand-in for a CUDA device, to train on where there is none, that counts who waits for it.

Real are autograd with its nodes, the modules, losses and optimizers, and every operation that
reaches the device: the tensors are wrappers that say they are on ``cuda:0``, and what is asked of
them arrives here, is judged, and is computed on the CPU. A copy to the host that does not wait for
the device has not happened before the device has come to it: until then the host's memory holds
rubbish, so reading too early is seen. Not real are streams that run side by side, the device's own
rounding and its memory; and which operators wait inside is known from a list (`_WAITS`).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_any, tree_map_only

import collapse_magic

DEVICE = torch.device("cuda:0")
# The C++ side knows these tensors as meta tensors: that device needs no driver.
_BEHIND = torch.device("meta")
_OURS = str(Path(collapse_magic.__file__).parent)
_RUBBISH = 0xA5
# Operators whose result's value or size the host needs at once.
_WAITS = {
    "_local_scalar_dense", "equal", "nonzero", "masked_select", "bincount", "_unique2",
    "unique_dim", "unique_consecutive", "histogram",
}  # fmt: skip


class DeviceTensor(torch.Tensor):
    """A tensor on the device; `host` is where its values really are."""

    host: torch.Tensor
    accelerator: Accelerator
    device = property(lambda self: DEVICE)  # type: ignore[assignment]
    is_cuda, is_cpu, is_meta = True, False, False  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, host: torch.Tensor, accelerator: Accelerator) -> DeviceTensor:
        made: DeviceTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            host.size(),
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            device=_BEHIND,
            requires_grad=host.requires_grad,
        )
        made.host, made.accelerator = host.detach(), accelerator
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        found: list[Accelerator] = []
        tree_map_only(cls, lambda t: found.append(t.accelerator), (args, kwargs))
        return found[0].run(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"DeviceTensor({tuple(self.shape)}, {self.dtype})"


class Accelerator(TorchDispatchMode):
    """The device: what was waited for, and what it has still to do.

    `waits` holds (operation, whether collapse_magic asked for it); `captured` likewise what would
    have been recorded into a graph. Copies in `queue` happen when an event has been asked
    `lag` times, or when somebody waits.
    """

    def __init__(self, lag: int = 2) -> None:
        super().__init__()
        self.waits: list[tuple[str, bool]] = []
        self.captured: list[tuple[str, bool]] = []
        self.queue: deque[tuple[torch.Tensor, torch.Tensor]] = deque()
        self.sent = self.done = 0
        self.lag = lag
        self.capturing = False
        self.pinned: set[int] = set()  # addresses of the host's page-locked memory

    # -- for the tests ----------------------------------------------------------------------------

    def put(self, host: torch.Tensor) -> DeviceTensor:
        return DeviceTensor(host, self)

    def place(self, module: nn.Module) -> nn.Module:
        return module._apply(self.put)

    @property
    def our_waits(self) -> list[str]:
        return [name for name, ours in self.waits if ours]

    def work(self, until: int | None = None) -> None:
        """Come to the copies that were queued, up to number `until`."""
        while self.queue and (until is None or self.done < until):
            host, values = self.queue.popleft()
            host.copy_(values)
            self.done += 1

    @contextmanager
    def graph(self) -> Iterator[None]:
        """Capture into a CUDA graph: what is asked of the device meanwhile is recorded."""
        self.capturing = True
        try:
            yield
        finally:
            self.capturing = False

    # -- operations -------------------------------------------------------------------------------

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        args = _with_tensors(func, args)
        here = tree_any(lambda t: isinstance(t, DeviceTensor), (args, kwargs))
        if here or _named_device(kwargs) in ("meta", "cuda"):
            return self.run(func, args, kwargs)
        if kwargs.pop("pin_memory", False):
            made = func(*args, **kwargs)
            self.pinned.add(made.untyped_storage().data_ptr())
            return made
        return func(*args, **kwargs)

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = func.overloadpacket.__name__
        if self.capturing:
            self.captured.append((name, _asked_by_us()))
        if self._waits_in(name, args):
            self.wait(name)
        if name == "copy_":
            return self._copy(func, args, kwargs)
        to = _named_device(kwargs)
        if name == "_to_copy" and to == "cpu":
            self.wait("copy to the host")
        out = func(*_hosts(args), **_hosts({**kwargs, "device": "cpu"} if to else kwargs))
        if to == "cpu":
            return out
        aliases = any(value.alias_info is not None for value in func._schema.returns)
        # Even in inference mode a view of an ordinary tensor is an ordinary tensor.
        with torch.inference_mode(torch.is_inference_mode_enabled() and not aliases):
            out = tree_map_only(torch.Tensor, self.put, out)
        return return_and_correct_aliasing(func, args, kwargs, out)

    def wait(self, name: str) -> None:
        self.waits.append((name, _asked_by_us()))
        self.work()

    def _waits_in(self, name: str, args: tuple[Any, ...]) -> bool:
        if name in ("index", "index_put_", "index_put"):  # by a mask, its places are counted first
            indices = [index for index in args[1] if index is not None]
            return any(index.dtype in (torch.bool, torch.uint8) for index in indices)
        return name in _WAITS

    def _copy(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        into, values = args[0], args[1]
        blocking = not (kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
        if isinstance(into, DeviceTensor):
            if not isinstance(values, DeviceTensor) and blocking:
                self.wait("copy to the device")
            func(*_hosts(args), **kwargs)
        elif blocking or into.untyped_storage().data_ptr() not in self.pinned:
            self.wait("copy to the host")
            func(*_hosts(args), **kwargs)
        else:
            into.view(torch.uint8).fill_(_RUBBISH)
            self.queue.append((into, values.host.clone()))
            self.sent += 1
        return into


class Event:
    """Like `torch.cuda.Event`: done when the device has come to where it was recorded."""

    accelerator: Accelerator

    def __init__(self) -> None:
        self._at, self._asked = 0, 0

    def record(self, stream: Any = None) -> None:
        self._at = self.accelerator.sent

    def query(self) -> bool:
        assert not self.accelerator.capturing, "would make the capture invalid"
        self._asked += 1
        if self._asked >= self.accelerator.lag:
            self.accelerator.work(until=self._at)
        return self.accelerator.done >= self._at

    def synchronize(self) -> None:
        self.accelerator.waits.append(("synchronize", _asked_by_us()))
        self.accelerator.work(until=self._at)


class Stream:
    device = DEVICE


@contextmanager
def accelerator(monkeypatch: pytest.MonkeyPatch, lag: int = 2) -> Iterator[Accelerator]:
    """A device in the place of `torch.cuda`'s."""
    device, stream = Accelerator(lag), Stream()
    with monkeypatch.context() as patch:
        patch.setattr(Event, "accelerator", device, raising=False)
        patch.setattr(torch.cuda, "Event", Event)
        patch.setattr(torch.cuda, "current_stream", lambda device=None: stream)
        patch.setattr(torch.cuda, "stream", lambda stream: _nothing())
        patch.setattr(torch.cuda, "is_initialized", lambda: True)
        patch.setattr(torch.cuda, "is_current_stream_capturing", lambda: device.capturing)
        patch.setattr(torch.cuda, "synchronize", lambda *_: device.wait("synchronize"))
        with device:
            yield device


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _named_device(kwargs: dict[str, Any]) -> str | None:
    device = kwargs.get("device")
    return None if device is None else torch.device(device).type


def _with_tensors(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A number that was made a tensor (0.25 of ``0.25 * x``) comes as a number again."""
    wanted = [argument.type.kind() for argument in func._schema.arguments]
    return tuple(
        torch.tensor(value) if kind == "TensorType" and isinstance(value, (int, float)) else value
        for value, kind in zip(args, wanted, strict=False)
    )


def _hosts(values: Any) -> Any:
    return tree_map_only(DeviceTensor, lambda t: t.host, values)


def _asked_by_us() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
