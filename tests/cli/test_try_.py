"""``xinlu try``: a book on a facts file, without a database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from xinlu.cli.try_ import app
from xinlu.engine.trial import schema
from xinlu.law.library import shipped

VEHICLE = shipped() / "rulebooks" / "overlimit-vehicle" / "2011.yaml"
DESIGN = shipped() / "rulebooks" / "highway-design-firm" / "2013.yaml"

ACTS = """\
subjects:
  - {id: 浙A00001, kind: vehicle, vehicle_class: goods}
  - {id: 浙A00002, kind: vehicle, vehicle_class: goods}
records:
  - {item: overlimit_act, id: a1, vehicle: 浙A00001, found_on: 2024-09-01}
  - {item: overlimit_act, id: a2, vehicle: 浙A00001, found_on: 2024-12-01}
  - {item: overlimit_act, id: a3, vehicle: 浙A00001, found_on: 2025-03-01}
  - {item: overlimit_act, id: a4, vehicle: 浙A00001, found_on: 2025-06-30, recorded_at: 2025-07-02}
as_of: 2025-06-30
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    return write(tmp_path, ACTS)


def write(folder: Path, text: str, name: str = "facts.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def try_(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def results(*arguments: object) -> list[dict[str, Any]]:
    run = try_(*arguments, "--json")
    assert run.exit_code == 0, run.output
    data = json.loads(run.stdout)
    jsonschema.validate(data, schema(), format_checker=jsonschema.FormatChecker())
    found: list[dict[str, Any]] = data["results"]
    return found


def one(found: list[dict[str, Any]], unit: str, output: str) -> dict[str, Any]:
    (only,) = [r for r in found if (r["unit"], r["output"]) == (unit, output)]
    return only


def test_every_unit_and_output_has_answer_status_entries_and_the_day_it_changes(facts: Path) -> None:
    found = results(VEHICLE, "--facts", facts)
    revoked = one(found, "浙A00001", "measure")
    assert (revoked["answer"], revoked["status"], revoked["grade"]) == ("revoke", "rated", "official")
    assert revoked["next_change_on"] == "2025-09-01"
    assert {e["record"] for e in revoked["entries"] if e["kind"] == "hit"} == {"a1", "a2", "a3", "a4"}
    assert {e["article"] for e in revoked["entries"] if e["kind"] == "hit"} == {"第六十六条"}
    assert one(found, "浙A00001", "act_count")["value"] == "4"
    clean = one(found, "浙A00002", "measure")
    assert (clean["answer"], clean["next_change_on"]) == ("clear", None)


def test_the_oracle_and_the_engine_say_the_same(facts: Path) -> None:
    assert results(VEHICLE, "--facts", facts, "--oracle") == results(VEHICLE, "--facts", facts)


def test_what_was_known_earlier_and_other_days_can_be_asked(facts: Path) -> None:
    earlier = results(VEHICLE, "--facts", facts, "--known-at", "2025-07-01", "--no-ahead")
    assert one(earlier, "浙A00001", "act_count")["value"] == "3"
    days = results(VEHICLE, "--facts", facts, "--as-of", "2024-12-31", "--as-of", "2025-09-01", "--no-ahead")
    counts = {r["as_of"]: r["value"] for r in days if (r["unit"], r["output"]) == ("浙A00001", "act_count")}
    assert counts == {"2024-12-31": "2", "2025-09-01": "3"}


def test_a_unit_without_data_says_why_and_has_no_number(tmp_path: Path) -> None:
    text = "subjects:\n  - {id: 甲, kind: enterprise, businesses: [highway_design]}\nas_of: 2025-06-30\n"
    score = one(results(DESIGN, "--facts", write(tmp_path, text), "--no-ahead"), "甲", "score")
    assert (score["status"], score["answer"], score["value"]) == ("not_rated", None, None)
    assert score["reason"]


def test_people_read_a_table_with_clause_record_and_arithmetic(facts: Path) -> None:
    shown = try_(VEHICLE, "--facts", facts)
    assert shown.exit_code == 0
    for words in ("浙A00001", "吊销车辆营运证", "2025-09-01", "第六十六条", "a4", "积分明细", "条文"):
        assert words in shown.stdout


def test_the_example_of_the_tour_gives_what_it_promises() -> None:
    example = Path(__file__).parents[2] / "examples" / "design-firm.facts.yaml"
    found = results(DESIGN, "--facts", example)
    levels = {r["unit"]: (r["answer"], r["next_change_on"]) for r in found if r["output"] == "level"}
    assert levels == {
        "钱塘示例设计院": ("A", "2026-01-01"),
        "瓯江示例设计院": ("AA", "2026-01-01"),
        "婺江示例设计院": (None, None),
    }


def test_a_draft_is_tried_outside_of_its_period_and_said_so(tmp_path: Path, facts: Path) -> None:
    text = VEHICLE.read_text(encoding="utf-8")
    draft = text.replace("in_force: {from: 2011-07-01}", "in_force: {from: 2027-01-01}")
    assert draft != text
    book = write(tmp_path, draft, "draft.yaml")
    shown = try_(book, "--facts", facts, "--no-ahead")
    assert "2027-01-01" in shown.stdout
    assert "吊销车辆营运证" in shown.stdout


def test_a_book_that_another_reads_is_found_beside_it(tmp_path: Path) -> None:
    text = VEHICLE.read_text(encoding="utf-8").replace("rulebook: overlimit-vehicle", "rulebook: my-vehicle")
    write(tmp_path, text, "vehicle.yaml")
    reader = """\
rulebook: my-reader
version: "1"
title: 引用结果的示例
kind: warning
sector: road
rates: {subject: vehicle}
in_force: {from: 2011-07-01}
source: {document: 示例, issuer: 示例, grade: sample}
sources:
  measured: {findings: my-vehicle}
folds:
  acts: {over: measured, total: act_count}
outputs:
  acts: {title: 次数, value: acts}
"""
    book = write(tmp_path, reader, "reader.yaml")
    found = results(book, "--facts", write(tmp_path, ACTS), "--no-ahead")
    assert one(found, "浙A00001", "acts")["value"] == "4"


def test_a_frozen_peer_snapshot_stands_in_for_the_units_of_the_file(tmp_path: Path) -> None:
    book = """\
rulebook: my-mean
version: "1"
title: 与平均数比较的示例
kind: warning
sector: road
rates: {subject: vehicle}
in_force: {from: 2011-07-01}
source: {document: 示例, issuer: 示例, grade: sample}
sources:
  acts: {item: overlimit_act, unit: {role: vehicle}}
folds:
  number: {over: acts, count: true}
values:
  mean: {peer: {stat: mean, of: number}}
outputs:
  mean: {title: 平均次数, value: mean}
"""
    path = write(tmp_path, book, "mean.yaml")
    live = results(path, "--facts", write(tmp_path, ACTS), "--no-ahead")
    assert one(live, "浙A00002", "mean")["value"] == "2"
    frozen = write(tmp_path, ACTS + "peers: {my-mean: {mean: 7.5}}\n", "frozen.yaml")
    assert one(results(path, "--facts", frozen, "--no-ahead"), "浙A00002", "mean")["value"] == "7.5"


@pytest.mark.parametrize(
    ("book", "facts_text", "arguments", "code"),
    [
        ("rulebook: [", ACTS, (), "LAW-003"),
        (None, ACTS.replace("vehicle: 浙A00001", "vehicle: 浙A0000l", 1), (), "FACT-104"),
        (None, ACTS.replace("as_of: 2025-06-30\n", ""), (), "FACT-115"),
        (None, ACTS, ("--as-of", "去年"), "FACT-108"),
        (None, ACTS, ("--known-at", "昨天"), "FACT-108"),
        (None, "subjects:\n\t- x\n", (), "LAW-005"),
    ],
)
def test_a_mistake_is_told_with_code_and_next_step_and_never_with_a_trace(
    tmp_path: Path, book: str | None, facts_text: str, arguments: tuple[str, ...], code: str
) -> None:
    path = VEHICLE if book is None else write(tmp_path, book, "book.yaml")
    run = try_(path, "--facts", write(tmp_path, facts_text), *arguments)
    assert run.exit_code == 1
    assert code in run.output
    assert "怎么办" in run.output
    assert isinstance(run.exception, SystemExit)


def test_a_book_without_meaning_is_refused_with_its_line(tmp_path: Path, facts: Path) -> None:
    text = VEHICLE.read_text(encoding="utf-8").replace("item: overlimit_act", "item: overlimit_acts")
    run = try_(write(tmp_path, text, "book.yaml"), "--facts", facts)
    assert run.exit_code == 1
    assert "LAW-112" in run.output
    assert "book.yaml:" in run.output


def test_it_starts_no_django(facts: Path) -> None:
    code = (
        "import sys; from xinlu.cli import main\n"
        f"sys.argv = ['xinlu', 'try', {str(VEHICLE)!r}, '--facts', {str(facts)!r}, '--json', '--no-ahead']\n"
        "try: main()\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'django'], 'django was imported'\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["book"]["id"] == "overlimit-vehicle"


QUOTED = """
rulebook: hostile
version: "1"
title: 引号
kind: industry_credit
sector: all
rates: {subject: enterprise}
in_force: {from: 2020-01-01}
source: {document: 引号示例, issuer: 信路, grade: sample}
levels:
  - {level: "A'\\"; SELECT 1; --", title: 好}
  - {level: B, title: 中}
sources:
  lines: {item: section_behaviour, within: life, code_field: behaviour_code}
clauses:
  coded: {title: 代码, hits: lines, code: "x'; DROP TABLE units; --", minus: "1"}
  said: {title: 文字, hits: lines, when: "coalesce(description, '') = 'x\\"; DROP TABLE units; --'", minus: "2"}
folds:
  points: {title: 扣分, start: "10", sum: [coded, said]}
outputs:
  points: {title: 得分, value: points}
  level:
    title: 等级
    bands: {of: points, cut: {"A'\\"; SELECT 1; --": ">= 8", B: "< 8"}}
"""
TWO_LINES = """
subjects: [{id: "甲'; --", kind: enterprise}]
records:
  - {item: section_evaluation, id: "e'1", subject: "甲'; --", evaluation_no: "e'1", evaluated_on: 2025-01-01}
  - {item: section_behaviour, id: r1, parent: "e'1", subject: "甲'; --", found_on: 2025-01-02,
     behaviour_code: "x'; DROP TABLE units; --"}
  - {item: section_behaviour, id: r2, parent: "e'1", subject: "甲'; --", found_on: 2025-01-03,
     behaviour_code: y, description: "x\\"; DROP TABLE units; --"}
as_of: 2025-06-30
"""


def test_quotes_and_semicolons_in_law_and_facts_are_text(tmp_path: Path) -> None:
    book, facts = write(tmp_path, QUOTED, "hostile.yaml"), write(tmp_path, TWO_LINES)
    compiled, slow = (results(book, "--facts", facts, *how) for how in ((), ("--oracle",)))
    assert compiled == slow
    assert {r["output"]: r["answer"] or r["value"] for r in compiled} == {"points": "7", "level": "B"}
    assert {e["record"] for r in compiled for e in r["entries"] if e["kind"] == "hit"} == {"r1", "r2"}
