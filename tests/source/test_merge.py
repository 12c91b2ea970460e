"""Several fixes of the same cells, as one."""

from __future__ import annotations

from collapse_magic.source.merge import merged

CELL = "import torch\nmodel = make()\nloss = cross_entropy(model(x), y)\noptimizer.step()"


def changed(old: str, new: str, source: str = CELL) -> str:
    assert old in source
    return source.replace(old, new)


def test_changes_of_different_lines_go_together() -> None:
    cells, left_out = merged(
        {1: CELL, 2: "y = labels"},
        [
            {1: changed("model = make()", "model = make(10)")},
            {1: changed("optimizer.step()", "clip()\noptimizer.step()"), 2: "y = labels.long()"},
        ],
    )
    both = changed("make()", "make(10)", changed("optimizer.step()", "clip()\noptimizer.step()"))
    assert cells == {1: both, 2: "y = labels.long()"} and left_out == []


def test_a_version_that_changes_the_same_line_is_left_out_as_a_whole() -> None:
    first = changed("cross_entropy(model(x), y)", "cross_entropy(model(x), y, weight=w)")
    second = changed("model(x)", "model(x).log()")
    cells, left_out = merged({1: CELL, 2: "a"}, [{1: first}, {1: second, 2: "b"}])
    assert cells == {1: first} and left_out == [1]


def test_the_same_change_twice_is_made_once() -> None:
    cells, left_out = merged({1: CELL}, [{1: changed("make()", "make(10)")}] * 2)
    assert cells == {1: changed("make()", "make(10)")} and left_out == []


def test_two_additions_at_one_place_stand_in_their_order() -> None:
    first = changed("import torch", "import torch\nimport a")
    second = changed("import torch", "import torch\nimport b")
    cells, left_out = merged({1: CELL}, [{1: first}, {1: second}])
    assert cells == {1: changed("import torch", "import torch\nimport a\nimport b")}
    assert left_out == []


def test_what_is_added_within_lines_that_go_is_a_conflict() -> None:
    first = changed("model = make()\nloss = cross_entropy(model(x), y)\n", "loss = whole()\n")
    second = changed("loss =", "print(model)\nloss =")
    _, left_out = merged({1: CELL}, [{1: first}, {1: second}])
    assert left_out == [1]
