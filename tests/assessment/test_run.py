"""A run over the ledger: findings kept with digests, published once, the same again for the same law and facts."""

from __future__ import annotations

from datetime import date

import pytest
from tests import province

from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.publish import NotPublishable, publish
from xinlu.assessment.queries import entries_of, findings_of, findings_of_run, runs
from xinlu.assessment.run import UnknownBook, run_books
from xinlu.ledger import queries as ledger

BOOK = "overlimit-vehicle"
DAY = date(2024, 6, 30)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ran(settings, tmp_path) -> Run:
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    province.organs()
    province.firm()
    return run_books(["supervision-firm-zhejiang-2014"], as_of=DAY, actor=province.ACTOR, at=province.at(200))[0]


def test_every_unit_of_the_population_has_findings(ran):
    assert ran.units == len({one.unit for one in findings_of_run(ran)})


def test_the_same_law_day_and_facts_give_the_same_run(ran):
    again = run_books([ran.book], as_of=DAY, actor=province.ACTOR, at=province.at(201))[0]
    assert again.pk == ran.pk


def test_a_trial_leaves_no_standing_and_a_published_run_leaves_one_for_each_answer(ran):
    everything = Scope.system("test")
    assert not ledger.standings(everything, on=DAY).exists()
    source = province.source("xinlu", "zj")
    done = publish(ran, source=source, actor=province.ACTOR, at=province.at(202), effective_from=DAY, jurisdiction="zj")
    assert ledger.standings(everything, on=DAY).count() == done.standings
    again = publish(
        done.run, source=source, actor=province.ACTOR, at=province.at(203), effective_from=DAY, jurisdiction="zj"
    )
    assert again.written == 0


def test_the_public_knows_no_trial_and_sees_no_line_of_it(ran):
    public = Scope.public()
    unit = findings_of_run(ran)[0].unit if ran.units else 1
    assert not runs(public).exists()
    assert entries_of(public, ran.code, unit) == []
    assert findings_of(public, ran.code, unit) == []


def test_findings_about_single_records_stay_in_the_run(ran):
    record_run = run_books(["overlimit-determination"], as_of=DAY, actor=province.ACTOR, at=province.at(204))[0]
    with pytest.raises(NotPublishable):
        publish(
            record_run,
            source=province.source("xinlu", "zj"),
            actor=province.ACTOR,
            at=province.at(205),
            effective_from=DAY,
            jurisdiction="zj",
        )


def test_a_book_that_is_not_there_is_said(ran):
    with pytest.raises(UnknownBook):
        run_books(["no-such-book"], as_of=DAY, actor=province.ACTOR, at=province.at(206))
