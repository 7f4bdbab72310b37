"""The quality letter (数据质量函) of one source and month: what was refused and why, row by row, and what came of it.

It speaks to the organ that delivered. That organ reads its rows as it delivered them; everybody else reads personal
data masked. Rows of a delivery that was held wait for a decision, not for the source, and stand in it as such.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.columns import plain
from xinlu.intake.hold import WAITING
from xinlu.intake.measures import Handed, handed
from xinlu.intake.personal import masked, masked_sentence
from xinlu.intake.problems import CODES, advice
from xinlu.intake.quantities import deliveries_in
from xinlu.law.catalogue import Item
from xinlu.law.quality import Dimension
from xinlu.ledger.cuts import CHINA, Cut, month_after
from xinlu.ledger.models import Delivery, DeliveryRow, Record, Source

WORKING_DAYS = 5
"""Until the rows are due again, counted from the end of the month; a proposal of this project (sample)."""
_BATCH = 500


@dataclass(frozen=True)
class LetterRow:
    """One refused row. ``answered``: the later delivery in which the same business key was accepted, if any."""

    row: DeliveryRow
    item_title: str
    sentence: str
    basis: str
    next_step: str
    raw: Mapping[str, str]
    held: bool
    answered: int | None

    @property
    def state(self) -> str:
        """Where it stands, as far as deliveries tell."""
        if self.answered is not None:
            return f"已重报入库（批次 {self.answered}）"
        return "整批暂缓，等待决定" if self.held else "待重报"


@dataclass(frozen=True)
class Letter:
    """Everything that a letter says. ``due`` is None where the working calendar does not reach."""

    source: Source
    month: date
    handed: tuple[Handed, ...]
    rows: tuple[LetterRow, ...]
    due: date | None
    clear: bool
    """Rows stand as they were delivered: for the delivering organ."""

    @property
    def refused(self) -> int:
        """Rows that wait for the source."""
        return sum(not one.held for one in self.rows)

    @property
    def answered(self) -> int:
        """Of these, rows that were delivered again and accepted."""
        return sum(one.answered is not None and not one.held for one in self.rows)

    @property
    def codes(self) -> list[tuple[str, str, int]]:
        """Code, what it means, rows; the most frequent first."""
        found = Counter(one.row.code for one in self.rows)
        named = ((code, CODES[code].title if code in CODES else "", number) for code, number in found.items())
        return sorted(named, key=lambda one: (-one[2], one[0]))

    @property
    def reference(self) -> str:
        """A number by which people speak of it."""
        return f"{self.source.code}-{self.month:%Y%m}"

    def counts(self) -> dict[str, int]:
        """Rows by what became of them."""
        names = ("delivered", "accepted", "queried", "duplicate")
        return {name: sum(getattr(one, name) for one in self.handed) for name in names}

    def dimensions(self) -> list[tuple[Dimension, int, int]]:
        """Each dimension with the row checks that ran and those that failed."""
        found = []
        for dimension in Dimension:
            several = [one.dimensions[dimension] for one in self.handed if dimension in one.dimensions]
            found.append((dimension, sum(one.ran for one in several), sum(one.failed for one in several)))
        return found


def letter(scope: Scope, source: str, month: date) -> Letter | None:
    """The letter of a source for the month that begins on ``month``; None when ``scope`` sees no delivery of it."""
    cut = Cut(month, month_after(month), source=source)
    found = deliveries_in(scope, cut).select_related("source__organ").first()
    if found is None:
        return None
    clear = reads_clear(scope, found.source)
    rows = DeliveryRow.objects.within(scope).filter(delivery__in=deliveries_in(scope, cut).values("pk"))
    refused = list(rows.filter(outcome="queried").select_related("delivery__source").order_by("delivery", "number"))
    answers = answered(refused)
    return Letter(
        source=found.source,
        month=month,
        handed=tuple(handed(scope, cut)),
        rows=tuple(_row(one, answers.get(one.pk), clear=clear) for one in refused),
        due=due_day(month),
        clear=clear,
    )


def letters(scope: Scope, month: date) -> list[tuple[Source, int, int]]:
    """Sources that delivered something in a month, with how many deliveries and how many refused rows."""
    asked = deliveries_in(scope, Cut(month, month_after(month)))
    found: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for source, queried in asked.values_list("source", "queried"):
        deliveries, rows = found[source]
        found[source] = (deliveries + 1, rows + queried)
    sources = Source.objects.select_related("organ").filter(pk__in=found).order_by("code")
    return [(one, *found[one.pk]) for one in sources]


def reads_clear(scope: Scope, source: Source) -> bool:
    """Whether ``scope`` gets rows as they were delivered: the delivering organ does, to mend them."""
    return scope.kind == "officer" and source.organ.code == scope.organ and scope.sees_level("L3")


def due_day(month: date) -> date | None:
    """Until when rows refused in a month are due again."""
    calendar = current.library().calendar
    last = month_after(month) - date.resolution
    if calendar is None or last.year > calendar.last_year:
        return None
    try:
        return calendar.add_working_days(last, WORKING_DAYS)
    except ValueError:
        return None


def answered(rows: Iterable[DeliveryRow]) -> dict[int, int]:
    """Refused row → the later delivery of the same source in which a record of its business key was accepted.

    Keys are compared by their fields; a row whose key fields cannot be read, or whose key is only a subject, has no
    answer of its own.
    """
    law, found = current.catalogue(), {}
    groups: dict[tuple[str, int], list[tuple[DeliveryRow, tuple[str, ...]]]] = defaultdict(list)
    for row in rows:
        item = law.items.get(row.delivery.item)
        if item is not None and (key := _key(item, row.raw)):
            groups[row.delivery.item, row.delivery.source_id].append((row, key))
    for (name, source), several in groups.items():
        fields = _key_fields(law.items[name])
        known = _accepted(name, source, fields, [key for _, key in several])
        for row, key in several:
            later = [(at, delivery) for at, delivery in known.get(key, ()) if at > row.delivery.received_at]
            if later:
                found[row.pk] = min(later)[1]
    return found


def _accepted(item: str, source: int, fields: list[str], keys: list[tuple[str, ...]]) -> dict[tuple[str, ...], list]:  # type: ignore[type-arg]
    found: dict[tuple[str, ...], list] = defaultdict(list)  # type: ignore[type-arg]
    firsts = sorted({key[0] for key in keys})
    for start in range(0, len(firsts), _BATCH):
        versions = Record._base_manager.filter(
            item=item,
            source=source,
            delivery__isnull=False,
            **{f"payload__{fields[0]}__in": firsts[start : start + _BATCH]},
        )
        for payload, at, delivery in versions.values_list("payload", "recorded_at", "delivery"):
            found[tuple(str(payload.get(name, "")) for name in fields)].append((at, delivery))
    return found


def _key_fields(item: Item) -> list[str]:
    """Fields of the business key that hold text, which stands in a payload as it was delivered."""
    texts = {one.name for one in item.fields if one.type == "text"}
    return [name for name in item.key if name in texts]


def _key(item: Item, raw: Mapping[str, object] | None) -> tuple[str, ...]:
    """The key fields of a row as delivered; empty when one of them is missing."""
    by_name = {plain(name): str(value).strip() for name, value in (raw or {}).items()}
    found = []
    for name in _key_fields(item):
        field = item.field(name)
        assert field is not None
        spelled = (plain(one) for one in (field.name, field.title, *field.aliases))
        value = next((by_name[one] for one in spelled if by_name.get(one)), "")
        if not value:
            return ()
        found.append(value)
    return tuple(found)


def _row(row: DeliveryRow, delivery: int | None, *, clear: bool) -> LetterRow:
    carries = row.delivery.item
    basis, next_step = advice(row.code)
    raw = {name: str(value) for name, value in (row.raw or {}).items()}
    return LetterRow(
        row=row,
        item_title=_title(carries),
        sentence=row.sentence if clear else masked_sentence(carries, row.sentence, row.raw),
        basis=basis,
        next_step=next_step,
        raw=raw if clear else masked(carries, row.raw),
        held=row.code in WAITING,
        answered=delivery,
    )


def _title(carries: str) -> str:
    law = current.catalogue()
    if carries in law.items:
        return law.items[carries].title
    what, _, name = carries.partition(":")
    if what == "kind":
        return f"主体登记：{law.kinds[name].title}" if name in law.kinds else "主体登记"
    return "主体关系"


def received_day(delivery: Delivery) -> date:
    """The day in China on which a delivery came."""
    return delivery.received_at.astimezone(CHINA).date()
