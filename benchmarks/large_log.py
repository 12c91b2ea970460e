"""`collapse-tb --report` over a large log: seconds, and the most memory that it takes.

    python -m benchmarks.large_log [MEGABYTES] [--scalars]

Writes a log of that size (1,000 by default) of other tools' summaries into a temporary directory: a
third each of scalars, histograms and images, by bytes; with --scalars of scalars only, which are
the smallest records there are and so the slowest to read. The report runs as a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard_plugin_collapse.log_files import masked_crc

MB = 1_000_000
TAGS = 20
RUNS = 4
IMAGE_BYTES = 60_000


def framed(data: bytes) -> bytes:
    length = len(data).to_bytes(8, "little")
    crcs = [masked_crc(part).to_bytes(4, "little") for part in (length, data)]
    return b"".join((length, crcs[0], data, crcs[1]))


def scalars() -> Iterator[bytes]:
    """One value an event, as SummaryWriter writes them."""
    draw = np.random.default_rng(0)
    noise = cycle(draw.normal(scale=0.02, size=1000).tolist())
    for step in count():
        for tag in range(TAGS):
            event = event_pb2.Event(wall_time=1.76e9 + step / 10, step=step)
            kind = ("train/loss", "val/loss", "train/acc", "lr")[tag % 4]
            number = 2 / (1 + step / 1000) + next(noise) if "loss" in kind else 0.5
            event.summary.value.add(tag=f"{kind}_{tag // 4}", simple_value=number)
            yield framed(event.SerializeToString())


def histograms() -> Iterator[bytes]:
    values = np.random.default_rng(1).normal(size=10_000)
    counts, edges = np.histogram(values, bins=500)
    histo = summary_pb2.HistogramProto(
        min=values.min(), max=values.max(), num=len(values), sum=values.sum(),
        sum_squares=float(values @ values), bucket_limit=edges[1:], bucket=counts,
    )  # fmt: skip
    for step in count():
        for tag in range(TAGS):
            event = event_pb2.Event(wall_time=1.76e9 + step, step=step)
            suffix = ".grad" if tag % 2 else ""
            event.summary.value.add(tag=f"layer{tag // 2}.weight{suffix}", histo=histo)
            yield framed(event.SerializeToString())


def images() -> Iterator[bytes]:
    data = np.random.default_rng(2).bytes(IMAGE_BYTES)
    for step in count():
        event = event_pb2.Event(wall_time=1.76e9 + step, step=step)
        value = event.summary.value.add(tag="confusion")
        value.image.height = value.image.width = 100
        value.image.encoded_image_string = data
        yield framed(event.SerializeToString())


def write(logdir: Path, megabytes: int, only_scalars: bool) -> int:
    """Returns the bytes written."""
    kinds = (scalars,) if only_scalars else (scalars, histograms, images)
    written = 0
    for number in range(RUNS):
        folder = logdir / f"run-{number}"
        folder.mkdir()
        with (folder / "events.out.tfevents.1").open("wb") as file:
            for kind in kinds:
                room = megabytes * MB // (RUNS * len(kinds))
                for record in kind():
                    room -= file.write(record)
                    if room <= 0:
                        break
            written += file.tell()
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", nargs="?", type=int, default=1000)
    parser.add_argument("--scalars", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size = write(Path(folder), options.megabytes, options.scalars)
        command = [sys.executable, "-m", "tensorboard_plugin_collapse.launcher", folder]
        began = time.perf_counter()
        subprocess.run([*command, "--report", "json", "--fail-on", "never"], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        wall = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime
    print(
        f"{size / MB:,.0f} MB of {'scalars' if options.scalars else 'mixed summaries'}: "
        f"{wall:.1f} s ({cpu:.1f} s of CPU, {size / MB / cpu:.0f} MB/s), "
        f"{used.ru_maxrss / 1024:.0f} MiB at most"
    )


if __name__ == "__main__":
    main()
