"""Whatever of ours raises in `fit`: it goes on bit for bit, it is said once, all is put back."""

from __future__ import annotations

import pytest

from .fault_styles import changed_by_faults

PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_fault_anywhere_in_the_probe_ends_the_watching_and_nothing_else(part: int) -> None:
    assert changed_by_faults("fit", part, PARTS) == {}
