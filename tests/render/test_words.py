"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from collapse_magic.render.words import cut, duration, fill, percent, top_classes


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.994, "99.4%"),
        (0.9999, ">99.9%"),
        (0.008, "0.8%"),
        (0.00001, "<0.1%"),
        (0.5, "50%"),
        (0.02, "2%"),
        (float("nan"), "-"),
    ],
)
def test_percent(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0s"),
        (9.4, "9.4s"),
        (42.3, "42s"),
        (59.7, "1m 00s"),
        (102, "1m 42s"),
        (7500, "2h 05m"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_cut_and_fill() -> None:
    assert cut("one  two\nthree", 9) == "one two…"
    assert fill(["aa", "bb", "c" * 12, "dd"], 8) == ["aa; bb", "ccccccc…", "dd"]


def test_top_classes_are_the_largest_first() -> None:
    assert top_classes(["a", "b", "c", "d"], [0.1, 0.5, 0.1, 0.3], most=3) == (
        [("b", 0.5), ("d", 0.3), ("a", 0.1)],
        1,
    )
