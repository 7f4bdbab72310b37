"""Impact statement of the law over what the ledger holds, for whoever may see it, and explanation of a run."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from tests import province

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.assessment.compare import compare_books
from xinlu.assessment.explain import explain_unit
from xinlu.assessment.queries import findings_of_run
from xinlu.assessment.run import UnknownBook, run_books
from xinlu.assessment.statement_file import workbook
from xinlu.gazette import current
from xinlu.law.problem import LawError
from xinlu.registry.enrol import NewSubject, enrol

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


EVERYTHING = Scope.system("test")


def draft(tmp_path: Path, old: str, new: str, book: str = BOOK) -> str:
    """A draft file: the shipped book with one text changed."""
    shipped = current.library().rulebooks[book][-1]
    text = current.library().filed(shipped).path.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / f"{shipped.version}.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_a_book_against_itself_moves_nobody_and_leaves_nobody_out(ledger):
    found = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY)
    assert found.outputs
    for output in found.outputs:
        impact = found.impact(EVERYTHING, output)
        assert impact.population == impact.unchanged == 2
        assert impact.unaccounted == impact.moved == 0
        assert [(one.group, one.units) for one in impact.groups if one.kind == "city"] == [("330100", 2)]
        assert not list(found.movers(EVERYTHING, output))


def test_a_statement_is_worked_out_once_for_the_same_law_day_and_facts(ledger):
    first = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY)
    written = (first.folder / "places.parquet").stat().st_mtime_ns
    again = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY)
    assert (again.folder, (again.folder / "places.parquet").stat().st_mtime_ns) == (first.folder, written)
    province.firm("示例新监理有限公司", businesses=["supervision"])
    later = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY)
    assert later.folder != first.folder
    assert later.impact(EVERYTHING, later.outputs[0]).population == 3


def test_nobody_but_officers_and_the_system_reads_figures_of_a_trial(ledger):
    found = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY)
    for scope in (Scope.public(), Scope.of(Person.objects.create_user("me", role="subject", subject=1))):
        assert found.impact(scope, found.outputs[0]).population == 0
    officer = Scope.of(province.officer("nb", "jt-330200"))
    assert found.impact(officer, found.outputs[0]).population == 2, "firms are known to every officer"


def test_an_officer_reads_figures_of_persons_of_the_own_region_only(ledger):
    enrol(
        NewSubject(
            "practitioner",
            "张小三",
            "330106",
            {"id_number": "33010619900307123X"},
            date(2015, 1, 1),
            natural_person=True,
            attributes={"categories": ["freight_driver"], "first_certified_on": "2016-05-01"},
        ),
        actor=province.ACTOR,
        at=province.DAY0,
    )
    found = compare_books("road-driver-integrity", "road-driver-integrity@2008", as_of=DAY)
    everybody = found.impact(EVERYTHING, "level").population
    assert everybody == 1
    hangzhou, ningbo = (Scope.of(province.officer(one, f"jt-{one}")) for one in ("330100", "330200"))
    assert sorted(found.impact(one, "level").population for one in (hangzhou, ningbo)) == [0, everybody]


def test_the_workbook_accounts_for_all(ledger):
    found = compare_books(BOOK, f"{BOOK}@2014", as_of=DAY)
    data = workbook(EVERYTHING, found)
    rows = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_name("说明").to_python()
    assert any("全体 2 = 不变 2 + 变动 0；未交代 0" in str(cell) for row in rows for cell in row)


def test_two_versions_are_compared_on_the_same_day_though_only_one_is_in_force(ledger):
    found = compare_books("taxi-enterprise@2011", "taxi-enterprise@2018", as_of=DAY)
    assert (found.before.version, found.after.version) == ("2011", "2018")


def test_everybody_who_moves_stands_in_the_workbook_with_the_reason_and_no_name_is_a_formula(ledger, tmp_path):
    province.firm("=HYPERLINK(1)监理公司", businesses=["supervision"])
    narrower = draft(tmp_path, "contains(businesses, 'supervision')", "contains(businesses, 'bus')")
    found = compare_books(BOOK, narrower, as_of=DAY)
    impact = found.impact(EVERYTHING, found.outputs[0])
    assert (impact.population, impact.moved, impact.unaccounted) == (3, 3, 0)
    book = CalamineWorkbook.from_filelike(BytesIO(workbook(EVERYTHING, found)))
    sheet = next(name for name in book.sheet_names if name.endswith("变动"))
    rows = book.get_sheet_by_name(sheet).to_python()
    assert sorted(row[0] for row in rows[1:]) == ["=HYPERLINK(1)监理公司", "示例监理咨询有限公司", "示例监理有限公司"]
    assert all("拟行不在参评范围" in row[6] for row in rows[1:])


def test_books_about_different_things_are_not_compared(ledger):
    with pytest.raises(LawError):
        compare_books(BOOK, "overlimit-vehicle", as_of=DAY)
    with pytest.raises(UnknownBook):
        compare_books(BOOK, "nothing@1", as_of=DAY)


def test_every_output_of_a_unit_is_explained_to_whoever_may_see_it(ledger):
    run = run_books([BOOK], as_of=DAY, actor=province.ACTOR, at=province.at(300))[0]
    unit = findings_of_run(run)[0].unit
    explained = explain_unit(Scope.system("test"), run, unit)
    assert {one.output for one in explained} == {one.output for one in findings_of_run(run)}
    assert all(one.sentence for one in explained)
    assert explain_unit(Scope.public(), run, unit) == []
