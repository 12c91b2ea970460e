"""The Keras notebook among the examples runs from its first cell to its last, as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_example_runs_and_its_collapse_is_cured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("run_demo", EXAMPLES / "run_demo.py")
    assert spec is not None and spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    notebook = EXAMPLES / "keras_collapse_and_cure.ipynb"
    demo.execute(tmp_path, save=False, path=notebook)  # raises where a cell does
    shown = capsys.readouterr().out
    assert "single-unit-softmax" in shown and 'activation="sigmoid"' in shown
    before, after = shown.split("malignant tumours found: ")[1:]
    assert before.startswith("0%") and after.startswith("9")
