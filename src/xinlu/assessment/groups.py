"""How a rated population is divided: by city, by what its members do, and by size.

Each kind of subject has its own measure of size, and the measure is named wherever it is shown: the fleet that a firm
operates, its registered capital, the tonnage of a vessel. A member of whom it is not known stands under 不详, never
under the smallest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from xinlu.access.scope import Scope
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck
from xinlu.law.catalogue import Catalogue
from xinlu.law.regions import Regions, load_regions

UNKNOWN = ""
"""The group of those of whom it is not known."""
UNKNOWN_TITLE = "不详"


@dataclass(frozen=True)
class Grouping:
    """One way to divide a population. ``column`` of the labels holds the codes of each unit, as a list."""

    name: str
    title: str
    words: str
    """What is measured, in a sentence."""
    titles: Mapping[str, str]
    """Code → what people read, in the order in which they are shown."""
    many: bool = False
    """A unit may stand in several groups at once, so their sizes add up to more than the population."""
    size: bool = False

    def title_of(self, code: str) -> str:
        """What people read for a code."""
        return self.titles.get(code, code) if code != UNKNOWN else UNKNOWN_TITLE


@dataclass(frozen=True)
class _Bands:
    """Groups of a number: below the first edge, from edge to edge, from the last edge on."""

    name: str
    title: str
    words: str
    number: str
    """SQL over ``s`` (the attributes) and ``fleet.vehicles``."""
    edges: tuple[int, ...]
    unit: str
    whole: bool = False
    """The number is a count: bands are told as 1–9, not as 1 以上不足 10."""

    def grouping(self) -> Grouping:
        return Grouping(self.name, self.title, self.words, self._titles(), size=True)

    def _titles(self) -> dict[str, str]:
        found = {"b0": f"不足 {self.edges[0]} {self.unit}" if self.edges[0] > 1 else f"0 {self.unit}"}
        for place, (low, high) in enumerate(zip(self.edges, self.edges[1:], strict=False), 1):
            upper = high - 1 if self.whole else high
            found[f"b{place}"] = f"{low}–{upper} {self.unit}" if self.whole else f"{low} 以上不足 {upper} {self.unit}"
        found[f"b{len(self.edges)}"] = f"{self.edges[-1]} {self.unit}以上"
        return found

    def sql(self) -> str:
        cases = [f"WHEN {self.number} IS NULL THEN ''"]
        cases += [f"WHEN {self.number} < {edge} THEN 'b{place}'" for place, edge in enumerate(self.edges)]
        return f"[CASE {' '.join(cases)} ELSE 'b{len(self.edges)}' END]"


_FLEET = _Bands(
    "fleet", "营运车船数", "评价日经营的车辆和船舶数", "coalesce(fleet.vehicles, 0)", (1, 5, 20, 100), "台", whole=True
)
_CAPITAL = _Bands("capital", "注册资本", "登记的注册资本", "s.registered_capital", (100, 1000, 5000, 20000), "万元")
_SIZES: Mapping[str, tuple[_Bands, ...]] = {
    "enterprise": (_FLEET, _CAPITAL),
    "sole_trader": (_FLEET,),
    "vehicle": (_Bands("mass", "核定总质量", "行驶证核定总质量", "s.registered_mass", (4500, 12000, 31000), "千克"),),
    "vessel": (_Bands("tonnage", "总吨", "登记的总吨", "s.gross_tonnage", (300, 500, 1000, 3000), "总吨"),),
    "project": (_Bands("investment", "总投资", "项目总投资", "s.investment", (5000, 20000, 50000), "万元"),),
    "contract_section": (
        _Bands("price", "合同价", "合同段的合同价", "s.contract_price", (3000, 10000, 30000), "万元"),
    ),
}
_SECTORS: Mapping[str, tuple[str, str]] = {
    "enterprise": ("businesses", "从事业务"),
    "sole_trader": ("businesses", "从事业务"),
    "practitioner": ("categories", "从业类别"),
    "vehicle": ("vehicle_class", "车辆类别"),
    "vessel": ("vessel_type", "船舶种类"),
    "project": ("project_kind", "项目类型"),
    "contract_section": ("section_kind", "合同段类别"),
    "site_laboratory": ("laboratory_kind", "类别"),
}


@dataclass(frozen=True)
class Labels:
    """The table of labels on a connection: ``unit``, ``region``, ``person`` and a list of codes for each grouping."""

    table: str
    groupings: tuple[Grouping, ...] = ()
    natural: bool = False
    """The units are natural persons: officers see those of their regions only."""
    records: bool = False
    """The units are records, which have no labels."""

    def grouping(self, name: str) -> Grouping | None:
        """The grouping of a name."""
        return next((one for one in self.groupings if one.name == name), None)

    @property
    def sizes(self) -> tuple[Grouping, ...]:
        """The groupings by size."""
        return tuple(one for one in self.groupings if one.size)

    def seen_by(self, scope: Scope) -> str:
        """SQL condition over a row of the labels: the same rule by which the registry shows subjects to officers.

        Nobody but officers and the system sees figures of trials.
        """
        if scope.kind == "system" or (scope.kind == "officer" and scope.everywhere):
            return "true"
        if scope.kind != "officer" or self.records:
            return "false"
        if not self.natural:
            return "true"
        return f"region IN ({', '.join(text_literal(one) for one in scope.regions)})" if scope.regions else "false"


@dataclass(frozen=True)
class Divided:
    """The groupings that a kind of subject has, without a connection."""

    groupings: tuple[Grouping, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """Grouping → SQL of its list of codes."""


def divided(kind: str | None, catalogue: Catalogue) -> Divided:
    """The groupings of a kind of subject: city, sector, then its sizes; none for records (``kind`` None)."""
    if kind is None or kind not in catalogue.kinds:
        return Divided(())
    regions = _regions()
    cities = {one.code: one.short for one in regions.cities}
    found = [Grouping("city", "设区市", "所在地的设区市（义乌单列）", cities)]
    columns = {"city": "[coalesce(city.city, s.region, '')]"}
    attributes = {one.name: one for one in catalogue.kinds[kind].attributes}
    column, title = _SECTORS.get(kind, ("", ""))
    if column in attributes:
        codes = catalogue.code_lists.get(attributes[column].codes or "")
        titles = dict(codes.values) if codes else {}
        many = attributes[column].many
        words = "一家有几项的，每项各计一次" if many else f"登记的{title}"
        found.append(Grouping("sector", title, words, titles, many=many))
        own = f"s.{identifier(column)}"
        columns["sector"] = f"CASE WHEN len({own}) > 0 THEN {own} ELSE [''] END" if many else f"[coalesce({own}, '')]"
    for bands in _SIZES.get(kind, ()):
        if bands.number.startswith("s.") and bands.number.removeprefix("s.") not in attributes:
            continue
        found.append(bands.grouping())
        columns[bands.name] = bands.sql()
    return Divided(tuple(found), columns)


def label(duck: Duck, kind: str | None, catalogue: Catalogue, *, as_of: date, known_at: datetime) -> Labels:
    """Make the table ``labels`` from the subjects and relations on the connection, as they were on ``as_of``.

    ``known_at`` is UTC without zone. One row for each subject of the kind that there was.
    """
    parts = divided(kind, catalogue)
    if kind is None or not parts.groupings:
        duck.connection.execute("CREATE OR REPLACE TEMP TABLE labels (unit BIGINT, region VARCHAR, person BOOLEAN)")
        return Labels("labels", records=True)
    rows = ", ".join(f"({text_literal(region)}, {text_literal(city)})" for region, city in _cities(_regions()))
    day, known = f"DATE '{as_of}'", f"TIMESTAMP '{known_at:%Y-%m-%d %H:%M:%S.%f}'"

    def held(alias: str) -> str:
        return (
            f"{alias}.valid_from <= {day} AND ({alias}.valid_until IS NULL OR {alias}.valid_until > {day}) AND "
            f"{alias}.recorded_at <= {known} AND ({alias}.superseded_at IS NULL OR {alias}.superseded_at > {known})"
        )

    natural = catalogue.kinds[kind].natural_person
    columns = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in parts.columns.items())
    duck.connection.execute(
        "CREATE OR REPLACE TEMP TABLE labels AS "
        f"WITH city(region, city) AS (VALUES {rows}), fleet AS ("
        f"SELECT r.from_subject AS subject, count(DISTINCT r.to_subject) AS vehicles FROM relation r "
        f"WHERE r.relation = 'operates' AND {held('r')} GROUP BY 1) "
        f"SELECT s.subject AS unit, coalesce(s.region, '') AS region, {str(natural).lower()} AS person, {columns} "
        f"FROM {identifier('subject_' + kind)} s LEFT JOIN city ON city.region = s.region "
        f"LEFT JOIN fleet ON fleet.subject = s.subject WHERE {held('s')}"
    )
    return Labels("labels", parts.groupings, natural)


def in_order(grouping: Grouping, codes: Iterable[str]) -> list[str]:
    """Codes as they are shown: in the order of the grouping, then unknown codes, 不详 last.

    >>> in_order(Grouping("size", "规模", "", {"b0": "小", "b1": "大"}), ["", "x", "b1", "b0"])
    ['b0', 'b1', 'x', '']
    """
    places = {code: place for place, code in enumerate(grouping.titles)}
    return sorted(codes, key=lambda code: (code == UNKNOWN, places.get(code, len(places)), code))


@lru_cache(maxsize=4)
def _read(folder: Path) -> Regions:
    return load_regions(folder / "regions.yaml")


def _regions() -> Regions:
    return _read(Path(settings.STANDARDS))


def _cities(regions: Regions) -> list[tuple[str, str]]:
    """Region → the city in which it lies; a province lies in none."""
    found = ((one.code, regions.city_of(one.code)) for one in regions.all)
    return [(code, city.code) for code, city in found if city is not None]
