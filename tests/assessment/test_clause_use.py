"""Which clauses are used, and which entries rest on records that came by themselves: counted as they are listed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests import province
from tests.assessment.test_checkup import DAY, round_of  # noqa: F401 a round with known hits

from xinlu.access.scope import Scope
from xinlu.assessment import clause_use
from xinlu.assessment.lineage import effects
from xinlu.ledger.cuts import Cut
from xinlu.ledger.models import Delivery, Record, Source
from xinlu.registry.models import Subject

pytestmark = pytest.mark.django_db
EVERYTHING = Scope.system("test")
CUT = Cut(date(DAY.year, 1, 1), date(DAY.year + 1, 1, 1))


@pytest.fixture
def delivered(round_of: Any, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    """The round, with its bid behaviours brought by an interface; the book counts as law, the round as published."""
    source = Source.objects.get(code="works")
    delivery = Delivery._base_manager.create(
        source=source, item="bid_behaviour", digest="0" * 64, way="api", received_at=province.at(1), received_by="t",
        closed_at=province.at(1), delivered=3, accepted=3,
    )  # fmt: skip
    Record._base_manager.filter(item="bid_behaviour").update(delivery=delivery)
    monkeypatch.setattr(clause_use, "rounds_of", lambda _cut: [round_of])
    return round_of


def own(several: list[clause_use.UsedClause], book: str) -> dict[str, clause_use.UsedClause]:
    return {one.clause: one for one in several if one.book == book}


def test_a_clause_with_a_source_and_a_hit_is_used_and_one_without_a_source_is_not_asked(delivered: Any) -> None:
    found = own(clause_use.clauses(EVERYTHING, CUT), delivered.book)
    assert found["bid"].has_source
    assert found["bid"].used()
    others = [one for name, one in found.items() if name != "bid"]
    assert not any(one.used() for one in others)
    told = clause_use.quantities(found.values())
    assert told["clauses_used"] == len(clause_use.counted_by(found.values(), "clauses_used")) == 1
    assert told["clauses_with_source"] == len(clause_use.counted_by(found.values(), "clauses_with_source"))


def test_entries_are_as_many_as_listed_and_a_lost_one_is_none(delivered: Any) -> None:
    found = own(clause_use.clauses(EVERYTHING, CUT), delivered.book)
    told = clause_use.quantities(found.values())
    assert (told["entries_of_records"], told["entries_automatic"]) == (2, 2)
    for quantity in ("entries_of_records", "entries_automatic"):
        listed = clause_use.entries(EVERYTHING, quantity, CUT, size=1000)
        assert len(listed) == told[quantity]
        assert {one.way for one in listed} == {"api"}
    assert len(clause_use.entries(EVERYTHING, "entries_of_records", CUT, start=1, size=10)) == 1


@pytest.mark.slow
def test_a_scope_without_the_regions_of_the_units_counts_nothing(delivered: Any) -> None:
    elsewhere = Scope(kind="officer", key="person:1", organ="x", regions=("331100",), sectors=("all",), level="L2")
    found = own(clause_use.clauses(elsewhere, CUT), delivered.book)
    assert clause_use.quantities(found.values())["entries_of_records"] == 0
    assert clause_use.entries(elsewhere, "entries_of_records", CUT) == []


@pytest.mark.slow
def test_a_record_leads_to_the_entries_of_published_rounds(delivered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    record = clause_use.entries(EVERYTHING, "entries_of_records", CUT, size=1)[0].record
    Subject.objects.create(pk=1, kind="enterprise", name="示例", enrolled_at=province.at(0), change=1)
    assert effects(EVERYTHING, record) == [], "a trial is no effect"
    type(delivered).objects.filter(pk=delivered.pk).update(
        published_at=delivered.made_at, published_by="t", effective_from=DAY
    )
    (effect,) = effects(EVERYTHING, record)
    assert (effect.clause, effect.kind, effect.run.pk) == ("bid", "hit", delivered.pk)
