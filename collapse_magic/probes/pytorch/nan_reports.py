"""Tells of losses that are not finite: where that began, or what the data say of it later."""

from __future__ import annotations

from typing import Any

from ...records import NonFinite
from ..base import ProbeContext
from . import nonfinite
from .sites import Site
from .suspicion import Suspicion, flags, word_in
from .transfer import Array, Transfers
from .written import Written

_MOST_ASKED = 64  # tensors, of one graph, about their NaNs


class NanReports:
    """One report for each site."""

    def __init__(self, context: ProbeContext, transfers: Transfers) -> None:
        self._context = context
        self._transfers = transfers
        self._torch = transfers.torch

    def tell(self, site: Site, node: Any, written: Written | None, root: Any, step: int) -> None:
        """The loss `root` is not finite: where the first such value stands, unless a mask has left
        out all of the batch."""
        if site.non_finite_told:
            return
        site.non_finite_told = True
        module = None if site.facts.owner is None else site.facts.owner.module()
        place = nonfinite.first_place(root, node, written, site.facts.call, module, self._torch)
        if place is None:
            site.non_finite_told = False
        else:
            self._context.emit(NonFinite(site.name, step, *place))

    def ask_the_data(self, site: Site, node: Any, step: int) -> None:
        """Whether the layers are given something that is not finite, where a site is suspected;
        told when it is known."""
        if site.suspicion is None or site.suspicion.asked:
            return
        given = [tensor.detach() for tensor in nonfinite.leaves(node)][:_MOST_ASKED]
        found = flags([t for t in given if t.is_floating_point()], self._torch)

        def arrived(arrays: list[Array]) -> None:
            word = word_in(arrays[0])
            site.settle(None if word is None else Suspicion(step, "input", word))

        if found is not None:
            site.suspicion.asked = self._transfers.later([found], arrived)
