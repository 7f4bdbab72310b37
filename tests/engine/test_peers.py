"""Placed against a frozen snapshot, a unit stands where it stood in the run that was frozen."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from xinlu.engine.duck import Duck
from xinlu.engine.peers import ranked
from xinlu.engine.run import prepare
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue
from xinlu.law.rulebook import Peer, Rulebook

DAY, KNOWN = date(2024, 6, 30), datetime(2025, 1, 1)
STATS = ["mean", "rank", "percent_rank", "cume_dist", "quantile", "top_share"]


def book(stat: str, order: str) -> Rulebook:
    peer = {"stat": stat, "of": "size", "among": "present(size) and size > 0", "within": ["group_code"], "order": order}
    if stat == "quantile":
        peer["q"] = "0.6"
    return Rulebook.model_validate(
        {
            "rulebook": "peers",
            "version": "1",
            "title": "同行统计（示例）",
            "kind": "determination",
            "sector": "road",
            "rates": {"subject": "firm"},
            "in_force": {"from": "2020-01-01"},
            "source": {"document": "测试", "issuer": "信路", "grade": "sample"},
            "values": {"place": {"peer": peer}},
            "outputs": {"place": {"title": "位置", "value": "place"}},
        }
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    source = {"document": "测试", "issuer": "信路", "grade": "sample"}
    attributes = [
        {"name": "size", "title": "规模", "type": "number", "digits": 6, "scale": 1},
        {"name": "group_code", "title": "组别", "type": "text"},
    ]
    kind = {"kind": "firm", "title": "示例主体", "identifiers": ["code"], "attributes": attributes}
    return Catalogue.model_validate(
        {
            "edition": "t", "title": "测试", "source": source, "items": {}, "relations": {}, "code_lists": {},
            "kinds": {"firm": kind},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def firms(catalogue: Catalogue) -> pa.Table:
    sizes = [5, 3, 3, 9, None, 0, 7, 1, 3, 8]
    rows = [
        {
            "subject": number,
            "valid_from": date(2020, 1, 1),
            "recorded_at": datetime(2020, 1, 1),
            "size": None if size is None else Decimal(size),
            "group_code": "甲" if number % 3 else None,
        }
        for number, size in enumerate(sizes, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schemas(catalogue)["subject_firm"])


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("stat", STATS)
def test_one_unit_against_the_snapshot_stands_as_in_the_whole_run(catalogue, firms, stat, order):
    one = book(stat, order)
    whole = prepare([one], Duck({"subject_firm": firms}), catalogue=catalogue, as_of=DAY, known_at=KNOWN)
    whole.run()
    narrowed = prepare(
        [one],
        Duck({"subject_firm": firms}),
        catalogue=catalogue,
        as_of=DAY,
        known_at=KNOWN,
        narrowed=True,
        peers={"peers": whole.snapshot("peers")},
    )
    expected = {row["unit"]: row for row in whole.findings("peers").to_pylist()}
    for unit in expected:
        narrowed.run({"peers": [unit]})
        assert narrowed.findings("peers").to_pylist() == [expected[unit]]


def test_equal_numbers_share_a_line_of_the_snapshot():
    table = ranked(Peer(stat="rank", of="x"), [Decimal(3), Decimal(1), Decimal(3)])
    assert table.select(["before", "upto", "n"]).to_pylist() == [
        {"before": 0, "upto": 1, "n": 3},
        {"before": 1, "upto": 3, "n": 3},
    ]


def test_a_statistic_that_is_given_is_taken_as_it_is(catalogue, firms):
    one = book("mean", "ascending")
    prepared = prepare(
        [one],
        Duck({"subject_firm": firms}),
        catalogue=catalogue,
        as_of=DAY,
        known_at=KNOWN,
        peers={"peers": {"place": {"甲": "4.25", "": "2"}}},
    )
    prepared.run()
    found = {row["unit"]: row["number"] for row in prepared.findings("peers").to_pylist()}
    assert found[1] == Decimal("4.25")
    assert found[3] == Decimal(2)
