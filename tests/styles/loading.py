"""Where the batches come from."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from .account import Account, style
from .data import BATCH, CLASSES, FEATURES, Rows, Stream, batches, classes, loader, mlp
from .optimizing import fit


def _over(log: Account, data: object, epochs: int = 2) -> None:
    model = torch.nn.Linear(FEATURES, CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        fit(log, model, optimizer, data)  # type: ignore[arg-type]
        log.epoch()
    log.result(model)


@style("progress bar", "`for x, y in tqdm(loader)`")
def progress_bar(log: Account) -> None:
    with (log.folder / "bar").open("w") as file:
        _over(log, tqdm(loader(*classes()), file=file))


@style("iterable data set", "`DataLoader(IterableDataset(), batch_size=16)`, of unknown length")
def iterable(log: Account) -> None:
    _over(log, DataLoader(Stream(), batch_size=BATCH))


@style(
    "loader workers, forked",
    "`DataLoader(..., num_workers=2)` by fork; the data set computes losses in the workers",
)
def workers_forked(log: Account) -> None:
    _over(log, DataLoader(Rows(), BATCH, num_workers=2, multiprocessing_context="fork"))


@style(
    "loader workers, spawned",
    '`DataLoader(..., num_workers=1, multiprocessing_context="spawn")`',
    slow=True,
)
def workers_spawned(log: Account) -> None:
    data = DataLoader(
        Rows(), BATCH, num_workers=1, multiprocessing_context="spawn", persistent_workers=True
    )
    _over(log, data)


@style(
    "batches cut by hand",
    "`x[i:i + 16]` in a generator of one's own",
    unseen={"epochs": "without a DataLoader nothing tells where a pass ends"},
)
def cut_by_hand(log: Account) -> None:
    x, y = classes()

    class Batches:
        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            return batches(x, y)

    _over(log, Batches())


@style("endless batches", "`it = iter(loader); next(it)`, made anew at `StopIteration`")
def endless(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = loader(*classes())
    source = iter(data)
    for _ in range(14):
        try:
            pair = next(source)
        except StopIteration:
            log.epoch()
            source = iter(data)
            pair = next(source)
        fit(log, model, optimizer, [pair])
    log.result(model)
