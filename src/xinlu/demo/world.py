"""What the generator puts together: subjects, relations and records, with the answers that were planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from xinlu.demo import names
from xinlu.demo.chance import Chance
from xinlu.demo.plan import Plan
from xinlu.law import identifiers
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import load_catalogue
from xinlu.law.organs import Organ, Organs, load_organs
from xinlu.law.regions import Region, Regions, load_regions

DEMO_TODAY = date(2026, 6, 30)
"""The demo's present. Rounds are held on this day of the year."""
DEMO_SEED = 20_260_630
FIRST_DAY = date(2022, 1, 1)
"""No record happened before."""
LONG_AGO = date(2020, 1, 1)
"""Since when subjects and relations are there that have no date of their own."""


@dataclass(slots=True, eq=False)
class Subject:
    """A subject. ``key`` is the identifier under which files and the manifest name it."""

    number: int
    kind: str
    name: str
    region: str
    key: str
    identifiers: dict[str, str]
    valid_from: date
    attributes: dict[str, Any]
    changes: list[tuple[date, dict[str, Any]]] = field(default_factory=list)
    """Day → attributes (or ``name``) that are different from then on."""


@dataclass(slots=True, eq=False)
class Row:
    """A record. ``roles``: role → subject or subjects."""

    number: int
    item: str
    occurred_on: date
    fields: dict[str, Any]
    roles: dict[str, Any]
    parent: Row | None = None

    @property
    def known_on(self) -> date:
        """The day on which it can be handed over: not before its parent, nor before who it is about."""
        days = [self.occurred_on]
        if self.parent is not None:
            days.append(self.parent.known_on)
        for who in self.roles.values():
            days += [one.valid_from for one in (who if isinstance(who, list) else [who])]
        return max(days)


@dataclass(slots=True, eq=False)
class Revision:
    """What becomes of a record later: other ``fields``, or None when it is taken back; handed over on ``day``."""

    row: Row
    day: date
    fields: dict[str, Any] | None


@dataclass(slots=True, eq=False)
class Replay:
    """What a book says of a past day once the revisions are known; the round of that day did not know them."""

    book: str
    as_of: date
    unit: str
    answers: dict[str, str]


@dataclass(slots=True, eq=False)
class Relation:
    """A dated relation."""

    relation: str
    start: Subject
    end: Subject
    valid_from: date
    valid_until: date | None = None


class World:
    """The province under construction.

    ``scale`` 1 is the demo province, about 1/500 of a real one; every archetype is planted at any scale.
    """

    def __init__(self, *, standards: Path, seed: int, scale: float, today: date = DEMO_TODAY) -> None:
        if (today.month, today.day) != (6, 30):
            raise ValueError("the demo's rounds are held on 30 June")
        self.seed, self.scale, self.today = seed, scale, today
        self.catalogue: Catalogue = load_catalogue(standards)
        self.regions: Regions = load_regions(standards / "regions.yaml")
        self.organs: Organs = load_organs(standards / "organs.yaml", regions=self.regions)
        self.rounds: tuple[date, ...] = tuple(today.replace(year=today.year - n) for n in (3, 2, 1, 0))
        self.plan = Plan()
        self.subjects: list[Subject] = []
        self.relations: list[Relation] = []
        self.rows: list[Row] = []
        self.revisions: list[Revision] = []
        self.replays: list[Replay] = []
        self._organs: dict[tuple[str, str], Organ] = {}
        self._organ_codes: dict[str, str] = {}
        self._places = Chance(seed, "places")
        self._numbers: Counter[str] = Counter()

    # ── sizes and chance ────────────────────────────────────────────────────────────────────────

    def count(self, full: int, least: int = 1) -> int:
        """How many there are at this scale of what there are ``full`` in the demo province."""
        return max(least, round(full * self.scale))

    def chance(self, name: str) -> Chance:
        """The stream of choices of a domain."""
        return Chance(self.seed, name)

    def next(self, prefix: str, day: date) -> str:
        """A running number such as ``GLCF2024-00017``."""
        stem = f"{prefix}{day.year}-"
        self._numbers[stem] += 1
        return f"{stem}{self._numbers[stem]:05d}"

    @cached_property
    def places(self) -> Sequence[Region]:
        """Where subjects live."""
        return self.regions.leaves

    def organ_of(self, region: str, sector: str) -> Organ:
        """The bureau that is competent; 省厅 for places outside the province."""
        if (region, sector) not in self._organs:
            found = self.organs.competent(region=region, sector=sector) if region.startswith("33") else ()
            self._organs[region, sector] = found[0] if found else self.organs.get("zj")
        return self._organs[region, sector]

    def organ_uscc(self, organ: Organ) -> str:
        """A fictional code of an organ."""
        if organ.code not in self._organ_codes:
            serial = 900_000 + self.organs.all.index(organ)
            region = (*organ.regions, "330000")[0]
            self._organ_codes[organ.code] = identifiers.make_uscc(serial, region=region, holder="organ")
        return self._organ_codes[organ.code]

    # ── subjects ────────────────────────────────────────────────────────────────────────────────

    def enterprise(
        self, what: str, businesses: Iterable[str], *, since: date = LONG_AGO, region: str = "", **attributes: Any
    ) -> Subject:
        """An enterprise called 城市＋示例＋字号＋``what``＋有限公司."""
        place = self._place(region)
        serial = self._serial("firm")
        city = self.regions.city_of(place)
        name = f"{city.short if city else ''}示例{names.word(serial)}{what}有限公司"
        uscc = identifiers.make_uscc(serial, region=place)
        plain = {
            "status": "active",
            "businesses": list(businesses),
            "home_province": "330000",
            "founded_on": min(since, date(2005 + serial % 14, 1 + serial % 12, 1 + serial % 28)),
            "legal_representative": names.person(serial * 7),
            "registered_capital": Decimal(200 + serial * 37 % 9800),
            "address": f"{self.regions.full_name(place)}示例路{serial % 900 + 1}号",
        }
        return self._enrol("enterprise", name, place, {"uscc": uscc}, since, plain | attributes)

    def sole_trader(self, what: str, businesses: Iterable[str], **attributes: Any) -> Subject:
        """A sole trader called 县＋示例＋字号＋``what``＋服务部."""
        place = self._place("")
        serial = self._serial("firm")
        name = f"{self.regions.get(place).short}示例{names.word(serial)}{what}服务部"
        uscc = identifiers.make_uscc(serial, region=place, holder="sole_trader")
        plain = {
            "status": "active",
            "businesses": list(businesses),
            "home_province": "330000",
            "operator_name": names.person(serial * 11),
        }
        return self._enrol("sole_trader", name, place, {"uscc": uscc}, LONG_AGO, plain | attributes)

    def practitioner(
        self, categories: Iterable[str], *, certified: date, region: str = "", since: date = LONG_AGO, **attributes: Any
    ) -> Subject:
        """A person, first certified on a day."""
        place = self._place(region)
        serial = self._serial("person")
        number = identifiers.make_id_number(serial, region=place)
        certificate = f"33SL{serial:08d}"
        plain = {
            "categories": list(categories),
            "certificate_no": certificate,
            "first_certified_on": certified,
            "certificate_status": "valid",
            "home_province": "330000",
        }
        ids = {"id_number": number, "certificate_no": certificate}
        return self._enrol("practitioner", names.person(serial), place, ids, since, plain | attributes)

    def vehicle(self, vehicle_class: str, *, region: str = "", **attributes: Any) -> Subject:
        """A vehicle, called by its plate."""
        serial = self._serial("vehicle")
        plate = identifiers.make_plate(serial)
        plain = {
            "vehicle_class": vehicle_class,
            "plate_colour": "yellow",
            "licence_status": "valid",
            "first_registered_on": date(2015 + serial % 5, 1 + serial % 12, 1 + serial % 28),
        }
        return self._enrol("vehicle", plate, self._place(region), {"plate": plate}, LONG_AGO, plain | attributes)

    def vessel(self, vessel_type: str, *, word: str = "货", **attributes: Any) -> Subject:
        """A vessel called 示例＋字号＋数."""
        serial = self._serial("vessel")
        number = identifiers.make_vessel_id(serial, year=2005 + serial % 15)
        mmsi = identifiers.make_mmsi(serial)
        plain = {
            "vessel_type": vessel_type,
            "gross_tonnage": Decimal(300 + serial * 13 % 2500),
            "flag": "CHN",
            "mmsi": mmsi,
        }
        name = f"示例{names.word(serial)}{word}{serial + 1:03d}"
        ids = {"vessel_id": number, "mmsi": mmsi}
        return self._enrol("vessel", name, self._place(""), ids, LONG_AGO, plain | attributes)

    def coded(self, kind: str, prefix: str, name: str, *, since: date = LONG_AGO, **attributes: Any) -> Subject:
        """A project, section or laboratory, known by a code."""
        code = f"{prefix}{self._serial(prefix) + 1:05d}"
        return self._enrol(kind, f"{name}（{code}）", self._place(""), {"code": code}, since, attributes)

    def foreign(self, prefix: str, regime: str, businesses: Iterable[str], name: str) -> Subject:
        """An enterprise of a foreign conformity example: no USCC, a code."""
        code = f"{prefix}{self._serial(prefix) + 1:04d}"
        plain = {"businesses": list(businesses), "foreign_regime": regime}
        return self._enrol("enterprise", f"{name}（{code}）", "330000", {"code": code}, LONG_AGO, plain)

    def _enrol(
        self, kind: str, name: str, region: str, ids: dict[str, str], since: date, attributes: dict[str, Any]
    ) -> Subject:
        key = next(iter(ids.values()))
        one = Subject(len(self.subjects) + 1, kind, name, region, key, ids, since, attributes)
        self.subjects.append(one)
        return one

    def _place(self, region: str) -> str:
        return region or self._places.pick(self.places).code

    def _serial(self, name: str) -> int:
        self._numbers[name] += 1
        return self._numbers[name] - 1

    # ── relations and records ───────────────────────────────────────────────────────────────────

    def relate(
        self, relation: str, start: Subject, end: Subject, since: date = LONG_AGO, until: date | None = None
    ) -> None:
        """State a relation."""
        self.relations.append(Relation(relation, start, end, since, until))

    def add(self, item: str, fields: dict[str, Any], *, parent: Row | None = None, **roles: Any) -> Row:
        """Add a record; its day is the field that the catalogue names."""
        day = fields[self.catalogue.items[item].occurred_on]
        said = {role: who for role, who in roles.items() if who is not None}
        row = Row(len(self.rows) + 1, item, day, fields, said, parent)
        self.rows.append(row)
        return row

    def of_kind(self, kind: str) -> list[Subject]:
        """Subjects of a kind."""
        return [one for one in self.subjects if one.kind == kind]
