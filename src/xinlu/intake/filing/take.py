"""Hand an approved version over: a delivery of the firm's own source, under the checks of every other delivery.

Order: the firm, projects, sections, persons, then relations, then records. What the firm says of itself revises the
registry; so does a section that it performs already. Projects, persons and other firms' sections that are registered
stay as they are: the review shows where a filing differs from them. What a later version leaves out is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.columns import Wanted
from xinlu.intake.deliver import deliver_sheet
from xinlu.intake.filing import content as said
from xinlu.intake.filing.content import Content, Row
from xinlu.intake.filing.queries import base_of, newest
from xinlu.intake.filing.refusal import FilingRefused, Found, Place
from xinlu.intake.models import Filing, FilingApproval, FilingVersion
from xinlu.intake.problems import Refused
from xinlu.intake.sheet import Cell, Sheet
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.digest import canonical, sm3
from xinlu.journal.effects import Doing
from xinlu.law.clock import CHINA
from xinlu.law.filing import FIRM, ROW, Form, Link, Part
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import Delivery, DeliveryRow, Source
from xinlu.registry import queries as registry
from xinlu.registry.models import Relation

ABOUT = "intake.filing:"
"""How a case says that it is about a filing; its number follows."""
FALLBACK = "zj-works-centre"
"""Organ of the source while a version is only tried."""
END, TAKE_BACK = "终止日期", "撤销"
_SYSTEM = Scope.system("handing over a filing")


def overwrites(part: Part, firm: int, subject: int) -> bool:
    """Whether a firm may say what is true of a registered subject: of a section that it performs already."""
    relations = [one.relation for one in part.links if one.from_ == FIRM]
    return (
        not current.catalogue().kinds[part.kind or ""].natural_person
        and Relation.objects.filter(
            relation__in=relations, from_subject=firm, to_subject=subject, superseded_at__isnull=True
        ).exists()
    )


class _OnlyTried(Exception):
    """Everything was tried and nothing is kept."""


def about(filing: Filing) -> str:
    """How a case names a filing."""
    return f"{ABOUT}{filing.pk}"


def filing_about(text: str) -> Filing:
    """The filing that a case is about; an error of the program when it is about something else."""
    if not text.startswith(ABOUT):
        raise ValueError(f"{text} is no filing")
    return Filing._base_manager.select_related("subject").get(pk=int(text.removeprefix(ABOUT)))


def take_filing(doing: Doing) -> Mapping[str, Any]:
    """Effect ``intake.take_filing``: the newest version is approved and handed over.

    The fact ``version`` is the one that was reviewed; another one that came meanwhile is refused (SF-008).
    """
    filing = filing_about(doing.about)
    version = newest(filing)
    if version is None or doing.facts.get("version") != version.number:
        raise FilingRefused("SF-008", "审核期间提交了新的内容，没有通过")
    deliveries = hand_over(version, actor=doing.actor, at=doing.at)
    FilingApproval.objects.create(version=version, at=doing.at, case=doing.case, deliveries=deliveries)
    append(
        actor=doing.actor,
        verb="intake.filing.taken",
        obj=f"intake.filing:{filing.pk}",
        facts={"version": version.number, "digest": version.digest, "deliveries": deliveries},
        at=doing.at,
    )
    return {"version": version.number, "deliveries": deliveries}


@transaction.atomic
def hand_over(version: FilingVersion, *, actor: Actor, at: datetime) -> list[int]:
    """Hand a version over; gives the numbers of its deliveries. All rows are accepted, or nothing is written.

    Raises:
        FilingRefused: SF-004 with every row that is in doubt.
    """
    filing = version.filing
    base = base_of(filing, below=version)
    handing = _Handing(
        filing, version.content, base.content if base else None, f"{filing.pk}/{version.number}", actor, at
    )
    return handing.all()


def rehearse(filing: Filing, content: Content, *, at: datetime) -> list[Found]:
    """What would be in doubt if ``content`` were handed over now; nothing is kept."""
    base = base_of(filing)
    try:
        with transaction.atomic():
            actor = Actor.system("rehearsal")
            _Handing(filing, content, base.content if base else None, f"{filing.pk}/try", actor, at).all()
            raise _OnlyTried
    except _OnlyTried:
        return []
    except FilingRefused as refused:
        return list(refused.found)


@dataclass
class _Batch:
    """Rows for one delivery. ``places``: (part, row) of each line, ``fields``: column → field of the form."""

    title: str
    wanted: Wanted
    headers: tuple[str, ...]
    fields: Mapping[str, str]
    lines: list[list[Cell]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)

    def add(self, cells: Sequence[Cell], part: str, row: str) -> None:
        self.lines.append(list(cells))
        self.places.append((part, row))


@dataclass
class _Handing:
    """One handing-over."""

    filing: Filing
    content: Content
    base: Content | None
    name: str
    actor: Actor
    at: datetime
    found: list[Found] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.form: Form = said.form_of(self.filing.form)
        self.day: date = self.at.astimezone(CHINA).date()
        self.firm = self.filing.subject
        identifiers = dict(registry.identifiers(_SYSTEM, self.firm.pk))
        self.firm_id = identifiers.get("uscc") or next(iter(identifiers.values()))

    def all(self) -> list[int]:
        source = self._source()
        numbers = [number for batch in self._batches() if batch.lines for number in self._hand(source, batch)]
        if self.found:
            raise FilingRefused("SF-004", f"有 {len(self.found)} 处问题", tuple(self.found))
        return numbers

    def _source(self) -> Source:
        return register_source(
            code=f"self-{self.firm.pk}",
            title=f"{self.firm.name}（自主填报）"[:120],
            organ=self.actor.organ or FALLBACK,
            kind=Source.Kind.SELF,
            actor=self.actor,
            at=self.at,
        )

    def _hand(self, source: Source, batch: _Batch) -> Iterator[int]:
        sheet = Sheet(
            name=f"{self.form.title} {self.filing.year} {batch.title}",
            form="json",
            encoding="utf-8",
            lines=list(enumerate(batch.lines, 1)),
            headers=batch.headers,
        )
        digest = sm3(canonical({"filing": self.name, "part": batch.title}))
        try:
            result = deliver_sheet(
                sheet, digest=digest, source=source, wanted=batch.wanted, received_at=self.at, actor=self.actor,
                way=Delivery.Way.FORM,
            )  # fmt: skip
        except Refused as refused:
            self.found += [Found(Place(batch.places[0][0]), one.code, one.sentence) for one in refused.problems]
            return
        if result.queried:
            rows = DeliveryRow._base_manager.filter(delivery=result.delivery, outcome="queried").order_by("number")
            for row in rows:
                part, key = batch.places[row.number - 1]
                held = said.row_in(self.content, part, key) or said.row_in(self.base or {}, part, key)
                sentence = said.hidden(held, row.sentence) if held else row.sentence
                self.found.append(Found(Place(part, key, batch.fields.get(row.field, "")), row.code, sentence))
        yield result.delivery

    def _batches(self) -> Iterator[_Batch]:
        """Batches in their order; each is made when the one before is written, so that it finds its subjects."""
        kinds = [(name, part) for name, part in self.form.parts.items() if part.kind is not None]
        # Persons last: a natural person is registered by nobody but whoever employs him.
        kinds.sort(key=lambda one: current.catalogue().kinds[one[1].kind or ""].natural_person)
        for name, part in kinds:
            yield self._subjects(name, part)
        for name, part in kinds:
            for link in part.links:
                yield self._relations(name, part, link)
        for name, part in self.form.parts.items():
            if part.item is not None:
                yield self._records(name, part)

    # ── subjects ──

    def _subjects(self, name: str, part: Part) -> _Batch:
        assert part.kind is not None
        kind = current.catalogue().kinds[part.kind]
        fields = [one for one in said.fields_of(part) if one.name not in ("name", "valid_from", "valid_until")]
        main = "uscc" if not part.many else kind.identifiers[0]
        columns = ["名称", "所在地", "生效日期", *([main] if not part.many else []), *(one.name for one in fields)]
        titles = {one.known.title: one.name for one in fields} | {one.name: one.name for one in fields}
        batch = _Batch(part.title, Wanted(kind=part.kind), tuple(columns), titles | {"名称": "name"})
        known = self._known(part, kind.identifiers[0]) if part.many else {}
        for row in self.content.get(name, []):
            values = {key: said.clear(value) for key, value in row["values"].items()}
            own = [values.get(one.name) or None for one in fields]
            if not part.many:
                batch.add(
                    [self.firm.name, self.firm.region, self.day.isoformat(), self.firm_id, *own], name, row["row"]
                )
                continue
            number = known.get(str(values.get(kind.identifiers[0], "")))
            if number is None:
                begins = values.get("valid_from") or values.get("started_on") or self.day.isoformat()
                batch.add([values.get("name"), self.firm.region, str(begins), *own], name, row["row"])
            elif overwrites(part, self.firm.pk, number):
                batch.add([values.get("name"), None, self.day.isoformat(), *own], name, row["row"])
        return batch

    def _known(self, part: Part, type_: str) -> dict[str, int]:
        name = next(key for key, one in self.form.parts.items() if one is part)
        values = [str(said.clear(row["values"].get(type_, ""))) for row in self.content.get(name, [])]
        return registry.numbers_by_identifier(_SYSTEM, [one for one in values if one], type_=type_)

    # ── relations ──

    def _relations(self, name: str, part: Part, link: Link) -> _Batch:
        title = current.catalogue().relations[link.relation].title
        columns = ("起点", "终点", "起始日期", END, "操作")
        fields = {
            "起点": _end(link.from_, part),
            "终点": _end(link.to, part),
            "起始日期": link.since,
            END: "valid_until",
        }
        batch = _Batch(f"{part.title}：{title}", Wanted(relation=link.relation), columns, fields)
        stated = {self._statement(part, link, row)[:3]: row for row in self.content.get(name, [])}
        for row in stated.values():
            batch.add([*self._statement(part, link, row), ""], name, row["row"])
        for row in (self.base or {}).get(name, []):
            statement = self._statement(part, link, row)
            if statement[:3] in stated:
                continue
            natural = current.catalogue().kinds[part.kind or ""].natural_person
            gone = said.row_in(self.content, name, row["row"]) is None
            if natural and gone and (statement[2] or "") < self.day.isoformat():
                batch.add([*statement[:3], statement[3] or self.day.isoformat(), ""], name, row["row"])
            else:
                batch.add([*statement[:3], None, TAKE_BACK], name, row["row"])
        return batch

    def _statement(self, part: Part, link: Link, row: Row) -> tuple[str, str, str | None, str | None]:
        values = {key: said.clear(value) for key, value in row["values"].items()}
        kind = current.catalogue().kinds[part.kind or ""]

        def end(which: str) -> str:
            if which == FIRM:
                return self.firm_id
            return str(values.get(kind.identifiers[0] if which == ROW else which, ""))

        until = values.get("valid_until") or None
        return end(link.from_), end(link.to), str(values.get(link.since) or "") or None, str(until) if until else None

    # ── records ──

    def _records(self, name: str, part: Part) -> _Batch:
        item = current.catalogue().items[part.item or ""]
        roles = {one.name for one in item.roles}
        fields = said.fields_of(part)
        columns = [f"role:{one.name}" if one.name in roles else one.name for one in fields]
        headers = (f"role:{item.roles[0].name}", *columns, "操作")
        batch = _Batch(
            part.title, Wanted(item=part.item), headers, dict(zip(columns, (one.name for one in fields), strict=True))
        )
        keys = [one.removeprefix("role:") for one in item.key]

        def cells(row: Row, word: str) -> list[Cell]:
            return [self.firm_id, *(said.clear(row["values"].get(one.name, "")) or None for one in fields), word]

        def key(row: Row) -> tuple[object, ...]:
            return tuple(said.compared(row["values"].get(one, "")) for one in keys)

        stated = {key(row) for row in self.content.get(name, [])}
        for row in self.content.get(name, []):
            batch.add(cells(row, ""), name, row["row"])
        for row in (self.base or {}).get(name, []):
            if key(row) not in stated:
                batch.add(cells(row, TAKE_BACK), name, row["row"])
        return batch


def _end(which: str, part: Part) -> str:
    if which == ROW and part.kind is not None:
        return current.catalogue().kinds[part.kind].identifiers[0]
    return "" if which == FIRM else which
