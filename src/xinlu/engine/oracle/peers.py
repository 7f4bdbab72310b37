"""Statistics of a unit against its peers, live or against a frozen snapshot.

A snapshot of one value is the statistic itself (a number), or the list of the numbers that were ranked; by
``within`` it is a mapping from the texts of the ``within`` values joined by ``|`` to either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xinlu.engine import exact
from xinlu.engine.evaluation import Value
from xinlu.engine.oracle.setting import Setting, Unit
from xinlu.engine.result import stored
from xinlu.law.rulebook import Peer

NEEDS_OWN = {"rank", "percent_rank", "cume_dist", "top_share"}
"""Statistics that place the unit among its peers: missing for a unit that is not one of them."""


def add_peer(setting: Setting, name: str) -> None:
    """Work out one peer value for every unit."""
    peer = setting.meaning.book.values[name].peer
    assert peer is not None
    ranked: dict[tuple[Value, ...], list[Decimal]] = {}
    own: dict[int, Decimal | None] = {}
    for unit in setting.units:
        own[unit.number] = stored(unit.frame.value("values", name, "peer", "of"))
        number = own[unit.number]
        if number is None or not unit.frame.holds("values", name, "peer", "among"):
            own[unit.number] = None
        else:
            ranked.setdefault(_group(name, peer, unit), []).append(number)
    for unit in setting.units:
        group = _group(name, peer, unit)
        frozen = _frozen(setting.peers.get(name), group)
        unit.values[name] = _statistic(peer, own[unit.number], ranked.get(group, []) if frozen is None else frozen)


def _group(name: str, peer: Peer, unit: Unit) -> tuple[Value, ...]:
    return tuple(unit.frame.value("values", name, "peer", "within", i) for i in range(len(peer.within)))


def _frozen(snapshot: Any, group: tuple[Value, ...]) -> Any:
    if isinstance(snapshot, Mapping):
        key = "|".join("" if one is None else str(one) for one in group)
        # A group that the snapshot does not know had no peers then.
        return snapshot.get(key, [])
    return snapshot


def _statistic(peer: Peer, own: Decimal | None, peers: Any) -> Decimal | None:
    if peer.stat in NEEDS_OWN and own is None:
        return None
    if not isinstance(peers, Sequence):
        return stored(peers)
    numbers = sorted((Decimal(one) for one in peers), reverse=peer.order == "descending")
    return _STATISTICS[peer.stat](_Peers(peer, own or Decimal(0), numbers)) if numbers else None


@dataclass(frozen=True)
class _Peers:
    """Numbers of the peers in the order of the statistic, and the unit's own."""

    peer: Peer
    own: Decimal
    numbers: list[Decimal]

    def before(self) -> int:
        """How many peers stand strictly before the unit."""
        if self.peer.order == "descending":
            return sum(1 for one in self.numbers if one > self.own)
        return sum(1 for one in self.numbers if one < self.own)

    def mean(self) -> Decimal | None:
        return exact.quotient(sum(self.numbers, Decimal(0)), Decimal(len(self.numbers)))

    def rank(self) -> Decimal:
        return Decimal(self.before() + 1)

    def percent_rank(self) -> Decimal | None:
        if len(self.numbers) == 1:
            return Decimal(0)
        return exact.quotient(Decimal(self.before()), Decimal(len(self.numbers) - 1))

    def cume_dist(self) -> Decimal | None:
        there = self.before() + self.numbers.count(self.own)
        return exact.quotient(Decimal(there), Decimal(len(self.numbers)))

    def top_share(self) -> Decimal | None:
        return exact.quotient(self.rank(), Decimal(len(self.numbers)))

    def quantile(self) -> Decimal:
        """The first number at or before which at least ``q`` of the peers stand."""
        needed = (self.peer.q or Decimal(0)) * len(self.numbers)
        return next(one for place, one in enumerate(self.numbers, 1) if place >= needed)


_STATISTICS: dict[str, Callable[[_Peers], Decimal | None]] = {
    "mean": _Peers.mean,
    "rank": _Peers.rank,
    "percent_rank": _Peers.percent_rank,
    "cume_dist": _Peers.cume_dist,
    "top_share": _Peers.top_share,
    "quantile": _Peers.quantile,
}
