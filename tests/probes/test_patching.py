"""Replaced attributes are put back exactly as they were."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from collapse_magic.probes.patching import Patches


class Base:
    def method(self) -> str:
        return "base"


class Derived(Base):
    pass


def shout(original: Any) -> Any:
    return lambda *args: original(*args).upper()


def test_own_attributes_are_set_back_and_inherited_ones_deleted() -> None:
    own = vars(Base)["method"]
    patches = Patches()
    patches.replace(Derived, "method", shout)
    patches.replace(Base, "method", shout)
    assert (Base().method(), Derived().method()) == ("BASE", "BASE")
    patches.restore()
    assert vars(Base)["method"] is own
    assert "method" not in vars(Derived)
    patches.restore()  # once more does nothing
    assert vars(Base)["method"] is own


def test_what_is_replaced_twice_comes_back_in_reverse_order() -> None:
    place = SimpleNamespace(f=str.strip)
    patches = Patches()
    patches.replace(place, "f", shout)
    patches.replace(place, "f", shout)
    patches.restore()
    assert place.f is str.strip


def test_what_somebody_else_has_replaced_since_is_left_alone() -> None:
    place = SimpleNamespace(f=str.strip)
    patches = Patches()
    patches.replace(place, "f", shout)
    inner = place.f
    theirs = place.f = lambda text: inner(text) + "!"
    patches.restore()
    assert place.f is theirs
