"""Two entries that are one firm: the merge reaches the next run, whole or partial, and a split undoes it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.province import ACTOR, deliver, firm, organs, source

from xinlu.assessment.models import Run
from xinlu.assessment.queries import findings_of_run
from xinlu.assessment.run import run_books
from xinlu.engine.duck import Duck
from xinlu.engine.incremental import changed_since, reckon_changed
from xinlu.engine.reckon import Reckoner
from xinlu.gazette import current
from xinlu.ledger import columnar
from xinlu.ledger.models import Record
from xinlu.registry.merge import merge, split

pytestmark = pytest.mark.django_db(transaction=True)
BOOK, DAY = "highway-design-firm", date(2026, 3, 1)
AT = datetime(2026, 3, 10, 2, tzinfo=UTC)
Answers = dict[int, tuple[Decimal | None, str | None]]


@pytest.fixture
def pair(settings: Any, tmp_path: Any) -> tuple[int, int]:
    """One firm under two numbers: the one with a clean section, the other with a bad one twice as large."""
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    organs()
    clean, bad = (firm(name, businesses=["highway_design"]) for name in ("示例甲设计有限公司", "示例甲设计公司"))
    works = source("works", "zj-road-centre")
    common = {"business": "highway_design", "area": "330000", "evaluated_on": "2025-11-01"}
    sections = [("S1", clean, "1000.00"), ("S2", bad, "2000.00")]
    rows = [
        {"payload": {"evaluation_no": n, "contract_price": price, **common}, "roles": {"subject": (who,)}}
        for n, who, price in sections
    ]
    deliver(works, "section_evaluation", rows, when=AT)
    parent = Record._base_manager.get(item="section_evaluation", subject=bad).record
    behaviour = {
        "evaluation_no": "S2",
        "line_no": "1",
        "found_on": "2025-06-12",
        "behaviour_code": "LY-1",
        "points": "30.00",
        "description": "图纸会审意见逾期答复",
    }
    deliver(
        works, "section_behaviour", [{"payload": behaviour, "roles": {"subject": (bad,)}, "parent": parent}], when=AT
    )
    return clean, bad


def answers(run: Run) -> Answers:
    found: dict[int, dict[str, Any]] = {}
    for one in findings_of_run(run):
        found.setdefault(one.unit, {})[one.output] = one.number if one.output == "score" else one.level
    return {unit: (said.get("score"), said.get("level")) for unit, said in found.items()}


def rated(days: int) -> Answers:
    return answers(run_books([BOOK], as_of=DAY, actor=ACTOR, at=AT + timedelta(days=days))[0])


def reckoned(after: int, until: int) -> dict[int, str | None]:
    """Unit → level, of the units that what was learnt between two days makes a partial run compute again."""
    columnar.sync()
    tables, law = columnar.tables(), current.library()
    known, before = ((AT + timedelta(days=one)).replace(tzinfo=None) for one in (until, after))
    duck = Duck(tables)
    changed = changed_since(duck, law.catalogue, after=before, until=known)
    duck.close()
    reckoner = Reckoner(law.needed(*law.rulebooks[BOOK]), tables, law.catalogue, DAY, known)
    partial = reckon_changed(reckoner, changed)
    reckoner.close()
    units = set(partial.units[BOOK].tolist())
    rows = partial.results[BOOK].findings.to_pylist()
    levels = {row["unit"]: row["level"] for row in rows if row["output"] == "level"}
    return {unit: levels.get(unit) for unit in units}


def test_the_level_of_the_merged_firm_follows_from_both_records_and_the_split_brings_both_back(
    pair: tuple[int, int],
) -> None:
    clean, bad = pair
    before = rated(1)
    assert (before[clean][0], before[bad][0]) == (Decimal(100), Decimal(70))

    done = merge(kept=clean, absorbed=bad, reason="同一企业", actor=ACTOR, at=AT + timedelta(days=2))
    after = rated(3)
    assert bad not in after
    assert after[clean][0] == Decimal(80), "100 and 70, weighed by 1000 and 2000"
    assert after[clean][1] not in (before[clean][1], None)
    moved = reckoned(1, 3)
    assert set(moved) == {clean, bad}, "a partial run takes up both"
    assert moved[clean] == after[clean][1]
    assert moved[bad] is None

    split(done, reason="两家企业", actor=ACTOR, at=AT + timedelta(days=4))
    assert rated(5) == before
    back = reckoned(3, 5)
    assert back == {unit: before[unit][1] for unit in pair}


def test_a_run_of_a_day_before_the_merge_knows_nothing_of_it(pair: tuple[int, int]) -> None:
    clean, bad = pair
    before = rated(1)
    merge(kept=clean, absorbed=bad, reason="同一企业", actor=ACTOR, at=AT + timedelta(days=2))
    again = run_books([BOOK], as_of=DAY, known_at=AT + timedelta(days=1), actor=ACTOR, at=AT + timedelta(days=3))
    assert answers(again[0]) == before
