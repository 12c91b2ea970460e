"""What watching costs: wall time of watched training over the same training unwatched.

Both are interleaved in one process and within one watched run: short stretches of steps, every
other one with all of the watching's hooks lifted off, while the run's clock stands still. What the
run costs besides its steps (start, last findings, report, end of the log) is shown apart, in
milliseconds. The table beside it holds what else people watch with to the same measure.

Usage: python benchmarks/overhead.py [--pairs N] [--no-peers] [--device cuda] [--write docs/cost.md]
Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from interleaved import PausedClock, Way, alternate, machine, noise, ratio, steps_per_stretch
from peers import PEERS, Peer, Unsuited, missing, watching
from workloads import WORKLOADS, Training, Workload

from collapse_magic.session import WatchSession
from collapse_magic.session.options import make_config
from collapse_magic.session.user_code import ScriptCode

_OPTIM = sys.modules["torch.optim.optimizer"]


class Hooks:
    """All that a running session has put into PyTorch, to be lifted off and put back."""

    _MODULES = (torch.autograd, torch._C._nn, torch)
    _STEP_HOOKS = (_OPTIM._global_optimizer_pre_hooks,)

    def __init__(self) -> None:
        self._plain = self._attributes()
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._hooks: list[dict[int, Any]] = []

    def _attributes(self) -> list[dict[str, Any]]:
        return [dict(vars(module)) for module in self._MODULES]

    def learn(self) -> None:
        """To be called while the session runs: what differs from before is its work."""
        self._replaced = [
            (module, name, plain.get(name), watched)
            for module, plain, now in zip(
                self._MODULES, self._plain, self._attributes(), strict=True
            )
            for name, watched in now.items()
            if plain.get(name) is not watched
        ]
        self._hooks = [dict(hooks) for hooks in self._STEP_HOOKS]
        assert self._replaced and all(self._hooks), "nothing is watched"

    def lift(self) -> None:
        for module, name, plain, _ in self._replaced:
            setattr(module, name, plain)
        for hooks in self._STEP_HOOKS:
            hooks.clear()

    def put_back(self) -> None:
        for module, name, _, watched in self._replaced:
            setattr(module, name, watched)
        for hooks, kept in zip(self._STEP_HOOKS, self._hooks, strict=True):
            hooks.update(kept)


@dataclasses.dataclass
class Result:
    step_seconds: float
    ratio: float
    noise: float
    reported: float  # share of wall time that the run itself reports
    ends: float  # seconds of start and stop


def measure(workload: Workload, pairs: int, device: torch.device) -> Result:
    training = _on(workload, device)
    step, wait = training.stepper(), _waiter(device)
    steps = steps_per_stretch(step, wait)
    clock, hooks = PausedClock(), Hooks()
    with tempfile.TemporaryDirectory() as logdir:
        config = make_config({"name": "overhead", "logdir": logdir})
        session = WatchSession(config, ScriptCode.of_caller(sys._getframe()), [], clock=clock)
        began = time.perf_counter()
        session.start()
        ends = time.perf_counter() - began
        hooks.learn()
        hooks.lift()
        clock.pause()

        def enter() -> None:
            clock.resume()
            hooks.put_back()

        def leave() -> None:
            hooks.lift()
            clock.pause()

        watched, plain = Way(step, enter, leave), Way(step)
        alternate([watched, plain], steps, pairs, wait)
        clock.resume()
        hooks.put_back()
        began = time.perf_counter()
        report = session.stop()
        ends += time.perf_counter() - began
    seconds = sum(plain.stretches) / len(plain.stretches) / steps
    return Result(seconds, ratio(watched, plain), noise(plain), report.cost, ends)


def measure_peer(name: str, workload: Workload, pairs: int, device: torch.device) -> str:
    """The ratio, or why there is none."""
    package, peer = PEERS[name]
    if missing(package):
        return "not installed"
    try:
        return f"{_ratio_of(peer, workload, pairs, device):.2f}"
    except Unsuited:
        return "not for its layers"


def _ratio_of(peer: Peer, workload: Workload, pairs: int, device: torch.device) -> float:
    wait = _waiter(device)
    plain = Way(_on(workload, device).stepper())
    steps = steps_per_stretch(plain.step, wait)
    with watching(peer, _on(workload, device)) as step:
        watched = Way(step)
        alternate([watched, plain], steps, pairs, wait)
    return ratio(watched, plain)


def _on(workload: Workload, device: torch.device) -> Training:
    torch.manual_seed(0)
    made = workload.make()
    return dataclasses.replace(
        made,
        model=made.model.to(device),
        loss=made.loss.to(device),
        x=made.x.to(device),
        y=made.y.to(device),
    )


def _waiter(device: torch.device) -> Callable[[], None]:
    return torch.cuda.synchronize if device.type == "cuda" else lambda: None


def where(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    return f"{machine()}, torch {torch.__version__}"


def own_table(results: dict[str, Result]) -> str:
    rows = [
        "| training | a step | watched / unwatched | target | reported "
        "| unwatched again | start and end |",
        "|---|---|---|---|---|---|---|",
    ]
    for workload in WORKLOADS:
        r = results[workload.name]
        rows.append(
            f"| {workload.name} | {r.step_seconds * 1e6:,.0f} us | {r.ratio:.3f} "
            f"| {workload.target:.2f} | {r.reported:.1%} | {r.noise:.3f} | {r.ends * 1e3:.0f} ms |"
        )
    return "\n".join(rows)


def peer_table(peers: dict[str, list[str]]) -> str:
    rows = [
        "| watched with | " + " | ".join(workload.name for workload in WORKLOADS) + " |",
        "|---|" + "---|" * len(WORKLOADS),
    ]
    for name, ratios in peers.items():
        rows.append(f"| {name} | " + " | ".join(ratios) + " |")
    return "\n".join(rows)


DOCUMENT = """# What watching costs

Written by `make bench` on {machine}.

Wall time of watched training over the same training unwatched, both in one process, side by side in
stretches of 50 ms; a pair is 20 of each, the figure is the median of {pairs} pairs. "Unwatched
again" holds every second unwatched stretch against the others: that far such figures are off by
chance. "Reported" is the share that the run itself reports as its cost. "Start and end" come once a
run: patching, the last findings, the report and the end of the log.

{own}
{peers}"""

PEERS_DOCUMENT = """
What else people watch with, on the same steps and measured alike (ratios, from {pairs} s of
stretches each):

{table}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=20, help="pairs of a second each")
    parser.add_argument("--no-peers", action="store_true", help="this project's own cost only")
    parser.add_argument("--device", default="cpu", help="where to train (default: cpu)")
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    measure(WORKLOADS[0], 1, device)  # what is imported once is no matter of a run's length

    results: dict[str, Result] = {}
    for workload in WORKLOADS:
        result = results[workload.name] = measure(workload, arguments.pairs, device)
        verdict = "" if result.ratio <= workload.target else "  missed"
        print(
            f"{workload.name:32}{result.ratio:7.3f} (target {workload.target:.2f}, unwatched again "
            f"{result.noise:.3f}, reported {result.reported:.1%}){verdict}",
            flush=True,
        )
    text = ""
    if not arguments.no_peers:
        pairs = max(arguments.pairs // 10, 1)
        found = {
            name: [measure_peer(name, workload, pairs, device) for workload in WORKLOADS]
            for name in PEERS
        }
        text = PEERS_DOCUMENT.format(pairs=pairs, table=peer_table(found))
    document = DOCUMENT.format(
        machine=where(device), pairs=arguments.pairs, own=own_table(results), peers=text
    )
    print("\n" + document)
    if arguments.write:
        arguments.write.write_text(document)
    missed = [w.name for w in WORKLOADS if results[w.name].ratio > w.target]
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
