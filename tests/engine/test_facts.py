"""Facts files as tables: numbers, two time axes, and every mistake with its line."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinlu.engine.facts import Facts, read_facts
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import load_catalogue, shipped
from xinlu.law.marks import parse
from xinlu.law.problem import LawError, Problem

CATALOGUE = load_catalogue(shipped())


def facts(text: str, catalogue: Catalogue = CATALOGUE) -> Facts:
    marked = parse(text, file="facts.yaml")
    return read_facts(marked.mapping(), catalogue=catalogue, marks=marked.marks)


def mistakes(text: str) -> list[Problem]:
    with pytest.raises(LawError) as caught:
        facts(text)
    return list(caught.value.problems)


WHOLE = """\
subjects:
  - {id: 乙公司, kind: enterprise, region: 330100, from: 2010-01-01, founded_on: 2009-12-01}
  - {id: 甲公司, kind: enterprise}
  - {id: 浙A00001, kind: vehicle}
  - id: 丙公司
    kind: enterprise
    periods:
      - {from: 2010-01-01, qualification_grade: first}
      - {from: 2024-01-01, registered_capital: 1.50}
relations:
  - {relation: operates, from: 甲公司, to: 浙A00001, since: 2020-01-01, until: 2025-01-01}
records:
  - {item: administrative_penalty, id: r2, subject: 甲公司, vehicle: 浙A00001,
     decided_on: 2024-03-01, fine_amount: 0.20}
  - {item: administrative_penalty, id: r1, subject: 乙公司, decided_on: 2024-03-01,
     recorded_at: 2024-03-05, superseded_at: 2024-04-01T08:00:00}
  - {item: administrative_penalty, id: r1, subject: 乙公司, decided_on: 2024-03-02, recorded_at: 2024-04-01T08:00:00}
standings:
  - {id: s1, book: driver-integrity, subject: 甲公司, output: level, level: AA, score: 3,
     from: 2023-05-01, until: 2024-05-01, as_of: 2023-04-30, jurisdiction: zj}
peers: {some-book: {mean: 80}}
as_of: [2024-12-31, 2025-12-31]
known_at: 2025-07-01T08:00:00+08:00
"""


def test_every_table_of_the_catalogue_is_there_with_its_schema() -> None:
    tables = facts("subjects: []\n").tables
    assert {name: t.schema for name, t in tables.items()} == schemas(CATALOGUE)
    assert not any(t.num_rows for t in tables.values())


def test_subjects_are_numbered_by_the_file_and_records_by_their_ids() -> None:
    read = facts(WHOLE)
    assert read.subjects == {"乙公司": 1, "甲公司": 2, "浙A00001": 3, "丙公司": 4}
    assert read.records == {"r1": 1, "r2": 2, "s1": 3}
    assert read.subject_name(2) == "甲公司"
    assert read.record_name(None) == ""


def test_a_subject_has_one_row_for_each_period_and_lives_from_1900_by_default() -> None:
    rows = facts(WHOLE).tables["subject_enterprise"].to_pylist()
    spans = [(r["subject"], r["valid_from"], r["valid_until"]) for r in rows]
    assert spans == [
        (1, date(2010, 1, 1), None),
        (2, date(1900, 1, 1), None),
        (4, date(2010, 1, 1), date(2024, 1, 1)),
        (4, date(2024, 1, 1), None),
    ]
    assert rows[0]["region"] == "330100"
    assert rows[0]["founded_on"] == date(2009, 12, 1)
    assert [r["registered_capital"] for r in rows[2:]] == [None, Decimal("1.500000")]


def test_relations_name_both_ends_by_number() -> None:
    (row,) = facts(WHOLE).tables["relation"].to_pylist()
    assert (row["from_subject"], row["to_subject"], row["valid_until"]) == (2, 3, date(2025, 1, 1))


def test_a_record_carries_roles_dates_exact_numbers_and_both_time_axes() -> None:
    rows = facts(WHOLE).tables["item_administrative_penalty"].to_pylist()
    assert [r["record"] for r in rows] == [2, 1, 1]
    assert (rows[0]["role_subject"], rows[0]["role_vehicle"]) == (2, 3)
    assert rows[0]["fine_amount"] == Decimal("0.2")
    assert rows[0]["occurred_on"] == rows[0]["effective_from"] == date(2024, 3, 1)
    assert rows[0]["recorded_at"] == datetime(1900, 1, 1)
    assert rows[1]["superseded_at"] == rows[2]["recorded_at"] == datetime(2024, 4, 1, 8)


def test_a_standing_is_a_record_of_rating_result() -> None:
    (row,) = facts(WHOLE).tables["item_rating_result"].to_pylist()
    assert (row["role_subject"], row["book"], row["level"]) == (2, "driver-integrity", "AA")
    assert (row["status"], row["kind"], row["score"]) == ("rated", "published", 3)
    assert row["occurred_on"] == date(2023, 4, 30)
    assert (row["effective_from"], row["effective_until"]) == (date(2023, 5, 1), date(2024, 5, 1))


def test_days_and_peers_are_handed_on_and_times_are_utc() -> None:
    read = facts(WHOLE)
    assert read.as_of == (date(2024, 12, 31), date(2025, 12, 31))
    assert read.known_at == datetime(2025, 7, 1)
    assert read.peers == {"some-book": {"mean": 80}}


def test_later_parts_add_to_earlier_ones() -> None:
    given_ = {"subjects": [{"id": "甲", "kind": "enterprise"}], "as_of": "2024-01-01"}
    more = {
        "records": [{"item": "administrative_penalty", "subject": "甲", "decided_on": date(2024, 1, 1)}],
        "as_of": "2025-01-01",
    }
    read = read_facts(given_, more, catalogue=CATALOGUE)
    assert read.as_of == (date(2025, 1, 1),)
    assert read.tables["item_administrative_penalty"].num_rows == 1


PENALTY = "item: administrative_penalty, decided_on: 2024-03-01"
FIRM = "subjects: [{id: 甲公司, kind: enterprise}]\nrecords:\n  - "


@pytest.mark.parametrize(
    ("text", "code", "line", "said"),
    [
        ("subject: []\n", "FACT-102", 1, "是不是想写“subjects”"),
        ("subjects: 3\n", "FACT-101", 1, "列表"),
        ("subjects:\n  - 甲\n", "FACT-101", 2, "映射"),
        ("subjects:\n  - {kind: enterprise}\n", "FACT-111", 2, "id"),
        ("subjects:\n  - {id: 甲, kind: entreprise}\n", "FACT-106", 2, "enterprise"),
        ("subjects:\n  - {id: 甲, kind: vehicle}\n  - {id: 甲, kind: vehicle}\n", "FACT-103", 3, "甲"),
        ("subjects:\n  - {id: 甲, kind: enterprise, fonded_on: x}\n", "FACT-107", 2, "founded_on"),
        ("subjects:\n  - {id: 甲, kind: enterprise, founded_on: x}\n", "FACT-108", 2, "日期"),
        ("subjects:\n  - {id: 甲, kind: enterprise, from: 2024-02-30}\n", "FACT-108", 2, "没有这一天"),
        ("subjects:\n  - {id: 甲, kind: enterprise, from: 2024-02-01, until: 2024-02-01}\n", "FACT-114", 2, "晚于"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公}}\n", "FACT-104", 3, "是不是想写“甲公司”"),
        (f"{FIRM}{{{PENALTY}, vehicle: 甲公司}}\n", "FACT-105", 3, "应为"),
        (f"{FIRM}{{item: penalty, subject: 甲公司}}\n", "FACT-106", 3, "信息项"),
        (f"{FIRM}{{item: administrative_penalty, subject: 甲公司}}\n", "FACT-111", 3, "decided_on"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公司, fine_amount: 0.1234567}}\n", "FACT-109", 3, "位小数"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公司, fine_amount: 1000000000000000}}\n", "FACT-109", 3, "整数"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公司, fine_amount: 多}}\n", "FACT-108", 3, "应为数"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公司, party_kind: 外星人}}\n", "FACT-110", 3, "代码"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公司, parent: r9}}\n", "FACT-113", 3, "r9"),
        (f"{FIRM}{{{PENALTY}, subject: 甲公司, recorded_at: 昨天}}\n", "FACT-108", 3, "时间"),
        (
            f"{FIRM}{{{PENALTY}, id: a, subject: 甲公司}}\n  - {{{PENALTY}, id: a, subject: 甲公司}}\n",
            "FACT-112",
            1,
            "同时",
        ),
        ("relations:\n  - {relation: operate, from: 甲, to: 乙}\n", "FACT-106", 2, "operates"),
        ("as_of: 上月\n", "FACT-108", 1, "as_of"),
    ],
)  # fmt: skip
def test_a_mistake_has_a_code_and_a_line(text: str, code: str, line: int, said: str) -> None:
    found = [p for p in mistakes(text) if p.code == code]
    assert [p.line for p in found] == [line]
    assert said in found[0].sentence
    assert found[0].next_step


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    text = "subjects:\n  - {id: 甲, kind: x}\nrecords:\n  - {item: y}\n  - {item: z}\n"
    assert [(p.code, p.line) for p in mistakes(text)] == [
        ("FACT-106", 2),
        ("FACT-106", 4),
        ("FACT-106", 5),
    ]


def test_a_float_is_refused_because_points_are_never_binary() -> None:
    record: dict[str, Any] = {
        "item": "administrative_penalty",
        "decided_on": "2024-01-01",
        "fine_amount": 0.1,
    }
    with pytest.raises(LawError, match="FACT-108"):
        read_facts({"records": [record]}, catalogue=CATALOGUE)


def test_overlapping_periods_are_refused_unless_known_at_different_times() -> None:
    text = """\
subjects:
  - id: 甲
    kind: enterprise
    periods:
      - {from: 2010-01-01, until: 2021-01-01%s}
      - {from: 2020-01-01%s}
"""
    assert [p.code for p in mistakes(text % ("", ""))] == ["FACT-114"]
    knowledge = (", superseded_at: 2024-01-01", ", recorded_at: 2024-01-01")
    assert facts(text % knowledge).tables["subject_enterprise"].num_rows == 2


@given(st.decimals("-999999999999", "999999999999", places=6, allow_nan=False))
def test_a_number_that_fits_is_kept_to_the_last_digit(number: Decimal) -> None:
    record = {"item": "administrative_penalty", "decided_on": "2024-01-01", "fine_amount": number}
    table: pa.Table = read_facts({"records": [record]}, catalogue=CATALOGUE).tables["item_administrative_penalty"]
    assert table["fine_amount"].to_pylist() == [number]


def test_nameless_records_of_the_shared_facts_and_of_a_case_stand_side_by_side() -> None:
    catalogue = load_catalogue(shipped())
    firm = {"subjects": [{"id": "甲公司", "kind": "enterprise"}]}
    standing = {"book": "b", "subject": "甲公司", "output": "level", "level": "A", "from": "2024-01-01"}
    facts = read_facts(
        {**firm, "standings": [standing]},
        {"standings": [standing]},
        catalogue=catalogue,
        at=(("given",), ("cases", 0, "facts")),
    )
    assert facts.tables["item_rating_result"].num_rows == 2
