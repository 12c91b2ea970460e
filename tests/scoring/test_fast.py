"""One program a rule, plainly and watched in real kernels; `make scores` runs all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collapse_magic import rules

from .judging import watch
from .kernels import Kernels
from .running import run
from .scenario import Scenario, corpus

# Every batch is counted, however slow the machine is: what is found does not depend on its load.
EVERY_BATCH = " --budget 100"
FAST = [scenario for scenario in corpus() if scenario.fast]


@pytest.fixture(scope="module")
def kernels() -> Iterator[Kernels]:
    with Kernels() as kernels:
        yield kernels


@pytest.mark.parametrize("scenario", FAST, ids=[scenario.slug for scenario in FAST])
def test_it_is_judged_rightly_and_not_changed(kernels: Kernels, scenario: Scenario) -> None:
    asis = run(kernels, scenario, scenario.cells)
    judged, _ = watch(kernels, scenario, asis, EVERY_BATCH)
    assert not judged.invalid, "\n".join(judged.invalid)
    assert judged.equal, "watching changed what it comes to"
    assert judged.right, judged.findings


def test_every_rule_has_its_fast_program() -> None:
    covered = {scenario.cause for scenario in FAST}
    assert {rule.name for rule in rules.RULES} <= covered
    assert None in covered, "a healthy one is needed as well"
