"""Rows that say who stands in which relation to whom, from which day and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from xinlu.intake.cells import Unreadable, day, plain_text, shown
from xinlu.intake.columns import RelationLayout
from xinlu.intake.people import People, Reference, unknown_subject
from xinlu.intake.problems import Fault
from xinlu.intake.rows import DELIVER, WITHDRAW, raw_row
from xinlu.intake.sheet import Cell, Line
from xinlu.intake.subjects import queried
from xinlu.journal.actor import Actor
from xinlu.law.catalogue import Catalogue, RelationKind
from xinlu.law.identifiers import half_width
from xinlu.ledger.record import Outcome
from xinlu.registry.models import Relation
from xinlu.registry.relate import NewRelation, relate_many

BATCH = 2000
_Key = tuple[str, int, int, date]


@dataclass
class Statement:
    """One row."""

    number: int
    cells: list[Cell]
    relation: RelationKind | None = None
    ends: dict[str, Reference] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)
    valid_from: date | None = None
    valid_until: date | None = None
    withdrawn: bool = False
    faults: list[Fault] = field(default_factory=list)


@dataclass
class Plan:
    """What a file of relations would do."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    statements: list[NewRelation] = field(default_factory=list)


class RelationRows:
    """Reads and checks rows of relations."""

    def __init__(self, layout: RelationLayout, catalogue: Catalogue) -> None:
        self.layout = layout
        self.catalogue = catalogue
        self.by_title = {one.title: one for one in catalogue.relations.values()}

    def plan(self, lines: Sequence[Line], headers: Sequence[str], *, at: datetime) -> Plan:
        """What the rows would do. Reads the database, writes nothing."""
        rows = [self._statement(number, cells) for number, cells in lines]
        people = People()
        people.load(reference for one in rows for reference in one.ends.values())
        for one in rows:
            self._match(one, people)
        plan = Plan()
        self._judge([one for one in rows if not one.faults], plan, at)
        for one in rows:
            if one.faults:
                plan.outcomes[one.number] = queried(one.number, one.faults, raw_row(one.cells, headers))
        return plan

    def _statement(self, number: int, cells: list[Cell]) -> Statement:
        one = Statement(number, cells)
        one.relation = self._relation(one)
        for end in ("from", "to"):
            text = plain_text(self._cell(one, end))
            if text:
                one.ends[end] = ("", text)
            else:
                one.faults.append(Fault("E01", f"{self._header(end)}为空", self._header(end), end))
        one.valid_from = self._day(one, "valid_from", required=True)
        one.valid_until = self._day(one, "valid_until", required=False)
        if one.valid_from and one.valid_until and one.valid_until <= one.valid_from:
            header = self._header("valid_until")
            one.faults.append(Fault("E25", "终止日期不晚于起始日期", header, "valid_until"))
        word = half_width(plain_text(self._cell(one, "operation"))).lower()
        one.withdrawn = word in WITHDRAW
        if not one.withdrawn and word not in DELIVER:
            one.faults.append(Fault("E23", f"操作“{shown(word)}”不认识", self._header("operation"), "op"))
        return one

    def _relation(self, one: Statement) -> RelationKind | None:
        if self.layout.relation is not None:
            return self.layout.relation
        word = plain_text(self._cell(one, "relation"))
        found = self.catalogue.relations.get(word) or self.by_title.get(word)
        if found is None:
            code = "E05" if word else "E01"
            one.faults.append(Fault(code, f"没有关系“{shown(word)}”", self._header("relation"), "relation"))
        return found

    def _match(self, one: Statement, people: People) -> None:
        if one.relation is None:
            return
        allowed = {"from": one.relation.from_kinds, "to": one.relation.to_kinds}
        for end, reference in one.ends.items():
            header, kinds = self._header(end), allowed[end]
            person = people.find(reference)
            if person is None:
                types = [t for k in kinds if k in self.catalogue.kinds for t in self.catalogue.kinds[k].identifiers]
                one.faults.append(unknown_subject(reference, types=types, column=header, title=header, field=end))
            elif person.kind not in kinds:
                titles = "、".join(self.catalogue.kinds[k].title for k in kinds if k in self.catalogue.kinds)
                sentence = f"关系“{one.relation.title}”的{header}应为{titles}"
                one.faults.append(Fault("E18", sentence, header, end))
            else:
                one.subjects[end] = person.number
        if not one.faults and one.subjects["from"] == one.subjects["to"]:
            one.faults.append(Fault("E22", "两端是同一主体", self._header("to"), "to"))

    def _judge(self, rows: Sequence[Statement], plan: Plan, at: datetime) -> None:
        current, gone = _stored(sorted({one.subjects["from"] for one in rows}))
        first: dict[_Key, Statement] = {}
        for one in rows:
            assert one.relation is not None
            assert one.valid_from is not None
            key = (one.relation.relation, one.subjects["from"], one.subjects["to"], one.valid_from)
            before = first.setdefault(key, one)
            if before is not one:
                if (before.valid_until, before.withdrawn) == (one.valid_until, one.withdrawn):
                    plan.outcomes[one.number] = Outcome(one.number, "duplicate")
                else:
                    one.faults.append(Fault("E07", f"与第 {before.number} 行是同一关系、同一起始日期，内容不同"))
                continue
            row = current.get(key)
            if (one.withdrawn and row is None and key in gone) or (
                not one.withdrawn and row is not None and row.valid_until == one.valid_until
            ):
                plan.outcomes[one.number] = Outcome(one.number, "duplicate")
            elif one.withdrawn and row is None:
                one.faults.append(Fault("LD-003", "要撤回的关系不存在"))
            elif row is not None and row.recorded_at > at:
                one.faults.append(Fault("E11", "库中已有更晚收到的同一关系"))
            else:
                plan.statements.append(NewRelation(*key, valid_until=one.valid_until, withdrawn=one.withdrawn))
                plan.outcomes[one.number] = Outcome(one.number, "accepted")

    def _cell(self, one: Statement, name: str) -> Cell:
        column = self.layout.places.get(name)
        return one.cells[column.place] if column is not None and column.place < len(one.cells) else None

    def _header(self, name: str) -> str:
        column = self.layout.places.get(name)
        return column.header if column is not None else name

    def _day(self, one: Statement, name: str, *, required: bool) -> date | None:
        cell = self._cell(one, name)
        header = self._header(name)
        if cell is None:
            if required:
                one.faults.append(Fault("E01", f"{header}为空", header, name))
            return None
        try:
            return date.fromisoformat(day(cell))
        except Unreadable as wrong:
            one.faults.append(Fault("E04", f"{header}{wrong}", header, name))
            return None


def apply(plan: Plan, *, actor: Actor, at: datetime) -> None:
    """Do what was planned."""
    relate_many(plan.statements, actor=actor, at=at)


def _stored(from_subjects: Sequence[int]) -> tuple[dict[_Key, Relation], set[_Key]]:
    """Current statements by key, and the keys of those that are gone."""
    current: dict[_Key, Relation] = {}
    gone: set[_Key] = set()
    for start in range(0, len(from_subjects), BATCH):
        for row in Relation.objects.filter(from_subject__in=from_subjects[start : start + BATCH]):
            key = (row.relation, row.from_subject_id, row.to_subject_id, row.valid_from)
            if row.superseded_at is None:
                current[key] = row
            else:
                gone.add(key)
    return current, gone
