"""What ``%watch_training`` answers: last summary, explanations, rules, the changed cell."""

from __future__ import annotations

from typing import Any

from .. import rules
from ..findings import Finding
from ..render import html, text
from ..render.card import cell_name
from ..report import Report
from ..session.current import last_report
from ..session.options import OptionError
from ..sinks.notebook import show
from .command_line import options_help

HELP = f"""%%watch_training [NAME] [OPTIONS]

Watch the training in this cell, and say why a classifier predicts one class.

{options_help()}

%watch_training                  show the last summary again
%watch_training --explain NAME   what a rule looks for, and why (name or code)
%watch_training --rules          all rules
%watch_training --fix [N]        put the cell with the N-th cure before you
%collapse_tb [LOGDIR]            open the Collapse tab of TensorBoard"""


def show_last() -> None:
    report = _last()
    show({"text/plain": str(report), "text/html": html.render_report(report)})


def explain(_shell: Any, words: list[str]) -> None:
    if len(words) != 1:
        raise OptionError("--explain needs one name or code of a rule")
    try:
        print(rules.explanation(words[0]))
    except ValueError as error:
        raise OptionError(str(error)) from None


def rules_list(_shell: Any, words: list[str]) -> None:
    if words:
        raise OptionError("--rules takes no value")
    width = max(len(rule.name) for rule in rules.RULES)
    for rule in sorted(rules.RULES, key=lambda rule: rule.code):
        print(f"{rule.code}  {rule.name:<{width}}  {rule.says}")


def fix(shell: Any, words: list[str]) -> None:
    """The changed cell as the next input of a notebook; printed whole in a terminal."""
    finding = _with_fix(words)
    assert finding.fix is not None
    print(f"{finding.code} {finding.rule}: {finding.fix.title}  ({finding.fix.safety})")
    print(finding.fix.diff.rstrip() + "\n")
    if not finding.fix.cells:
        print("This cure is an example: put its lines where they belong in your code.")
        return
    cells = sorted(finding.fix.cells.items())
    if hasattr(shell, "kernel"):
        (number, source), *others = cells
        shell.set_next_input(source, replace=False)
        print(f"{cell_name(number)}, changed, is in a new cell below; yours is as it was.")
    else:
        others = cells
    for number, source in others:
        print(f"{cell_name(number)}, changed:\n\n{text.indented(source)}\n")


def _with_fix(words: list[str]) -> Finding:
    report = _last()
    cures = [finding for finding in report.findings if finding.fix is not None]
    if not cures:
        raise OptionError(f"no finding of run '{report.run}' has a cure to show")
    if len(words) > 1:
        raise OptionError("--fix takes one number")
    if not words:
        return next((f for f in cures if f.fix is not None and f.fix.cells), cures[0])
    if not words[0].isdigit() or not 1 <= int(words[0]) <= len(cures):
        which = ", ".join(f"{n} ({f.code})" for n, f in enumerate(cures, start=1))
        raise OptionError(f"--fix {words[0]}: there is only {which}")
    return cures[int(words[0]) - 1]


def _last() -> Report:
    report = last_report()
    if report is None:
        raise OptionError("nothing was watched yet: write %%watch_training on a cell's first line")
    return report
