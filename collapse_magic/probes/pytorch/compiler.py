"""Keeps our functions out of the user's compiled code.

Where a compiled function calls something that cannot be compiled, such as backward, the functions
called from there are compiled for themselves, ours among them. That takes seconds and gains
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any


def keep_out(torch: Any, wrappers: Iterable[Any], own: Iterable[Any]) -> None:
    """Run these functions as they are, always: `own` ones with all that they call.

    What `wrappers` call besides is the user's affair, and may be compiled as before. This marks
    the functions' code and needs no import of the compiler; older releases do not know of it.
    """
    frames = torch._C._dynamo.eval_frame
    if not hasattr(frames, "set_code_exec_strategy"):
        return
    action, strategy = frames._FrameAction, frames._FrameExecStrategy
    marks = (
        (wrappers, strategy(action.SKIP, action.DEFAULT)),
        (
            own,
            strategy(action.SKIP, action.SKIP),
        ),
    )
    for functions, mark in marks:
        for function in functions:
            if isinstance(function, FunctionType):
                frames.set_code_exec_strategy(function.__code__, mark)
