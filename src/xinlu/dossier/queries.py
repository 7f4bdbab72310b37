"""What pages and papers may ask about one subject. Every question takes a scope first; ``on`` is the day of asking.

What a scope may not see is not there: None, an empty list, or a line folded per clause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from django.db.models import Count, QuerySet

from xinlu.access import masking
from xinlu.access.models import Organ
from xinlu.access.scope import Scope
from xinlu.assessment.queries import entries_of
from xinlu.dossier.arithmetic import Account, account_of, folded
from xinlu.dossier.places import place_name
from xinlu.gazette import current
from xinlu.law.catalogue import Field, FieldType, Item
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import queries as ledger
from xinlu.ledger.disclosure import free_text
from xinlu.ledger.models import Record, Standing
from xinlu.registry import queries as registry
from xinlu.registry.models import Subject

RATING = "rating_result"
POINTS = ("score", "points")
"""Outputs that are points, by the names that books use."""
PERMITS = ("administrative_permit",)
SECTIONS = (
    ("basic", "基础"),
    ("rating", "评价"),
    ("good", "良好"),
    ("bad", "不良"),
    ("permit", "许可"),
    ("relation", "关系"),
    ("other", "其他"),
)
"""The parts of a dossier, in the order of its tabs."""
IDENTIFIERS = {
    "uscc": "统一社会信用代码",
    "organisation_code": "组织机构代码",
    "code": "编号",
    "id_number": "身份证件号码",
    "certificate_no": "证件号",
    "plate": "号牌号码",
    "vessel_id": "船舶识别号",
    "mmsi": "水上移动识别码",
}


@dataclass(frozen=True)
class Shown:
    """A title and a value as people read it. ``code`` is set in figures of one width."""

    title: str
    value: object
    code: bool = False
    wide: bool = False


@dataclass(frozen=True)
class StandingShown:
    """The standing of one subject under one book of one organ: the level, and the other answers beside it."""

    main: Standing
    book: Rulebook | None
    title: str
    others: tuple[tuple[str, Standing], ...]

    @property
    def year(self) -> str:
        """The year that was rated: of the last day of the period, else of ``as_of``."""
        until = self.main.version.payload.get("rated_until")
        day = date.fromisoformat(until) if until else None
        return str((day - date.resolution).year if day else self.main.as_of.year)

    @property
    def score(self) -> Decimal | None:
        """The points that go with the level; a ratio or a count beside it is none."""
        beside = (one for _, one in self.others if one.output in POINTS)
        return next((one.score for one in (self.main, *beside) if one.score is not None), None)


@dataclass(frozen=True)
class RecordCard:
    """A record as people read it."""

    record: Record
    item: Item
    title: str
    fields: tuple[Shown, ...]
    roles: tuple[ledger.RoleShown, ...]
    publicity: str


@dataclass(frozen=True)
class RelationShown:
    """A relation of the subject to somebody else."""

    words: str
    other: Subject
    name: str
    kind: str
    since: date
    until: date | None


@dataclass(frozen=True)
class Dossier:
    """One subject’s file as a scope may read it."""

    subject: Subject
    name: str
    kind: str
    place: str
    identifiers: tuple[Shown, ...]
    facts: tuple[Shown, ...]
    standings: tuple[StandingShown, ...]
    counts: Mapping[str, int]
    """Section → number of its entries."""
    absorbed_from: int | None = None


@dataclass(frozen=True)
class Found:
    """One line of a search result."""

    subject: Subject
    name: str
    why: str
    kind: str
    place: str
    code: str
    standings: tuple[StandingShown, ...]


WHY = {
    "identifier": "代码相符",
    "name": "名称相符",
    "prefix": "名称开头",
    "initials": "拼音首字母",
    "contains": "名称包含",
}


# ── search ──────────────────────────────────────────────────────────────────


def search(
    scope: Scope, text: str, *, on: date, kind: str | None = None, regions: Collection[str] | None = None
) -> list[Found]:
    """Subjects by what people type, best first, with their standings in force; ``regions`` as the registry says."""
    hits = registry.search(scope, text, kind=kind, regions=regions)
    numbers = [hit.subject.pk for hit in hits]
    codes = registry.main_identifiers(scope, numbers, type_="uscc")
    held: dict[int, list[Standing]] = {}
    for one in ledger.standings(scope, on=on).filter(subject__in=numbers):
        held.setdefault(one.subject_id, []).append(one)
    return [
        Found(
            subject=hit.subject,
            name=registry.shown_name(scope, hit.subject),
            why=WHY[hit.why],
            kind=kind_title(hit.subject.kind),
            place=place_name(hit.subject.region),
            code=codes.get(hit.subject.pk, ""),
            standings=grouped(held.get(hit.subject.pk, [])),
        )
        for hit in hits
    ]


# ── one subject ─────────────────────────────────────────────────────────────


def dossier(scope: Scope, number: int, *, on: date) -> Dossier | None:
    """The file of subject ``number``; of one that was merged, the file of the one kept."""
    one = registry.subject(scope, number)
    if one is None:
        return None
    standings = grouped(ledger.standings_of(scope, one.pk, on=on))
    return Dossier(
        subject=one,
        name=registry.shown_name(scope, one),
        kind=kind_title(one.kind),
        place=place_name(one.region),
        identifiers=tuple(
            Shown(IDENTIFIERS.get(type_, type_), value, code=True)
            for type_, value in registry.identifiers(scope, one.pk)
        ),
        facts=_facts(scope, one, on),
        standings=standings,
        counts=_counts(scope, one, standings, on),
        absorbed_from=number if number != one.pk else None,
    )


def _facts(scope: Scope, one: Subject, on: date) -> tuple[Shown, ...]:
    kind = current.catalogue().kinds.get(one.kind)
    period = registry.period(scope, one.pk, on=on)
    if kind is None or period is None:
        return ()
    given = [(field, period.attributes.get(field.name)) for field in kind.attributes]
    return tuple(_shown(scope, field, value) for field, value in given if value is not None)


def _shown(scope: Scope, field: Field, value: object) -> Shown:
    clear = field.level == "L1" or (field.level == "L2" and scope.sees_level("L2"))
    if not (clear or scope.kind == "system"):
        value = masking.mask(field.mask, str(value)) if field.mask != "none" else "不公开"
    elif scope.kind != "system":
        value = free_text(field, value)
    return Shown(field.title, readable(field, value))


def _counts(scope: Scope, one: Subject, standings: Sequence[StandingShown], on: date) -> dict[str, int]:
    found = dict.fromkeys((key for key, _ in SECTIONS), 0)
    for item, number in ledger.counts_of(scope, one.pk, on=on).items():
        if item != RATING:
            found[section_of(item)] += number
    found["rating"] += len(standings)
    found["relation"] = len(registry.relations(scope, one.pk, on=on))
    return found


def section_of(item: str) -> str:
    """The section of a dossier under which records of ``item`` stand."""
    if item in PERMITS:
        return "permit"
    known = current.catalogue().items.get(item)
    nature = known.nature if known else "other"
    return nature if nature in ("basic", "rating", "good", "bad") else "other"


def section_items(section: str) -> list[str]:
    """Catalogue items of a section, without the ratings themselves."""
    return [item for item in current.catalogue().items if item != RATING and section_of(item) == section]


def section_records(scope: Scope, number: int, section: str, *, on: date) -> QuerySet[Record]:
    """Records of one section of a subject’s file, newest first."""
    return ledger.records_of(scope, number, on=on).filter(item__in=section_items(section))


def relations(scope: Scope, one: Subject, *, on: date) -> list[RelationShown]:
    """To whom a subject is related on a day, from its own side."""
    kinds = current.catalogue().relations
    found = []
    for row in registry.relations(scope, one.pk, on=on):
        outgoing = row.from_subject_id == one.pk
        other = row.to_subject if outgoing else row.from_subject
        kind = kinds.get(row.relation)
        words = (kind.title if outgoing else kind.inverse) if kind else row.relation
        found.append(
            RelationShown(
                words, other, registry.shown_name(scope, other), kind_title(other.kind), row.valid_from, row.valid_until
            )
        )
    return found


# ── records ─────────────────────────────────────────────────────────────────


def card(scope: Scope, version: Record) -> RecordCard:
    """A record that the scope was given, with its fields in words."""
    item = current.catalogue().items[version.item]
    shown = ledger.shown(scope, version)
    words = {
        field.name: readable(field, shown.fields[field.name]) for field in item.fields if field.name in shown.fields
    }
    if item.item == RATING:
        words |= _rating_words(shown.fields)
    titles = {field.name: field.title for field in item.fields}
    fields = tuple(Shown(titles[name], value, wide=len(str(value)) > 24) for name, value in words.items())
    names = [part for part in item.key if part in words]
    title = str(words[names[0]]) if names else item.title
    return RecordCard(version, item, title, fields, shown.roles, disclosure_words(item))


def _rating_words(fields: Mapping[str, object]) -> dict[str, object]:
    """What a published rating names by code, in words: book, answer, level and organ."""
    found: dict[str, object] = {}
    book = book_of(str(fields.get("book", "")), str(fields.get("book_version", "")))
    output = book.outputs.get(str(fields.get("output", ""))) if book else None
    if book is not None:
        found["book"] = book.title
    if book is not None and output is not None:
        found["output"] = output.title
        titles = {step.level: step.title for step in (*output.levels, *book.levels) if step.title}
        if "level" in fields and not str(fields["level"]).isupper():
            found["level"] = titles.get(str(fields["level"]), fields["level"])
    if organ := Organ.objects.filter(code=fields.get("jurisdiction", "")).first():
        found["jurisdiction"] = organ.name
    return found


def cards(scope: Scope, versions: Iterable[Record]) -> list[RecordCard]:
    """Several records in words."""
    return [card(scope, version) for version in versions]


def readable(field: Field, value: object) -> object:
    """A recorded value in words: a code by its title, yes and no in Chinese, a number with its unit.

    >>> readable(Field(name="fine", title="罚款", type="number", digits=18, scale=6, unit="万元"), "0.200000")
    '0.2 万元'
    """
    if isinstance(value, list):
        return [readable(field, one) for one in value]
    if field.codes is not None:
        codes = current.catalogue().code_lists.get(field.codes)
        return codes.values.get(str(value), value) if codes else value
    if field.type is FieldType.YES_NO:
        return {"true": "是", "false": "否"}.get(str(value), value)
    if field.type is FieldType.NUMBER:
        value = _plain(str(value))
    return f"{value} {field.unit}" if field.unit else value


def _plain(text: str) -> str:
    """A recorded number without idle zeros, thousands marked; anything else as it is."""
    try:
        shown = f"{Decimal(text):,f}"
    except InvalidOperation:
        return text
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def disclosure_words(item: Item) -> str:
    """Who may see records of an item."""
    words = {"public": "社会公开", "authorised": "授权查询", "shared": "政务共享", "internal": "内部使用"}
    return words.get(str(item.disclosure), "内部使用")


def kind_title(kind: str) -> str:
    """The Chinese name of a kind of subject."""
    known = current.catalogue().kinds.get(kind)
    return known.title if known else kind


# ── standings ───────────────────────────────────────────────────────────────


def grouped(standings: Iterable[Standing]) -> tuple[StandingShown, ...]:
    """One entry per book and organ, the newest; the output that gives the level in front."""
    newest: dict[tuple[str, str, str], Standing] = {}
    for one in standings:
        key = (one.book, one.jurisdiction, one.output)
        if key not in newest or (one.as_of, one.effective_from) >= (newest[key].as_of, newest[key].effective_from):
            newest[key] = one
    groups: dict[tuple[str, str], list[Standing]] = {}
    for (book, organ, _), one in newest.items():
        groups.setdefault((book, organ), []).append(one)
    return tuple(_group(group) for group in groups.values())


def _group(group: list[Standing]) -> StandingShown:
    first = group[0]
    book = book_of(first.book, first.book_version)
    names = list(book.outputs) if book else []
    graded = (
        {name for name, part in book.outputs.items() if part.bands or part.conditions or part.moves} if book else ()
    )
    group.sort(
        key=lambda one: (
            not one.level,
            one.output not in graded,
            names.index(one.output) if one.output in names else 99,
        )
    )
    titles = {name: output.title for name, output in book.outputs.items()} if book else {}
    main, *others = group
    return StandingShown(
        main,
        book,
        book.title if book else main.book,
        tuple((titles.get(one.output, one.output), one) for one in others),
    )


def book_of(book: str, version: str) -> Rulebook | None:
    """The version of a book that a standing names; its newest when it names none."""
    law = current.library()
    versions = law.rulebooks.get(book, ())
    return law.version(book, version) or (versions[-1] if versions else None)


@dataclass(frozen=True)
class Explained:
    """A standing with everything behind it that the scope may read."""

    shown: StandingShown
    history: tuple[Standing, ...]
    account: Account | None
    """None where no run is behind the standing, or its entries are gone."""
    records: Mapping[int, RecordCard]
    subjects: Mapping[int, str]
    """Number → name of the subjects whose findings under other books were read."""
    complete: bool
    """False when lines were folded because their records are not open to the reader."""


def explained(scope: Scope, number: int, standing: int, *, on: date) -> Explained | None:
    """One standing of a subject with its entries, their records and the arithmetic."""
    found = Standing.objects.within(scope).filter(pk=standing, subject=number).select_related("version", "subject")
    one = found.first()
    if one is None:
        return None
    beside = (
        Standing.objects.within(scope)
        .filter(
            subject=number,
            book=one.book,
            jurisdiction=one.jurisdiction,
            as_of=one.as_of,
            kind=one.kind,
            version__superseded_at__isnull=True,
        )
        .select_related("version", "subject")
    )
    shown = next((g for g in grouped([one, *beside.exclude(pk=one.pk)])), None)
    if shown is None:
        return None
    history = tuple(
        past for past in ledger.standing_history(scope, number, one.book) if past.jurisdiction == one.jurisdiction
    )
    account = _account(scope, one, shown.book)
    if account is None:
        return Explained(shown, history, None, {}, {}, complete=True)
    wanted, others = _records_in(account), _subjects_in(account)
    seen = _cards_of(scope, wanted, on)
    known = {one.pk: registry.shown_name(scope, one) for one in registry.subjects(scope).filter(pk__in=others)}
    hidden = (wanted - seen.keys()) | (others - known.keys())
    read = folded(account, seen.keys(), known.keys()) if hidden else account
    return Explained(shown, history, read, seen, known, complete=not hidden)


def _account(scope: Scope, one: Standing, book: Rulebook | None) -> Account | None:
    if book is None or not one.run:
        return None
    entries = entries_of(scope, one.run, one.subject_id)
    books = current.library().rulebooks
    rate_records = [name for name, versions in books.items() if versions[-1].rates.subject is None]
    return account_of(entries, book, rate_records=rate_records) if entries else None


def _records_in(account: Account) -> set[int]:
    found = {line.record for sheet in account.sheets for line in sheet.lines}
    found |= {line.record for line in (*account.hits, *account.excluded)}
    found |= {fact.record for fact in account.facts} | {decision.record for decision in account.decisions}
    found |= {sheet.row for sheet in account.sheets}
    return {number for number in found if number is not None}


def _subjects_in(account: Account) -> set[int]:
    found = {line.other for sheet in account.sheets for line in sheet.lines}
    found |= {line.other for line in (*account.hits, *account.excluded)}
    found |= {part.other for part in account.facts} | {part.other for part in account.decisions}
    return {number for number in found if number is not None}


def _cards_of(scope: Scope, numbers: Iterable[int], on: date) -> dict[int, RecordCard]:
    versions = ledger.records(scope, on=on).filter(record__in=list(numbers))
    return {version.record: card(scope, version) for version in versions}


# ── overview ────────────────────────────────────────────────────────────────


def standings_by_book(scope: Scope, *, on: date) -> dict[str, dict[str, dict[str, int]]]:
    """Book → output → level → number of standings in force."""
    rows = ledger.standings(scope, on=on).order_by("book", "output", "level").values_list("book", "output", "level")
    found: dict[str, dict[str, dict[str, int]]] = {}
    for book, output, level, number in rows.annotate(number=Count("pk")):
        found.setdefault(book, {}).setdefault(output, {})[level] = number
    return found
