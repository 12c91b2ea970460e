"""docs/rules/NAME.md, a page for each rule, from its own words: ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path

from collapse_magic.rules import RULES, Rule, explanation

FOLDER = Path(__file__).parents[2] / "docs" / "rules"
MARK = "<!-- Written by `make docs` from the rule's docstring: do not edit. -->"


def pages() -> dict[str, str]:
    """Every file of the folder, by its name."""
    written = {f"{rule.name}.md": page(rule) for rule in RULES}
    return {"README.md": contents(), **written}


def page(rule: Rule) -> str:
    """One rule; its examples, which stand indented in the docstring, as blocks of code."""
    _, _, text = explanation(rule.name).partition("\n")
    text = re.sub(r"(?m)^## ", "\n## ", text).strip()
    text = re.sub(r"(?m)(?:^    .*\n?)+", _block, text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return f"{MARK}\n# {rule.name} ({rule.code})\n\n{rule.says}\n\n{text}\n"


def contents() -> str:
    """The table of all rules."""
    rows = [
        f"| {rule.code} | [{rule.name}]({rule.name}.md) | {rule.says} |"
        for rule in sorted(RULES, key=lambda rule: rule.code)
    ]
    head = [MARK, "# The rules", "", "| code | rule | says |", "|---|---|---|"]
    more = ["", "Packages can add rules of their own: [adding-rules.md](../adding-rules.md)."]
    return "\n".join([*head, *rows, *more]) + "\n"


def _block(found: re.Match[str]) -> str:
    lines = [line[4:] for line in found.group().rstrip("\n").split("\n")]
    return "\n".join(["```python", *lines, "```", ""])


def main() -> None:
    wanted = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(wanted)} pages in {FOLDER}")


if __name__ == "__main__":
    main()
