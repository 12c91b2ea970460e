"""The example notebook runs from its first cell to its last, as it is."""

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
    demo.execute(tmp_path, save=False)  # raises where a cell does
    shown = capsys.readouterr().out
    assert "class-imbalance" in shown and "pos_weight" in shown
    assert any((tmp_path / "runs").iterdir())
