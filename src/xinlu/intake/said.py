"""Read a queried row again: in which of its places stands nobody who is registered, and what does it say of them?

And the other way: the cells of the row with the registered identifiers of those who are meant in these places. The row
is then taken in by the same checks as any other, and finds its subjects because identifiers are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

from xinlu.access import masking
from xinlu.access.sealing import blind_index
from xinlu.gazette import current
from xinlu.intake.cells import plain_text
from xinlu.intake.columns import IDENTIFYING_FIELDS, NAME, REGION, ItemLayout, item_layout, plain
from xinlu.intake.people import likely_type
from xinlu.intake.personal import masked
from xinlu.intake.problems import Fault
from xinlu.intake.rows import SEVERAL, Parsed, RecordRows
from xinlu.intake.sheet import Cell
from xinlu.law.catalogue import Item, Role
from xinlu.ledger.models import DeliveryRow
from xinlu.registry.firm_name import folded
from xinlu.registry.likeness import Known, Said
from xinlu.registry.match_keys import places
from xinlu.registry.naming import normalised_identifier

CHINA = ZoneInfo("Asia/Shanghai")
IDENTITY = ("E02", "E03", "E08", "E17", "E21", "E22", "E26")
"""Codes of faults that a person may answer by saying who is meant. A blank identifier (E01) is one more."""
PARTY_NAME = "party_name"
NAMES = (*NAME, PARTY_NAME, "企业名称", "单位名称", "当事人", "当事人名称", "业户名称", "经营者名称", "申请人")
REGIONS = (*REGION, "区县", "住所地", "注册地", "所属区县", "县市区")
ADDRESSES = ("address", "住所", "地址", "注册地址", "住址", "经营场所", "经营地址", "通讯地址", "住所地址")
OWNERS = ("legal_representative", "operator_name", "法定代表人", "负责人", "法人代表", "经营者", "经营者姓名")
NATURAL_IDENTIFIERS = ("id_number", "certificate_no")


@dataclass(frozen=True)
class Shown:
    """One thing that the row says, as people may read it."""

    part: str
    title: str
    text: str


@dataclass(frozen=True)
class Missing:
    """A place of a row in which nobody registered stands.

    ``value`` is the identifier that stands there, empty when none does; ``found`` the subject that has it where only
    the name contradicts. ``why`` is told with personal data masked.
    """

    role: Role
    value: str
    said: Said
    shown: tuple[Shown, ...]
    why: str
    found: int | None = None

    @property
    def place(self) -> str:
        """Role and identifier: one place of one row. Numbers of persons stand in it as a keyed digest."""
        return f"{self.role.name}:{blind_index(normalised_identifier(self.value))[:32] if self.value else ''}"

    @property
    def digest(self) -> str:
        """Of what is said: the same for the same codes and names, however they are spelt."""
        codes = sorted(normalised_identifier(value) for _, value in self.said.codes)
        return blind_index("|".join(("said", folded(self.said.name), folded(self.said.owner), *codes)))


@dataclass
class Reading:
    """A queried row, read again."""

    row: DeliveryRow
    item: Item
    headers: list[str]
    cells: list[Cell]
    rows: RecordRows
    parsed: Parsed
    missing: tuple[Missing, ...] = ()
    others: tuple[Fault, ...] = ()
    """Faults that have nothing to do with who is meant."""

    @property
    def layout(self) -> ItemLayout:
        """Which column is what."""
        return self.rows.layout

    @cached_property
    def told(self) -> dict[str, str]:
        """Column → text with personal data masked."""
        return masked(self.item.item, self.row.raw)


def read_again(row: DeliveryRow) -> Reading | None:
    """The row as the catalogue in force reads it now; None for rows that are no records of an item.

    ``row.delivery`` is asked for: select it with the row.
    """
    item = current.catalogue().items.get(row.delivery.item)
    if item is None or row.outcome != DeliveryRow.Outcome.QUERIED or not row.raw:
        return None
    raw = {str(name): str(value) for name, value in row.raw.items()}
    return _read(row, item, list(raw), list(raw.values()))


def answered(reading: Reading, answers: Mapping[str, Known]) -> Reading:
    """The row read once more, with those who are meant in the places of ``answers`` (:attr:`Missing.place`)."""
    headers, cells = list(reading.headers), list(reading.cells)
    for one in reading.missing:
        if one.place in answers:
            _write(reading, one, answers[one.place], headers, cells)
    return _read(reading.row, reading.item, headers, cells)


def _read(row: DeliveryRow, item: Item, headers: list[str], cells: list[Cell]) -> Reading:
    catalogue = current.catalogue()
    received_on = row.delivery.received_at.astimezone(CHINA).date()
    layout = item_layout(item, headers, catalogue)
    rows = RecordRows(layout, catalogue, source=row.delivery.source_id, received_on=received_on)
    parsed = rows.read([(row.number, list(cells))])[0]
    reading = Reading(row, item, headers, cells, rows, parsed)
    reading.missing = tuple(_missing(reading))
    reading.others = tuple(one for one in parsed.faults if not _is_identity(reading, one))
    return reading


# ── who is missing ──────────────────────────────────────────────────────────────────────────────


def _missing(reading: Reading) -> Iterator[Missing]:
    people, parsed = reading.rows.people, reading.parsed
    for role in reading.item.roles:
        given = parsed.references.get(role.name, [])
        if role.many:
            for reference, _ in given:
                if people.find(reference) is None:
                    yield _place(reading, role, reference[1])
            if given:
                continue
        elif given:
            first = people.find(given[0][0])
            if first is None or _contradicts(reading, role):
                yield _place(reading, role, given[0][0][1], found=first.number if first else None)
            continue
        if any(_is_of(reading, role, one) for one in parsed.faults):
            yield _place(reading, role, "")


def _contradicts(reading: Reading, role: Role) -> bool:
    """Whether identifiers of one role point to two subjects, or the name is nobody's whom the identifier names."""
    mine = [one for one in reading.parsed.faults if _is_of(reading, role, one)]
    return any(one.code in ("E22", "E26") for one in mine)


def _is_identity(reading: Reading, fault: Fault) -> bool:
    return any(_is_of(reading, role, fault) for role in reading.item.roles)


def _is_of(reading: Reading, role: Role, fault: Fault) -> bool:
    """Whether a fault is about who stands in ``role``."""
    if fault.code not in (*IDENTITY, "E01"):
        return False
    main = role == reading.item.roles[0]
    fields = {name for name, column in reading.layout.fields.items() if column.place in _places(reading, role)}
    fields |= {role.name} | (set(IDENTIFYING_FIELDS) if main else set())
    return fault.field in fields or (main and fault.code == "E26" and fault.field == PARTY_NAME)


def _places(reading: Reading, role: Role) -> set[int]:
    return {column.place for column, _ in reading.layout.roles.get(role.name, ())}


def _place(reading: Reading, role: Role, value: str, *, found: int | None = None) -> Missing:
    said, shown = _said(reading, role, value)
    faults = [one.sentence for one in reading.parsed.faults if _is_of(reading, role, one)]
    why = "；".join(dict.fromkeys(faults)) if value else f"没有写{role.title}的标识"
    for name, text in reading.told.items():
        clear = str((reading.row.raw or {})[name])
        if clear and clear != text:
            why = why.replace(clear, text)
    return Missing(role, value, said, shown, masking.within(why), found)


# ── what is said ────────────────────────────────────────────────────────────────────────────────


def _said(reading: Reading, role: Role, value: str) -> tuple[Said, tuple[Shown, ...]]:
    main = role == reading.item.roles[0]
    given = [(reference, column) for reference, column in reading.parsed.references.get(role.name, [])]
    if role.many:
        given = [one for one in given if one[0][1] == value]
    types = reading.rows.types_of[role.name]
    codes = tuple((type_ or likely_type(text, types), text) for (type_, text), _ in given)
    natural = any(type_ in NATURAL_IDENTIFIERS for type_, _ in codes)
    shown = [
        Shown("code", column.header, _hidden(type_, text))
        for (type_, text), (_, column) in zip(codes, given, strict=True)
    ]
    parts: dict[str, str] = {}
    for part, words in _WORDS if main else _other_words(role):
        if header := _header(reading, words):
            parts[part] = str((reading.row.raw or {})[header])
            text = masking.name(parts[part]) if part == "name" and natural else reading.told[header]
            shown.append(Shown(part, header, text))
    on = reading.parsed.payload.get(reading.item.occurred_on)
    region = parts.get("region", "")
    return (
        Said(
            codes=codes,
            name=parts.get("name", ""),
            region=region if region.isdigit() else "",
            # A division that is written out is read like an address.
            address=parts.get("address") or ("" if region.isdigit() else region),
            owner=parts.get("owner", ""),
            on=date.fromisoformat(on) if isinstance(on, str) else None,
            kinds=tuple(role.kinds),
        ),
        tuple(shown),
    )


_WORDS = (
    ("name", NAMES),
    ("region", REGIONS),
    ("address", ADDRESSES),
    ("owner", OWNERS),
)


def _other_words(role: Role) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("name", (f"{role.title}名称", f"{role.title}姓名")),)


def _header(reading: Reading, words: tuple[str, ...]) -> str | None:
    """The column of the row that carries one of ``words``, by field or by its own name."""
    wanted = {plain(one) for one in words}
    for name, column in reading.layout.fields.items():
        if plain(name) in wanted and column.header in (reading.row.raw or {}):
            return column.header
    return next((header for header in reading.row.raw or {} if plain(header) in wanted), None)


def _hidden(type_: str, text: str) -> str:
    return masking.id_number(text) if type_ in NATURAL_IDENTIFIERS else masking.within(text)


# ── the answer ──────────────────────────────────────────────────────────────────────────────────


def _write(reading: Reading, one: Missing, known: Known, headers: list[str], cells: list[Cell]) -> None:
    """Put the registered identifiers of ``known`` where the row names somebody else or nobody."""
    codes = dict(reversed(known.codes))
    if not codes:
        return
    first = known.codes[0][1]
    for column, type_ in reading.layout.roles.get(one.role.name, ()):
        if one.role.many:
            cells[column.place] = _replaced(plain_text(cells[column.place]), one.value, codes.get(type_, first))
        elif cells[column.place] is not None:
            cells[column.place] = codes.get(type_, None if type_ else first)
    if not reading.layout.roles.get(one.role.name):
        headers.append(f"{one.role.title}标识")
        cells.append(first)
    if one.role == reading.item.roles[0]:
        _write_main(reading, known, codes, headers, cells)


def _write_main(
    reading: Reading, known: Known, codes: Mapping[str, str], headers: list[str], cells: list[Cell]
) -> None:
    """The identifying fields of the item and the name follow the registry as well."""
    fields = {one.name: one for one in reading.item.fields}
    for name, type_ in IDENTIFYING_FIELDS.items():
        column = reading.layout.fields.get(name)
        if name not in fields or type_ not in codes or (column is None and name == "organisation_code"):
            continue
        if column is None:
            headers.append(fields[name].name)
            cells.append(codes[type_])
        elif cells[column.place] is not None or name != "organisation_code":
            cells[column.place] = codes[type_]
    named = reading.layout.fields.get(PARTY_NAME)
    if named is not None and not any(places().same(plain_text(cells[named.place]), one.name) for one in known.names):
        cells[named.place] = _name_on(reading, known)


def _name_on(reading: Reading, known: Known) -> str:
    on = reading.parsed.payload.get(reading.item.occurred_on)
    day = date.fromisoformat(on) if isinstance(on, str) else None
    then = [one.name for one in known.names if day is not None and one.on(day)]
    return (then or [known.names[0].name])[0]


def _replaced(text: str, old: str, new: str) -> str:
    """A list in a cell with one of its parts exchanged."""
    parts = [part.strip() for part in SEVERAL.split(text)]
    return "；".join(new if part == old else part for part in parts if part)
