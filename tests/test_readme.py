"""The README's tables say what the code says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from collapse_magic import rules
from collapse_magic.config import WatchConfig

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def option_rows() -> list[str]:
    """One row per option, from the metadata that the parser is built from."""
    rows = ["| option | what it does |", "|---|---|"]
    for field in dataclasses.fields(WatchConfig):
        flag, metavar = field.metadata["flag"], field.metadata["metavar"]
        words = metavar if flag == "name" else " ".join(filter(None, (flag, metavar)))
        rows.append(f"| `{words}` | {field.metadata['help']} |")
    return rows


def rule_rows() -> list[str]:
    rows = ["| code | rule | says |", "|---|---|---|"]
    return rows + [f"| {rule.code} | {rule.name} | {rule.says} |" for rule in sorted_rules()]


def sorted_rules() -> list[rules.Rule]:
    return sorted(rules.RULES, key=lambda rule: rule.code)


def test_the_options_are_those_of_the_parser() -> None:
    assert "\n".join(option_rows()) in README, "\n".join(option_rows())


def test_the_rules_are_those_of_the_table() -> None:
    assert "\n".join(rule_rows()) in README, "\n".join(rule_rows())


def test_the_card_is_the_one_in_the_example_notebook() -> None:
    notebook = json.loads((ROOT / "examples" / "collapse_and_cure.ipynb").read_text("utf-8"))
    texts = [
        "".join(output["data"].get("text/plain", ""))
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    card = README.split("<!-- card -->\n```\n")[1].split("\n```")[0]
    assert any(card in text for text in texts)
