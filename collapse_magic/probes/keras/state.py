"""Variables of our own, that graphs of a watched run write to."""

from __future__ import annotations

import sys
from typing import Any


def variable(value: Any, dtype: Any = None) -> Any:
    """A variable outside of any graph, wherever the code runs that asks for it.

    Made past the functions that TensorFlow has variables made by: for these a compiled function
    that makes variables is traced twice, may make none later on, and one per replica.
    """
    tf = sys.modules["tensorflow"]
    make = sys.modules["tensorflow.python.ops.resource_variable_ops"].ResourceVariable
    with tf.init_scope():
        return make(value, dtype=dtype, trainable=False)
