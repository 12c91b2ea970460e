"""The sites of a run: which loss of which model belongs to which."""

from __future__ import annotations

from ..base import ProbeContext
from ..tasks import told
from .fit_steps import Watched
from .names import Names
from .sites import Site

_MOST_SITES = 64


class Registry:
    """Sites by model, order in the step and kind of loss; a model is evaluated where it trains."""

    def __init__(self, context: ProbeContext, names: Names) -> None:
        self._context = context
        self._names = names
        self._sites: dict[tuple[int, str], tuple[Watched, Site]] = {}

    def site(self, watched: Watched, key: str, loss: str) -> Site | None:
        known = self._sites.get((id(watched), key))
        if known is None:
            if len(self._sites) >= _MOST_SITES:
                return None
            site = Site(self._names.unique(told(loss)), self._context, watched.name)
            known = self._sites[id(watched), key] = (watched, site)
        site = known[1]
        if site.facts.place is None:
            site.facts.place = watched.place
        return site

    def sites(self) -> list[Site]:
        return [site for _, site in self._sites.values()]

    def clear(self) -> None:
        self._sites.clear()
