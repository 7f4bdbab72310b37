"""Open and close a delivery. Between the two, intake checks rows and :mod:`xinlu.ledger.record` accepts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from xinlu.access.models import Organ
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_values
from xinlu.ledger.models import Delivery, DeliveryRow, Source
from xinlu.ledger.record import Outcome

VERB_CLOSED = "ledger.delivery.closed"


class Unaccounted(ValueError):
    """Rows are missing from the outcomes, or stand there twice."""


@transaction.atomic
def register_source(*, code: str, title: str, organ: str, kind: str, actor: Actor, at: datetime) -> Source:
    """Make the source ``code`` known, or refresh its title; ``organ`` is the code of a known organ."""
    owner = Organ.objects.get(code=organ)
    source, fresh = Source.objects.update_or_create(code=code, defaults={"title": title, "organ": owner, "kind": kind})
    if fresh:
        append(
            actor=actor,
            verb="ledger.source.registered",
            obj=f"ledger.source:{code}",
            facts={"organ": organ, "kind": kind},
            at=at,
        )
    return source


def open_delivery(
    source: Source,
    *,
    digest: str,
    delivered: int,
    actor: Actor,
    at: datetime,
    item: str = "",
    file_name: str = "",
    way: str = Delivery.Way.FILE,
    columns: Sequence[str] = (),
) -> Delivery:
    """Note that ``source`` handed over ``delivered`` rows with this digest of their bytes; ``way`` says how.

    ``columns``: the names of the columns, in their order.
    """
    return Delivery._base_manager.create(
        source=source,
        item=item,
        file_name=file_name[:240],
        digest=digest,
        way=way,
        columns=list(columns),
        received_at=at,
        received_by=actor.key,
        delivered=delivered,
    )


@transaction.atomic
def close_delivery(
    delivery: Delivery,
    outcomes: Sequence[Outcome],
    *,
    actor: Actor,
    at: datetime,
    raws: Iterable[tuple[int, Mapping[str, Any]]] = (),
) -> Delivery:
    """Write what became of each row and close the delivery. Nothing happens to a delivery closed already.

    ``raws``: number and content, in order of the numbers, of queried rows that do not carry it themselves.

    Raises :class:`Unaccounted` unless every delivered row has exactly one outcome.
    """
    if delivery.closed_at is not None:
        return delivery
    if len({one.number for one in outcomes}) != len(outcomes) or len(outcomes) != delivery.delivered:
        raise Unaccounted(f"{delivery.delivered} rows delivered, {len(outcomes)} outcomes")
    told = _with_raws(sorted(outcomes, key=lambda one: one.number), raws)
    insert_values(DeliveryRow, _COLUMNS, (_row(delivery, one, raw) for one, raw in told))
    counts = Counter(one.outcome for one in outcomes)
    delivery.accepted = counts["accepted"]
    delivery.queried = counts["queried"]
    delivery.duplicate = counts["duplicate"]
    delivery.closed_at = at
    delivery.save()
    append(
        actor=actor,
        verb=VERB_CLOSED,
        obj=f"ledger.delivery:{delivery.pk}",
        facts={
            "source": delivery.source.code,
            "digest": delivery.digest,
            "way": str(delivery.way),
            "delivered": delivery.delivered,
            **{kind: counts[kind] for kind in ("accepted", "queried", "duplicate")},
        },
        at=at,
    )
    return delivery


def _with_raws(
    outcomes: Iterable[Outcome], raws: Iterable[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[Outcome, Mapping[str, Any] | None]]:
    """Each outcome with the content of its row, where that is kept."""
    several = iter(raws)
    for one in outcomes:
        raw = one.raw
        if one.outcome == "queried" and raw is None:
            raw = next((said for number, said in several if number == one.number), None)
        yield one, raw


_COLUMNS = ("delivery_id", "number", "outcome", "code", "sentence", "field", "raw", "record", "columns")


def _row(delivery: Delivery, one: Outcome, raw: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """Values of :data:`_COLUMNS`."""
    return (
        delivery.pk,
        one.number,
        one.outcome,
        one.code,
        one.sentence[:600],
        one.field[:80],
        dict(raw) if raw is not None else None,
        one.record,
        list(one.columns) if one.columns else None,
    )
