"""Rows that wait for their subject (未关联数据): which they are, who may be meant, and what was said of them before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.columns import IDENTIFYING_FIELDS, TYPE_WORDS, spellings
from xinlu.intake.linked import Linking
from xinlu.intake.said import IDENTITY, Missing, Reading, Shown, read_again
from xinlu.law.catalogue import Catalogue
from xinlu.ledger.models import DeliveryRow
from xinlu.registry import queries as registry
from xinlu.registry.candidates import candidates, load
from xinlu.registry.likeness import (
    LIKELY,
    POSSIBLE,
    TRADER,
    Known,
    Likeness,
    Marked,
    Reason,
    likeness,
    marked,
    ranked,
)
from xinlu.registry.match_keys import OWNERS, places
from xinlu.registry.models import Subject

State = Literal["waiting", "linked", "refused", "all"]
STATES: Mapping[State, str] = {"waiting": "待关联", "linked": "已关联", "refused": "都不是", "all": "全部"}
PROBLEMS: Mapping[str, str] = {
    "E08": "标识未登记",
    "E02": "统一社会信用代码有误",
    "E03": "公民身份号码有误",
    "E01": "没有标识",
    "E21": "标识格式有误",
    "E26": "名称与标识不符",
    "E22": "两个标识指向不同主体",
    "E17": "标识丢了位数",
}
"""Codes under which rows wait → how a steward calls them."""
CONFIRMED_BEFORE, REFUSED_BEFORE = 20, -60
"""Points for a subject that was confirmed, or refused, for the same spelling in another row."""


@dataclass(frozen=True)
class Pair:
    """One thing that is said and what the registry has of it, with the pieces that differ."""

    part: str
    title: str
    said: Marked
    held: Marked


@dataclass(frozen=True)
class Candidate:
    """A subject that may be meant, as the scope may see it."""

    subject: Subject
    name: str
    likeness: Likeness
    pairs: tuple[Pair, ...]
    former: tuple[str, ...]
    region: str


@dataclass(frozen=True)
class Place:
    """A place of a row in which somebody is missing, with candidates, and the judgement that holds."""

    missing: Missing
    candidates: tuple[Candidate, ...]
    judged: Linking | None = None


@dataclass(frozen=True)
class Waiting:
    """A row with the places where it waits. Without any, its identifiers have been registered since."""

    row: DeliveryRow
    reading: Reading
    places: tuple[Place, ...]

    @property
    def best(self) -> Candidate | None:
        """The candidate that is most alike in the first place that waits."""
        return next((one.candidates[0] for one in self.places if one.candidates and one.judged is None), None)


# ── which rows ──────────────────────────────────────────────────────────────────────────────────


def rows(
    scope: Scope, *, state: State = "waiting", item: str = "", source: str = "", problem: str = ""
) -> QuerySet[DeliveryRow]:
    """Queried rows of records that wait, or waited, for a subject; newest delivery first."""
    law = current.catalogue()
    blank = Q(code="E01", field__in=blank_fields(law))
    found = DeliveryRow.objects.within(scope).filter(
        Q(code__in=IDENTITY) | blank,
        outcome=DeliveryRow.Outcome.QUERIED,
        delivery__item__in=sorted(law.items),
        # A delivery that was taken back has taken its rows with it.
        delivery__taken_back__isnull=True,
    )
    holding = Linking.objects.filter(row=OuterRef("pk"), undone_by__isnull=True)
    taken, refused = Exists(holding.filter(record__isnull=False)), Exists(holding.filter(kind=Linking.Kind.NONE))
    match state:
        case "waiting":
            found = found.filter(~taken, ~refused)
        case "linked":
            found = found.filter(taken)
        case "refused":
            found = found.filter(~taken, refused)
    for column, value in (("delivery__item", item), ("delivery__source__code", source), ("code", problem)):
        if value:
            found = found.filter(**{column: value})
    return found.select_related("delivery__source__organ").order_by("-delivery", "number")


def counts(scope: Scope) -> dict[State, int]:
    """State → number of rows."""
    return {state: rows(scope, state=state).count() for state in ("waiting", "linked", "refused")}


def by_item(scope: Scope) -> list[tuple[str, int]]:
    """Item → rows that wait, most first."""
    found = rows(scope).order_by().values_list("delivery__item").annotate(number=Count("pk"))
    return sorted(found, key=lambda row: (-row[1], row[0]))


def blank_fields(law: Catalogue) -> list[str]:
    """Names under which a blank identifier is told: of identifying fields and of roles."""
    names: set[str] = set()
    for item in law.items.values():
        names.update(word for one in item.fields if one.name in IDENTIFYING_FIELDS for word in spellings(one))
        for role in item.roles:
            names |= {role.title, role.name, *(f"{role.title}{word}" for word in TYPE_WORDS)}
    return sorted(name[:80] for name in names)


# ── who may be meant ────────────────────────────────────────────────────────────────────────────


def waiting(scope: Scope, number: int) -> Waiting | None:
    """One row with its candidates; None when the scope knows of no such row, or it is none that waits or waited."""
    row = rows(scope, state="all").filter(pk=number).first()
    return next(iter(looked_up(scope, [row])), None) if row is not None else None


def looked_up(scope: Scope, several: Iterable[DeliveryRow]) -> list[Waiting]:
    """Rows with their candidates, looked up together."""
    readings = [one for row in several if (one := read_again(row)) is not None]
    gaps = [(reading, one) for reading in readings for one in reading.missing]
    found = candidates(scope, [one.said for _, one in gaps])
    extra = load(scope, {one.found for _, one in gaps if one.found is not None})
    before = _said_before([one for _, one in gaps])
    holding = _holding([reading.row.pk for reading in readings])
    told: dict[int, list[Place]] = {reading.row.pk: [] for reading in readings}
    for (reading, missing), best in zip(gaps, found, strict=True):
        if missing.found in extra and all(known.number != missing.found for known, _ in best):
            known = extra[missing.found]
            best = [(known, likeness(missing.said, known, places())), *best]
        judged = [one for one in before.get(missing.digest, ()) if one.row_id != reading.row.pk]
        several_shown = tuple(_shown(scope, missing, pair) for pair in _with_past(scope, missing, best, judged))
        place = Place(missing, several_shown, holding.get((reading.row.pk, missing.place)))
        told[reading.row.pk].append(place)
    return [Waiting(reading.row, reading, tuple(told[reading.row.pk])) for reading in readings]


def history(row: DeliveryRow) -> list[Linking]:
    """Everything that was said of a row, oldest first. The row was given by a question above."""
    return list(Linking.objects.filter(row=row).select_related("subject", "undone_by").order_by("pk"))


def holding(row: DeliveryRow) -> list[Linking]:
    """The judgements on a row that were not taken back."""
    return [one for one in history(row) if one.kind != Linking.Kind.UNDONE and not hasattr(one, "undone_by")]


def _holding(numbers: Sequence[int]) -> dict[tuple[int, str], Linking]:
    found = Linking.objects.filter(row__in=numbers, undone_by__isnull=True).exclude(kind=Linking.Kind.UNDONE)
    return {(one.row_id, one.place): one for one in found.select_related("subject")}


def _said_before(several: Sequence[Missing]) -> dict[str, list[Linking]]:
    found: dict[str, list[Linking]] = {}
    digests = sorted({one.digest for one in several})
    rows_said = Linking.objects.filter(said__in=digests, undone_by__isnull=True)
    for one in rows_said.exclude(kind=Linking.Kind.UNDONE).order_by("pk"):
        found.setdefault(one.said, []).append(one)
    return found


def _with_past(
    scope: Scope, missing: Missing, best: Sequence[tuple[Known, Likeness]], judged: Sequence[Linking]
) -> list[tuple[Known, Likeness]]:
    """Candidates with what was said of the same spelling in other rows; who was confirmed then is one of them."""
    confirmed = {one.subject_id: one for one in judged if one.subject_id is not None}
    refused = {number: one for one in judged if one.kind == Linking.Kind.NONE for number, _ in one.shown}
    if not confirmed and not refused:
        return list(best)
    pairs = {known.number: (known, alike) for known, alike in best}
    for number, known in load(scope, {n for n in confirmed if n is not None} - pairs.keys()).items():
        pairs[number] = (known, likeness(missing.said, known, places()))
    for number, (known, alike) in pairs.items():
        if number in confirmed:
            day = confirmed[number].at.date().isoformat()
            reason = Reason("before", CONFIRMED_BEFORE, f"同样的写法 {day} 曾由人确认属于该主体")
        elif number in refused:
            day = refused[number].at.date().isoformat()
            reason = Reason("before", REFUSED_BEFORE, f"同样的写法 {day} 曾由人认定不是该主体")
        else:
            continue
        pairs[number] = (known, _weighed(alike, reason))
    return ranked(pairs.values())


def _weighed(alike: Likeness, reason: Reason) -> Likeness:
    if alike.verdict == "equal":
        return replace(alike, reasons=(*alike.reasons, reason))
    score = max(0, min(99, alike.score + reason.points))
    # A person's word of another row keeps a subject among the candidates, yet never makes it the only one.
    score = max(score, POSSIBLE) if reason.points > 0 else score
    verdict: Literal["likely", "possible", "unlike"]
    verdict = "likely" if score >= LIKELY else "possible" if score >= POSSIBLE else "unlike"
    return Likeness(score, verdict, (*alike.reasons, reason))


# ── as the scope may see it ─────────────────────────────────────────────────────────────────────


def _shown(scope: Scope, missing: Missing, pair: tuple[Known, Likeness]) -> Candidate:
    known, alike = pair
    subject = Subject.objects.within(scope).get(pk=known.number)
    name = registry.shown_name(scope, subject)
    said = {one.part: one for one in reversed(missing.shown)}
    codes = dict(registry.identifiers(scope, known.number))
    first = missing.said.codes[0][0] if missing.said.codes else ""
    held = {
        "code": codes.get(first) or next(iter(codes.values()), ""),
        "name": name,
        "owner": _attribute(scope, known, OWNERS, known.owner),
        "address": _attribute(scope, known, ("address",), known.address),
        "region": known.region,
    }
    titles = {"code": "标识", "name": "名称", "region": "所在地", "address": "地址", "owner": "法定代表人"}
    if known.kind == TRADER:
        titles["owner"] = "经营者"
    pairs = tuple(_pair(part, title, said.get(part), held[part]) for part, title in titles.items())
    former = () if known.natural else tuple(one.name for one in known.names[1:])
    return Candidate(subject, name, alike, tuple(one for one in pairs if one.said or one.held), former, known.region)


def _pair(part: str, title: str, said: Shown | None, held: str) -> Pair:
    if said is None or not held or masking.STAR in said.text + held:
        # Of masked texts the signs say nothing; what differs is told by the reasons.
        return Pair(part, title, ((said.text, False),) if said else (), ((held, False),) if held else ())
    left, right = marked(said.text, held)
    return Pair(part, title, left, right)


def _attribute(scope: Scope, known: Known, names: Sequence[str], value: str) -> str:
    """A registered attribute under the level and mask that the catalogue gives it."""
    kind = current.catalogue().kinds.get(known.kind)
    field = next((one for one in kind.attributes if one.name in names), None) if kind else None
    if not value or field is None:
        return ""
    if field.level == "L1" or (field.level == "L2" and scope.sees_level("L2")) or scope.kind == "system":
        return masking.within(value)
    return masking.mask(field.mask, value) if field.mask != "none" else "不公开"
