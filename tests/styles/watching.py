"""Runs a style, plain or under a whole watched session."""

from __future__ import annotations

import dataclasses
import functools
import gc
import importlib
import random
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import torch

from collapse_magic.config import WatchConfig
from collapse_magic.records import LossValues, PredictionWindow, Record
from collapse_magic.report import Report
from collapse_magic.session.user_code import ScriptCode
from collapse_magic.session.watch_session import WatchSession

from . import STYLES
from .account import Account, Counts, Style

R = TypeVar("R")

# Nothing is left out: every batch is counted, the layers are looked at in every step.
EVERYTHING = WatchConfig(budget=1e6, every=1)


class RecordingSession(WatchSession):
    """A whole session, which also keeps every record."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.records: list[Record] = []

    def emit(self, record: Record) -> None:
        self.records.append(record)
        super().emit(record)


@dataclass
class Run:
    """One execution of a style."""

    account: Account
    random: list[Any]  # states of torch, numpy and Python afterwards
    alive: set[str]  # what the account had kept weakly and is still there
    left: set[str] = field(default_factory=set)  # what was not put back, or runs on
    records: list[Record] = field(default_factory=list)
    report: Report | None = None

    def of(self, kind: type[R]) -> list[R]:
        return [record for record in self.records if isinstance(record, kind)]

    def counted(self, phase: str) -> Counts:
        """Samples per class over all windows of one phase."""
        total = Counts()
        for window in self.of(PredictionWindow):
            if window.phase == phase:
                total.labels += Counter(dict(enumerate(window.labels)))
                total.predicted += Counter(dict(enumerate(window.predicted)))
        return total

    def values(self) -> list[list[tuple[int, float]]]:
        """(step, loss) of every backward, by site."""
        found: dict[str, list[tuple[int, float]]] = {}
        for record in self.of(LossValues):
            pairs = zip(record.steps, record.values, strict=True)
            found.setdefault(record.site, []).extend(pairs)
        return list(found.values())


@functools.cache
def plain(name: str) -> Run:
    return run(STYLES[name])


@functools.cache
def observed(name: str) -> Run:
    plain(name)  # first: what a package does when it is first used is no affair of the watching
    return run(STYLES[name], EVERYTHING)


def run(style: Style, config: WatchConfig | None = None) -> Run:
    """Run a style from fixed random states; watched where a configuration is given."""
    with TemporaryDirectory() as folder, expected_warnings(style):
        for module in style.needs:
            importlib.import_module(module)
        torch.manual_seed(3)
        np.random.seed(3)
        random.seed(3)
        account = Account(Path(folder))
        gc.freeze()  # collecting afterwards is quick: it leaves out what was there before
        session, left = None, set()
        if config is None:
            style.program(account)
        else:
            config = dataclasses.replace(config, logdir=str(Path(folder) / "runs"))
            places, threads = replaced_places(), set(threading.enumerate())
            session = watch(style, account, config)
            left = differences(places, replaced_places())
            left |= {t.name for t in set(threading.enumerate()) - threads if "collapse" in t.name}
    states = [torch.get_rng_state(), np.random.get_state()[1], np.array(random.getstate()[1])]
    gc.collect()
    alive = {name for name, reference in account.kept.items() if reference() is not None}
    if session is None:
        return Run(account, states, alive)
    return Run(account, states, alive, left, session.records, session.report)


def watch(style: Style, account: Account, config: WatchConfig) -> RecordingSession:
    session = RecordingSession(config, ScriptCode(style.program.__code__.co_filename))
    session.start()
    try:
        style.program(account)
    finally:
        session.stop()
    return session


@contextmanager
def expected_warnings(style: Style) -> Iterator[None]:
    with warnings.catch_warnings():
        for message in style.warns:
            warnings.filterwarnings("ignore", message)
        yield


def replaced_places() -> dict[tuple[str, str], Any]:
    """Everything that watching might replace or add to, as it stands now."""
    optimizer = sys.modules["torch.optim.optimizer"]
    owners = (
        torch._C._nn,
        torch.nn.functional,
        torch.autograd,
        torch.Tensor,
        torch.amp.GradScaler,
        torch.optim.Optimizer,
        torch.utils.data.DataLoader,
        sys.modules["torch.utils.data.dataloader"]._BaseDataLoaderIter,
    )
    places = {(str(owner), name): value for owner in owners for name, value in vars(owner).items()}
    places["torch", "bce"] = torch.binary_cross_entropy_with_logits
    places["hooks", "before"] = [*optimizer._global_optimizer_pre_hooks.values()]
    places["hooks", "after"] = [*optimizer._global_optimizer_post_hooks.values()]
    places["hooks", "import"] = [*sys.meta_path]
    return places


def differences(before: dict[tuple[str, str], Any], after: dict[tuple[str, str], Any]) -> set[str]:
    """Places that hold another object than before; lists, another content."""
    return {
        ".".join(place)
        for place in before.keys() | after.keys()
        if after.get(place) is not before.get(place)
        and not (place[0] == "hooks" and after[place] == before[place])
    }
