"""Running books: order, versions, and parts of the population."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pytest

from xinlu import standards_folder
from xinlu.engine.compile.draft import Draft
from xinlu.engine.duck import Duck
from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA
from xinlu.engine.run import MissingBook, in_order, prepare, run
from xinlu.engine.tables import schemas
from xinlu.law.library import Library, load

KNOWN = datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def library() -> Library:
    return load(standards_folder())


@pytest.fixture(scope="module")
def vehicles(library: Library) -> dict[str, pa.Table]:
    """Three goods vehicles; the first was found over the limit four times in a year, the second three times."""
    shapes = schemas(library.catalogue)
    seen = {"valid_from": date(2020, 1, 1), "recorded_at": datetime(2020, 1, 1)}
    subjects = [{"subject": n, "vehicle_class": "goods", **seen} for n in (1, 2, 3)]
    acts = [
        {
            "record": 10 * vehicle + number,
            "role_vehicle": vehicle,
            "occurred_on": date(2024, 1 + 2 * number, 5),
            "effective_from": date(2024, 1 + 2 * number, 5),
            "recorded_at": datetime(2024, 12, 1),
            "found_on": date(2024, 1 + 2 * number, 5),
        }
        for vehicle, times in ((1, 4), (2, 3))
        for number in range(times)
    ]
    return {
        "subject_vehicle": pa.Table.from_pylist(subjects, schema=shapes["subject_vehicle"]),
        "item_overlimit_act": pa.Table.from_pylist(acts, schema=shapes["item_overlimit_act"]),
    }


def test_books_come_after_those_they_read_whatever_the_order_given(library):
    books = library.needed(*library.rulebooks["overload-list-enterprise"])
    for given in (books, tuple(reversed(books))):
        order = in_order(given)
        assert order.index("overlimit-enterprise") < order.index("overload-list-enterprise")


def test_a_book_that_is_read_but_not_given_is_told(library):
    with pytest.raises(MissingBook, match="overlimit-enterprise"):
        in_order(library.rulebooks["overload-list-enterprise"])


def test_more_than_three_times_is_four(library, vehicles):
    book = library.rulebooks["overlimit-vehicle"]
    found = run(book, vehicles, catalogue=library.catalogue, as_of=date(2024, 8, 1), known_at=KNOWN)
    levels = {one.unit: one.level for one in found.findings["overlimit-vehicle"] if one.level}
    assert levels[1] != levels[2] == levels[3]


def test_what_was_not_yet_known_does_not_count(library, vehicles):
    book = library.rulebooks["overlimit-vehicle"]
    found = run(book, vehicles, catalogue=library.catalogue, as_of=date(2024, 8, 1), known_at=datetime(2024, 8, 2))
    assert len({one.level for one in found.findings["overlimit-vehicle"] if one.level}) == 1


def test_a_narrowed_plan_gives_each_unit_what_the_whole_run_gives(library, vehicles):
    book = library.rulebooks["overlimit-vehicle"]
    day = date(2024, 8, 1)
    whole = run(book, vehicles, catalogue=library.catalogue, as_of=day, known_at=KNOWN)
    prepared = prepare(book, Duck(vehicles), catalogue=library.catalogue, as_of=day, known_at=KNOWN, narrowed=True)
    for unit in (1, 3, 2, 1):
        prepared.run({"overlimit-vehicle": [unit]})
        findings, entries = whole.of("overlimit-vehicle", unit)
        assert prepared.findings("overlimit-vehicle").num_rows == len(findings)
        assert prepared.entries("overlimit-vehicle").num_rows == len(entries)
    prepared.run({"overlimit-vehicle": []})
    assert prepared.findings("overlimit-vehicle").num_rows == 0


def test_two_runs_are_equal_to_the_byte_and_have_the_promised_columns(library, vehicles):
    book = library.rulebooks["overlimit-vehicle"]
    tables = []
    for _ in range(2):
        prepared = prepare(book, Duck(vehicles), catalogue=library.catalogue, as_of=date(2024, 8, 1), known_at=KNOWN)
        prepared.run()
        tables.append((prepared.findings("overlimit-vehicle"), prepared.entries("overlimit-vehicle")))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])
    assert tables[0][0].schema == FINDINGS_SCHEMA
    assert tables[0][1].schema == ENTRIES_SCHEMA


def test_the_version_in_force_is_picked_by_the_date_that_governs(library):
    versions = library.rulebooks["taxi-enterprise"]
    assert {one.version for one in versions} == {"2011", "2018"}
    for day, expected in ((date(2017, 6, 1), "2011"), (date(2024, 6, 1), "2018")):
        assert library.book("taxi-enterprise", on=day).version == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"a": "1", "b": "1"}, "1"),
        ({"a": "1", "b": "2"}, "(CASE c WHEN 1 THEN 1 WHEN 2 THEN 2 END)"),
        ({one: f"'{one}'" for one in "abcde"}, "list_extract(['a', 'b', 'c', 'd', 'e'], c)"),
        ({one: f"'{one}'" for one in "bcdef"}, "list_extract([NULL, 'b', 'c', 'd', 'e', 'f'], c)"),
        ({one: f"h.{one}" for one in "abcde"}, None),
    ],
)
def test_what_depends_on_the_clause_is_one_text_a_list_or_a_case(texts, expected):
    draft = Draft(None, None, date(2024, 1, 1), KNOWN, "")  # type: ignore[arg-type]
    draft.clause_numbers = {one: number for number, one in enumerate("abcdef", start=1)}
    written = draft.clause_case("c", texts)
    assert written == expected if expected is not None else written.startswith("(CASE c WHEN 1 THEN h.a")
