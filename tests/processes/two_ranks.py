"""Two processes that train one model together, unwatched and watched: run as a script.

Usage: two_ranks.py FOLDER (forks both processes), or by a launcher that sets RANK and WORLD_SIZE.
Each process writes what it found out by itself to FOLDER/RANK.pt.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import collapse_magic
from collapse_magic.probes.pytorch import sites

WORLD = 2
STEPS, BATCH = 40, 16
STYLES: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulating": {},
    "unused": {"find_unused_parameters": True},
    "static": {"static_graph": True},
}


class Net(nn.Module):
    def __init__(self, unused: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
        self.spare = nn.Linear(3, 1) if unused else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.body(x)
        return out


def samples(rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One label in twenty is 1 on rank 0, and nineteen are on rank 1."""
    generator = torch.Generator().manual_seed(rank)
    share = 0.05 if rank == 0 else 0.95
    labels = (torch.rand(STEPS * BATCH, 1, generator=generator) < share).float()
    return torch.randn(STEPS * BATCH, 3, generator=generator) + labels, labels


def train(rank: int, style: str) -> tuple[list[torch.Tensor], list[float], list[list[float]]]:
    """Weights, losses, and the norm of every layer's gradient at every step."""
    torch.manual_seed(0)
    network = DistributedDataParallel(Net(style == "unused"), **STYLES[style])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    x, y = samples(rank)
    losses, norms = [], []
    for step in range(STEPS):
        rows = slice(BATCH * step, BATCH * (step + 1))
        waits = style == "accumulating" and step % 2 == 0
        with network.no_sync() if waits else contextlib.nullcontext():
            loss = nn.functional.binary_cross_entropy_with_logits(network(x[rows]), y[rows])
            loss.backward()
        losses.append(loss.item())
        if not waits:
            layers = [network.module.body[0], network.module.body[2]]
            norms.append([_gradient_norm(layer) for layer in layers])
            optimizer.step()
            optimizer.zero_grad()
    return [p.detach().clone() for p in network.parameters()], losses, norms


def _gradient_norm(layer: nn.Module) -> float:
    return float(torch.cat([p.grad.reshape(-1) for p in layer.parameters()]).double().norm())


def work(rank: int, folder: Path, styles: list[str]) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=WORLD
    )
    found: dict[str, Any] = {}
    for style in styles:
        plain = train(rank, style)
        with watched(style, folder) as reports:
            seen = train(rank, style)
        found[style] = {"plain": plain, "watched": seen, "report": reports[0].to_dict()}
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


@contextlib.contextmanager
def watched(style: str, folder: Path) -> Iterator[list[collapse_magic.Report]]:
    reports: list[collapse_magic.Report] = []
    sites.FIRST_BATCHES = 64  # all samples are one window, so that the summary holds them all
    export = str(folder / f"{style}.json")
    with collapse_magic.watch_training(
        style, logdir=str(folder / "runs"), every=1, export=export
    ) as watch:
        yield reports
    reports.append(watch.report)


def main(folder: Path) -> None:
    if "RANK" in os.environ:
        work(int(os.environ["RANK"]), folder, ["plain"])
        return
    # Forked: torch is only imported once.
    import multiprocessing

    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(r, folder, list(STYLES))) for r in range(WORLD)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in processes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
