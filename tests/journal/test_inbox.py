"""News is applied once."""

from __future__ import annotations

import pytest
from tests.province import ACTOR, at

from xinlu.journal.append import append
from xinlu.journal.inbox import apply_once, unapplied
from xinlu.journal.models import Event

pytestmark = pytest.mark.django_db


def test_an_event_is_applied_once_by_each_consumer() -> None:
    event = append(actor=ACTOR, verb="test.done", obj="test:1", facts={}, at=at())
    append(actor=ACTOR, verb="test.other", obj="test:2", facts={}, at=at())
    seen: list[int] = []
    for _ in range(2):
        for one in unapplied("reader", verbs=["test.done"]):
            apply_once("reader", one, effect=lambda e: seen.append(e.seq), at=at(1))
    assert apply_once("reader", event, effect=lambda e: seen.append(e.seq), at=at(2)) is False
    assert seen == [event.seq]
    assert [e.seq for e in unapplied("another", verbs=["test.done"])] == [event.seq]


def test_an_effect_that_fails_leaves_the_event_unapplied() -> None:
    event = append(actor=ACTOR, verb="test.done", obj="test:1", facts={}, at=at())

    def fails(_: Event) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        apply_once("reader", event, effect=fails, at=at())
    assert list(unapplied("reader", verbs=["test.done"])) == [event]
