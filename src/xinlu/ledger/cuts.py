"""How figures about what was collected are cut: by period, city and item, and by the way in which records came.

Two rooms count such figures, those of rows and those of clauses; they are neighbours, so what they share stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

from xinlu.law.regions import Regions, load_regions
from xinlu.ledger.models import Delivery, Record

CHINA = ZoneInfo("Asia/Shanghai")
AUTOMATIC = (Delivery.Way.API.value, Delivery.Way.PULL.value, Delivery.Way.FEED.value)
"""Ways in that need nobody to hand anything over (自动化归集)."""
PROVINCE = "province"
"""Stands in place of a city for what belongs to none: organs of the province, units without a place."""
_BATCH = 5000


@dataclass(frozen=True)
class Cut:
    """Which part of everything is asked for: the days [since, until), a city, an item, a source; None: any."""

    since: date
    until: date
    city: str | None = None
    item: str | None = None
    """As deliveries carry it: an item, ``kind:…`` or ``relation:…``."""
    source: str | None = None
    """Code of a source."""


def month_after(day: date) -> date:
    """The first day of the next month.

    >>> month_after(date(2026, 12, 5))
    datetime.date(2027, 1, 1)
    """
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def months_back(day: date, back: int) -> date:
    """The first day of the month that lies ``back`` months before that of ``day``.

    >>> months_back(date(2026, 1, 31), 2)
    datetime.date(2025, 11, 1)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - back, 12)
    return date(year, month + 1, 1)


def city_of(region: str) -> str:
    """The city of a region code; :data:`PROVINCE` for what belongs to none.

    >>> city_of("330106"), city_of("330000"), city_of("")
    ('330100', 'province', 'province')
    """
    regions = _regions(Path(settings.STANDARDS))
    city = regions.city_of(region) if region in regions else None
    return city.code if city else PROVINCE


def regions_in_cities() -> dict[str, str]:
    """Region code → its city, for every region that lies in one."""
    regions = _regions(Path(settings.STANDARDS))
    return {one.code: city_of(one.code) for one in regions.all if city_of(one.code) != PROVINCE}


def city_titles() -> dict[str, str]:
    """City → its short name, in the order in which cities are named; the organs of the province last."""
    return {one.code: one.short for one in _regions(Path(settings.STANDARDS)).cities} | {PROVINCE: "省级"}


def midnight(day: date) -> datetime:
    """When a day begins in China."""
    return datetime.combine(day, time(), tzinfo=CHINA)


def ways_of(records: Iterable[int]) -> dict[int, str]:
    """Record → the way in of its newest version (a :class:`Delivery.Way`); empty for what no delivery brought."""
    numbers = sorted(set(records))
    found: dict[int, str | None] = {}
    for start in range(0, len(numbers), _BATCH):
        rows = Record._base_manager.filter(record__in=numbers[start : start + _BATCH]).order_by("recorded_at")
        found.update(rows.values_list("record", "delivery__way"))
    return {record: way or "" for record, way in found.items()}


def newest_delivery() -> int:
    """Number of the last delivery: figures about deliveries change with it even where no record changed."""
    return Delivery._base_manager.order_by("-pk").values_list("pk", flat=True).first() or 0


def items_delivered() -> frozenset[str]:
    """What somebody delivered at least once: items, and ``relation:…`` as deliveries carry them."""
    rows = Delivery._base_manager.filter(accepted__gt=0).order_by()
    return frozenset(rows.values_list("item", flat=True).distinct())


@lru_cache(maxsize=4)
def _regions(folder: Path) -> Regions:
    return load_regions(folder / "regions.yaml")
