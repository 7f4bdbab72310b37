"""Enrolling subjects."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from tests.province import ACTOR, at, driver, firm

from xinlu.access.scope import Scope
from xinlu.registry import queries
from xinlu.registry.enrol import IdentifierTaken, NewSubject, enrol, enrol_many
from xinlu.registry.models import Identifier, Subject, SubjectPeriod

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
USCC = "91330106MA2AXXXX5K"


def test_numbers_come_back_in_the_order_given() -> None:
    names = [f"示例{n}公司" for n in range(5)]
    numbers = enrol_many(
        [NewSubject("enterprise", name, "330106", {}, date(2020, 1, 1)) for name in names], actor=ACTOR, at=at()
    )
    assert [queries.subject(SYSTEM, n).name for n in numbers] == names  # type: ignore[union-attr]
    assert enrol_many([], actor=ACTOR, at=at()) == []


def test_an_identifier_names_one_subject_only() -> None:
    firm(uscc=USCC)
    before = Subject.objects.within(SYSTEM).count()
    with pytest.raises(IdentifierTaken, match="RG-001"):
        firm("另一家公司", uscc=USCC.lower())
    assert Subject.objects.within(SYSTEM).count() == before
    row = Identifier.objects.get(lookup=USCC)
    with pytest.raises(IntegrityError), transaction.atomic():
        Identifier.objects.create(subject=row.subject, type="uscc", value=USCC, lookup=USCC, recorded_at=at(), change=1)


def test_two_types_may_share_a_value_and_then_it_names_nobody_by_itself() -> None:
    one = enrol(NewSubject("project", "甲项目", "", {"code": "A-1"}, date(2020, 1, 1)), actor=ACTOR, at=at())
    enrol(NewSubject("vehicle", "浙A1", "", {"plate": "A1"}, date(2020, 1, 1)), actor=ACTOR, at=at())
    assert queries.numbers_by_identifier(SYSTEM, ["A-1"]) == {}
    assert queries.numbers_by_identifier(SYSTEM, ["A-1"], type_="code") == {"A-1": one}


def test_the_number_of_a_natural_person_stands_nowhere_in_clear() -> None:
    number = driver(id_number="33010619900307123X")
    with connection.cursor() as cursor:
        cursor.execute("SELECT value, sealed, lookup FROM registry_identifier")
        for row in cursor.fetchall():
            assert "33010619900307123X" not in "".join(row)
    found = queries.find(SYSTEM, value="33010619900307123x")
    assert found is not None
    assert found.pk == number
    assert queries.identifiers(SYSTEM, number) == [("id_number", "33010619900307123X")]


def test_the_database_refuses_an_identifier_both_clear_and_sealed() -> None:
    number = firm()
    for value, sealed in (("x", "1:00"), ("", "")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Identifier.objects.create(
                subject_id=number, type="t", value=value, sealed=sealed, lookup="q", recorded_at=at(), change=1
            )


def test_the_database_refuses_a_period_that_ends_before_it_starts() -> None:
    number = firm()
    with pytest.raises(IntegrityError), transaction.atomic():
        SubjectPeriod.objects.create(
            subject_id=number, name="x", valid_from=date(2021, 1, 1), valid_until=date(2021, 1, 1),
            recorded_at=at(), change=1,
        )  # fmt: skip
