"""The table of primitives on every other engine: green here before any book runs there."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests.engine.conftest import book_from
from tests.engine.test_conformance import BOOK, CASES, RUNNING, RUNS, Case, ship_of, typed

from xinlu.engine.backends import Backend
from xinlu.engine.backends.runs import run_on
from xinlu.engine.compile import primitives
from xinlu.engine.compile.scalar import Scalar
from xinlu.engine.facts import read_facts
from xinlu.engine.oracle import evaluate
from xinlu.law.catalogue import Catalogue
from xinlu.law.marks import parse
from xinlu.law.meaning import Meaning, understand
from xinlu.law.types import Type

pytestmark = pytest.mark.backends

UNLIKE = {
    "clickhouse": {
        "contains(many, 'a') [many=[]]": "an empty list is a missing one there",
        "size(many) [many=[]]": "an empty list is a missing one there",
    }
}
"""Backend → case → why it may not give the written answer."""


def arrow_type(found: Type) -> pa.DataType:
    if found.kind == "number":
        return pa.decimal128(found.digits, found.scale)
    if found.kind == "list":
        assert found.of is not None
        return pa.list_(arrow_type(found.of))
    return {"date": pa.date32(), "flag": pa.bool_()}.get(found.kind, pa.string())


@pytest.fixture(scope="module")
def meaning(catalogue: Catalogue) -> Meaning:
    return understand(book_from(BOOK), catalogue)


@pytest.fixture(scope="module")
def answers(backend: Backend, meaning: Meaning) -> dict[str, Any]:
    """Every case at once: names are columns of one row, each case has its own."""
    columns: dict[str, pa.Array] = {"one": pa.array([1])}
    selected = []
    for index, case in enumerate(CASES):
        node = typed(meaning, case)
        pieces = {(str(path[1]), int(path[3])): one for path, one in meaning.expressions.items() if path[0] == "tables"}
        with primitives.portable():
            sql = Scalar(meaning.book.tables, pieces).sql(node, lambda ref, index=index: f"h.c{index}_{ref.name}")
        assert isinstance(node.type, Type)
        selected.append(f"CAST({sql} AS {primitives.sql_type(node.type)}) AS a{index}")
        for name, one in case.names.items():
            columns[f"c{index}_{name}"] = pa.array([one.value], arrow_type(one.type))
    held = pa.table(columns)
    backend.register("held", held, held.schema)
    found = backend.arrow(f"SELECT {', '.join(selected)} FROM held h").to_pylist()[0]
    return {str(case): found[f"a{index}"] for index, case in enumerate(CASES)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_primitive_gives_the_written_answer(case: Case, answers: dict[str, Any], backend: Backend) -> None:
    found = answers[str(case)]
    if str(case) in UNLIKE.get(backend.name, {}):
        assert found is None
        return
    assert type(found) is type(case.answer)
    assert found == case.answer


def test_a_running_fold_is_clamped_at_each_step(backend: Backend, catalogue: Catalogue) -> None:
    book = book_from(RUNNING)
    for events, score, falls in RUNS:
        facts = read_facts(parse(ship_of(events), file="facts.yaml").mapping(), catalogue=catalogue)
        given: Any = {"catalogue": catalogue, "as_of": date(2025, 6, 30), "known_at": datetime(2030, 1, 1)}
        result = run_on(backend, [book], facts.tables, **given).result()
        assert result == evaluate([book], facts.tables, **given)
        assert {one.output: one.number for one in result.findings["trial-book"]} == {
            "score": Decimal(score),
            "falls": Decimal(falls),
        }
        backend.drop()
