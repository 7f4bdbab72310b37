"""Bring the organs of ``standards/organs.yaml`` into the database."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from xinlu.access.models import Organ
from xinlu.law import organs as law_organs
from xinlu.law.regions import Regions, load_regions


@transaction.atomic
def load_organs(standards: Path) -> int:
    """Create or refresh every organ that ``standards`` names; gives how many there are.

    The regions of an organ are spelled out to every code at or below them, by who manages whom (义乌 is not
    managed by 金华). An organ that the file no longer names stays: people and sources may belong to it.
    """
    regions = load_regions(standards / "regions.yaml")
    organs = law_organs.load_organs(standards / "organs.yaml", regions=regions)
    ids: dict[str, int] = {}
    for organ in organs.all:
        row, _ = Organ.objects.update_or_create(
            code=organ.code,
            defaults={
                "name": organ.name,
                "short": organ.short,
                "kind": organ.kind.value,
                "parent_id": ids[organ.parent] if organ.parent else None,
                "region": organ.regions[0] if organ.regions else "",
                "regions": sorted(regions.within(organ.regions)),
                "everywhere": _everywhere(organ, regions),
                "sectors": list(organ.sectors),
            },
        )
        ids[organ.code] = row.pk
    return len(ids)


def _everywhere(organ: law_organs.Organ, regions: Regions) -> bool:
    return not organ.regions or regions.province.code in organ.regions
