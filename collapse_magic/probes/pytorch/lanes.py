"""The short way for a counted batch that is like the one before it at the same place.

Most of what a counted batch takes is to find out which loss it is and what it was given. Where the
graph ends in the same node above the same head, and what that node saved has the same shapes, all
of it is known already: two copies are left. Whatever differs goes the long way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .batches import Batches
from .routes import Route
from .sites import Site

_KEPT_AS_THEY_ARE = frozenset(
    f"torch.{name}" for name in ("float32", "float64", "int64", "int32", "uint8", "bool")
)


class Lane(NamedTuple):
    """One loss on the host, given whole batches without weights of their own."""

    site: Site
    key: tuple[str, ...]  # of the sites, as the inspection knows them
    route: Route
    signature: object
    judged: object
    shape: Any
    target_shape: Any
    target_type: Any
    bytes: int

    def take(self, loss: Any, step: int, tensor: Any) -> bool:
        """Keep one batch; False, and nothing is kept, where it is not like those before.

        Parameters: the root of the backward, the step it belongs to, and `torch.Tensor`.
        """
        site = self.site
        if (
            type(loss) is not tensor
            or not loss.is_cpu
            or site.signature is not self.signature
            or site.facts.judged is not self.judged
            or site.suspicion is not None
        ):
            return False
        try:
            node = self.route.follow(loss.grad_fn)
            if node is None:
                return False
            scores, targets = node._saved_self, node._saved_target
            if (
                scores.shape != self.shape
                or targets.shape != self.target_shape
                or targets.dtype is not self.target_type
            ):
                return False
            value = loss.item()
            if value - value != 0.0:  # a NaN or an infinity
                return False
            kept = scores.detach().numpy().copy(), targets.numpy().copy()
        except (AttributeError, IndexError, RuntimeError, TypeError):
            return False
        site.take_copies(step, value, *kept, self.bytes)
        return True

    def still_holds(self, site: Site) -> bool:
        """Whether only the number of samples may differ, as at the end of an epoch."""
        same = site is self.site and site.signature is self.signature
        return same and site.facts.judged is self.judged


def lane_of(route: Route, root: Any, batches: Batches) -> Lane | None:
    """The short way for batches like the last one of `batches`; None where there is none.

    Parameters: the way to the only loss of the backward, and the root's node.
    """
    site = route.site
    if site is None or route.to_loss or route.written is not None or route.kinds is not None:
        return None
    call, judged = site.facts.call, site.facts.judged
    if call is None or judged is None or site.facts.hopeless or batches.weights:
        return None
    if not batches.steps or (call.weighted and call.class_weights is None):
        return None
    scores, targets = root._saved_self, root._saved_target
    last = batches.scores[-1], batches.targets[-1]
    if not scores.is_cpu or not targets.is_cpu or targets.requires_grad:
        return None
    if {str(scores.dtype), str(targets.dtype)} - _KEPT_AS_THEY_ARE:
        return None
    if last[0].shape != tuple(scores.shape) or last[1].shape != tuple(targets.shape):
        return None  # only a part is kept
    return Lane(
        site=site,
        key=(site.name,),
        route=route,
        signature=site.signature,
        judged=judged,
        shape=scores.shape,
        target_shape=targets.shape,
        target_type=targets.dtype,
        bytes=scores.nbytes + targets.nbytes,
    )
