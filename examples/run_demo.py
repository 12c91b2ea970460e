"""Runs the example notebook in a real kernel, shows its cards here, and serves the Collapse tab.

python examples/run_demo.py [NOTEBOOK] [--no-serve] [--save]
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("collapse_and_cure.ipynb")
WORKSPACE = Path(__file__).resolve().parent.parent / ".demo"


def show_cell(cell: Any, **_: Any) -> None:
    """One executed cell as a terminal would show it: its source, then what it put out."""
    if cell.cell_type != "code":
        return
    print("\n" + "\n".join(f"    {line}" for line in cell.source.splitlines()) + "\n")
    for output in cell.outputs:
        if output.output_type == "stream":
            print(output.text, end="", flush=True)
        elif output.output_type == "error":
            print("\n".join(output.traceback))
        else:
            text = output.get("data", {}).get("text/plain", "")
            # A figure's text is the name of its class: nothing to read.
            if text and not re.match(r"^<[A-Z]\w+ .*>$", text):
                print(text, flush=True)


def execute(workspace: Path, save: bool, path: Path = NOTEBOOK) -> None:
    """Runs a copy of the notebook inside `workspace`, where its logs end up in `runs`."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(workspace)}},
        on_cell_executed=show_cell,
    )
    client.execute()
    if save:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of day would change at every run
            if cell.cell_type == "code":
                cell.outputs = [output for output in cell.outputs if not _of_the_machine(output)]
                for output in cell.outputs:
                    if output.output_type == "stream":
                        output.text = re.sub(r"/\S*(?=/site-packages/)", "...", output.text)
        nbformat.write(notebook, path)
        print(f"\nsaved with its outputs: {path}")


def _of_the_machine(output: Any) -> bool:
    """What TensorFlow says of processor and drivers when it is imported."""
    return output.output_type == "stream" and "oneDNN" in output.text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", nargs="?", type=Path, default=NOTEBOOK)
    parser.add_argument("--no-serve", action="store_true", help="end instead of serving the tab")
    parser.add_argument("--save", action="store_true", help="save the notebook with its outputs")
    options = parser.parse_args()

    # Only what an earlier demo wrote is replaced.
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    WORKSPACE.mkdir()
    execute(WORKSPACE, options.save, options.notebook)

    logdir = WORKSPACE / "runs"
    if options.no_serve:
        print(f"\nopen the Collapse tab with: collapse-tb {logdir}")
        return
    from tensorboard_plugin_collapse.launcher import main as collapse_tb

    sys.exit(collapse_tb([str(logdir), "--no-browser"]))


if __name__ == "__main__":
    main()
