"""The static checks: each mistake in a book, catalogue or cases file is found, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinlu.law.check import check
from xinlu.law.library import load, shipped
from xinlu.law.problem import CODES, Problem, Severity

CATALOGUE = {
    "edition.yaml": "edition: '1'\ntitle: 示例目录\nsource: {document: 示例, issuer: 示例, grade: sample}\n",
    "subjects.yaml": """\
kinds:
  - kind: enterprise
    title: 企业
    identifiers: [uscc]
    attributes:
      - {name: registered_capital, title: 注册资本, type: number, digits: 18, scale: 6}
""",
    "relations.yaml": "relations: []\n",
    "codes/sectors.yaml": "codes: sectors\ntitle: 业务领域\nvalues: {road: 公路}\n",
    "codes/national_classes.yaml": "codes: national_classes\ntitle: 类别\nvalues: {penalty: 处罚}\n",
    "items/fine.yaml": """\
item: fine
title: 罚款
national_class: penalty
nature: bad
sector: road
provider: ["kind:province"]
cadence: event
uses: [rating, publicity]
disclosure: public
level: L1
severity: general
publicity: {start: decided_on, months: 12}
legal_basis: 示例
source: {document: 示例, issuer: 示例, grade: sample}
in_force: {from: 2019-01-01}
roles:
  - {name: subject, title: 相对人, kinds: [enterprise], required: true}
fields:
  - {name: decided_on, title: 决定日期, type: date, required: true}
  - {name: violation_type, title: 违法行为类型, type: text}
key: ["role:subject", decided_on]
occurred_on: decided_on
""",
}

BOOK = """\
rulebook: sample-book
version: "2024"
title: 示例办法
kind: industry_credit
sector: road
rates: {subject: enterprise}
in_force: {from: 2024-01-01}
source: {document: 示例办法, issuer: 示例, grade: official}
levels:
  - {level: A, title: 甲}
  - {level: B, title: 乙}
  - {level: C, title: 丙}
parameters:
  limit: {value: 3, title: 次数}
sources:
  penalties: {item: fine, code_field: violation_type}
clauses:
  fined: {title: 罚款, clause: 第一条, hits: penalties, code: fined, minus: "5"}
  warned: {title: 警告, clause: 第二条, hits: penalties, code: warned, minus: "1"}
folds:
  score: {start: "100", sum: [fined, warned], floor: "0", ceiling: "100"}
  fines: {tally: [fined]}
outputs:
  level:
    title: 等级
    bands:
      of: score
      cut:
        A: "[85, 100]"
        B: "[60, 85)"
        C: "[0, 60)"
    moves:
      - {at_most: C, when: fines > limit}
  tier:
    title: 类别
    conditions:
      - {when: fines >= 5, then: C}
      - {when: fines >= 3, then: B}
    otherwise: A
"""

CASES = """\
book: sample-book
version: "2024"
cases:
""" + "".join(f"  - {{case: 第{n}例, as_of: 2024-06-30, expect: {{甲: absent}}}}\n" for n in "一二三四五")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a small catalogue and one book with nothing wrong."""
    folder = tmp_path / "standards"
    for name, text in CATALOGUE.items():
        path = folder / "catalogue" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write(folder, BOOK, "sample-book/2024.yaml")
    write(folder, CASES, "sample-book/2024.cases.yaml")
    return folder


def write(folder: Path, text: str, name: str = "sample-book/2024.yaml") -> None:
    path = folder / "rulebooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n") + 1


def found(folder: Path) -> list[tuple[str, int | None]]:
    return [(p.code, p.line) for p in check(load(folder))]


def test_a_sound_book_has_no_problem(root: Path) -> None:
    assert [str(p) for p in check(load(root))] == []


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("fines > limit", "fines >", "LAW-100", "fines >"),
        ("fines > limit", "finse > limit", "LAW-101", "finse"),
        ("fines > limit", "fines > 'three'", "LAW-102", "three"),
        ("fines > limit", "registered_capital > limit", "LAW-103", "registered_capital"),
        ('[60, 85)"', '[60, 84)"', "LAW-402", "cut:"),
        ('[60, 85)"', '[60, 85]"', "LAW-403", 'B: "[60'),
        ('[60, 85)"', '60到85"', "LAW-401", "60到85"),
        ('[0, 60)"', '[0, 59)"', "LAW-402", "cut:"),
        ("ceiling: \"100\"", "start: \"100\"", "LAW-004", "score:"),
        (', ceiling: "100"', "", "LAW-404", "cut:"),
        ("code: warned, minus: \"1\"", "code: fined, minus: \"5\"", "LAW-406", "warned: {"),
        ("code: warned, minus: \"1\"", "code: [warned, fined], minus: \"1\"", "LAW-407", "warned: {"),
        ("fines >= 3, then: B", "fines >= 5, then: B", "LAW-408", "then: B"),
        ("fines >= 3, then: B", "fines > 7 and fines > limit, then: B", "LAW-408", "then: B"),
        ("fines >= 5, then: C", "true, then: C", "LAW-408", "then: B"),
        ("sum: [fined, warned]", "sum: [fined]", "LAW-409", "warned: {"),
        ("fines > limit", "fines > 3", "LAW-410", "limit: {"),
        ("then: C", "then: D", "LAW-105", "tier:"),
        ("value: 3", "value: 0." + "1" * 39, "LAW-414", "limit: {"),
        ("issuer: 示例", "issuer: ''", "LAW-415", "source:"),
        ("clause: 第二条, ", "", "LAW-416", "warned: {"),
        ("{from: 2024-01-01}", "{from: 2024-01-01, until: 2024-01-01}", "LAW-420", "in_force"),
        ("item: fine", "item: fines", "LAW-112", "penalties:"),
        ("sum: [fined, warned]", "sum: [fined, warmed]", "LAW-112", "score:"),
        ("rulebook: sample-book", "rulebook: other-book", "LAW-418", "rulebook:"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_book_is_found_at_its_line(root: Path, old: str, new: str, code: str, at: str) -> None:
    assert old in BOOK
    text = BOOK.replace(old, new, 1)
    write(root, text)
    assert (code, line_of(text, at)) in found(root)


def test_a_closed_top_is_only_a_warning(root: Path) -> None:
    write(root, BOOK.replace(', ceiling: "100"', ""))
    (one,) = check(load(root))
    assert (one.code, one.severity) == ("LAW-404", Severity.WARNING)
    assert "100" in one.sentence


def test_a_conflict_that_a_contest_settles_is_none(root: Path) -> None:
    text = BOOK.replace('code: warned, minus: "1"', 'code: [warned, fined], minus: "1"')
    contest = "contests:\n  one_act: {among: [fined, warned], same: [record]}\nfolds:"
    write(root, text.replace("folds:", contest))
    assert found(root) == []


def test_overlapping_versions_are_found_and_adjoining_ones_are_not(root: Path) -> None:
    older = BOOK.replace('version: "2024"', 'version: "2019"')
    cases = CASES.replace('version: "2024"', 'version: "2019"')
    write(root, cases, "sample-book/2019.cases.yaml")
    write(root, older.replace("from: 2024-01-01", "from: 2019-01-01, until: 2024-01-01"), "sample-book/2019.yaml")
    assert found(root) == []
    write(root, older.replace("from: 2024-01-01", "from: 2019-01-01, until: 2024-01-02"), "sample-book/2019.yaml")
    (one,) = check(load(root))
    assert (one.code, one.line) == ("LAW-411", 7)
    assert one.file.endswith("2024.yaml")


def test_books_that_read_each_other_in_a_circle_are_found(root: Path) -> None:
    other = BOOK.replace("sample-book", "other-book").replace(
        "sources:\n", "sources:\n  seen: {findings: sample-book}\n"
    )
    write(root, other, "other-book/2024.yaml")
    write(root, CASES.replace("sample-book", "other-book"), "other-book/2024.cases.yaml")
    write(root, BOOK.replace("sources:\n", "sources:\n  seen: {findings: other-book}\n"))
    assert [code for code, _ in found(root)].count("LAW-412") == 2


def test_values_in_a_circle_are_found(root: Path) -> None:
    write(root, BOOK.replace("outputs:\n", "values:\n  a: {is: b}\n  b: {is: a}\noutputs:\n"))
    assert "LAW-110" in [code for code, _ in found(root)]


def test_a_book_that_is_read_but_does_not_exist_is_found(root: Path) -> None:
    write(root, BOOK.replace("sources:\n", "sources:\n  seen: {findings: nowhere}\n"))
    assert ("LAW-113", 16) in found(root)


def test_tables_by_number_must_not_overlap_and_gaps_are_told(root: Path) -> None:
    table = """\
tables:
  rate:
    title: 倍率
    by: number
    rows:
      - {in: "[0, 10)", value: 1}
      - {in: "[12, 20]", value: 2}
      - {in: "[20, 30)", value: 3}
sources:
"""
    text = BOOK.replace("sources:\n", table)
    write(root, text.replace("fines > limit", "\"coalesce(lookup('rate', fines), 0) > limit\""))
    assert [code for code, _ in found(root)] == ["LAW-421", "LAW-403"]


# ── cases files ─────────────────────────────────────────────────────────────────────────────────


def cases_problems(root: Path, text: str | None) -> list[Problem]:
    path = root / "rulebooks" / "sample-book" / "2024.cases.yaml"
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return list(check(load(root)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "LAW-601"),
        (CASES.replace("  - {case: 第五例, as_of: 2024-06-30, expect: {甲: absent}}\n", ""), "LAW-602"),
        (CASES.replace("第五例", "第四例"), "LAW-605"),
        (CASES.replace('"2024"', '"2023"'), "LAW-606"),
        (CASES.replace(", expect: {甲: absent}}\n", "}\n", 1), "LAW-607"),
        (CASES.replace("as_of", "asof", 1), "LAW-201"),
        (CASES.replace("book: sample-book", "book: [sample-book"), "LAW-003"),
    ],
)
def test_a_mistake_in_a_cases_file_is_found(root: Path, text: str | None, code: str) -> None:
    assert [p.code for p in cases_problems(root, text)] == [code]


# ── catalogue ───────────────────────────────────────────────────────────────────────────────────

ITEM = """\
item: sample_item
title: 示例信息
national_class: penalty
nature: bad
sector: road
provider: ["kind:province"]
cadence: event
uses: [rating]
disclosure: internal
level: L1
severity: general
legal_basis: 示例
source: {document: 示例, issuer: 示例, grade: sample}
in_force: {from: 2024-01-01}
roles:
  - {name: subject, title: 相对人, kinds: [enterprise], required: true}
fields:
  - {name: found_on, title: 发现日期, type: date, required: true}
  - {name: amount, title: 金额, type: number, digits: 18, scale: 6, aliases: [JE]}
  - {name: kind_code, title: 种类, type: code, codes: sectors}
key: ["role:subject", found_on]
occurred_on: found_on
checks:
  - "coalesce(amount, 0) >= 0"
"""


def with_item(root: Path, text: str) -> list[tuple[str, int | None]]:
    path = root / "catalogue" / "items" / "sample_item.yaml"
    path.write_text(text, encoding="utf-8")
    return found(root)


def test_a_sound_item_has_no_problem(root: Path) -> None:
    assert with_item(root, ITEM) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("codes: sectors", "codes: sector", "LAW-301", "name: kind_code"),
        ("kinds: [enterprise]", "kinds: [firm]", "LAW-301", "name: subject"),
        ("sector: road", "sector: sea", "LAW-301", "sector:"),
        ("role:subject", "role:vehicle", "LAW-301", "key:"),
        ("occurred_on: found_on", "occurred_on: amount", "LAW-301", "occurred_on:"),
        ("title: 发现日期, type: date, required: true", "title: 发现日期, type: date", "LAW-301", "occurred_on:"),
        ("name: kind_code, title: 种类", "name: amount, title: 种类", "LAW-302", "title: 种类"),
        ("title: 种类,", "title: 种类, aliases: [JE],", "LAW-302", "title: 种类"),
        ("name: subject, title", "name: amount, title", "LAW-302", "name: amount, title: 相"),
        ("name: kind_code", "name: region", "LAW-303", "name: region"),
        ("name: kind_code", "name: role_x", "LAW-303", "name: role_x"),
        ("digits: 18, scale: 6", "digits: 39, scale: 6", "LAW-304", "name: amount"),
        ("digits: 18, scale: 6", "digits: 5, scale: 6", "LAW-304", "name: amount"),
        ("disclosure: internal", "disclosure: public", "LAW-305", "disclosure:"),
        ("type: code, codes: sectors", "type: code", "LAW-306", "name: kind_code"),
        ("item: sample_item", "item: other_item", "LAW-308", "item:"),
        ("cadence: event", "cadence: event\nparent: nothing", "LAW-301", "parent:"),
        ("coalesce(amount, 0) >= 0", "coalesce(amuont, 0) >= 0", "LAW-101", "amuont"),
        ("coalesce(amount, 0) >= 0", "coalesce(amount, 0)", "LAW-102", "coalesce"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_catalogue_is_found_at_its_line(root: Path, old: str, new: str, code: str, at: str) -> None:
    assert old in ITEM
    text = ITEM.replace(old, new, 1)
    assert (code, line_of(text, at)) in with_item(root, text)


def test_an_item_that_may_not_be_used_for_rating_is_found_where_a_book_uses_it(root: Path) -> None:
    path = root / "catalogue" / "items" / "fine.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("uses: [rating, ", "uses: ["), encoding="utf-8")
    assert found(root) == [("LAW-307", line_of(BOOK, "penalties:"))]


# ── procedures ──────────────────────────────────────────────────────────────────────────────────

PROCEDURE = """\
procedure: sample-procedure
version: "2024"
title: 示例程序
about: standing
in_force: {from: 2024-01-01}
source: {document: 示例, issuer: 示例, grade: sample}
parties: {subject: 当事人, office: 承办机构}
start: filed
states:
  filed: {title: 已提交, queue: office}
  done: {title: 办结, final: true}
actions:
  decide: {title: 决定, who: office, when: [filed], to: done}
clocks:
  decision: {title: 决定时限, on: [filed], working_days: 10, then: decide}
"""


def with_procedure(root: Path, text: str) -> list[tuple[str, int | None]]:
    path = root / "procedures" / "sample-procedure.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return found(root)


def test_a_sound_procedure_has_no_problem(root: Path) -> None:
    assert with_procedure(root, PROCEDURE) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("about: standing", "about: nothing", "LAW-701", "about"),
        ("start: filed", "start: field", "LAW-701", "start"),
        ("who: office", "who: offfice", "LAW-701", "decide:"),
        ("to: done", "to: down", "LAW-701", "decide:"),
        ("start: filed", "start: done", "LAW-702", "filed: {"),
        ("title: 办结, final: true", "title: 办结", "LAW-703", "done: {"),
        ("queue: office}", "queue: office, final: true}", "LAW-703", "filed: {"),
        ("working_days: 10, ", "", "LAW-704", "decision:"),
        ("on: [filed]", "on: [done]", "LAW-704", "decision:"),
        ("on: [filed]", "on: []", "LAW-704", "decision:"),
        ("working_days: 10", "ends_on: nowhere.until", "LAW-704", "decision:"),
        ("working_days: 10", "working_days: 0", "LAW-203", "decision:"),
    ],
)
def test_a_mistake_in_a_procedure_is_found_at_its_line(root: Path, old: str, new: str, code: str, at: str) -> None:
    assert old in PROCEDURE
    text = PROCEDURE.replace(old, new, 1)
    assert (code, line_of(text, at)) in with_procedure(root, text)


# ── shipped law and its words ───────────────────────────────────────────────────────────────────


def test_the_shipped_law_has_no_error() -> None:
    errors = [p for p in check(load(shipped())) if p.severity is Severity.ERROR]
    assert [str(p) for p in errors] == []


def test_every_problem_says_basis_and_next_step(root: Path) -> None:
    write(root, BOOK.replace("fines > limit", "finse > 3").replace("[60, 85)", "[60, 84)"))
    for one in check(load(root)):
        assert one.code in CODES
        assert one.basis
        assert one.next_step
        assert one.file.startswith("standards/")
