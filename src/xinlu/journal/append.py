"""Add one event to the chain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from xinlu.journal.actor import Actor
from xinlu.journal.digest import canonical, sm3
from xinlu.journal.follow import applied
from xinlu.journal.models import Chain, Event

AUDIT = "audit"
GENESIS = "0" * 64


def append(*, actor: Actor, verb: str, obj: str, facts: Mapping[str, Any], at: datetime) -> Event:
    """Write that ``actor`` did ``verb`` to ``obj`` at ``at`` (aware), with ``facts``, in the caller's transaction.

    ``verb`` is dotted, room first: ``ledger.delivery.closed``. ``obj`` is ``room.noun:key``. Facts hold no clear
    identifiers, names of natural persons or secrets: digests and numbers say enough. Rooms that follow the verb
    (:mod:`xinlu.journal.follow`) apply it here.
    """
    if at.tzinfo is None:
        raise ValueError("an event needs a time with a zone")
    with transaction.atomic():
        head = _locked_head()
        event = Event(
            seq=head.seq + 1,
            at=at,
            actor=actor.key,
            organ=actor.organ,
            verb=verb,
            object=obj,
            facts_text=canonical(dict(facts)),
            prev_hash=head.hash,
        )
        event.digest = sm3(event.facts_text)
        event.hash = seal(event)
        event.save(force_insert=True)
        Chain.objects.filter(pk=AUDIT).update(seq=event.seq, hash=event.hash)
        applied(event)
    return event


def seal(event: Event) -> str:
    """The hash that an event must carry: SM3 over every column and the hash before."""
    columns = {
        "seq": event.seq,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "organ": event.organ,
        "verb": event.verb,
        "object": event.object,
        "digest": event.digest,
    }
    return sm3(event.prev_hash + canonical(columns))


def _locked_head() -> Chain:
    # The update takes the write lock on both databases before the head is read.
    if not Chain.objects.filter(pk=AUDIT).update(name=AUDIT):
        Chain.objects.get_or_create(pk=AUDIT, defaults={"hash": GENESIS})
        Chain.objects.filter(pk=AUDIT).update(name=AUDIT)
    return Chain.objects.get(pk=AUDIT)
