"""What ``%watch_training`` answers: last summary, explanations, rules, the changed cell."""

from __future__ import annotations

from typing import Any

from .. import rules
from ..render import html, text
from ..render.card import cell_name
from ..report import Report
from ..session.current import last_report
from ..session.options import OptionError
from ..sinks.notebook import show
from . import trying
from .cells import typed_cells
from .command_line import options_help
from .cures import chosen

HELP = f"""%%watch_training [NAME] [OPTIONS]

Watch the training in this cell, and say why a classifier predicts one class.

{options_help()}

%watch_training                  show the last summary again
%watch_training --explain NAME   what a rule looks for, and why (name or code)
%watch_training --rules          all rules
%watch_training --fix [N|all]    put the cell with the N-th cure before you
%watch_training --try-fix [N|all] [--steps S] [--seconds T] [--yes]
                                 run your cells anew, as they are and with the
                                 cure, and compare
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
    known = sorted(rules.every(), key=lambda rule: rule.code)
    width = max(len(rule.name) for rule in known)
    for rule in known:
        print(f"{rule.code}  {rule.name:<{width}}  {rule.says}")
    for problem in rules.problems():
        print(problem)


def fix(shell: Any, words: list[str]) -> None:
    """The changed cell as the next input of a notebook; printed whole in a terminal."""
    cure = chosen(_last(), words, "--fix", typed_cells(shell))
    print(f"{cure.names}: {cure.fix.title}  ({cure.fix.safety})")
    print(cure.fix.diff.rstrip() + "\n")
    for finding in cure.left_out:
        print(f"left out, for it changes the same lines: {finding.code} {finding.rule}")
    if not cure.fix.cells:
        print("This cure is an example: put its lines where they belong in your code.")
        return
    cells = sorted(cure.fix.cells.items())
    if hasattr(shell, "kernel"):
        (number, source), *others = cells
        shell.set_next_input(source, replace=False)
        print(f"{cell_name(number)}, changed, is in a new cell below; yours is as it was.")
    else:
        others = cells
    for number, source in others:
        print(f"{cell_name(number)}, changed:\n\n{text.indented(source)}\n")


def try_fix(shell: Any, words: list[str]) -> None:
    """Both runs side by side, in kernels of their own."""
    wanted, report, history = trying.read(words), _last(), typed_cells(shell)
    cure = chosen(report, wanted.which, "--try-fix", history)
    trying.try_fix(shell, wanted, report, cure, history)


def _last() -> Report:
    report = last_report()
    if report is None:
        raise OptionError("nothing was watched yet: write %%watch_training on a cell's first line")
    return report
