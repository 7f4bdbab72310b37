"""The filings of the demo: made up, marked, and on the road that every filing takes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from xinlu.demo.filings import STORIES, scan


def test_a_paper_of_the_demo_is_a_picture_and_the_same_each_time() -> None:
    assert scan(3) == scan(3) != scan(4)
    assert scan(3).startswith(b"\x89PNG")


def test_the_first_firm_was_approved_last_year_and_is_returned_by_field_now(small_province: Path) -> None:
    with sqlite3.connect(f"file:{small_province / 'xinlu.sqlite3'}?mode=ro", uri=True) as database:

        def ask(query: str) -> list[tuple[object, ...]]:
            return database.execute(query).fetchall()

        firm = "(select min(subject_id) from intake_filing)"
        assert 1 <= ask("select count(distinct subject_id) from intake_filing")[0][0] <= len(STORIES)
        assert ask(f"select year from intake_filing where subject_id = {firm} order by year") == [(2025,), (2026,)]
        own = "source_id in (select id from ledger_source where kind = 'self')"
        assert ask(f"select distinct way from ledger_delivery where {own}") == [("form",)]
        assert ask("select sum(queried) from ledger_delivery where way = 'form'") == [(0,)]
        ((points,),) = ask("select points from casework_action where name = 'return'")
        assert [point["field"] for point in json.loads(str(points))] == [
            "sections/sections-1/contract_price",
            "persons/persons-2/certificate_valid_until",
        ]
        assert ask("select count(*) from access_person where username in ('demo-first', 'demo-second')") == [(2,)]
