"""What is asked of a model whose predictions collapse where nothing else explains it."""

from __future__ import annotations

from ..findings import Remedy
from ..history import WindowTotal


def learn_one_batch(total: WindowTotal) -> Remedy:
    """See whether it can learn a single batch by heart; `total` says where it stands."""
    measured = {"cross_entropy_nats": total.window.cross_entropy_nats}
    return Remedy("check-one-batch", "see whether it can learn one batch by heart", measured)
