"""Who may import whom: the data flow has one direction, and the imports follow it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "collapse_magic": ROOT / "collapse_magic",
    "tensorboard_plugin_collapse": ROOT / "tensorboard_plugin" / "tensorboard_plugin_collapse",
}
FRAMEWORKS = {"torch", "tensorflow", "keras", "sklearn", "jax"}
HEAVY = FRAMEWORKS | {"IPython", "ipykernel", "matplotlib", "tensorboard", "libcst"}

# Module (or package) -> parts of collapse_magic that it may import, and outside packages.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "config": (set(), set()),
    "records": (set(), set()),
    "findings": (set(), set()),
    "report": ({"findings", "render"}, set()),
    "statistics": ({"records"}, {"numpy"}),
    "history": ({"records", "statistics"}, {"numpy"}),
    "rules": ({"records", "history", "statistics", "findings"}, set()),
    "engine": ({"records", "history", "statistics", "findings", "rules"}, set()),
    "source": ({"findings"}, {"libcst"}),
    "render": ({"findings", "report", "statistics"}, {"matplotlib", "numpy"}),
    "trial": ({"findings", "report"}, {"jupyter_client"}),
    "probes": ({"records", "config"}, {"numpy", "torch", "IPython"}),
    "sinks": (
        {"records", "findings", "report", "render", "statistics"},
        {"numpy", "IPython", "tensorboard", "google_crc32c"},
    ),
}


def modules() -> list[tuple[str, Path]]:
    return [
        (
            ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(
                ".__init__"
            ),
            path,
        )
        for package, folder in PACKAGES.items()
        for path in sorted(folder.rglob("*.py"))
    ]


def imported(name: str, path: Path, *, top_level_only: bool = False) -> set[str]:
    """Absolute names of the modules that a file imports, typing-only imports left out."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if top_level_only and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    parts = package.split(".")
                    parts = parts[: len(parts) - child.level + 1]
                    base = ".".join(filter(None, (*parts, child.module)))
                found.update(f"{base}.{alias.name}" for alias in child.names)
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def part(module: str) -> str:
    """The part of the house a module of collapse_magic is in: its first name below the package."""
    return [*module.split("."), ""][1]


def test_the_table_speaks_of_modules_that_exist() -> None:
    present = {part(name) for name, _ in modules() if name.startswith("collapse_magic.")}
    assert set(MAY_IMPORT) <= present


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_follow_the_one_direction(name: str, path: Path) -> None:
    allowed = MAY_IMPORT.get(part(name)) if name.startswith("collapse_magic") else None
    if allowed is None:
        return  # session, magic and the entry points know the parts; other tests hold them
    parts, outside = allowed
    for target in imported(name, path):
        top = target.split(".")[0]
        if top == "collapse_magic":
            assert part(target) in parts | {part(name)}, f"{name} imports {target}"
        elif top not in sys.stdlib_module_names:
            assert top in outside, f"{name} imports {target}"


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_nothing_heavy_is_imported_at_module_level_outside_its_place(name: str, path: Path) -> None:
    tops = {target.split(".")[0] for target in imported(name, path, top_level_only=True)}
    assert not tops & FRAMEWORKS, "a framework is only ever imported inside a function"
    if name.startswith("collapse_magic") and part(name) not in {"magic", "source", "render"}:
        assert not tops & HEAVY


def test_the_plugin_sees_only_the_plain_parts() -> None:
    plain = {"records", "findings", "history", "rules", "engine", "report", "render", "statistics"}
    plain |= {"reporting"}
    for name, path in modules():
        if name.startswith("tensorboard_plugin_collapse"):
            for target in imported(name, path):
                if target == "collapse_magic.sinks.rows":
                    continue  # the written form of a series, for those who read it
                if target.split(".")[0] == "collapse_magic":
                    assert part(target) in plain, f"{name} imports {target}"
