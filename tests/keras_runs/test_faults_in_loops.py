"""Whatever of ours raises in a loop: it goes on bit for bit, it is said once, all is put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from guarantees.faults import Fault
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes.keras import KerasProbe

from .fault_styles import changed_by_faults


@pytest.mark.parametrize("style", ["eager", "function", "accumulated"])
def test_a_fault_anywhere_in_the_probe_ends_the_watching_and_nothing_else(style: str) -> None:
    assert changed_by_faults(style) == {}


def effects(step: Callable[[Any], Any], break_told: bool = False) -> float:
    """How often a step that fails after its effect has had it, watched."""
    with pytest.MonkeyPatch.context() as patch:
        fault = None
        if break_told:
            fault = Fault("collapse_magic.probes.keras.functions:Shadow.told", patch)
        probe = KerasProbe(FakeContext(config=WatchConfig(budget=1e6, every=1)))
        probe.attach()
        try:
            with pytest.raises(Exception, match="on purpose"):
                step(tf.constant(-1.0))
        finally:
            probe.detach()
        assert fault is None or fault.hits == 1
    return float(MADE.numpy())


MADE = tf.Variable(0.0)


def test_a_function_that_fails_when_it_runs_is_not_run_once_more() -> None:
    MADE.assign(0)

    @tf.function
    def step(value: Any) -> Any:
        with tf.control_dependencies([MADE.assign_add(1)]):
            tf.debugging.assert_positive(value, "on purpose")
        return value

    assert effects(step, break_told=True) == 1


def test_a_function_that_is_run_eagerly_is_not_run_once_more() -> None:
    MADE.assign(0)

    @tf.function
    def step(value: Any) -> Any:
        MADE.assign_add(1)
        raise ValueError("on purpose")

    tf.config.run_functions_eagerly(True)
    try:
        assert effects(step) == 1
    finally:
        tf.config.run_functions_eagerly(False)
