"""Merging two entries that are one subject, and splitting them again."""

from __future__ import annotations

from datetime import date

import pytest
from tests.province import ACTOR, at, driver, firm

from xinlu.access.scope import Scope
from xinlu.registry import queries
from xinlu.registry.merge import CannotMerge, merge, split
from xinlu.registry.models import Relation
from xinlu.registry.relate import NewRelation, relate

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
DAY = date(2023, 1, 1)


def test_the_absorbed_entry_is_read_as_the_kept_one_and_a_split_undoes_it() -> None:
    kept, absorbed, person = firm("甲公司", uscc="A1"), firm("甲公司二", uscc="B2"), driver()
    relate(NewRelation("employs", absorbed, person, DAY), actor=ACTOR, at=at(1))
    done = merge(kept=kept, absorbed=absorbed, reason="同一企业重复登记", actor=ACTOR, at=at(2))
    assert queries.numbers_by_identifier(SYSTEM, ["A1", "B2"]) == {"A1": kept, "B2": kept}
    assert getattr(queries.subject(SYSTEM, absorbed), "pk", None) == kept
    assert [r.from_subject_id for r in queries.relations(SYSTEM, kept, on=DAY)] == [kept]
    assert [s.pk for s in queries.subjects(SYSTEM, kind="enterprise")] == [kept]

    split(done, reason="核实为两家企业", actor=ACTOR, at=at(3))
    assert queries.numbers_by_identifier(SYSTEM, ["A1", "B2"]) == {"A1": kept, "B2": absorbed}
    assert [r.from_subject_id for r in queries.relations(SYSTEM, absorbed, on=DAY)] == [absorbed]
    assert queries.relations(SYSTEM, kept, on=DAY) == []
    assert queries.period(SYSTEM, absorbed, on=DAY) is not None
    assert Relation.objects.filter(superseded_at__isnull=True).count() == 1


def test_what_cannot_be_one_subject_is_not_merged() -> None:
    one, other, person = firm(), firm("乙公司"), driver()
    with pytest.raises(CannotMerge, match="RG-003"):
        merge(kept=one, absorbed=person, reason="x", actor=ACTOR, at=at(1))
    with pytest.raises(CannotMerge, match="RG-002"):
        merge(kept=one, absorbed=one, reason="x", actor=ACTOR, at=at(1))
    merge(kept=one, absorbed=other, reason="x", actor=ACTOR, at=at(1))
    with pytest.raises(CannotMerge, match="RG-004"):
        merge(kept=one, absorbed=other, reason="x", actor=ACTOR, at=at(2))
