"""The sites of a run: which loss of which backward belongs to which."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from ..base import ProbeContext
from ..calls import LossCall
from ..tasks import told
from . import graph, handwritten, heads, reading, structure
from .counter import StepCounter
from .names import Names
from .routes import Found, Route, Routes
from .sites import Site
from .steps import report_models
from .transfer import Transfers
from .written import Written

_MOST_SITES = 64
_MOST_CODES = 1024  # functions that call backward: code may be compiled anew at every step


class Registry:
    """Finds the sites of a graph, by the place in the code and the parameter of the head.

    Attributes
        adopt: gives the site of evaluations that came before a loss was trained with, if any.
    """

    def __init__(
        self, context: ProbeContext, names: Names, counter: StepCounter, transfers: Transfers
    ) -> None:
        self.adopt: Callable[[LossCall | None], Site | None] = lambda _: None
        self._context = context
        self._names = names
        self._counter = counter
        self._transfers = transfers
        self._torch = transfers.torch
        self._sites: dict[tuple[Any, ...], tuple[Any, Site | None]] = {}
        self._routes = Routes()
        self._codes: dict[int, CodeType] = {}

    def trained(self) -> list[Site]:
        return list(dict.fromkeys(site for _, site in self._sites.values() if site is not None))

    def only_route(self, place: tuple[int, ...]) -> Route | None:
        """The way to the one loss of the latest graph that was met at a place, if it has one."""
        return self._routes.only(place)

    def of(self, root: Any, place: tuple[int, ...], frame: FrameType) -> list[Found]:
        """The sites of one loss with their loss nodes; None where only its value is seen."""
        if root is None:
            return []
        found = self._routes.follow(place, root)
        if found is not None:
            return found
        if len(self._codes) >= _MOST_CODES and place[0] not in self._codes:
            return []
        self._codes[place[0]] = frame.f_code  # kept, so that its id stays its own
        found, way = [], []
        known_losses = graph.losses(root, handwritten.recognise) or [((), None, None)]
        owners = [heads.head_of(root, *loss[1:]) for loss in known_losses]
        orders = heads.orders(known_losses, owners)
        for (to_loss, node, written), order, (to_head, head) in zip(
            known_losses, orders, owners, strict=True
        ):
            key = (*place, order, id(head))
            known = self._sites.get(key)
            if known is None or (known[0] is not None and known[0]() is not head):
                known = self._new_site(key, root, node, written, head, frame)
            if known[1] is not None:
                found.append((known[1], node, written))
            kinds = None if node is not None else graph.kinds_along(to_head, root)
            at = type(root if node is None else node).__name__
            beside = graph.kinds_beside(to_loss, root) if len(orders) > 1 else None
            way.append(Route(to_loss, at, to_head, known[0], known[1], written, beside, kinds))
        self._routes.remember(place, way)
        return found

    def _new_site(
        self,
        key: tuple[Any, ...],
        root: Any,
        node: Any,
        written: Written | None,
        head: Any,
        frame: FrameType,
    ) -> tuple[Any, Site | None]:
        reference = None if head is None else weakref.ref(head)
        site = None
        full = len(self._sites) >= _MOST_SITES
        if not full and (head is None or self._names.wanted(head)):
            model = None if head is None else self._names.model_of(head, frame)
            above = root if node is None else node
            if model is not None and structure.note_head(
                model, self._names, above, head, self._torch
            ):
                self._names.found.append(model)
            report_models(self._names, self._context, self._transfers)
            call = None
            if node is not None:
                call = reading.read_call(node) if written is None else written.call(node)
            loss = graph.handwritten_kind(root) if call is None else call.loss
            site = self.adopt(call) or Site(
                self._names.unique(told(loss)), self._context, self._transfers
            )
            site.facts.owner, site.facts.place = model, self._context.place(frame)
            if call is None:
                site.facts.learn_unknown(loss, self._counter.current())
        if not full:
            self._sites[key] = (reference, site)
        return reference, site
