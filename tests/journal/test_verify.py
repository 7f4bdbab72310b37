"""The chain of events holds, and shows each way of tampering with it."""

from __future__ import annotations

import pytest
from django.db import connection
from tests.province import ACTOR, at

from xinlu.journal.append import append
from xinlu.journal.models import AppendOnly, Event
from xinlu.journal.verify import head, verify

pytestmark = pytest.mark.django_db


def three_events() -> None:
    for n in range(3):
        append(actor=ACTOR, verb="test.done", obj=f"test:{n}", facts={"n": n, "words": "信路"}, at=at(n))


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_untouched_chain_holds() -> None:
    assert verify() == ()
    three_events()
    assert verify(anchor=head()) == ()
    assert Event.objects.get(seq=2).facts == {"n": 1, "words": "信路"}


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("UPDATE journal_event SET actor = 'somebody else' WHERE seq = 2", ["JN-003"]),
        ("UPDATE journal_event SET facts_text = '{}' WHERE seq = 2", ["JN-003"]),
        ("DELETE FROM journal_event WHERE seq = 2", ["JN-001"]),
        ("DELETE FROM journal_event WHERE seq = 3", ["JN-004"]),
    ],
)
def test_a_raw_edit_is_found(statement: str, codes: list[str]) -> None:
    three_events()
    sql(statement)
    assert [found.code for found in verify()] == codes


def test_a_chain_cut_together_with_its_head_is_found_by_an_anchor_kept_elsewhere() -> None:
    three_events()
    anchor = head()
    kept = Event.objects.get(seq=2)
    sql("DELETE FROM journal_event WHERE seq = 3")
    sql(f"UPDATE journal_chain SET seq = 2, hash = '{kept.hash}'")
    assert verify() == ()
    assert [found.code for found in verify(anchor=anchor)] == ["JN-005"]


def test_an_event_can_neither_change_nor_go() -> None:
    three_events()
    event = Event.objects.get(seq=1)
    with pytest.raises(AppendOnly):
        event.save()
    with pytest.raises(AppendOnly):
        event.delete()
