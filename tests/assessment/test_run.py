"""A run over the ledger: findings kept with digests, published once, the same again for the same law and facts."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import province

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.publish import VERB_PUBLISHED, NotPublishable, publish
from xinlu.assessment.queries import entries_of, findings_of, findings_of_run, runs
from xinlu.assessment.run import UnknownBook, run_books, runs_folder
from xinlu.engine.whole import RunFailed
from xinlu.journal.models import Event
from xinlu.ledger import queries as ledger
from xinlu.ledger.models import Source
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.models import Subject

BOOK = "overlimit-vehicle"
DAY = date(2024, 6, 30)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ran(settings, tmp_path) -> Run:
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    province.organs()
    province.firm(businesses=["supervision"])
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


def publishing(run: Run, minute: int) -> int:
    done = publish(
        run,
        source=Source.objects.get(code="xinlu"),
        actor=province.ACTOR,
        at=province.at(202) + timedelta(minutes=minute),
        effective_from=DAY,
        jurisdiction="zj",
    )
    return done.written


def test_a_subject_knows_no_trial_either(ran):
    me = Scope.of(Person.objects.create_user("me", role="subject", subject=findings_of_run(ran)[0].unit))
    assert not runs(me).exists()
    assert entries_of(me, ran.code, me.subject) == []
    assert runs(Scope.of(province.officer("city", "jt-330100"))).count() == 1


def test_no_code_leads_out_of_the_folder_of_runs(ran):
    unit = findings_of_run(ran)[0].unit
    everything = Scope.system("test")
    for code in (f"../runs/{ran.code}", f"../../{ran.code}", f"{ran.code}/", f"{ran.code}/../{ran.code}", ""):
        assert entries_of(everything, code, unit) == []
        assert findings_of(everything, code, unit) == []
    assert findings_of(everything, ran.code, unit) != []


def test_a_file_that_was_changed_behind_a_run_is_not_published(ran):
    province.source("xinlu", "zj")
    file = runs_folder() / ran.code / "findings" / "00.parquet"
    content = file.read_bytes()
    file.write_bytes(pq_of_best(file))
    with pytest.raises(NotPublishable, match="摘要"):
        publishing(ran, 0)
    assert not ledger.standings(Scope.system("test"), on=DAY).exists()
    file.write_bytes(content)
    assert publishing(ran, 1) > 0


def pq_of_best(file: Path) -> bytes:
    """The same findings, all of them rated AA."""
    table = pq.read_table(file)
    place = table.schema.get_field_index("level")
    column = pa.array(["AA"] * table.num_rows, table.schema.field("level").type)
    out = BytesIO()
    pq.write_table(table.set_column(place, table.schema.field("level"), column), out)
    return out.getvalue()


def test_of_two_who_publish_one_run_at_a_time_one_does(ran):
    province.source("xinlu", "zj")
    other = Run.objects.get(pk=ran.pk)
    assert publishing(ran, 0) > 0
    with pytest.raises(NotPublishable, match="已由他人发布"):
        publishing(other, 1)
    assert Event.objects.filter(verb=VERB_PUBLISHED).count() == 1


def test_the_number_of_a_record_is_not_taken_for_that_of_a_subject(ran):
    plate = enrol(
        NewSubject("vehicle", "浙A12312", "330106", {"plate": "浙A12312"}, date(2020, 1, 1)),
        actor=province.ACTOR,
        at=province.at(202),
    )
    facts = {"weighing_no": "W1", "weighed_on": "2024-05-02", "axles": "2", "total_mass": "19000"}
    row = {"payload": facts, "roles": {"vehicle": (plate,)}}
    weighing = province.deliver(province.source("w", "jt-330100"), "weighing", [row], when=province.at(203))
    record_run = run_books(["overlimit-determination"], as_of=DAY, actor=province.ACTOR, at=province.at(204))[0]
    (outcome,) = weighing[1]
    stranger = Scope.of(province.officer("nb", "jt-330200"))
    assert outcome.record in {one.unit for one in findings_of_run(record_run)}
    Subject._base_manager.get_or_create(
        pk=outcome.record,
        defaults={"kind": "enterprise", "name": "同号公司", "enrolled_at": province.at(203), "change": 1},
    )
    assert Subject.objects.within(stranger).filter(pk=outcome.record).exists(), "a firm has the same number"
    assert findings_of(stranger, record_run.code, outcome.record) == []
    assert findings_of(Scope.of(province.officer("hz", "jt-330100")), record_run.code, outcome.record) != []


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


def test_a_full_disk_is_told_and_the_last_good_run_is_still_served(ran, monkeypatch):
    everything = Scope.system("test")
    unit = findings_of_run(ran)[0].unit
    before = entries_of(everything, ran.code, unit)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xinlu.engine.kept.pq.ParquetWriter", full)
    with pytest.raises(RunFailed) as told:
        run_books([ran.book], as_of=DAY + timedelta(days=1), actor=province.ACTOR, at=province.at(206))
    (problem,) = told.value.problems
    assert problem.code == "RUN-101"
    assert "磁盘已满" in problem.sentence
    assert problem.next_step
    assert [one.name for one in runs_folder().iterdir()] == [ran.code]
    assert Run.objects.count() == 1
    assert entries_of(everything, ran.code, unit) == before


def test_what_a_killed_run_left_is_no_run_and_goes_with_the_next(ran):
    left = runs_folder() / ".draft-999999999-ab" / ran.book
    left.mkdir(parents=True)
    (left / "run.json").write_text("{")
    stale = runs_folder() / f"{ran.book}-20240701-1"
    stale.mkdir()
    again = run_books([ran.book], as_of=date(2024, 7, 1), actor=province.ACTOR, at=province.at(206))[0]
    assert again.code == stale.name
    assert {one.name for one in runs_folder().iterdir()} == {ran.code, again.code}
    assert findings_of_run(again)
