"""Rows that register subjects: who they are, and what is true of them from a day on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from xinlu.intake.cells import Reader, Unreadable, Value, day, lost_digits, no_text, plain_text, reader, shown
from xinlu.intake.columns import Column, KindLayout, MixedKinds
from xinlu.intake.people import People, Person, Reference, identifier_fault
from xinlu.intake.problems import Fault
from xinlu.intake.rows import DELIVER, code_spellings, raw_row
from xinlu.intake.sheet import Cell, Line
from xinlu.journal.actor import Actor
from xinlu.law.catalogue import Catalogue, SubjectKind
from xinlu.law.identifiers import TITLES, half_width
from xinlu.ledger.record import Outcome
from xinlu.registry.enrol import NewSubject, add_identifiers, enrol_many
from xinlu.registry.models import SubjectPeriod
from xinlu.registry.naming import NAME_LENGTH, normalised_identifier
from xinlu.registry.revise import Revision, revise_many

BATCH = 2000
ENDS = frozenset({"注销", "终止", "end", "cease"})
_REGION = re.compile(r"\d{6,12}")


@dataclass
class Entry:
    """One row: from ``valid_from`` on, these facts hold of who has these identifiers."""

    number: int
    cells: list[Cell]
    kind: SubjectKind | None = None
    identifiers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    region: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    ends: bool = False
    faults: list[Fault] = field(default_factory=list)
    end: date | None = None
    """``valid_until``, or where the next row of the same subject begins."""

    @property
    def content(self) -> tuple[object, ...]:
        """What two rows for one day must agree in."""
        facts = {key: tuple(v) if isinstance(v, list) else v for key, v in self.attributes.items()}
        return (self.name, self.region, self.valid_until, self.ends, tuple(sorted(facts.items())))


@dataclass
class Plan:
    """What a file of subjects would do: new ones with their first facts, revisions, further identifiers."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    new: list[list[Entry]] = field(default_factory=list)
    revisions: list[tuple[int, Entry]] = field(default_factory=list)
    identifiers: list[tuple[int, str, str]] = field(default_factory=list)


class SubjectRows:
    """Reads and checks rows that register subjects."""

    def __init__(self, layout: KindLayout | MixedKinds, catalogue: Catalogue) -> None:
        self.layout = layout
        self.catalogue = catalogue
        layouts = layout.kinds.values() if isinstance(layout, MixedKinds) else [layout]
        self.readers = {one.kind.kind: self._readers(one) for one in layouts}

    def plan(self, lines: Sequence[Line], headers: Sequence[str], *, at: datetime) -> Plan:
        """What the rows would do. Reads the database, writes nothing."""
        entries = [self._entry(number, cells) for number, cells in lines]
        people = People()
        people.load(ref for one in entries for ref in one.identifiers.items())
        groups = _grouped([one for one in entries if not one.faults], people)
        plan = Plan()
        existing = {key: rows for key, rows in groups.items() if isinstance(key, int)}
        periods = _periods(list(existing))
        for key, rows in groups.items():
            _arrange(rows, plan)
            rows = [one for one in rows if one.number not in plan.outcomes and not one.faults]
            if isinstance(key, int):
                _existing(key, rows, periods[key], people, plan, at)
            elif rows and rows[0].ends:
                for one in rows:
                    one.faults.append(Fault("LD-003", "要注销的主体没有登记", ""))
            elif rows:
                plan.new.append(rows)
                plan.outcomes.update({one.number: Outcome(one.number, "accepted") for one in rows})
        for one in entries:
            if one.faults:
                plan.outcomes[one.number] = queried(one.number, one.faults, raw_row(one.cells, headers))
        return plan

    # ── one row ──

    def _entry(self, number: int, cells: list[Cell]) -> Entry:
        entry = Entry(number, cells)
        layout = self._layout(entry)
        if layout is None:
            return entry
        entry.kind = layout.kind
        self._identify(entry, layout)
        entry.name = plain_text(_at(cells, layout.name))[:NAME_LENGTH]
        if not entry.name and layout.named_by_identifier:
            entry.name = next(iter(entry.identifiers.values()), "")
        entry.region = plain_text(_at(cells, layout.region))
        if entry.region and not _REGION.fullmatch(entry.region):
            entry.faults.append(Fault("E05", f"所在地“{shown(entry.region)}”应为行政区划代码", _head(layout.region)))
        self._days(entry, layout)
        word = half_width(plain_text(_at(cells, layout.operation))).lower()
        entry.ends = word in ENDS
        if not entry.ends and word not in DELIVER:
            entry.faults.append(Fault("E23", f"操作“{shown(word)}”不认识", _head(layout.operation)))
        if what := no_text(entry.name):
            entry.faults.append(Fault("E31", f"名称“{shown(entry.name)}”{what}", _head(layout.name) or "名称"))
        if not entry.name and not entry.ends:
            entry.faults.append(Fault("E01", "名称为空", _head(layout.name) or "名称"))
        for place, name, read in self.readers[layout.kind.kind]:
            cell = cells[place] if place < len(cells) else None
            if cell is None:
                continue
            value = read(cell)
            if isinstance(value, Fault):
                entry.faults.append(value)
            elif value:
                entry.attributes[name] = value
        return entry

    def _layout(self, entry: Entry) -> KindLayout | None:
        if isinstance(self.layout, KindLayout):
            return self.layout
        word = plain_text(_at(entry.cells, self.layout.column))
        for one in self.layout.kinds.values():
            if word in (one.kind.kind, one.kind.title):
                if one.missing:
                    sentence = f"{one.kind.title}缺少列 {'、'.join(one.missing)}"
                    entry.faults.append(Fault("E01", sentence, self.layout.column.header))
                    return None
                return one
        code = "E05" if word else "E01"
        entry.faults.append(Fault(code, f"没有主体类别“{shown(word)}”", self.layout.column.header))
        return None

    def _identify(self, entry: Entry, layout: KindLayout) -> None:
        for type_, column in layout.identifiers.items():
            cell = _at(entry.cells, column)
            text = plain_text(cell)
            if not text:
                continue
            if lost_digits(cell):
                sentence = f"{column.header}“{shown(cell)}”成了科学计数法，后面的位数已丢失"
                entry.faults.append(Fault("E17", sentence, column.header, type_))
            elif fault := identifier_fault(type_, text, column=column.header, field=type_):
                entry.faults.append(fault)
            elif not normalised_identifier(text):
                entry.faults.append(Fault("E21", f"{column.header}“{shown(text)}”不含字母或数字", column.header, type_))
            else:
                entry.identifiers[type_] = text
        if not entry.identifiers and not entry.faults:
            titles = "、".join(TITLES.get(one, one) for one in layout.identifiers)
            entry.faults.append(Fault("E01", f"标识为空：{titles}", titles))

    def _days(self, entry: Entry, layout: KindLayout) -> None:
        entry.valid_from = _day(entry, layout.valid_from, required=True)
        entry.valid_until = _day(entry, layout.valid_until, required=False)
        if entry.valid_from and entry.valid_until and entry.valid_until <= entry.valid_from:
            entry.faults.append(Fault("E25", "失效日期不晚于生效日期", _head(layout.valid_until)))

    def _readers(self, layout: KindLayout) -> list[tuple[int, str, Reader]]:
        fields = {one.name: one for one in layout.kind.attributes}
        lists = self.catalogue.code_lists
        return [
            (
                column.place,
                name,
                reader(
                    fields[name],
                    header=column.header,
                    codes=code_spellings(lists[listed]) if (listed := fields[name].codes) in lists else None,
                ),
            )
            for name, column in layout.attributes.items()
        ]


def apply(plan: Plan, *, actor: Actor, at: datetime) -> None:
    """Do what was planned."""
    numbers = enrol_many([_new(rows) for rows in plan.new], actor=actor, at=at)
    revisions = [_revision(number, one) for number, one in plan.revisions]
    for number, rows in zip(numbers, plan.new, strict=True):
        revisions += [_revision(number, one) for one in rows[1:]]
    if plan.identifiers:
        add_identifiers(plan.identifiers, actor=actor, at=at)
    if revisions:
        revise_many(revisions, actor=actor, at=at)


def queried(number: int, faults: Sequence[Fault], raw: Mapping[str, str] | None = None) -> Outcome:
    """The outcome of a row with faults: the code of the first, the sentences of all."""
    sentence = "；".join(dict.fromkeys(one.sentence for one in faults))
    return Outcome(
        number,
        "queried",
        code=faults[0].code,
        sentence=sentence[:600],
        field=faults[0].column[:80],
        raw=raw,
        columns=tuple(dict.fromkeys(one.column for one in faults if one.column)),
    )


def _new(rows: Sequence[Entry]) -> NewSubject:
    first = rows[0]
    assert first.kind is not None
    assert first.valid_from is not None
    identifiers = {type_: value for one in reversed(rows) for type_, value in one.identifiers.items()}
    return NewSubject(
        kind=first.kind.kind,
        name=first.name,
        region=first.region,
        identifiers=identifiers,
        valid_from=first.valid_from,
        valid_until=first.valid_until,
        natural_person=first.kind.natural_person,
        attributes=first.attributes,
    )


def _revision(number: int, one: Entry) -> Revision:
    assert one.valid_from is not None
    return Revision(
        subject=number,
        valid_from=one.valid_from,
        valid_until=one.end,
        name=one.name or None,
        region=one.region or None,
        attributes=one.attributes,
        ends=one.ends,
    )


# ── rows of one subject ─────────────────────────────────────────────────────────────────────────

_Key = int | str


def _grouped(entries: Sequence[Entry], people: People) -> dict[_Key, list[Entry]]:
    """Rows by subject: its number, or for a new one its first identifier. Contradicting rows get a fault."""
    groups: dict[_Key, list[Entry]] = defaultdict(list)
    taken: dict[Reference, _Key] = {}
    for one in entries:
        assert one.kind is not None
        persons = _persons(one, people)
        same = [(type_, normalised_identifier(value)) for type_, value in one.identifiers.items()]
        keys: set[_Key] = {person.number for person in persons}
        keys.update(taken[ref] for ref in same if ref in taken)
        if len(keys) > 1:
            one.faults.append(Fault("E22", "各标识指向不同主体", ""))
            continue
        wrong = next((person for person in persons if person.kind != one.kind.kind), None)
        if wrong is not None:
            one.faults.append(Fault("E18", f"该标识已登记为另一类主体，不是{one.kind.title}", ""))
            continue
        key = next(iter(keys), f"{one.kind.kind}:{same[0][0]}:{same[0][1]}")
        if isinstance(key, str) and not key.startswith(f"{one.kind.kind}:"):
            one.faults.append(Fault("E18", f"同一文件中该标识属于另一类主体，不是{one.kind.title}", ""))
            continue
        taken.update(dict.fromkeys(same, key))
        groups[key].append(one)
    return groups


def _persons(one: Entry, people: People) -> list[Person]:
    found = [people.find(reference) for reference in one.identifiers.items()]
    return [person for person in found if person is not None]


def _arrange(rows: list[Entry], plan: Plan) -> None:
    """Put rows in order of time; of two for one day, the second is a duplicate or contradicts."""
    first: dict[date | None, Entry] = {}
    for one in rows:
        before = first.setdefault(one.valid_from, one)
        if before is one:
            continue
        if before.content == one.content:
            plan.outcomes[one.number] = Outcome(one.number, "duplicate")
        else:
            one.faults.append(Fault("E07", f"与第 {before.number} 行是同一主体、同一生效日期，内容不同", ""))
    kept = sorted(first.values(), key=lambda one: one.valid_from or date.min)
    for one, following in zip(kept, [*kept[1:], None], strict=True):
        one.end = one.valid_until
        if following is not None and following.valid_from and (one.end is None or one.end > following.valid_from):
            one.end = following.valid_from
    rows.sort(key=lambda one: (one.valid_from or date.min, one.number))


def _existing(
    number: int, rows: Sequence[Entry], periods: Sequence[SubjectPeriod], people: People, plan: Plan, at: datetime
) -> None:
    later = any(period.recorded_at > at for period in periods)
    seen: set[Reference] = set()
    for one in rows:
        fresh = [
            (number, type_, value)
            for type_, value in one.identifiers.items()
            if people.find((type_, value)) is None and (type_, normalised_identifier(value)) not in seen
        ]
        seen |= {(type_, normalised_identifier(value)) for _, type_, value in fresh}
        same = _is_so(one, periods)
        if not same and later:
            one.faults.append(Fault("E11", "库中已有更晚收到的登记", ""))
            continue
        plan.identifiers += fresh
        if not same:
            plan.revisions.append((number, one))
        plan.outcomes[one.number] = Outcome(one.number, "duplicate" if same and not fresh else "accepted")


def _is_so(one: Entry, periods: Sequence[SubjectPeriod]) -> bool:
    """Whether the registry says just that already, on every day of the row."""
    assert one.valid_from is not None
    cursor: date | None = one.valid_from
    for period in periods:
        if (period.valid_until is not None and period.valid_until <= one.valid_from) or (
            one.end is not None and period.valid_from >= one.end
        ):
            continue
        if one.ends or cursor is None or period.valid_from > cursor or not _agrees(one, period):
            return False
        cursor = period.valid_until
    return one.ends or cursor is None or (one.end is not None and cursor >= one.end)


def _agrees(one: Entry, period: SubjectPeriod) -> bool:
    if one.name != period.name or (one.region and one.region != period.region):
        return False
    return all(period.attributes.get(name) == value for name, value in one.attributes.items())


def _periods(numbers: Sequence[int]) -> dict[int, list[SubjectPeriod]]:
    found: dict[int, list[SubjectPeriod]] = {number: [] for number in numbers}
    for start in range(0, len(numbers), BATCH):
        rows = SubjectPeriod.objects.filter(subject__in=numbers[start : start + BATCH], superseded_at__isnull=True)
        for row in rows.order_by("subject", "valid_from"):
            found[row.subject_id].append(row)
    return found


# ── cells ───────────────────────────────────────────────────────────────────────────────────────


def _at(cells: Sequence[Cell], column: Column | None) -> Cell:
    return cells[column.place] if column is not None and column.place < len(cells) else None


def _head(column: Column | None) -> str:
    return column.header if column is not None else ""


def _day(entry: Entry, column: Column | None, *, required: bool) -> date | None:
    cell = _at(entry.cells, column)
    if cell is None:
        if required:
            entry.faults.append(Fault("E01", f"{_head(column) or '生效日期'}为空", _head(column)))
        return None
    try:
        return date.fromisoformat(day(cell))
    except Unreadable as wrong:
        entry.faults.append(Fault("E04", f"{_head(column)}{wrong}", _head(column)))
        return None
