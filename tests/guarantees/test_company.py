"""Watching inside watching, again and again, and beside others who replace the same things."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tensorboard_plugin_collapse.log_report import read_runs
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from collapse_magic import last_report
from collapse_magic.session import current
from collapse_magic.watching import watch_training
from tests.probes.programs import assert_same, run

from . import state


def test_of_two_blocks_one_inside_the_other_the_outer_one_watches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain, before = run(state.short), state.replaced()
    with watch_training("outer", tensorboard=False, quiet=True) as outer:
        assert_same(plain, run(state.short))
        once = state.replaced()
        with watch_training("inner", tensorboard=False) as inner:
            assert state.changed(once) == []  # nothing is replaced twice
            assert_same(plain, run(state.short))
        assert inner.report.run == "outer" and not inner.report.finished
        assert state.changed(once) == []
        with pytest.raises(ZeroDivisionError), watch_training("failing", tensorboard=False):
            raise ZeroDivisionError
        assert_same(plain, run(state.short))
    assert state.changed(before) == []
    assert outer.report.steps == 18 and outer.report.notes == ()
    assert last_report() is outer.report
    said = capsys.readouterr().err
    assert said.count("run 'outer' is being watched already; the inner one is left out") == 2


def test_watching_many_times_leaves_no_more_than_once() -> None:
    plain, before = run(state.short), state.replaced()

    def watched() -> None:
        with watch_training(tensorboard=False, quiet=True):
            assert_same(plain, run(state.short))

    watched()
    objects, threads = state.our_objects(), threading.active_count()
    for _ in range(8):
        watched()
        assert state.changed(before) == []
    assert state.our_objects() == objects
    assert threading.active_count() == threads


def test_a_loss_that_the_block_replaces_stays_as_the_user_left_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(F, "cross_entropy", F.cross_entropy)  # put back behind the test
    original, calls = F.cross_entropy, []

    def counted(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append(None)
        return 2 * original(*args, **kwargs)

    def program() -> Any:
        F.cross_entropy = counted
        return state.short()

    plain = run(program)
    F.cross_entropy = original
    before = state.replaced()
    with watch_training(tensorboard=False, quiet=True) as watch:
        assert_same(plain, run(program))
    assert state.changed(before) == ["F.cross_entropy"] and F.cross_entropy is counted
    assert watch.report.steps == 6 and watch.report.notes == ()
    train = next(p for p in watch.report.predictions if p.phase == "train")
    assert train.samples == 48


def test_a_backward_that_the_block_replaces_stays_as_the_user_left_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """GIVEN a replacement that calls what it found, as profilers and other watchers do
    WHEN the block is over
    THEN it stands, what it calls is a pass-through, and the next block is watched through both."""
    monkeypatch.setattr(torch.autograd, "backward", torch.autograd.backward)
    plain, original, calls = run(state.short), torch.autograd.backward, []

    def replace() -> Callable[..., Any]:
        inner = torch.autograd.backward

        def theirs(*args: Any, **kwargs: Any) -> Any:
            calls.append(None)
            return inner(*args, **kwargs)

        torch.autograd.backward = theirs
        return theirs

    with watch_training(tensorboard=False, quiet=True) as watch:
        theirs = replace()
        assert_same(plain, run(state.short))
    assert torch.autograd.backward is theirs and watch.report.steps == 6
    assert_same(plain, run(state.short))
    with watch_training(tensorboard=False, quiet=True) as again:
        assert_same(plain, run(state.short))
    assert torch.autograd.backward is theirs and len(calls) == 18
    assert again.report.steps == 6 and again.report.notes == ()
    with watch_training(tensorboard=False, quiet=True) as cut_off:
        torch.autograd.backward = original  # by somebody who had kept it: losses go unseen
        assert_same(plain, run(state.short))
    assert torch.autograd.backward is original and cut_off.report.notes == ()


def test_a_backward_that_takes_other_arguments_is_handed_them_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, calls = torch.autograd.backward, []

    def counting(*args: Any, options: str = "", **kwargs: Any) -> Any:
        calls.append(options)
        return original(*args, **kwargs)

    def block() -> Any:
        weight = torch.ones(2, requires_grad=True)
        torch.autograd.backward((weight**2).sum(), options="new")
        return weight.grad, run(state.short)

    monkeypatch.setattr(torch.autograd, "backward", counting)
    plain_gradient, plain = block()
    called = len(calls)
    with watch_training("company", tensorboard=False, quiet=True) as watch:
        gradient, outcome = block()
    assert_same(plain, outcome)
    assert torch.equal(gradient, plain_gradient)
    assert calls[called:] == calls[:called] and "new" in calls
    assert torch.autograd.backward is counting
    assert watch.report.steps == 6 and watch.report.notes == ()


def test_optimizer_hooks_of_the_user_stay_and_are_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain, before, calls = run(state.short), state.replaced(), []
    with watch_training(tensorboard=False, quiet=True) as watch:
        hooks = [
            register_optimizer_step_pre_hook(lambda *_: calls.append("before")),
            register_optimizer_step_post_hook(lambda *_: calls.append("after")),
        ]
        assert_same(plain, run(state.short))
    try:
        assert set(state.changed(before)) == {"before", "after"}
        assert calls == ["before", "after"] * 6 and watch.report.steps == 6
        run(state.short)
        assert calls == ["before", "after"] * 12
    finally:
        for hook in hooks:
            hook.remove()
    assert state.changed(before) == []


def test_training_in_other_threads_is_watched_until_the_block_is_over() -> None:
    plain, before = run(state.short), state.replaced()
    results: list[Any] = []

    async def in_thread() -> None:
        results.append(await asyncio.to_thread(run, state.short))

    with watch_training(tensorboard=False, quiet=True) as watch:
        thread = threading.Thread(target=lambda: results.append(run(state.short)))
        thread.start()
        thread.join()
        asyncio.run(in_thread())
    assert watch.report.steps == 12 and watch.report.notes == ()
    for result in results:
        assert_same(plain, result)

    began, over = threading.Event(), threading.Event()

    def outlives() -> None:
        results.append(run(state.short))
        began.set()
        over.wait(60)
        results.append(run(state.short))

    with watch_training(tensorboard=False, quiet=True) as watch:
        thread = threading.Thread(target=outlives)
        thread.start()
        assert began.wait(60)
    over.set()
    thread.join()
    assert watch.report.steps == 6 and state.changed(before) == []
    assert_same(plain, results[-1])


def test_two_trainings_at_the_same_time_do_not_disturb_each_other() -> None:
    """Sums alone are checked of what is seen: which thread comes first is nobody's promise."""
    before, failed = state.replaced(), []

    def train() -> None:
        try:
            state.short(60)
        except Exception:
            failed.append(traceback.format_exc())

    with watch_training(tensorboard=False, quiet=True) as watch:
        threads = [threading.Thread(target=train) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == [] and state.changed(before) == []
    assert watch.report.notes == () and watch.report.steps > 60


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_is_not_watched(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """GIVEN a fork inside the block, by hand and by multiprocessing
    THEN the child is as if nobody watched, and what it does shows nowhere."""
    before = state.replaced()
    export = tmp_path / "report.json"

    def check() -> None:
        assert current.active() is None and state.changed(before) == []
        x = torch.zeros(4, 2, requires_grad=True)
        with torch.no_grad():
            F.cross_entropy(x, torch.tensor([0, 1, 2, 0]).clamp(max=1))
        with watch_training("child", tensorboard=False, quiet=True):
            assert current.active() is not None  # its own block is

    def block() -> int:
        with watch_training("parent", logdir=str(tmp_path / "runs"), export=str(export)) as watch:
            run(state.short)
            child = os.fork()
            if child == 0:
                check()
                return 0
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            process = multiprocessing.get_context("fork").Process(target=check)
            process.start()
            process.join()
            assert process.exitcode == 0
            run(state.short)
        assert watch.report.steps == 12
        return 1

    code = 1
    try:
        code = 0 if (inside := block()) == 0 else 2
    finally:
        if code != 2:
            os._exit(code)  # the child, whatever it met
    assert inside == 1
    assert json.loads(export.read_text())["steps"] == 12
    (logged,) = read_runs(tmp_path / "runs")
    assert logged.damaged == [] and logged.report is not None and logged.report["steps"] == 12
    assert capfd.readouterr().err.count("run 'parent'") == 1
