"""Running the cases of a book: what holds is silent, what differs is told in words."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from xinlu.engine.cases import by_engine, by_oracle, plain_number, run_cases, said, step_value
from xinlu.engine.result import Entry, Finding
from xinlu.law.library import Library, load, shipped
from xinlu.law.problem import Problem

BOOK = """\
rulebook: penalty-points
version: "2024"
title: 示例扣分办法
kind: industry_credit
sector: road
rates: {subject: enterprise, where: "present(region) and region = '330100'"}
in_force: {from: 2024-01-01}
source: {document: 示例, issuer: 示例, grade: sample}
levels: [{level: A, title: 甲}, {level: B, title: 乙}]
period: {calendar_year: running}
sources:
  penalties: {item: administrative_penalty}
clauses:
  fined: {title: 每次处罚, hits: penalties, minus: "10"}
folds:
  score: {start: "100", sum: [fined]}
  number: {count: true, over: penalties}
values:
  share: {is: "score / 7", round: 2}
  clean: {is: "number = 0"}
rated_when:
  - {require: "present(registered_capital)", otherwise: 没有注册资本}
outputs:
  score: {title: 得分, value: score}
  clean: {title: 有无处罚, value: clean}
  until: {title: 到期, value: "add_days(as_of, 30)"}
  level: {title: 等级, bands: {of: score, cut: {A: ">= 95", B: "< 95"}}}
"""

GIVEN = """\
book: penalty-points
version: "2024"
given:
  subjects:
    - {id: 甲, kind: enterprise, region: 330100, registered_capital: 1}
    - {id: 乙, kind: enterprise, region: 330100}
    - {id: 丙, kind: enterprise, region: 330200}
  as_of: 2024-06-30
cases:
"""

CASE = """\
  - case: 一次处罚
    facts:
      records:
        - {item: administrative_penalty, id: r1, subject: 甲, decided_on: 2024-03-01}
    %s
"""


@pytest.fixture(scope="module")
def standards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("law") / "standards"
    shutil.copytree(shipped() / "catalogue", root / "catalogue")
    folder = root / "rulebooks" / "penalty-points"
    folder.mkdir(parents=True)
    (folder / "2024.yaml").write_text(BOOK, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def library(standards: Path) -> Library:
    return load(standards)


def failures(library: Library, *cases: str) -> list[Problem]:
    book = library.rulebooks["penalty-points"][0]
    library.cases_path(book).write_text(GIVEN + "".join(cases), encoding="utf-8")
    return list(run_cases(library, book))


@pytest.mark.parametrize(
    "expectation",
    [
        "expect: {甲: {score: 90, level: B, clean: false, until: 2024-07-30}}",
        "expect: {甲: {level: {status: rated}}, 乙: {level: not_rated}, 丙: absent}",
        "expect: {乙: {level: {status: not_rated, reason: 注册资本}}}",
        "values: {甲: {score: 90, number: 1, share: 12.86, clean: false}}",
        "entries: {甲: [{clause: fined, record: r1, raw: -10, share: -10}, {kind: start, share: 100}]}",
        "entries: {甲: [{step: share, kind: rounding}, {kind: band, text: B, raw: 90.00}]}",
    ],
)
def test_a_case_that_holds_is_silent(library: Library, expectation: str) -> None:
    assert [str(p) for p in failures(library, CASE % expectation)] == []


@pytest.mark.parametrize(
    ("expectation", "said_"),
    [
        ("expect: {甲: {score: 91}}", "“甲”的得分应为 91，算得 90"),
        ("expect: {甲: {level: A}}", "等级应为 “A”，算得 “B”"),
        ("expect: {甲: {clean: true}}", "应为 是，算得 否"),
        ("expect: {甲: {until: 2024-07-29}}", "算得 2024-07-30"),
        ("expect: {甲: {level: not_rated}}", "应为 未评，算得 “B”"),
        ("expect: {乙: {level: A}}", "算得 未评（没有注册资本）"),
        ("expect: {乙: {level: {status: not_rated, reason: 没有投标}}}", "原因应含“没有投标”"),
        ("expect: {丙: {level: A}}", "不在评价对象中"),
        ("expect: {甲: absent}", "不应在评价对象中"),
        ("expect: {丁: absent}", "事实中没有“丁”"),
        ("expect: {甲: {grade: A}}", "没有输出“grade”"),
        ("values: {甲: {share: 12.87}}", "share 应为 12.87，算得 12.86"),
        ("values: {甲: {shore: 1}}", "没有名为“shore”"),
        ("values: {甲: {score: }}", "应为 缺失，算得 90"),
        ("entries: {甲: [{clause: fined, share: -9}]}", "没有这样的积分明细"),
        ("entries: {甲: [{clauze: fined}]}", "没有“clauze”这一栏"),
    ],
)
def test_a_case_that_fails_says_what_was_expected_and_what_came_out(
    library: Library, expectation: str, said_: str
) -> None:
    (found,) = failures(library, CASE % expectation)
    assert (found.code, found.line) == ("LAW-603", 14)
    assert said_ in found.sentence
    assert "一次处罚" in found.sentence
    assert found.file == "standards/rulebooks/penalty-points/2024.cases.yaml"


def test_a_mistake_in_the_facts_of_a_case_keeps_its_own_code_and_line(library: Library) -> None:
    case = (CASE % "expect: {甲: {score: 90}}").replace("subject: 甲", "subject: 甲乙")
    (found,) = failures(library, case)
    assert (found.code, found.line) == ("FACT-104", 13)


def test_a_case_may_have_its_own_day_and_its_own_time_of_knowledge(library: Library) -> None:
    case = CASE % "as_of: 2025-06-30\n    expect: {甲: {score: 100}}"
    assert failures(library, case) == []
    late = case.replace("2025-06-30", "2024-06-30\n    known_at: 2024-03-02").replace(
        "decided_on: 2024-03-01", "decided_on: 2024-03-01, recorded_at: 2024-03-02T00:00:01"
    )
    assert failures(library, late) == []


def test_a_case_without_a_day_is_told(library: Library) -> None:
    book = library.rulebooks["penalty-points"][0]
    text = GIVEN.replace("  as_of: 2024-06-30\n", "") + CASE % "expect: {甲: {score: 90}}"
    library.cases_path(book).write_text(text, encoding="utf-8")
    assert [p.code for p in run_cases(library, book)] == ["FACT-115"]


def test_the_compiled_engine_meets_the_same_cases(library: Library) -> None:
    book = library.rulebooks["penalty-points"][0]
    expectation = "expect: {甲: {score: 90, level: B, clean: false}, 乙: {level: not_rated}, 丙: absent}"
    library.cases_path(book).write_text(GIVEN + CASE % expectation, encoding="utf-8")
    assert run_cases(library, book, by_engine(library, book)) == ()
    assert run_cases(library, book, by_oracle(library, book)) == ()


SHIPPED = load(shipped())


@pytest.mark.parametrize(
    ("book", "version"), [(b.rulebook, b.version) for vs in SHIPPED.rulebooks.values() for b in vs]
)
def test_the_cases_of_every_shipped_book_hold(book: str, version: str) -> None:
    chosen = SHIPPED.version(book, version)
    assert chosen is not None
    assert [str(p) for p in run_cases(SHIPPED, chosen)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("book", "version"), [(b.rulebook, b.version) for vs in SHIPPED.rulebooks.values() for b in vs]
)
def test_the_compiled_engine_meets_the_cases_of_every_shipped_book(book: str, version: str) -> None:
    chosen = SHIPPED.version(book, version)
    assert chosen is not None
    assert [str(p) for p in run_cases(SHIPPED, chosen, by_engine(SHIPPED, chosen))] == []


def test_a_step_comes_to_what_its_lines_say() -> None:
    lines = [
        Entry(1, "T", "start", share=Decimal(100)),
        Entry(1, "T", "hit", share=Decimal(-5)),
        Entry(1, "T", "lost", share=Decimal(0)),
        Entry(1, "T", "floor", share=Decimal(2)),
    ]
    assert step_value(lines) == 97
    assert step_value([Entry(1, "n", "read", raw=Decimal(3))]) == 3
    assert step_value([Entry(1, "d", "value", day=date(2024, 1, 1))]) == date(2024, 1, 1)
    assert step_value([]) is None


def test_findings_are_said_in_chinese() -> None:
    assert said(Finding(1, "x", "open", reason="请核定")) == "待人工（请核定）"
    assert said(Finding(1, "x", "rated", flag=True)) == "是"
    assert plain_number(Decimal("-0.500")) == "-0.5"


def test_copied_cases_keep_the_days_of_the_version_that_they_were_written_for(tmp_path: Path) -> None:
    import shutil

    from xinlu.law.library import load

    root = tmp_path / "standards"
    shutil.copytree(SHIPPED.root, root)
    folder = root / "rulebooks" / "highway-design-firm"
    book, cases = ((folder / name).read_text(encoding="utf-8") for name in ("2013.yaml", "2013.cases.yaml"))
    book = book.replace('version: "2013"', "version: later").replace("from: 2013-01-01", "from: 2027-01-01")
    cases = cases.replace('version: "2013"', "version: later")
    (folder / "later.yaml").write_text(book, encoding="utf-8")
    (folder / "later.cases.yaml").write_text(cases, encoding="utf-8")
    later = load(root)
    chosen = later.version("highway-design-firm", "later")
    assert chosen is not None
    assert run_cases(later, chosen), "before 2027 nobody is rated under it"
    dated = cases.replace("version: later", "version: later\nin_force: {from: 2013-01-01}")
    (folder / "later.cases.yaml").write_text(dated, encoding="utf-8")
    assert run_cases(later, chosen) == ()
