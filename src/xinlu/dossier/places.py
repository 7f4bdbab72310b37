"""Names of places for pages and papers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from xinlu.law.regions import Region, Regions, load_regions


@lru_cache(maxsize=4)
def _regions(folder: Path) -> Regions:
    return load_regions(folder / "regions.yaml")


def regions() -> Regions:
    """The tree of regions in use."""
    return _regions(Path(settings.STANDARDS))


def place_name(code: str) -> str:
    """A region’s name from the city down; an unknown code as it is, nothing for nothing."""
    return regions().full_name(code) if code in regions() else code


def cities() -> tuple[Region, ...]:
    """The eleven cities and 义乌."""
    return regions().cities


def inside(code: str) -> frozenset[str]:
    """A region and every region below it; only itself when it is unknown."""
    return regions().within([code]) if code in regions() else frozenset([code])


def city_code(region: str) -> str:
    """The city in which a region lies; empty when it is unknown or a province."""
    if region not in regions():
        return ""
    city = regions().city_of(region)
    return city.code if city else ""
