"""What TensorBoard finds through the entry point.

TensorBoard loads this module unguarded: an error here would stop every TensorBoard on the machine.
So it imports nothing of ours; that is left to `load`.
"""

from __future__ import annotations

from typing import Any

from tensorboard.plugins import base_plugin
from tensorboard.util import tb_logging

PLUGIN_NAME = "collapse"


class CollapseLoader(base_plugin.TBLoader):  # type: ignore[misc]
    """Makes the plugin, or leaves it out with a line in the log where that fails."""

    def fix_flags(self, flags: Any) -> None:
        """Has TensorBoard keep every event: by itself it drops all but 10 or 100 of a tag."""
        samples = getattr(flags, "samples_per_plugin", None)
        if isinstance(samples, dict):
            samples.setdefault(PLUGIN_NAME, 0)  # 0 stands for all

    def load(self, context: Any) -> Any:
        try:
            from .plugin import CollapsePlugin

            return CollapsePlugin(context)
        except Exception as error:
            tb_logging.get_logger().warning("The Collapse tab is left out: %r", error)
            return None
