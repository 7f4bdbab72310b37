"""Trials as data: the schema holds for every shipped book, and each answer carries what it rests on."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema
import pytest

from xinlu.engine.cases import EVERYTHING_KNOWN, by_oracle
from xinlu.engine.facts import read_facts
from xinlu.engine.trial import answers, as_json, schema
from xinlu.law.cases import read_cases
from xinlu.law.check.books import understand_all
from xinlu.law.library import load, shipped

LIBRARY = load(shipped())
MEANINGS = understand_all(LIBRARY).meanings


def trial(book: str, version: str, index: int = 0) -> dict[str, Any]:
    """The trial of one case of a shipped book, as JSON data."""
    chosen = LIBRARY.version(book, version)
    assert chosen is not None
    _, filed = read_cases(LIBRARY.cases_path(chosen))
    data: Any = filed.marked.mapping()
    case = data["cases"][index]
    facts = read_facts(data.get("given") or {}, case.get("facts") or {}, catalogue=LIBRARY.catalogue)
    day = date.fromisoformat(case["as_of"]) if "as_of" in case else facts.as_of[0]
    result = by_oracle(LIBRARY, chosen)(facts, day, EVERYTHING_KNOWN)
    found = answers(result, MEANINGS[book, version], facts, day)
    return as_json([found], chosen, facts, None)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(("book", "version"), sorted(MEANINGS))
def test_the_trial_of_every_shipped_book_fits_the_schema(book: str, version: str) -> None:
    data = json.loads(json.dumps(trial(book, version), ensure_ascii=False))
    jsonschema.validate(data, schema())


@pytest.mark.parametrize(
    "change",
    [
        {"status": "done"},
        {"answer": 3},
        {"answer": None},
        {"value": "1e3"},
        {"extra": 1},
        {"next_change_on": "soon"},
        {"status": "not_rated"},
    ],
)
def test_the_schema_refuses_what_is_not_a_result(change: dict[str, Any]) -> None:
    data = trial("highway-design-firm", "2013")
    jsonschema.validate(data, schema())
    data["results"][0] = {**data["results"][0], **change}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema())


def test_an_answer_carries_only_the_lines_on_which_it_rests() -> None:
    data = trial("highway-design-firm", "2013")
    score = next(r for r in data["results"] if (r["unit"], r["output"]) == ("甲设计院", "score"))
    steps = {e["step"] for e in score["entries"]}
    assert {"bid_mean", "work_mean", "other_points", "score"} <= steps
    assert "level" not in steps
    order = list(dict.fromkeys(e["step"] for e in score["entries"]))
    assert order.index("bid_mean") < order.index("weighted") < order.index("score")
    lines = [e for e in score["entries"] if e["clause"] == "other"]
    assert [(e["record"], e["share"]) for e in lines] == [("o1", "-2")]
    level = next(r for r in data["results"] if (r["unit"], r["output"]) == ("甲设计院", "level"))
    assert (level["answer"], level["value"]) == ("A", score["value"])


def test_units_come_in_the_order_of_the_facts_and_outputs_in_that_of_the_book() -> None:
    data = trial("highway-design-firm", "2013")
    units = list(dict.fromkeys(r["unit"] for r in data["results"]))
    assert units == ["甲设计院", "乙设计院", "丙设计院"]
    outputs = [r["output"] for r in data["results"] if r["unit"] == "甲设计院"]
    assert outputs == list(LIBRARY.rulebooks["highway-design-firm"][0].outputs)


def test_a_line_over_a_relation_or_a_finding_cites_the_subject_at_its_far_end() -> None:
    data = trial("tokyo-mou-ship", "2014", index=5)
    ship = next(r for r in data["results"] if (r["unit"], r["output"]) == ("Ship Two", "points"))
    cited = {e["step"]: e["record"] for e in ship["entries"] if e["kind"] == "read"}
    assert (cited["company"], cited["type_score"]) == ("Company Q", "Ship Two particulars")
