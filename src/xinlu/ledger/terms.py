"""Which words of the law govern a record: those in force when its fact arose, not those of today.

An item that was amended has several texts. A record goes by the text whose days hold its ``occurred_on``: a publicity
period that was lengthened later lengthens nothing that happened before. The rules of the life cycle go the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from django.conf import settings

from xinlu.gazette import current
from xinlu.gazette.models import Edition, LawFile
from xinlu.law.catalogue import Item
from xinlu.law.library import Library
from xinlu.law.life_cycle import LifeCycle, in_force_on
from xinlu.law.marks import parse
from xinlu.law.shape import shape

ITEMS = "catalogue/items/"


@dataclass(frozen=True)
class Term:
    """What holds for records of an item that occurred on the days [since, until); None: no bound on that side."""

    since: date | None
    until: date | None
    item: Item
    life: LifeCycle | None
    names: tuple[str, ...] = ()
    """Items that it stands for, where several go by the same words; empty: its own alone."""

    def covers(self, day: date) -> bool:
        """Whether an event of ``day`` goes by this term."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


_kept: list[tuple[Library, dict[str, tuple[Term, ...]]]] = []


def terms() -> dict[str, tuple[Term, ...]]:
    """Item → its terms by date, for every item of the catalogue in use. Together they cover every day once."""
    law = current.library()
    if not _kept or _kept[0][0] is not law:
        earlier = _earlier(law)
        found = {
            name: _terms(item, earlier.get(name, []), law.life_cycles) for name, item in law.catalogue.items.items()
        }
        _kept[:] = [(law, found)]
    return _kept[0][1]


def merged(several: Iterable[Term], same: Callable[[Term], Hashable]) -> list[Term]:
    """Terms that hold on the same days and agree in ``same`` as one that stands for all their items: one question, not
    many."""
    found: dict[Hashable, list[Term]] = {}
    for one in several:
        found.setdefault((one.since, one.until, one.life and one.life.version, same(one)), []).append(one)
    return [replace(group[0], names=tuple(sorted(one.item.item for one in group))) for group in found.values()]


def term_of(item: str, day: date) -> Term | None:
    """The term that governs a record of ``item`` that occurred on ``day``; None for an item that is gone."""
    return next((one for one in terms().get(item, ()) if one.covers(day)), None)


def _terms(item: Item, earlier: list[tuple[date | None, Item]], lives: tuple[LifeCycle, ...]) -> tuple[Term, ...]:
    texts = earlier or [(None, item)]
    begins: list[date | None] = [since for since, _ in texts]
    begins += [one.in_force.from_ for one in lives[1:]]
    starts: list[date | None] = [None, *sorted({day for day in begins if day is not None})]
    found = []
    for place, since in enumerate(starts):
        until = starts[place + 1] if place + 1 < len(starts) else None
        text = [one for begin, one in texts if begin is None or (since is not None and begin <= since)][-1]
        found.append(Term(since, until, text, in_force_on(lives, since or date.min)))
    return tuple(found)


def _earlier(law: Library) -> dict[str, list[tuple[date | None, Item]]]:
    """Item → its texts by the day from which each holds, the first one for all time; only of amended items."""
    if law.root == Path(settings.STANDARDS) or current._installed:
        return {}
    rows = LawFile.objects.filter(
        edition__state=Edition.State.PUBLISHED, plane=LawFile.Plane.CATALOGUE, path__startswith=ITEMS
    ).order_by("valid_from", "edition__published_at", "edition")
    found: dict[str, dict[date | None, Item]] = {}
    for row in rows:
        name = Path(row.path).stem
        texts = found.setdefault(name, {})
        if not texts:
            shipped = Path(settings.STANDARDS) / row.path
            # An item that came later has no text for the days before: its first one holds for them.
            texts[None] = _read(shipped.read_text("utf-8") if shipped.is_file() else row.content, row.path)
        texts[row.valid_from] = _read(row.content, row.path)
    return {name: sorted(texts.items(), key=lambda one: one[0] or date.min) for name, texts in found.items()}


def _read(text: str, path: str) -> Item:
    return shape(Item, parse(text, file=path))
