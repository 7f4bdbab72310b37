"""Monotonic numbers that are never seen out of order.

A number is taken by updating one row, inside the transaction that uses it. The row stays locked until that
transaction ends, so a reader who has seen number *n* has seen every number below *n* that will ever exist.
That is what lets the columnar copy say “I know everything up to *n*”.
"""

from __future__ import annotations

from django.db import connection, models

from xinlu.journal.models import Sequence

CHANGE = "change"


class OutsideTransaction(RuntimeError):
    """A number was asked for outside of a transaction, where its order would mean nothing."""


def take(name: str, *, count: int = 1) -> range:
    """Take the next ``count`` numbers of the sequence ``name``; the first number ever is 1.

    Raises :class:`OutsideTransaction` outside of ``transaction.atomic()``.
    """
    _lock(name, count)
    last = Sequence.objects.values_list("value", flat=True).get(pk=name)
    return range(last - count + 1, last + 1)


def next_change() -> int:
    """The next number of the change sequence: one for each verb that changes what the engine reads."""
    return take(CHANGE)[0]


def last_change(*, hold: bool = False) -> int:
    """The newest change number, 0 before the first. ``hold`` keeps writers out until the transaction ends."""
    if hold:
        _lock(CHANGE, 0)
    return Sequence.objects.filter(pk=CHANGE).values_list("value", flat=True).first() or 0


def _lock(name: str, count: int) -> None:
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"sequence {name!r} is used outside of a transaction")
    step = {"value": models.F("value") + count}
    if not Sequence.objects.filter(pk=name).update(**step):
        Sequence.objects.get_or_create(pk=name)
        Sequence.objects.filter(pk=name).update(**step)
