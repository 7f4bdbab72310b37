"""News that goes up: what a consumer has not applied yet, and applying it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from xinlu.journal.models import Applied, Event


def unapplied(consumer: str, *, verbs: Sequence[str]) -> Iterator[Event]:
    """Events of ``verbs`` that ``consumer`` has not applied, oldest first."""
    done = Applied.objects.filter(consumer=consumer, event=OuterRef("pk"))
    yield from Event.objects.filter(~Exists(done), verb__in=list(verbs)).order_by("seq")


def apply_once(consumer: str, event: Event, *, effect: Callable[[Event], None], at: datetime) -> bool:
    """Run ``effect`` and note that it ran, in one transaction. False when it had been applied before.

    The mark is written first: of two workers, the second waits for the first and then finds the mark. When the
    effect fails, the mark goes with it.
    """
    with transaction.atomic():
        _, fresh = Applied.objects.get_or_create(consumer=consumer, event=event, defaults={"at": at})
        if fresh:
            effect(event)
    return fresh
