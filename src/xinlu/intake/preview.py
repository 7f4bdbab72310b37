"""Look at a file before it is handed over: what it carries, and what would become of its rows. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake import relations, subjects
from xinlu.intake.columns import ItemLayout, KindLayout, MixedKinds, RelationLayout, Wanted, layout_of
from xinlu.intake.deliver import (
    BATCH,
    CHINA,
    Layout,
    Seen,
    carries,
    checked,
    digest_of,
    file_warnings,
    has_later,
    known_source,
    opened,
    refuse_later,
    title_of,
)
from xinlu.intake.frugal import small_cache
from xinlu.intake.personal import masked_sentence
from xinlu.intake.problems import refuse, row_problem
from xinlu.intake.rows import Parsed, RecordRows
from xinlu.intake.sheet import UPLOAD, Limits, read_sheet
from xinlu.intake.subjects import queried
from xinlu.intake.table import Table, table_of, wanted_of
from xinlu.law.catalogue import Catalogue
from xinlu.law.identifiers import TITLES
from xinlu.law.problem import Problem
from xinlu.ledger.models import Record, Source
from xinlu.ledger.record import Outcome, said_before

INLINE = 100
"""Problems of rows that a preview tells."""
UNLINKED = "E08"
RELATION_TITLES = {
    "relation": "关系",
    "from": "起点",
    "to": "终点",
    "valid_from": "起始日期",
    "valid_until": "终止日期",
    "operation": "操作",
}


@dataclass(frozen=True)
class Preview:
    """What a delivery of the file would give now. The numbers add up as those of a delivery."""

    file: str
    digest: str
    """SM3 of the bytes; a confirmed upload is the same file."""
    source: str
    carries: str
    title: str
    form: str
    encoding: str
    columns: Mapping[str, str]
    """Column as delivered → what it was taken for; empty when it is passed over."""
    delivered: int
    accepted: int
    queried: int
    duplicate: int
    warned: int
    """Rows that can be accepted, and that somebody should look at."""
    unlinked: int
    """Queried rows whose subject nobody has registered (未关联)."""
    new: int
    corrections: int
    withdrawals: int
    codes: Mapping[str, int]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    repeated: bool
    sample: tuple[Mapping[str, str], ...]
    """The first rows as read."""


def preview(
    *,
    path: Path | None = None,
    file: IO[bytes] | bytes | None = None,
    name: str = "",
    source: str | Source,
    item: str | None = None,
    kind: str | None = None,
    relation: str | None = None,
    received_at: datetime,
    scope: Scope,
    limits: Limits = UPLOAD,
    catalogue: Catalogue | None = None,
) -> Preview:
    """Read and check a file as :func:`xinlu.intake.deliver.deliver` would, and forecast its counts.

    Raises:
        Refused: the file as a whole could not be taken.
    """
    with opened(path, file, name) as (data, name):
        origin = known_source(source, scope, file=name)
        sheet, digest = read_sheet(data, name=name, limits=limits), digest_of(data)
    catalogue = catalogue or current.catalogue()
    table = table_of(sheet, catalogue=catalogue, limits=limits)
    wanted = wanted_of(table, Wanted(item, kind, relation), catalogue=catalogue)
    layout = layout_of(table.headers, wanted=wanted, catalogue=catalogue, file=name)
    repeated = said_before(origin.pk, digest).exists()
    looking = _Looking(origin, table, layout, catalogue, received_at, repeated)
    with small_cache():
        outcomes = looking.outcomes()
    if not outcomes:
        raise refuse("F01", "没有数据行", file=name)
    counts = Counter(one.outcome for one in outcomes)
    wrong = sorted((one for one in outcomes if one.outcome == "queried"), key=lambda one: one.number)
    return Preview(
        file=name,
        digest=digest,
        source=origin.code,
        carries=carries(layout),
        title=title_of(layout),
        form=table.sheet.form,
        encoding=table.sheet.encoding,
        columns=_columns(table, layout),
        delivered=len(outcomes),
        accepted=counts["accepted"],
        queried=counts["queried"],
        duplicate=counts["duplicate"],
        warned=sum(one.outcome == "accepted" and bool(one.code) for one in outcomes),
        unlinked=sum(one.outcome == "queried" and one.code == UNLINKED for one in outcomes),
        new=looking.kinds["new"],
        corrections=looking.kinds["correction"],
        withdrawals=looking.kinds["withdrawal"],
        codes=dict(sorted(Counter(one.code for one in outcomes if one.code).items())),
        problems=tuple(
            row_problem(
                one.code,
                masked_sentence(carries(layout), one.sentence, one.raw or looking.wrong.get(one.number)),
                file=name,
                row=one.number,
            )
            for one in wrong[:INLINE]
        ),
        warnings=tuple(file_warnings(table, layout, origin)),
        repeated=repeated,
        sample=tuple(looking.sample),
    )


class _Looking:
    """One file being looked at."""

    def __init__(
        self, source: Source, table: Table, layout: Layout, catalogue: Catalogue, at: datetime, repeated: bool
    ) -> None:
        self.source = source
        self.table = table
        self.layout = layout
        self.catalogue = catalogue
        self.at = at
        self.repeated = repeated
        self.kinds: Counter[str] = Counter()
        self.sample: list[dict[str, str]] = []
        self.wrong: dict[int, dict[str, str]] = {}
        """The first rows with faults, as read."""

    def outcomes(self) -> list[Outcome]:
        """What would become of each row."""
        if isinstance(self.layout, ItemLayout):
            return self._records(self.layout)
        lines = list(self.table.lines)
        plan: relations.Plan | subjects.Plan
        if isinstance(self.layout, RelationLayout):
            plan = relations.RelationRows(self.layout, self.catalogue).plan(lines, self.table.headers, at=self.at)
        else:
            plan = subjects.SubjectRows(self.layout, self.catalogue).plan(lines, self.table.headers, at=self.at)
        found = list(plan.outcomes.values())
        self.kinds["new"] = sum(one.outcome == "accepted" for one in found)
        return found

    def _records(self, layout: ItemLayout) -> list[Outcome]:
        day = self.at.astimezone(CHINA).date()
        rows = RecordRows(layout, self.catalogue, source=self.source.pk, received_on=day)
        later = has_later(layout.item, self.at)
        seen = Seen()
        found: list[Outcome] = []
        lines = self.table.lines
        while batch := list(islice(lines, BATCH)):
            parsed = checked(rows, batch, self.table.headers, seen)
            if later:
                refuse_later(parsed, layout.item, self.at, repeated=self.repeated)
            current_ones = self._current(parsed, layout)
            for row in parsed:
                found.append(self._forecast(row, current_ones))
                if row.faults and len(self.wrong) < INLINE:
                    self.wrong[row.number] = rows.raw(row.cells, self.table.headers)
                if len(self.sample) < 5:
                    self.sample.append(rows.raw(row.cells, self.table.headers))
        return found

    def _current(self, parsed: Sequence[Parsed], layout: ItemLayout) -> dict[str, tuple[str, int]]:
        keys = sorted({row.draft.key for row in parsed if row.draft is not None})
        found: dict[str, tuple[str, int]] = {}
        for start in range(0, len(keys), 2000):
            known = Record._base_manager.filter(
                item=layout.item.item, key__in=keys[start : start + 2000], superseded_at__isnull=True
            ).values_list("key", "digest", "source_id")
            found.update((key, (digest, source)) for key, digest, source in known)
        return found

    def _forecast(self, row: Parsed, known: Mapping[str, tuple[str, int]]) -> Outcome:
        if row.faults:
            return queried(row.number, row.faults)
        if row.draft is None:
            return Outcome(row.number, "duplicate")
        digest, source = known.get(row.draft.key, ("", self.source.pk))
        if self.repeated or (digest == row.draft.digest and not row.draft.withdraws):
            return Outcome(row.number, "duplicate")
        if source != self.source.pk:
            sentence = "另一数据源已报送同一业务主键的记录，且内容不一致"
            return Outcome(row.number, "queried", code="LD-002", sentence=sentence)
        if row.draft.withdraws and not digest:
            return Outcome(row.number, "queried", code="LD-003", sentence="要撤回的记录不存在")
        self.kinds["withdrawal" if row.draft.withdraws else "correction" if digest else "new"] += 1
        if row.warnings:
            return Outcome(row.number, "accepted", code=row.warnings[0].code)
        return Outcome(row.number, "accepted")


def _columns(table: Table, layout: Layout) -> dict[str, str]:
    taken: dict[str, str] = {}
    match layout:
        case ItemLayout():
            for name, column in layout.fields.items():
                field = layout.item.field(name)
                taken[column.header] = field.title if field else name
            for role, columns in layout.roles.items():
                found = layout.item.role(role)
                for column, _ in columns:
                    taken.setdefault(column.header, found.title if found else role)
        case RelationLayout():
            taken = {column.header: RELATION_TITLES[name] for name, column in layout.places.items()}
        case KindLayout():
            taken = _kind_columns(layout)
        case MixedKinds():
            for one in layout.kinds.values():
                taken |= _kind_columns(one)
            taken[layout.column.header] = "主体类别"
    return {header: taken.get(header, "") for header in table.headers if header}


def _kind_columns(layout: KindLayout) -> dict[str, str]:
    attributes = {one.name: one.title for one in layout.kind.attributes}
    taken = {column.header: attributes[name] for name, column in layout.attributes.items()}
    taken |= {column.header: TITLES.get(type_, type_) for type_, column in layout.identifiers.items()}
    others = {
        "名称": layout.name,
        "所在地": layout.region,
        "生效日期": layout.valid_from,
        "失效日期": layout.valid_until,
        "操作": layout.operation,
    }
    return taken | {column.header: title for title, column in others.items() if column is not None}
