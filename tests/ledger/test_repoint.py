"""Records follow a merge, and come back when it is undone."""

from __future__ import annotations

from datetime import date

import pytest
from tests.province import ACTOR, at, deliver, firm, organs, penalty, source

from xinlu.access.scope import Scope
from xinlu.ledger import queries
from xinlu.ledger.repoint import follow_merges
from xinlu.registry.merge import merge, split

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
ON = date(2024, 6, 1)


def numbers(subject: int) -> set[str]:
    return {r.payload["decision_no"] for r in queries.records_of(SYSTEM, subject, on=ON)}


def test_records_of_the_absorbed_entry_are_those_of_the_kept_one_until_the_split() -> None:
    organs()
    where, kept, absorbed = source(), firm("甲公司"), firm("甲公司二")
    deliver(where, "administrative_penalty", [penalty(kept, "甲1"), penalty(absorbed, "乙1")])
    done = merge(kept=kept, absorbed=absorbed, reason="重复登记", actor=ACTOR, at=at(1))
    assert follow_merges(at=at(2)) == 1
    assert follow_merges(at=at(3)) == 0
    assert (numbers(kept), numbers(absorbed)) == ({"甲1", "乙1"}, set())

    _, again = deliver(where, "administrative_penalty", [penalty(kept, "乙1")], when=at(4))
    assert [o.outcome for o in again] == ["duplicate"], "the key follows the subject"

    split(done, reason="两家企业", actor=ACTOR, at=at(5))
    assert follow_merges(at=at(6)) == 1
    assert (numbers(kept), numbers(absorbed)) == ({"甲1"}, {"乙1"})
