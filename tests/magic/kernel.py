"""A real kernel, and what a cell that ran in it put out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Outcome:
    """Messages of one execution, sorted by kind."""

    reply: dict[str, Any] = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)  # as they stand after all updates
    results: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # tracebacks without colours
    order: list[str] = field(default_factory=list)  # kinds of messages, in order
    cleared: bool = False

    @property
    def status(self) -> str:
        return str(self.reply["status"])

    @property
    def shown(self) -> str:
        """All displays as text, as a front end without HTML would show them."""
        return "\n".join(str(data.get("text/plain", "")) for data in self.displays)


class Kernel:
    def __init__(self, folder: Path) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "tensorboard_plugin")])
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(folder)}
        self.folder = folder
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def run(self, code: str, on_stream: Callable[[str], None] = lambda text: None) -> Outcome:
        """Executes a cell and waits for all of its output; `on_stream` sees what it prints, as it
        does."""
        return self.wait(self.client.execute(code), on_stream)

    def wait(self, request: str, on_stream: Callable[[str], None] = lambda text: None) -> Outcome:
        """The outcome of a cell that `client.execute` has begun."""
        outcome, by_id = Outcome(), {}
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            outcome.order.append(kind)
            if kind == "stream":
                setattr(
                    outcome,
                    content["name"],
                    getattr(outcome, content["name"]) + content["text"],
                )
                on_stream(content["text"])
            elif kind == "display_data":
                data = dict(content["data"])
                outcome.displays.append(data)
                by_id[content.get("transient", {}).get("display_id")] = data
            elif kind == "update_display_data":
                data = by_id[content["transient"]["display_id"]]
                data.clear()
                data.update(content["data"])
            elif kind == "execute_result":
                outcome.results.append(content["data"]["text/plain"])
            elif kind == "error":
                outcome.errors.append(_COLOUR.sub("", "\n".join(content["traceback"])))
            elif kind == "clear_output":
                outcome.cleared = True
        while True:
            reply = self.client.get_shell_msg(timeout=SECONDS)
            if reply["parent_header"].get("msg_id") == request:
                outcome.reply = reply["content"]
                return outcome

    def value(self, expression: str) -> str:
        """The printed form of an expression in the user's namespace."""
        return self.run(f"print({expression})").stdout.strip()

    @property
    def runs(self) -> list[str]:
        """Run directories in the default log directory."""
        return sorted(path.name for path in (self.folder / "runs").glob("*"))
