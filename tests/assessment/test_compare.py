"""Impact statement and explanation of what the ledger holds."""

from __future__ import annotations

from datetime import date

import pytest
from tests import province

from xinlu.access.scope import Scope
from xinlu.assessment.compare import compare_books
from xinlu.assessment.explain import explain_unit
from xinlu.assessment.queries import findings_of_run
from xinlu.assessment.run import UnknownBook, run_books
from xinlu.law.problem import LawError

pytestmark = pytest.mark.django_db(transaction=True)
BOOK = "supervision-firm-zhejiang-2014"
DAY = date(2024, 6, 30)


@pytest.fixture
def ledger(settings, tmp_path):
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    province.organs()
    province.firm("示例监理有限公司", businesses=["supervision"])
    province.firm("示例监理咨询有限公司", businesses=["supervision"])
    return tmp_path


def test_a_book_against_itself_moves_nobody_and_leaves_nobody_out(ledger):
    found = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY, known_at=province.at(300))
    assert found.impacts
    for impact in found.impacts:
        assert impact.population == impact.unchanged == 2
        assert impact.unaccounted == 0
        assert [(one.group, one.units) for one in impact.groups if one.kind == "city"] == [("330100", 2)]
        assert not impact.shifts


def test_two_versions_are_compared_on_the_same_day_though_only_one_is_in_force(ledger):
    found = compare_books("taxi-enterprise@2011", "taxi-enterprise@2018", as_of=DAY, known_at=province.at(300))
    assert (found.before.version, found.after.version) == ("2011", "2018")


def test_books_about_different_things_are_not_compared(ledger):
    with pytest.raises(LawError):
        compare_books(BOOK, "overlimit-vehicle", as_of=DAY, known_at=province.at(300))
    with pytest.raises(UnknownBook):
        compare_books(BOOK, "nothing@1", as_of=DAY, known_at=province.at(300))


def test_every_output_of_a_unit_is_explained_to_whoever_may_see_it(ledger):
    run = run_books([BOOK], as_of=DAY, actor=province.ACTOR, at=province.at(300))[0]
    unit = findings_of_run(run)[0].unit
    explained = explain_unit(Scope.system("test"), run, unit)
    assert {one.output for one in explained} == {one.output for one in findings_of_run(run)}
    assert all(one.sentence for one in explained)
    assert explain_unit(Scope.public(), run, unit) == []
