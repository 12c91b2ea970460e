"""The process that runs a trial: a fresh kernel for each side, one after the other.

It reads the cells of both sides from its standard input (`process.running` writes them), and
answers with one JSON object a line:
``{"kind": "cell", "side", "number"}`` as a cell begins, ``{"kind": "line", "side", "text"}`` for
what watching says meanwhile, ``{"kind": "report", "side", "report"}`` for each side, and
``{"kind": "failed", "why"}`` as the last one where there is nothing to compare.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

_READY_SECONDS = 120.0
_ASK_SECONDS = 1.0  # how often to ask whether kernel and parent live
_STOPPED = "TrainingStopped"


class FailureError(Exception):
    """Why the trial came to nothing, in one sentence."""


def tell(kind: str, **values: Any) -> None:
    print(json.dumps({"kind": kind, **values}), flush=True)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    job, parent = json.load(sys.stdin), os.getppid()
    try:
        steps = run("before", job["before"], job["steps"], job["seconds"], parent)
        run("after", job["after"], steps or job["steps"], None, parent)
    except FailureError as failure:
        tell("failed", why=str(failure))
    except BrokenPipeError:
        pass  # nobody listens any more


def run(
    side: str, cells: Sequence[dict[str, Any]], steps: int, seconds: float | None, parent: int
) -> int:
    """Runs the cells of one side, the last of them watched, and tells its report.

    The training ends after so many steps or seconds; gives the steps that it made. `parent` is the
    process that waits for the answer.
    """
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="collapse-magic-") as folder, kernel() as asked:
        execute = partial(_execute, *asked, side, parent)
        export = Path(folder) / "report.json"
        limits = [f"--steps {steps}", *([f"--seconds {seconds:g}"] if seconds else [])]
        execute("%load_ext collapse_magic", hidden=True)
        for cell in cells:
            tell("cell", side=side, number=cell["number"])
            source = cell["source"]
            if cell is cells[-1]:
                watch, _, body = source.partition("\n")
                source = "\n".join([" ".join([watch, *limits, f"--export '{export}'"]), body])
            error = execute(source)
            if error is not None and not error.startswith(_STOPPED):
                failed.append(f"cell [{cell['number']}] ended in {error}")
        report = json.loads(export.read_text("utf-8")) if export.exists() else {"steps": 0}
    if not report["steps"] and not report.get("findings"):
        which = "run anew" if side == "before" else "run anew with the fix"
        why = "; ".join(failed[-2:]) or "no training was seen"
        raise FailureError(f"{which}, {why}")
    tell("report", side=side, report=report, failed=failed)
    return int(report["steps"])


@contextmanager
def kernel() -> Iterator[tuple[Any, Any]]:
    try:
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import KernelManager
    except ImportError:
        raise FailureError("a trial needs ipykernel: pip install ipykernel") from None
    manager = KernelManager(kernel_name="python3")
    # This interpreter, whatever a kernel spec of that name says, and no trace in the history file.
    manager._kernel_spec = KernelSpec(
        argv=[
            sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}",
            "--HistoryManager.hist_file=:memory:",
        ],
        display_name="trial",
        language="python",
    )  # fmt: skip
    manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        try:
            client.wait_for_ready(timeout=_READY_SECONDS)
        except RuntimeError as error:
            raise FailureError(f"the fresh kernel did not start: {error}") from None
        yield client, manager
    finally:
        client.stop_channels()
        with suppress(Exception):
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def _execute(
    client: Any, manager: Any, side: str, parent: int, source: str, hidden: bool = False
) -> str | None:
    """Runs one cell; gives its error as ``Name: message`` on one line, if it ends in one."""
    # A comment is a cell as well: an empty one would take no number.
    asked = client.execute(source or "#", store_history=not hidden, allow_stdin=False)
    error = None
    while True:
        try:
            message = client.get_iopub_msg(timeout=_ASK_SECONDS)
        except queue.Empty:
            if not manager.is_alive():
                raise FailureError(f"the kernel of the run {side} died") from None
            if os.getppid() != parent:  # nobody waits for the answer
                raise FailureError("the process that asked for the trial is gone") from None
            continue
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            error = _named(content)
        elif kind in ("display_data", "update_display_data"):
            text = str(content["data"].get("text/plain", "")).strip()
            if text.startswith("watch_training"):
                said = text.splitlines()[0].removeprefix("watch_training").strip()
                tell("line", side=side, text=said)
        elif kind == "status" and content["execution_state"] == "idle":
            return error


def _named(content: dict[str, Any]) -> str:
    if content["ename"] == "StdinNotImplementedError":
        return "a question (input), which a trial cannot answer"
    said = str(content["evalue"]).strip().splitlines()
    return f"{content['ename']}: {said[0]}" if said else str(content["ename"])


if __name__ == "__main__":
    main()
