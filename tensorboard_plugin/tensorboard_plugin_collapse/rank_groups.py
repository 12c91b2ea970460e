"""Which runs are the processes of one training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, slots=True)
class Group:
    """The runs that one training's processes left behind, by rank."""

    name: str  # of the merged run
    world_size: int  # processes of the training; some may have left no log
    members: Mapping[int, str]  # rank -> run


@dataclass(frozen=True, slots=True)
class Member:
    """What is to be known of one run to find those it belongs to."""

    run: str
    rank: int
    world_size: int
    group: str
    began: float  # s since the epoch
    ended: float  # or when it was last heard of

    @classmethod
    def of(
        cls,
        run: str,
        facts: Mapping[str, Any] | None,
        report: Mapping[str, Any] | None,
        last_heard: float,
    ) -> Member | None:
        """None where the run was a process by itself, or where its log does not say it rightly."""
        about = (facts or {}).get("run", {})
        try:
            rank, world_size = about.get("rank"), about.get("world_size", 1)
            if not isinstance(rank, int) or not isinstance(world_size, int) or world_size < 2:
                return None
            began = float(about["started"])
            # A run's time begins behind its imports: the last row may be later than the two say.
            ended = max(began + float(report["seconds"] if report else 0.0), last_heard)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return cls(run, rank, world_size, str(about.get("group", "")), began, ended)


def groups(members: Sequence[Member], taken: Collection[str]) -> list[Group]:
    """Trainings of which two processes or more have left a log.

    A launcher may use the same words for one training after the other: only processes that ran at
    the same time belong together. ``taken`` are the names that runs have already.
    """
    trainings: dict[tuple[str, int], list[dict[int, Member]]] = {}
    for member in sorted(members, key=lambda each: each.began):
        beside = trainings.setdefault((member.group, member.world_size), [])
        for training in reversed(beside):
            others = training.values()
            if member.rank not in training and all(member.began <= m.ended for m in others):
                training[member.rank] = member
                break
        else:
            beside.append({member.rank: member})
    found = [t for beside in trainings.values() for t in beside if len(t) > 1]
    return [_group(training, taken) for training in found]


def _group(training: Mapping[int, Member], taken: Collection[str]) -> Group:
    members = {rank: training[rank].run for rank in sorted(training)}
    first = training[min(training)]
    parent = PurePosixPath(first.run).parent
    name = parent.as_posix() if parent.name else first.run
    return Group(f"{name} (all ranks)" if name in taken else name, first.world_size, members)
