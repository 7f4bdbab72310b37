"""Relations between subjects."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction
from tests.province import ACTOR, at, driver, firm, organs, scopes

from xinlu.access.scope import Scope
from xinlu.registry import queries
from xinlu.registry.models import Relation
from xinlu.registry.relate import NewRelation, relate, relate_many

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
START = date(2020, 1, 1)


def test_a_relation_holds_until_the_day_on_which_it_ends() -> None:
    one, other = firm(), driver()
    assert relate(NewRelation("employs", one, other, START), actor=ACTOR, at=at(1))
    assert not relate(NewRelation("employs", one, other, START), actor=ACTOR, at=at(2))
    assert relate(NewRelation("employs", one, other, START, date(2023, 1, 1)), actor=ACTOR, at=at(3))
    assert len(queries.relations(SYSTEM, one, on=date(2022, 12, 31))) == 1
    assert queries.relations(SYSTEM, one, on=date(2023, 1, 1)) == []
    assert list(Relation.objects.order_by("pk").values_list("valid_until", "superseded_at")) == [
        (None, at(3)),
        (date(2023, 1, 1), None),
    ]


def test_a_relation_that_never_was_is_withdrawn() -> None:
    one, other = firm(), driver()
    relate(NewRelation("employs", one, other, START), actor=ACTOR, at=at(1))
    never = NewRelation("employs", one, other, START, withdrawn=True)
    assert relate_many([never], actor=ACTOR, at=at(2)) == 1
    assert relate_many([never], actor=ACTOR, at=at(3)) == 0
    assert queries.relations(SYSTEM, one, on=START) == []


def test_a_relation_shows_only_to_those_who_may_know_both_ends() -> None:
    organs()
    one, other = firm(), driver(region="330106")
    relate(NewRelation("employs", one, other, START), actor=ACTOR, at=at(1))
    seen = {name: len(queries.relations(scope, one, on=START)) for name, scope in scopes().items()}
    assert seen == {"public": 0, "county": 1, "city": 1, "other city": 0, "province": 1}


def test_the_database_keeps_one_current_statement() -> None:
    one, other = firm(), driver()
    relate(NewRelation("employs", one, other, START), actor=ACTOR, at=at(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Relation.objects.create(
            relation="employs", from_subject_id=one, to_subject_id=other, valid_from=START, recorded_at=at(2), change=1
        )
