"""`collapse-tb --report` over a large log: seconds, and the most memory that it takes.

    python -m benchmarks.large_log [MEGABYTES] [--only scalars|tensors|mixed]

Writes logs of that size (1,000 by default) of other tools' summaries into a temporary directory:
one of scalars only, which are the smallest records there are, one of scalars in the form that
TensorFlow gives them, and one with a third each of scalars, histograms and images, by bytes. Each
report runs as a process of its own. Exits with 1 where one takes longer or more memory than is
promised for 1,000 MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, types_pb2
from tensorboard_plugin_collapse.log_files import masked_crc

MB = 1_000_000
TAGS = 20
RUNS = 4
IMAGE_BYTES = 60_000
FLOAT = types_pb2.DT_FLOAT
PROMISED_S, PROMISED_MB = 60, 300


def framed(data: bytes) -> bytes:
    length = len(data).to_bytes(8, "little")
    crcs = [masked_crc(part).to_bytes(4, "little") for part in (length, data)]
    return b"".join((length, crcs[0], data, crcs[1]))


def scalars() -> Iterator[bytes]:
    """One value an event, as SummaryWriter writes them."""
    for event, kind, number in numbers():
        event.summary.value.add(tag=kind, simple_value=number)
        yield framed(event.SerializeToString())


def tensors() -> Iterator[bytes]:
    """One value an event, as TensorFlow and the callback of Keras write them."""
    for event, kind, number in numbers():
        value = event.summary.value.add(tag=kind)
        value.tensor.dtype = FLOAT
        value.tensor.tensor_shape.SetInParent()
        value.tensor.tensor_content = np.float32(number).tobytes()
        value.metadata.plugin_data.plugin_name = "scalars"
        yield framed(event.SerializeToString())


def numbers() -> Iterator[tuple[Any, str, float]]:
    """Events without a value, and tags and numbers for them."""
    draw = np.random.default_rng(0)
    noise = cycle(draw.normal(scale=0.02, size=1000).tolist())
    for step in count():
        for tag in range(TAGS):
            event = event_pb2.Event(wall_time=1.76e9 + step / 10, step=step)
            kind = ("train/loss", "val/loss", "train/acc", "lr")[tag % 4]
            number = 2 / (1 + step / 1000) + next(noise) if "loss" in kind else 0.5
            yield event, f"{kind}_{tag // 4}", number


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


MIXES = {"scalars": (scalars,), "tensors": (tensors,), "mixed": (scalars, histograms, images)}


def write(logdir: Path, megabytes: int, mix: str) -> int:
    """Returns the bytes written."""
    kinds = MIXES[mix]
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", nargs="?", type=int, default=1000)
    parser.add_argument("--only", choices=MIXES)
    options = parser.parse_args()
    kept = [measure(options.megabytes, mix) for mix in ([options.only] if options.only else MIXES)]
    return 0 if all(kept) else 1


def measure(megabytes: int, mix: str) -> bool:
    """Whether the promises are kept."""
    with tempfile.TemporaryDirectory() as folder:
        size = write(Path(folder), megabytes, mix)
        command = [sys.executable, "-m", "tensorboard_plugin_collapse.launcher", folder]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--report", "json", "--fail-on", "never"], stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    if status:
        raise SystemExit("the report failed")
    cpu = used.ru_utime + used.ru_stime
    memory_mb = used.ru_maxrss * 1024 / MB
    kept = wall <= PROMISED_S * megabytes / 1000 and memory_mb <= PROMISED_MB
    print(
        f"{size / MB:,.0f} MB, {mix}: {wall:.1f} s ({cpu:.1f} s of CPU, {size / MB / cpu:.0f} MB/s)"
        f", {memory_mb:.0f} MB of memory at most  {'' if kept else 'MISSED'}"
    )
    return kept


if __name__ == "__main__":
    sys.exit(main())
