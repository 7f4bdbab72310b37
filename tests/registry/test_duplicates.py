"""Entries that may be one subject."""

from __future__ import annotations

from datetime import date

import pytest
from tests.province import ACTOR, at, firm

from xinlu.access.scope import Scope
from xinlu.law.identifiers import make_uscc
from xinlu.registry.duplicates import compared, duplicates, merges
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.merge import merge

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")


def test_an_entry_without_a_uscc_is_laid_beside_the_one_that_it_is_likely_to_be() -> None:
    coded = firm("杭州示例顺达物流有限公司", uscc=make_uscc(1, region="330106"))
    firm("杭州示例顺达物流有限公司", region="330203", uscc=make_uscc(2, region="330203"))
    bare = enrol(
        NewSubject("enterprise", "杭州示例順達物流有限责任公司", "330106", {"code": "Q-1"}, date(2020, 1, 1)),
        actor=ACTOR,
        at=at(),
    )
    (found,) = duplicates(SYSTEM)
    assert (found.bare.number, found.other.number) == (bare, coded)
    pair = compared(SYSTEM, coded, bare)
    assert pair is not None
    assert pair[2].verdict == "likely"
    done = merge(kept=coded, absorbed=bare, reason="同一企业", actor=ACTOR, at=at(1))
    assert duplicates(SYSTEM) == []
    assert merges(SYSTEM) == [done]


def test_two_with_a_uscc_each_are_two_subjects_however_alike() -> None:
    one, other = (firm("示例顺达物流有限公司", uscc=make_uscc(n, region="330106")) for n in (1, 2))
    assert duplicates(SYSTEM) == []
    pair = compared(SYSTEM, one, other)
    assert pair is not None
    assert pair[2].verdict == "unlike"
    assert compared(SYSTEM, one, 0) is None
