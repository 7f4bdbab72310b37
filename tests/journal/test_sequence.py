"""The change sequence."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from xinlu.journal import sequence


@pytest.mark.django_db
def test_numbers_start_at_one_and_never_repeat() -> None:
    assert sequence.last_change() == 0
    assert [sequence.next_change() for _ in range(3)] == [1, 2, 3]
    assert sequence.take("change", count=5) == range(4, 9)
    assert sequence.last_change() == 8
    assert list(sequence.take("another", count=0)) == []


@pytest.mark.django_db(transaction=True)
def test_a_number_cannot_be_taken_outside_of_a_transaction() -> None:
    with pytest.raises(sequence.OutsideTransaction):
        sequence.next_change()


@pytest.mark.django_db(transaction=True)
def test_a_number_is_not_seen_before_all_lower_numbers_are() -> None:
    """A second writer waits until the first has committed or rolled back."""
    if connection.vendor == "sqlite":
        return  # one writer at a time by nature; threads on a database in memory do not wait but fail
    with transaction.atomic():
        sequence.next_change()
    order: list[str] = []
    held = threading.Event()

    def second() -> None:
        held.wait(5)
        with transaction.atomic():
            number = sequence.next_change()
            order.append(f"second {number}")
        connection.close()

    worker = threading.Thread(target=second)
    worker.start()
    with transaction.atomic():
        number = sequence.next_change()
        held.set()
        worker.join(0.3)
        order.append(f"first {number}")
    worker.join(10)
    assert order == ["first 2", "second 3"]
