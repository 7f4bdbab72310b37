"""Administrative division codes (GB/T 2260): six digits, two each for province, city and county."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q


def prefix(region: str) -> str:
    """What every division inside ``region`` starts with.

    >>> prefix("330000"), prefix("330100"), prefix("330106"), prefix("33")
    ('33', '3301', '330106', '33')
    """
    while len(region) > 2 and region.endswith("00"):
        region = region[:-2]
    return region


def covers(regions: Iterable[str], region: str) -> bool:
    """Whether ``region`` lies in one of ``regions``. An unknown region (empty) lies in none.

    >>> covers(["330100"], "330106"), covers(["330100"], "330206"), covers(["330000"], "")
    (True, False, False)
    """
    return bool(region) and any(region.startswith(prefix(one)) for one in regions)


def within(column: str, regions: Iterable[str]) -> Q:
    """Filter: the region code in ``column`` lies in one of ``regions``; nothing for no regions."""
    found = Q(pk__in=[])
    for one in regions:
        found |= Q(**{f"{column}__startswith": prefix(one)})
    return found
