"""The reporting rule of 双公示 agrees with the catalogue, and mistakes in it are told with their line."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from xinlu.law.calendar import load_calendar
from xinlu.law.catalogue import FieldType
from xinlu.law.check.reporting import check_reporting
from xinlu.law.library import Library, load_catalogue, shipped
from xinlu.law.problem import LawError
from xinlu.law.reporting import FOLDER, Reporting, in_force, load_reporting

DAY = date(2026, 6, 30)
CATALOGUE = load_catalogue(shipped())
FILE = "double-publicity.2018.yaml"


def rule() -> Reporting:
    found = in_force(load_reporting(shipped()), on=DAY)
    assert found is not None
    return found


def test_permits_have_28_fields_and_penalties_30() -> None:
    assert [(t.item, len(t.columns)) for t in rule().tables] == [
        ("administrative_permit", 28),
        ("administrative_penalty", 30),
    ]


@pytest.mark.parametrize("table", rule().tables, ids=lambda t: t.item)
def test_each_column_is_a_field_of_the_item_under_its_official_code(table) -> None:
    item = CATALOGUE.items[table.item]
    for column in table.columns:
        field = item.field(column.field)
        assert field is not None, column.code
        assert field.aliases[0] == column.code
        if field.type is FieldType.TEXT:
            assert field.length == column.length
        if field.type is FieldType.NUMBER:
            assert (field.digits, field.scale, field.unit) == (column.digits, column.scale, rule().writing.money)
        assert field.required == (column.need == "mandatory"), column.code


def test_what_the_rule_names_is_in_the_catalogue() -> None:
    law, kinds = rule(), CATALOGUE.code_lists["party_kinds"].values
    assert {law.parties.sole_trader.kind, law.parties.natural_person.kind} <= set(kinds)
    for table in law.tables:
        assert CATALOGUE.items[table.item].field(law.deadline.counted_from)
        if flag := table.summary_flag:
            child = CATALOGUE.items[flag.item]
            assert child.parent == table.item
            assert child.field(flag.field).type is FieldType.YES_NO


def test_what_this_project_proposed_is_marked_as_a_sample() -> None:
    assert rule().receipt.grade == "sample"
    assert rule().source.grade != "official"


@pytest.mark.parametrize(
    ("decided", "due"),
    [
        (date(2024, 5, 30), date(2024, 6, 11)),  # 10 June: Dragon Boat Festival
        (date(2024, 9, 30), date(2024, 10, 15)),  # the golden week, with 12 October worked
        (date(2024, 6, 3), date(2024, 6, 13)),
    ],
)
def test_the_deadline_counts_working_days_after_the_decision(decided: date, due: date) -> None:
    assert rule().deadline.due(decided, load_calendar(shipped() / "calendar")) == due


def test_beyond_the_calendar_there_is_no_deadline() -> None:
    with pytest.raises(LawError) as error:
        rule().deadline.due(date(2026, 12, 30), load_calendar(shipped() / "calendar"))
    assert error.value.problems[0].code == "CAL-001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(shipped() / FOLDER, tmp_path / FOLDER)
    return tmp_path


def code_of(folder: Path) -> tuple[str, int | None]:
    with pytest.raises(LawError) as error:
        load_reporting(folder)
    return error.value.problems[0].code, error.value.problems[0].line


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("working_days: 7", "working_days: 0", "LAW-203"),
        ("counted_from: decided_on", "counted_from: decided_on\n  extra: 1", "LAW-201"),
        ("returned: [退回", "returned: [成功, 退回", "LAW-206"),
        ("code: CF_SY,", "code: CF_WSH,", "LAW-206"),
        ('version: "2018"', 'version: "2019"', "LAW-308"),
    ],
)
def test_a_mistake_is_told_with_its_code(folder: Path, old: str, new: str, code: str) -> None:
    path = folder / FOLDER / FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found, line = code_of(folder)
    assert found == code
    assert line


def test_two_versions_may_not_hold_on_one_day(folder: Path) -> None:
    path = folder / FOLDER / FILE
    text = path.read_text(encoding="utf-8").replace('version: "2018"', 'version: "2027"')
    (folder / FOLDER / "double-publicity.2027.yaml").write_text(text, encoding="utf-8")
    assert code_of(folder)[0] == "LAW-411"
    path.write_text(path.read_text().replace('{from: "2018-07-01"}', '{from: "2018-07-01", until: "2027-01-01"}'))
    later = folder / FOLDER / "double-publicity.2027.yaml"
    later.write_text(text.replace('{from: "2018-07-01"}', '{from: "2027-01-01"}'), encoding="utf-8")
    rules = load_reporting(folder)
    versions = [in_force(rules, on=day).version for day in (date(2026, 12, 31), date(2027, 1, 1))]
    assert versions == ["2018", "2027"]
    assert in_force(rules, on=date(2018, 6, 30)) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("item: administrative_permit", "item: administrative_permits", "没有信息项"),
        (
            "field: decision_no, length: 128",
            "field: decision_nr, length: 128",
            "没有数据项“decision_nr”，是不是想写“decision_no”？",
        ),
        ("field: simple_procedure}", "field: severity_class}", "没有是否型数据项"),
        ("{kind: sole_trader,", "{kind: soletrader,", "不在代码表"),
    ],
)
def test_a_rule_that_names_what_the_catalogue_does_not_have_is_told(
    folder: Path, old: str, new: str, said: str
) -> None:
    path = folder / FOLDER / FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    library = Library(folder, CATALOGUE, {}, {}, {})
    assert [(one.code, said in one.sentence) for one in check_reporting(library)] == [("LAW-301", True)]


def test_the_shipped_rule_has_no_problem() -> None:
    assert check_reporting(Library(shipped(), CATALOGUE, {}, {}, {})) == []
