"""Whatever of ours raises while weights turn to NaN: the fit goes on, and it is said once."""

from __future__ import annotations

import pytest

from .fault_styles import changed_by_faults

PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_a_fault_anywhere_in_the_probe_ends_the_watching_and_nothing_else(part: int) -> None:
    assert changed_by_faults("fit with missing values", part, PARTS) == {}
