"""Scope: nobody reads without saying who asks."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from tests.province import officer, organs, scopes

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope, ScopeMissing
from xinlu.ledger.models import Delivery, DeliveryRow, Record, Standing
from xinlu.registry.models import Subject

SCOPED = [Subject, Record, Standing, Delivery, DeliveryRow]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", SCOPED, ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    "read",
    [
        list,
        lambda rows: rows.first(),
        lambda rows: rows.count(),
        lambda rows: rows.exists(),
        lambda rows: rows.filter(pk=1).get(),
        lambda rows: list(rows.values_list("pk")),
        lambda rows: list(rows.iterator()),
        lambda rows: rows.aggregate(),
        lambda rows: rows.update(pk=1),
        lambda rows: rows.delete(),
        lambda rows: rows.in_bulk([1]),
        lambda rows: list(Subject.objects.within(Scope.public()).filter(pk__in=rows.values("pk"))),
        lambda rows: bool(rows.none() | rows),
    ],
    ids=["list", "first", "count", "exists", "get", "values", "iterator", "aggregate", "update", "delete",
         "in_bulk", "inside another query", "or"],
)  # fmt: skip
def test_a_query_without_a_scope_is_an_error(model: type, read: object) -> None:
    with pytest.raises(ScopeMissing, match=model.__name__):
        read(model.objects.all())  # type: ignore[operator, attr-defined]


@pytest.mark.parametrize("model", SCOPED, ids=lambda m: m.__name__)
def test_a_query_with_a_scope_runs_and_keeps_it_when_refined(model: type) -> None:
    for scope in (Scope.public(), Scope.system("test")):
        rows = model.objects.within(scope, on=date(2024, 1, 1))  # type: ignore[attr-defined]
        assert list(rows.filter(pk=1).order_by("pk").exclude(pk=2)) == []
        assert rows.count() == 0


def test_the_system_reads_for_a_reason_only() -> None:
    with pytest.raises(ValueError, match="reason"):
        Scope.system("")


def test_regions_follow_who_manages_whom() -> None:
    organs()
    who = scopes()
    assert who["county"].covers_region("330106")
    assert not who["county"].covers_region("330100")
    assert who["city"].covers_region("330106")
    assert not who["city"].covers_region("330206")
    assert who["province"].covers_region("330206")
    assert not Scope.of(officer("jh", "jt-330700")).covers_region("330782"), "义乌 is not managed by 金华"
    assert Scope.of(officer("yw", "jt-330782")).covers_region("330782")


def test_sectors_limit_an_organ_and_what_is_of_all_sectors_is_everybodys() -> None:
    organs()
    port = Scope.of(officer("port", "zj-port-centre"))
    assert port.covers_sector("water")
    assert port.covers_sector("all")
    assert not port.covers_sector("construction")
    assert not Scope.public().covers_sector("water")


def test_those_who_only_supply_or_receive_data_supervise_nobody() -> None:
    organs()
    shanghai = Scope.of(officer("sh", "jt-310000"))
    market = Scope.of(officer("market", "ext-market"))
    assert (shanghai.regions, market.regions, market.everywhere) == ((), (), False)


def test_administrators_see_no_more_than_the_public() -> None:
    organs()
    for role in ("system_admin", "security_admin", "auditor"):
        scope = Scope.of(officer(role, "zj", role=role))
        assert scope.is_public
        assert scope.reads_audit == (role == "auditor")


def test_a_person_who_is_not_there_or_not_active_is_the_public() -> None:
    organs()
    gone = officer("gone", "zj")
    gone.is_active = False
    assert Scope.of(AnonymousUser()) == Scope.of(gone) == Scope.public()


def test_a_subject_belongs_to_no_organ() -> None:
    organs()
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.create_user("x", role="subject", subject=1, organ=Organ.objects.get(code="zj"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.create_user("y", role="officer", subject=1)
    assert Scope.of(Person.objects.create_user("z", role="subject", subject=7)).subject == 7


def test_loading_the_organs_again_changes_nothing() -> None:
    organs()
    before = list(Organ.objects.values())
    organs()
    assert list(Organ.objects.values()) == before
    assert Organ.objects.get(code="jt-330106").parent == Organ.objects.get(code="jt-330100")
