"""Records follow a merge in the merge's own transaction, and come back when it is undone."""

from __future__ import annotations

from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
from tests.province import ACTOR, at, deliver, firm, organs, penalty, source

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.journal.models import Applied, Event
from xinlu.ledger import queries, repoint
from xinlu.ledger.models import Record, Standing
from xinlu.ledger.repoint import follow_merges
from xinlu.ledger.standing import NewStanding, publish_standings
from xinlu.ledger.versions import ClockBackwards
from xinlu.registry.merge import merge, split
from xinlu.registry.models import SubjectMerge

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
ON = date(2024, 6, 1)


def numbers(subject: int) -> set[str]:
    return {r.payload["decision_no"] for r in queries.records_of(SYSTEM, subject, on=ON)}


def joined(kept: int, absorbed: int, day: int = 1) -> SubjectMerge:
    return merge(kept=kept, absorbed=absorbed, reason="重复登记", actor=ACTOR, at=at(day))


def test_records_of_the_absorbed_entry_are_those_of_the_kept_one_until_the_split() -> None:
    organs()
    where, kept, absorbed = source(), firm("甲公司"), firm("甲公司二")
    deliver(where, "administrative_penalty", [penalty(kept, "甲1"), penalty(absorbed, "乙1")])
    done = joined(kept, absorbed)
    assert (numbers(kept), numbers(absorbed)) == ({"甲1", "乙1"}, set()), "nobody had to call anything"
    assert follow_merges(at=at(2)) == 0

    _, again = deliver(where, "administrative_penalty", [penalty(kept, "乙1")], when=at(4))
    assert [o.outcome for o in again] == ["duplicate"], "the key follows the subject"

    split(done, reason="两家企业", actor=ACTOR, at=at(5))
    assert (numbers(kept), numbers(absorbed)) == ({"甲1"}, {"乙1"})
    assert Applied.objects.filter(consumer=repoint.CONSUMER).count() == 2


def test_when_the_records_cannot_follow_there_is_no_merge() -> None:
    organs()
    kept, absorbed = firm("甲公司"), firm("甲公司二")
    deliver(source(), "administrative_penalty", [penalty(absorbed, "乙1")], when=at(3))
    with pytest.raises(ClockBackwards):
        joined(kept, absorbed, day=2)
    assert not SubjectMerge.objects.exists()
    assert not Event.objects.filter(verb="registry.subject.merged").exists()
    assert numbers(absorbed) == {"乙1"}


def test_a_merge_written_while_nobody_followed_is_caught_up_with() -> None:
    organs()
    kept, absorbed = firm("甲公司"), firm("甲公司二")
    deliver(source(), "administrative_penalty", [penalty(absorbed, "乙1")])
    with patch("xinlu.journal.append.applied"):
        joined(kept, absorbed)
    assert numbers(kept) == set()
    assert (follow_merges(at=at(2)), follow_merges(at=at(3))) == (1, 0)
    assert numbers(kept) == {"乙1"}


def test_a_decision_that_both_entries_have_stays_once_and_comes_back_with_the_split() -> None:
    organs()
    where, kept, absorbed = source(), firm("甲公司"), firm("甲公司二")
    deliver(where, "administrative_penalty", [penalty(kept, "甲1"), penalty(absorbed, "甲1")])
    done = joined(kept, absorbed)
    assert Record._base_manager.filter(key__startswith="甲1", superseded_at__isnull=True).count() == 1
    split(done, reason="两家企业", actor=ACTOR, at=at(2))
    assert (numbers(kept), numbers(absorbed)) == ({"甲1"}, {"甲1"})


def test_what_was_corrected_after_the_merge_goes_back_too_and_what_came_since_stays() -> None:
    organs()
    where, kept, absorbed = source(), firm("甲公司"), firm("甲公司二")
    deliver(where, "administrative_penalty", [penalty(absorbed, "乙1")])
    done = joined(kept, absorbed)
    rows = [penalty(kept, "乙1", fine_amount="9.000000"), penalty(kept, "新1")]
    deliver(where, "administrative_penalty", rows, when=at(2))
    split(done, reason="两家企业", actor=ACTOR, at=at(3))
    assert (numbers(kept), numbers(absorbed)) == ({"新1"}, {"乙1"})
    back = Record._base_manager.get(subject=absorbed, superseded_at__isnull=True)
    assert back.payload["fine_amount"] == "9.000000", "the correction is kept"


def test_a_record_that_names_both_names_both_again() -> None:
    organs()
    kept, absorbed = firm("甲公司"), firm("甲公司二")
    item = current.catalogue().items["joint_bid"]
    payload = {one: "K1" for one in item.key if not one.startswith("role:")} | {item.occurred_on: "2023-01-01"}
    deliver(source(), "joint_bid", [{"payload": payload, "roles": {"members": (kept, absorbed)}}])
    done = joined(kept, absorbed)
    assert _named("members") == {kept}
    split(done, reason="两家企业", actor=ACTOR, at=at(2))
    assert _named("members") == {kept, absorbed}


def _named(role: str) -> set[int]:
    row = Record._base_manager.get(superseded_at__isnull=True)
    return set(row.roles.filter(role=role).values_list("subject", flat=True))


def test_of_two_standings_of_one_book_that_of_the_kept_entry_holds() -> None:
    organs()
    where, kept, absorbed = source("xinlu", "zj"), firm("甲公司"), firm("甲公司二")
    common: dict[str, Any] = {
        "book_version": "1",
        "output": "level",
        "effective_from": date(2023, 3, 1),
        "jurisdiction": "zj",
        "status": "rated",
    }
    publish_standings(
        [
            NewStanding(subject=kept, book="one", as_of=date(2023, 1, 1), level="A", **common),
            NewStanding(subject=absorbed, book="one", as_of=date(2023, 2, 1), level="D", **common),
            NewStanding(subject=absorbed, book="two", as_of=date(2023, 2, 1), level="B", **common),
        ],
        source=where,
        actor=ACTOR,
        at=at(),
    )
    done = joined(kept, absorbed)
    assert _levels() == {(kept, "one", "A"), (kept, "two", "B")}
    split(done, reason="两家企业", actor=ACTOR, at=at(2))
    assert _levels() == {(kept, "one", "A"), (absorbed, "one", "D"), (absorbed, "two", "B")}


def _levels() -> set[tuple[int, str, str]]:
    rows = Standing._base_manager.filter(version__superseded_at__isnull=True)
    return set(rows.values_list("subject_id", "book", "level"))
