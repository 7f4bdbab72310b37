"""Rooms that follow a verb apply its events in the transaction in which they are written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from xinlu.journal import follow as following
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.follow import catch_up, follow
from xinlu.journal.models import Applied, Event

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
AT = datetime(2024, 1, 1, tzinfo=UTC)
VERB = "test.thing.done"


@pytest.fixture(autouse=True)
def nobody_else() -> Iterator[None]:
    before = dict(following._followers)
    yield
    following._followers.clear()
    following._followers.update(before)


def done(verb: str = VERB) -> Event:
    return append(actor=ACTOR, verb=verb, obj="test.thing:1", facts={"n": 1}, at=AT)


def test_each_follower_applies_an_event_once_at_its_own_time() -> None:
    seen: list[tuple[str, int, datetime]] = []
    for name in ("a", "b", "a"):
        follow(consumer=name, verbs=(VERB,), effect=lambda e, at, name=name: seen.append((name, e.facts["n"], at)))
    done()
    done("test.other.done")
    assert seen == [("a", 1, AT), ("b", 1, AT)]
    assert catch_up(consumer="a", at=AT) == 0
    assert Applied.objects.count() == 2


def test_what_fails_was_never_written() -> None:
    def fail(event: Event, at: datetime) -> None:
        raise ValueError("no")

    follow(consumer="a", verbs=(VERB,), effect=fail)
    with pytest.raises(ValueError, match="no"):
        done()
    assert not Event.objects.exists()
    assert not Applied.objects.exists()


def test_what_was_written_before_is_caught_up_with_in_order() -> None:
    first, second = done(), done()
    seen: list[int] = []
    follow(consumer="a", verbs=(VERB,), effect=lambda e, at: seen.append(e.seq))
    assert catch_up(consumer="a", at=AT) == 2
    assert seen == [first.seq, second.seq]
