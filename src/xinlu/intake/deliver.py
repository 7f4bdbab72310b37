"""Take a file in: every row is accepted, queried or a duplicate, or the whole file is refused.

The rules are those of :func:`xinlu.ledger.record.accept`. Everything of one file happens in one transaction.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from sys import intern
from typing import IO, Literal
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from django.db import transaction
from django.db.models import Q

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake import relations, subjects
from xinlu.intake.columns import (
    ItemLayout,
    KindLayout,
    MixedKinds,
    RelationLayout,
    Wanted,
    layout_of,
    spellings,
    unknown_columns,
)
from xinlu.intake.frugal import small_cache
from xinlu.intake.judge import Judged, judge, keep
from xinlu.intake.personal import masked_sentence
from xinlu.intake.problems import Fault, file_problem, refuse, row_problem
from xinlu.intake.rows import Parsed, RecordRows, raw_row
from xinlu.intake.sheet import COMMAND, Limits, Line, Sheet, read_sheet
from xinlu.intake.subjects import queried
from xinlu.intake.table import Table, table_of, wanted_of
from xinlu.journal.actor import Actor
from xinlu.journal.sequence import last_change
from xinlu.law.catalogue import Catalogue, Item
from xinlu.law.problem import Problem
from xinlu.ledger.deliver import close_delivery, open_delivery
from xinlu.ledger.models import Delivery, DeliveryRow, Record, Source
from xinlu.ledger.record import Outcome, accept, is_repeat, said_before

BATCH = 500
SHOWN = 20
"""Problems of rows that a result tells; all are kept with the delivery."""
CHINA = ZoneInfo("Asia/Shanghai")
Layout = ItemLayout | KindLayout | RelationLayout | MixedKinds
Mode = Literal["accept_good", "all_or_nothing"]
Progress = Callable[[int], None]
"""Called with the number of rows done so far."""
RowCheck = Callable[[Sequence[Parsed]], None]
"""Given each batch of rows, adds faults beyond those of the catalogue: what an agreement does not allow."""


@dataclass(frozen=True)
class DeliveryResult:
    """What became of a file. ``accepted + queried + duplicate == delivered`` always holds."""

    delivery: int
    """Number of the delivery."""
    file: str
    source: str
    carries: str
    """``item:<item>``, ``kind:<kind>``, ``kind:`` (mixed), ``relation:<relation>`` or ``relation:`` (mixed)."""
    title: str
    form: str
    encoding: str
    delivered: int
    accepted: int
    queried: int
    duplicate: int
    codes: Mapping[str, int]
    """Code → number of rows that have it, warnings included."""
    problems: tuple[Problem, ...]
    """Of the first queried rows; ``line`` is the row."""
    warnings: tuple[Problem, ...] = ()
    """Of the file: columns that were passed over, an unusual provider."""
    repeated: bool = False
    """The same source had handed over the very same bytes before."""

    @property
    def held(self) -> bool:
        """Whether the whole delivery was held by the quality rules: nothing of it took effect."""
        return not {"Q01", "Q02"}.isdisjoint(self.codes)


class _NotAllGood(Exception):
    """Some row is queried, and all or nothing was asked for."""


def deliver(
    *,
    path: Path | None = None,
    file: IO[bytes] | bytes | None = None,
    name: str = "",
    source: str | Source,
    item: str | None = None,
    kind: str | None = None,
    relation: str | None = None,
    received_at: datetime,
    actor: Actor,
    scope: Scope,
    mode: Mode = "accept_good",
    limits: Limits = COMMAND,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
    way: str = Delivery.Way.FILE,
) -> DeliveryResult:
    """Take in one file of ``source``: ``path``, or ``file`` with its ``name``.

    At most one of ``item``, ``kind``, ``relation`` says what the rows are; otherwise the names of the columns do.
    ``received_at`` (aware) becomes the time of knowledge of everything written. ``mode`` ``all_or_nothing``
    accepts no row unless every row is accepted or a duplicate; then the good ones are queried with E29. ``way`` is
    how the file arrived (:class:`xinlu.ledger.models.Delivery.Way`).

    Raises:
        Refused: the file as a whole cannot be taken (codes F…); nothing was written.
        ValueError: ``received_at`` has no zone, or neither or both of ``path`` and ``file`` are given.
    """
    with opened(path, file, name) as (data, name):
        origin = known_source(source, scope, file=name)
        sheet, digest = read_sheet(data, name=name, limits=limits), digest_of(data)
    return deliver_sheet(
        sheet,
        digest=digest,
        source=origin,
        wanted=Wanted(item, kind, relation),
        received_at=received_at,
        actor=actor,
        mode=mode,
        limits=limits,
        catalogue=catalogue,
        progress=progress,
        way=way,
    )


def deliver_sheet(
    sheet: Sheet,
    *,
    digest: str,
    source: Source,
    wanted: Wanted,
    received_at: datetime,
    actor: Actor,
    mode: Mode = "accept_good",
    limits: Limits = COMMAND,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
    way: str = Delivery.Way.FILE,
    also: RowCheck | None = None,
    floors: bool = True,
) -> DeliveryResult:
    """:func:`deliver` for rows that stand in no file: what an interface was sent, or a connector fetched.

    ``digest`` names the content: the same source handing over the same digest repeats itself. ``source`` was found
    by :func:`known_source` or belongs to whoever calls. ``also`` may add faults to the rows of an item. ``floors``:
    hold the delivery that breaks a floor of the quality rules; somebody who releases one asks for none.
    """
    if received_at.tzinfo is None:
        raise ValueError("a delivery needs a time with a zone")
    name = sheet.name
    catalogue = catalogue or current.catalogue()
    origin = source
    table = table_of(sheet, catalogue=catalogue, limits=limits)
    wanted = wanted_of(table, wanted, catalogue=catalogue)
    layout = layout_of(table.headers, wanted=wanted, catalogue=catalogue, file=name)
    taking = _Taking(origin, table, layout, catalogue, received_at, actor, progress, also)
    with small_cache(), transaction.atomic():
        # What is read from here on is what will be there when it is written.
        last_change(hold=True)
        delivery = open_delivery(
            origin,
            digest=digest,
            delivered=0,
            actor=actor,
            at=received_at,
            item=carries(layout)[:60],
            file_name=masking.within(name),
            way=way,
            columns=table.headers,
        )
        repeated = is_repeat(delivery)
        outcomes, judged = _judged(taking, delivery, mode, floors=floors)
        if not outcomes:
            raise refuse("F01", "没有数据行", file=name)
        delivery.delivered = taking.delivered
        close_delivery(delivery, outcomes, actor=actor, at=received_at, raws=_raws(table, outcomes))
        keep(delivery, judged)
    return _result(delivery, taking, layout, outcomes, repeated=repeated)


def known_source(source: str | Source, scope: Scope, *, file: str = "") -> Source:
    """The source, if ``scope`` may deliver for it: the system for any, an officer for those of the own organ.

    Raises:
        Refused: F13; a source of somebody else is told as one that does not exist.
    """
    code = source.code if isinstance(source, Source) else source
    found = Source.objects.select_related("organ").filter(code=code).first()
    own = found is not None and scope.kind == "officer" and found.organ.code == scope.organ
    if found is None or not (own or scope.kind == "system"):
        raise refuse("F13", f"没有数据源“{code}”", file=file)
    return found


def carries(layout: Layout) -> str:
    """What a layout says the rows are, as kept with the delivery: the item, ``kind:…`` or ``relation:…``."""
    match layout:
        case ItemLayout():
            return layout.item.item
        case KindLayout():
            return f"kind:{layout.kind.kind}"
        case RelationLayout():
            return f"relation:{layout.relation.relation if layout.relation else ''}"
    return "kind:"


def title_of(layout: Layout) -> str:
    """The same for people."""
    match layout:
        case ItemLayout():
            return layout.item.title
        case KindLayout():
            return f"主体登记：{layout.kind.title}"
        case RelationLayout():
            return f"主体关系：{layout.relation.title}" if layout.relation else "主体关系"
    return "主体登记"


@contextmanager
def opened(path: Path | None, file: IO[bytes] | bytes | None, name: str) -> Iterator[tuple[IO[bytes], str]]:
    """A file that can be sought in, and its name."""
    if (path is None) == (file is None):
        raise ValueError("give either a path or a file")
    if isinstance(file, bytes):
        yield io.BytesIO(file), name
    elif file is not None:
        yield file, name
    elif path is not None:
        try:
            found = path.open("rb")
        except OSError as error:
            raise refuse("F03", f"文件打不开：{error.strerror}", file=str(path)) from None
        with found:
            yield found, name or path.name


def digest_of(file: IO[bytes]) -> str:
    """SM3 of a file's bytes, a piece at a time."""
    file.seek(0)
    state = hashes.Hash(hashes.SM3())
    while piece := file.read(1 << 20):
        state.update(piece)
    return state.finalize().hex()


class _Held(Exception):
    """The delivery broke a floor, or no check looked at it."""

    def __init__(self, outcomes: list[Outcome], judged: list[Judged]) -> None:
        super().__init__()
        self.outcomes, self.judged = outcomes, judged


def _judged(taking: _Taking, delivery: Delivery, mode: Mode, *, floors: bool) -> tuple[list[Outcome], list[Judged]]:
    """Take the rows and judge them by the quality rules. What breaks a floor leaves no trace but its queried rows."""
    try:
        with transaction.atomic():
            outcomes = _all_or_nothing(taking, delivery) if mode == "all_or_nothing" else taking.take(delivery)
            judged = judge(delivery, outcomes)
            if floors and outcomes and (not judged or any(one.breached for one in judged)):
                raise _Held(outcomes, judged)
    except _Held as held:
        return _held_back(held), held.judged
    return outcomes, judged


def _held_back(held: _Held) -> list[Outcome]:
    """The outcomes of a held delivery: what would have been accepted is queried, with the row as it was delivered."""
    broken = [one.words for one in held.judged if one.breached]
    if broken:
        fault = Fault("Q01", f"本批次{'；'.join(broken)}，整批暂缓入库，原有数据照旧")
    else:
        fault = Fault("Q02", "没有一项质量检查适用于本批次，整批暂缓入库")
    return [queried(one.number, [fault]) if one.outcome == "accepted" else one for one in held.outcomes]


def _raws(table: Table, outcomes: Sequence[Outcome]) -> Iterator[tuple[int, dict[str, str]]]:
    """The queried rows as delivered: read again, since a file may be wrong from the first row to the last."""
    wanted = {one.number for one in outcomes if one.outcome == "queried"}
    return ((number, raw_row(cells, table.headers)) for number, cells in table.lines if number in wanted)


def _all_or_nothing(taking: _Taking, delivery: Delivery) -> list[Outcome]:
    outcomes: list[Outcome] = []
    try:
        with transaction.atomic():
            outcomes = taking.take(delivery)
            if any(one.outcome == "queried" for one in outcomes):
                raise _NotAllGood
    except _NotAllGood:
        fault = Fault("E29", "本批次有其他行不合格，本行未入库")
        return [one if one.outcome != "accepted" else queried(one.number, [fault]) for one in outcomes]
    return outcomes


@dataclass
class _Taking:
    """One file being taken in."""

    source: Source
    table: Table
    layout: Layout
    catalogue: Catalogue
    at: datetime
    actor: Actor
    progress: Progress | None = None
    also: RowCheck | None = None
    delivered: int = 0
    warnings: list[Problem] = field(default_factory=list)

    def take(self, delivery: Delivery) -> list[Outcome]:
        """Accept the rows; gives one outcome for each."""
        self.warnings += file_warnings(self.table, self.layout, self.source)
        if isinstance(self.layout, ItemLayout):
            return self._records(delivery, self.layout)
        return self._registry(delivery)

    def _batches(self, size: int) -> Iterator[list[Line]]:
        lines = self.table.lines
        while batch := list(islice(lines, size)):
            self.delivered += len(batch)
            yield batch
            if self.progress is not None:
                self.progress(self.delivered)

    def _records(self, delivery: Delivery, layout: ItemLayout) -> list[Outcome]:
        rows = RecordRows(layout, self.catalogue, source=self.source.pk, received_on=self.at.astimezone(CHINA).date())
        later, repeated = has_later(layout.item, self.at), is_repeat(delivery)
        seen = Seen()
        outcomes: list[Outcome] = []
        for batch in self._batches(BATCH):
            parsed = checked(rows, batch, self.table.headers, seen)
            if self.also is not None:
                self.also(parsed)
            if later:
                refuse_later(parsed, layout.item, self.at, repeated=repeated)
            good = [row for row in parsed if row.draft is not None and not row.faults]
            said = accept(delivery, layout.item, [row.draft for row in good if row.draft is not None], at=self.at)
            judged = {one.number: one for one in said}
            outcomes += [_outcome(row, judged.get(row.number)) for row in parsed]
        return outcomes

    def _registry(self, delivery: Delivery) -> list[Outcome]:
        lines = [line for batch in self._batches(BATCH) for line in batch]
        before = _outcomes_before(delivery)
        known = [Outcome(number, "duplicate") for number, _ in lines if before.get(number) in ("accepted", "duplicate")]
        done = {one.number for one in known}
        fresh = [line for line in lines if line[0] not in done]
        if isinstance(self.layout, RelationLayout):
            stated = relations.RelationRows(self.layout, self.catalogue).plan(fresh, self.table.headers, at=self.at)
            relations.apply(stated, actor=self.actor, at=self.at)
            return [*known, *stated.outcomes.values()]
        assert not isinstance(self.layout, ItemLayout)
        plan = subjects.SubjectRows(self.layout, self.catalogue).plan(fresh, self.table.headers, at=self.at)
        subjects.apply(plan, actor=self.actor, at=self.at)
        return [*known, *plan.outcomes.values()]


class Seen:
    """By business key the first row of the file that has it; a few bytes for each, as there may be many."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def first(self, row: Parsed) -> tuple[int, bool]:
        """Number of the first row with the key of ``row``, itself perhaps, and whether that says the same."""
        assert row.draft is not None
        content = b"withdraws" if row.draft.withdraws else bytes.fromhex(row.draft.digest)[:16]
        mine = content + row.number.to_bytes(8)
        found = self._rows.setdefault(blake2b(row.draft.key.encode(), digest_size=16).digest(), mine)
        return int.from_bytes(found[-8:]), found[:-8] == content


def checked(rows: RecordRows, batch: Sequence[Line], headers: Sequence[str], seen: Seen) -> list[Parsed]:
    """The rows of a batch with all their faults, those against earlier rows of the file included.

    A row that repeats an earlier one word for word keeps its number but no draft and no fault.
    """
    width = len(headers)
    parsed = rows.read(batch)
    for row in parsed:
        if any(cell is not None for cell in row.cells[width:]):
            row.faults.insert(0, Fault("E24", f"有 {len(row.cells)} 列，列名只有 {width} 列"))
        if row.faults or row.draft is None:
            continue
        first, same = seen.first(row)
        if first == row.number:
            continue
        if same:
            row.draft = None
        else:
            row.faults.append(Fault("E07", f"与第 {first} 行业务主键相同（{_said(row, rows)}），内容不同"))
    return parsed


def _said(row: Parsed, rows: RecordRows) -> str:
    parts = [f"{rows.fields[name].title} {row.payload.get(name, '')}" for name in rows.key_fields]
    return "、".join(parts)[:120] or "主体相同"


def _outcome(row: Parsed, judged: Outcome | None) -> Outcome:
    if row.faults:
        return queried(row.number, row.faults)
    if judged is None:
        return Outcome(row.number, "duplicate")
    if judged.outcome == "queried":
        return judged
    if row.warnings and judged.outcome == "accepted":
        first = row.warnings[0]
        # Many rows are told the same.
        sentence = intern("；".join(one.sentence for one in row.warnings))
        return replace(judged, code=first.code, sentence=sentence, field=first.column)
    return judged


def has_later(item: Item, at: datetime) -> bool:
    """Whether the ledger heard of this item at or after ``at``: then each key must be looked at."""
    return Record._base_manager.filter(Q(recorded_at__gte=at) | Q(superseded_at__gt=at), item=item.item).exists()


def refuse_later(parsed: Sequence[Parsed], item: Item, at: datetime, *, repeated: bool) -> None:
    """Give rows a fault whose record the ledger heard of at or after ``at``, with other content.

    A file that is handed over again (``repeated``) may say what it said before.
    """
    by_key = {row.draft.key: row for row in parsed if row.draft is not None and not row.faults}
    said: dict[str, list[tuple[str, bool, bool]]] = {}
    keys = sorted(by_key)
    for start in range(0, len(keys), 2000):
        rows = Record._base_manager.filter(item=item.item, key__in=keys[start : start + 2000])
        for key, digest, recorded_at, superseded_at in rows.values_list(
            "key", "digest", "recorded_at", "superseded_at"
        ):
            later = recorded_at >= at or (superseded_at is not None and superseded_at > at)
            said.setdefault(key, []).append((digest, superseded_at is None, later))
    for key, versions in said.items():
        row = by_key[key]
        if row.draft is None or not any(later for _, _, later in versions):
            continue
        same = not row.draft.withdraws and any(
            digest == row.draft.digest and (current or repeated) for digest, current, _ in versions
        )
        if not same and not (repeated and row.draft.withdraws):
            row.faults.append(Fault("E11", "库中已有在本批次之后收到的版本"))


def _outcomes_before(delivery: Delivery) -> dict[int, str]:
    """What became of the rows when the very same file was handed over before."""
    before = said_before(delivery.source_id, delivery.digest).exclude(pk=delivery.pk).values_list("pk", flat=True)
    rows = DeliveryRow._base_manager.filter(delivery__in=list(before)).exclude(outcome="queried")
    return dict(rows.values_list("number", "outcome"))


def file_warnings(
    table: Table,
    layout: Layout,
    source: Source,
) -> list[Problem]:
    """What somebody should look at though the file can be taken."""
    name = table.sheet.name
    warnings = list(table.warnings)
    match layout:
        case ItemLayout():
            known = [word for one in layout.item.fields for word in spellings(one)]
            warnings += unknown_columns(layout.unknown, known, file=name)
            provider = (source.organ.code, f"kind:{source.organ.kind}")
            if source.kind != Source.Kind.XINLU and not set(provider) & set(layout.item.provider):
                sentence = f"{layout.item.title}的提供单位不含“{source.organ.name}”"
                warnings.append(file_problem("F17", sentence, file=name))
        case KindLayout():
            known = [word for one in layout.kind.attributes for word in spellings(one)]
            warnings += unknown_columns(layout.unknown, known, file=name)
        case RelationLayout():
            warnings += unknown_columns(layout.unknown, (), file=name)
        case MixedKinds():
            kinds = list(layout.kinds.values())
            nobody = [one for one in kinds[0].unknown if all(one in other.unknown for other in kinds)]
            known = [word for one in kinds for attribute in one.kind.attributes for word in spellings(attribute)]
            warnings += unknown_columns(nobody, known, file=name)
    return warnings


def _result(
    delivery: Delivery,
    taking: _Taking,
    layout: Layout,
    outcomes: Sequence[Outcome],
    *,
    repeated: bool,
) -> DeliveryResult:
    wrong = DeliveryRow._base_manager.filter(delivery=delivery, outcome="queried").order_by("number")[:SHOWN]
    return DeliveryResult(
        delivery=delivery.pk,
        file=delivery.file_name,
        source=taking.source.code,
        carries=carries(layout),
        title=title_of(layout),
        form=taking.table.sheet.form,
        encoding=taking.table.sheet.encoding,
        delivered=delivery.delivered,
        accepted=delivery.accepted,
        queried=delivery.queried,
        duplicate=delivery.duplicate,
        codes=dict(sorted(Counter(one.code for one in outcomes if one.code).items())),
        problems=tuple(
            # A terminal and a log keep what they are told.
            row_problem(
                one.code,
                masked_sentence(delivery.item, one.sentence, one.raw),
                file=delivery.file_name,
                row=one.number,
            )
            for one in wrong
        ),
        warnings=tuple(taking.warnings),
        repeated=repeated,
    )
