"""A run's directory: inside the log directory, on every system, whatever the run is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from collapse_magic.sinks import run_directory
from collapse_magic.sinks.run_directory import safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("mnist-3", "mnist-3"),
        ("Größe 3×3", "Größe 3×3"),
        ("../../etc/passwd", "etc-passwd"),
        ("/tmp/x", "tmp-x"),
        ("..", "run"),
        ("", "run"),
        ("   ", "run"),
        ("a\nb\x00c\td", "a-b-c-d"),
        ("C:\\runs\\x?", "C-runs-x"),
        (".hidden", "hidden"),
        ("dots...", "dots"),
        ("nul", "_nul"),
        ("COM1.txt", "_COM1.txt"),
        ("</script>\"'", "script-'"),
        ("\ud800", "run"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", ["x" * 10_000, "ü" * 10_000, "🦜" * 10_000, "../" * 3_000])
def test_long_names_are_cut_and_still_numbered(tmp_path: Path, name: str) -> None:
    first = run_directory.create(tmp_path, name)
    second = run_directory.create(tmp_path, name)
    assert first.parent == second.parent == tmp_path
    assert second.name == f"{first.name}-2"
    assert sorted(tmp_path.iterdir()) == sorted([first, second])


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "net").write_text("a file of the user's")
    (tmp_path / "net-2").mkdir()
    assert run_directory.create(tmp_path, "net") == tmp_path / "net-3"
    assert (tmp_path / "net").read_text() == "a file of the user's"


def test_a_missing_logdir_is_made(tmp_path: Path) -> None:
    assert run_directory.create(tmp_path / "a" / "b", "net").is_dir()
