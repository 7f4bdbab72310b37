"""Delivery files of the province: sheets as its organs would send them, with the mistakes that people make."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from xinlu.demo.handovers import REGISTRATION_YEAR, Handover, handover_of
from xinlu.demo.mistakes import Cells, Mistake, mistakes_for
from xinlu.demo.world import Relation, Row, Subject, World
from xinlu.law.catalogue import Catalogue, Field, Item
from xinlu.law.identifiers import TITLES

REGISTRY = "zj-info-centre"
BY_CITY = ("administrative_penalty", "administrative_permit")
"""Items that each city hands over by itself."""
AS_WORKBOOK = frozenset({"bid_evaluation", "section_evaluation", "bid_behaviour", "section_behaviour", "inspection"})
CITY_FORMS = ("xlsx", "csv", "gbk")
WAYS = {
    "demo-zj-road-centre": "pull",
    "demo-zj-port-centre": "api",
    "demo-jt-330100": "api",
    "demo-jt-330200": "api",
    "demo-jt-330700": "pull",
    "demo-jt-331000": "api",
}
"""Sources that do not send files, and how their rows come: what a province half way to automation looks like."""
MADE_ON = datetime(2020, 1, 1)  # noqa: DTZ001 a workbook notes when it was made, without a zone
ITEM_ORDER_LAST = ("bid_behaviour", "section_behaviour", "penalty_classification", "inspection_problem")


@dataclass(frozen=True)
class Source:
    """Who hands over."""

    code: str
    title: str
    organ: str


@dataclass
class DeliveryFile:
    """One file on its way. Exactly one of ``item``, ``kind``, ``relation`` says what it carries."""

    path: str
    """Under the folder of deliveries."""
    source: Source
    handover: Handover
    rows: int
    item: str | None = None
    kind: str | None = None
    relation: str | None = None
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def carries(self) -> str:
        """Item, kind or ``relation``."""
        return self.item or self.kind or self.relation or "relation"

    @property
    def way(self) -> str:
        """How it arrives: systems of the province are asked, some cities call the interface, others send files."""
        return WAYS.get(self.source.code, "file")

    @property
    def queried(self) -> int:
        """Rows that must be queried."""
        return sum(one.outcome == "queried" for one in self.mistakes)

    @property
    def duplicate(self) -> int:
        """Rows that must be found to be duplicates."""
        return sum(one.outcome == "duplicate" for one in self.mistakes)


def write_deliveries(world: World, folder: Path) -> list[DeliveryFile]:
    """Write all files under ``folder``; in the order in which they must be handed over."""
    files = [*_registry_files(world, folder), *_record_files(world, folder), *_revision_files(world, folder)]
    order = {one.path: number for number, one in enumerate(files)}
    return sorted(files, key=lambda one: (one.handover, order[one.path]))


# ── registry ────────────────────────────────────────────────────────────────────────────────────


def _registry_files(world: World, folder: Path) -> Iterator[DeliveryFile]:
    source = Source("demo-registry", "示例：主体登记库", REGISTRY)
    first = Handover(REGISTRATION_YEAR, 2)
    periods: dict[tuple[Handover, str], list[tuple[Subject, date, dict[str, Any]]]] = {}
    for one in world.subjects:
        periods.setdefault((handover_of(one.valid_from), one.kind), []).append((one, one.valid_from, one.attributes))
        attributes = one.attributes
        for day, change in one.changes:
            attributes = attributes | change
            periods.setdefault((handover_of(day), one.kind), []).append((one, day, attributes))
    for (handover, kind), several in sorted(periods.items()):
        header, rows = _subject_rows(world.catalogue, kind, several)
        path = f"{handover.folder}/00-{kind}.csv"
        mistakes: list[Mistake] = []
        if handover == first:
            mistakes = mistakes_for(world, kind, header, rows)
        _write_csv(folder / path, header, [*rows, *(one.cells for one in mistakes)], "utf-8-sig")
        yield DeliveryFile(path, source, handover, len(rows) + len(mistakes), kind=kind, mistakes=mistakes)
    relations: dict[Handover, list[Relation]] = {}
    for relation in world.relations:
        relations.setdefault(handover_of(relation.valid_from), []).append(relation)
    header = ["关系", "起点标识", "终点标识", "起始日期", "终止日期"]
    for handover, stated in sorted(relations.items()):
        rows = [
            [
                world.catalogue.relations[one.relation].title, one.start.key, one.end.key,
                one.valid_from.isoformat(), one.valid_until.isoformat() if one.valid_until else "",
            ]
            for one in stated
        ]  # fmt: skip
        mistakes = mistakes_for(world, "relation", header, rows) if handover == first else []
        path = f"{handover.folder}/01-relation.csv"
        _write_csv(folder / path, header, [*rows, *(one.cells for one in mistakes)], "utf-8-sig")
        yield DeliveryFile(path, source, handover, len(rows) + len(mistakes), relation="", mistakes=mistakes)


def _subject_rows(
    catalogue: Catalogue, kind: str, several: Sequence[tuple[Subject, date, dict[str, Any]]]
) -> tuple[list[str], list[Cells]]:
    shape = catalogue.kinds[kind]
    types = [one for one in shape.identifiers if any(one in subject.identifiers for subject, _, _ in several)]
    used = {name for _, _, attributes in several for name in attributes}
    fields = [one for one in shape.attributes if one.name in used and one.name not in types]
    names = {"certificate_no": "从业资格证号", "code": f"{shape.title}编号"}
    header = [names.get(one, TITLES[one]) for one in types] + ["名称", "行政区划代码", "生效日期"]
    rows = [
        [subject.identifiers.get(one, "") for one in types]
        + [attributes.get("name", subject.name), subject.region, since.isoformat()]
        + [spelled(one, attributes.get(one.name), catalogue) for one in fields]
        for subject, since, attributes in several
    ]
    return header + [one.title for one in fields], rows


# ── records ─────────────────────────────────────────────────────────────────────────────────────


def _record_files(world: World, folder: Path) -> Iterator[DeliveryFile]:
    groups: dict[tuple[Handover, int, str, str], list[Row]] = {}
    for row in world.rows:
        last = ITEM_ORDER_LAST.index(row.item) + 1 if row.item in ITEM_ORDER_LAST else 0
        depth = max(last, 1 if row.parent is not None else 0)
        groups.setdefault((handover_of(row.known_on), depth, row.item, _part(world, row)), []).append(row)
    cities = [one.code for one in world.regions.cities]
    for (handover, depth, item, part), several in sorted(groups.items()):
        source = _source(world, item, part)
        form = CITY_FORMS[cities.index(part) % 3] if part in cities else "xlsx" if item in AS_WORKBOOK else "csv"
        header, rows = _item_rows(world, world.catalogue.items[item], several)
        mistakes = mistakes_for(world, item, header, rows, part=part, handover=handover)
        stem = f"{depth + 2:02d}-{item}{'-' + part if part else ''}"
        path = f"{handover.folder}/{stem}.{'xlsx' if form == 'xlsx' else 'csv'}"
        lines = [*rows, *(one.cells for one in mistakes)]
        if form == "xlsx":
            _write_workbook(folder / path, header, lines)
        else:
            _write_csv(folder / path, header, lines, "gb18030" if form == "gbk" else "utf-8-sig")
        yield DeliveryFile(path, source, handover, len(lines), item=item, mistakes=mistakes)


def _revision_files(world: World, folder: Path) -> Iterator[DeliveryFile]:
    """Corrections repeat the whole row with other content; a row that is taken back says 撤销."""
    groups: dict[tuple[Handover, str, bool], list[Row]] = {}
    for one in world.revisions:
        row = one.row
        fields = row.fields | (one.fields or {})
        revised = Row(row.number, row.item, row.occurred_on, fields, row.roles, row.parent)
        groups.setdefault((handover_of(one.day), row.item, one.fields is None), []).append(revised)
    for (handover, item, back), several in sorted(groups.items(), key=lambda group: group[0]):
        header, rows = _item_rows(world, world.catalogue.items[item], several)
        if back:
            header, rows = ["操作", *header], [["撤销", *row] for row in rows]
        path = f"{handover.folder}/09-{item}-{'withdrawn' if back else 'corrected'}.csv"
        _write_csv(folder / path, header, rows, "utf-8-sig")
        yield DeliveryFile(path, _source(world, item, ""), handover, len(rows), item=item)


def _part(world: World, row: Row) -> str:
    """The city that hands a row over; empty where the province does."""
    if row.item not in BY_CITY:
        return ""
    city = world.regions.city_of(row.roles["subject"].region)
    return city.code if city else "330100"


def _source(world: World, item: str, part: str) -> Source:
    if part:
        organ = world.organs.get(f"jt-{part}")
        return Source(f"demo-{organ.code}", f"示例：{organ.name}双公示", organ.code)
    shape = world.catalogue.items[item]
    named = [one for one in shape.provider if not one.startswith("kind:") and one in world.organs]
    organ = world.organs.get(named[0] if named else "zj")
    return Source(f"demo-{organ.code}", f"示例：{organ.name}业务系统", organ.code)


def _item_rows(world: World, item: Item, several: Sequence[Row]) -> tuple[list[str], list[Cells]]:
    used = {name for row in several for name in row.fields}
    official = item.item in BY_CITY
    fields = [one for one in item.fields if official or one.required or one.name in used]
    roles = [one for one in item.roles if any(one.name in row.roles for row in several)]
    if official:
        roles = [one for one in roles if one.name != "subject"]
    header = [f"{one.title}标识" for one in roles]
    header += [one.aliases[0] if official else one.title for one in fields]
    rows = [
        [_identified(row.roles.get(one.name)) for one in roles]
        + [spelled(one, row.fields.get(one.name), world.catalogue) for one in fields]
        for row in several
    ]
    return header, rows


def _identified(who: Subject | Sequence[Subject] | None) -> str:
    if who is None:
        return ""
    return who.key if isinstance(who, Subject) else "；".join(one.key for one in who)


def spelled(one: Field, value: Any, catalogue: Catalogue) -> str:
    """A value as people write it in a sheet: titles of codes, 是 and 否, plain numbers, ISO days."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "；".join(spelled(one, part, catalogue) for part in value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    titles: Mapping[str, str] = catalogue.code_lists[one.codes].values if one.codes in catalogue.code_lists else {}
    return titles.get(value, str(value))


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], encoding: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def _write_workbook(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_numbers": False})
    book.set_properties({"title": "示例数据", "created": MADE_ON})
    sheet = book.add_worksheet("数据")
    for number, cells in enumerate([header, *rows]):
        for place, cell in enumerate(cells):
            if cell != "":
                sheet.write_string(number, place, cell)
    book.close()
