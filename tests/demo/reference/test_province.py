"""A tiny reference province: every shipped book finds hits and rates units in it, and it is the same each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from xinlu.demo.reference import shape
from xinlu.demo.reference.province import Province, read_province, write_province
from xinlu.engine.duck import Duck
from xinlu.engine.manifest import Manifest
from xinlu.engine.run import Prepared, prepare
from xinlu.engine.tables import schemas
from xinlu.intake.conditions import conditions
from xinlu.law.library import Library, load, shipped

KNOWN_AT = datetime(2026, 1, 15)
RECORDS = 30_000
WITHOUT_RATED: dict[str, str] = {}
"""Books that rate nobody in so small a province, with the reason."""


@pytest.fixture(scope="module")
def library() -> Library:
    return load(shipped())


@pytest.fixture(scope="module")
def province(library: Library, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Province:
    folder = made_once("reference province", lambda empty: _write(empty / "copy", library))
    return read_province(folder / "copy", library.catalogue)


def _write(folder: Path, library: Library) -> None:
    write_province(folder, library, records=RECORDS)


@pytest.fixture(scope="module")
def ran(library: Library, province: Province) -> Prepared:
    books = [book for versions in library.rulebooks.values() for book in versions]
    duck = Duck(province.tables, threads=2)
    prepared = prepare(books, duck, catalogue=library.catalogue, as_of=shape.AS_OF, known_at=KNOWN_AT)
    prepared.run()
    return prepared


def rows_of(province: Province, table: str) -> list[tuple[object, ...]]:
    return duckdb.connect().execute(f"SELECT * FROM ({province.tables[table].query()}) ORDER BY ALL").fetchall()


def test_every_shipped_book_rates_units_and_tells_why(library: Library, ran: Prepared) -> None:
    silent = set()
    for book in ran.order:
        findings, entries = ran.findings(book), ran.entries(book)
        rated = sum(status == "rated" for status in findings.column("status").to_pylist())
        if not rated or not entries.num_rows:
            silent.add(book)
    assert silent == set(WITHOUT_RATED)


def test_clauses_with_points_are_hit(library: Library, ran: Prepared) -> None:
    hit = {
        (book, clause)
        for book in ran.order
        for clause, kind in zip(*ran.entries(book).select(["clause", "kind"]).to_pydict().values(), strict=True)
        if kind in ("hit", "lost")
    }
    clauses = {
        (book, clause) for book, several in library.rulebooks.items() for one in several for clause in one.clauses
    }
    assert len(hit & clauses) > 0.8 * len(clauses)


def test_tables_have_the_columns_of_the_catalogue(library: Library, province: Province) -> None:
    duck = duckdb.connect()
    for table, schema in schemas(library.catalogue).items():
        found = duck.sql(f"SELECT * FROM ({province.tables[table].query()}) LIMIT 0").to_arrow_table().schema
        assert [(one.name, one.type) for one in found] == [(one.name, one.type) for one in schema], table


def test_every_item_kind_and_relation_has_rows(library: Library, province: Province) -> None:
    assert [table for table, many in province.rows.items() if not many] == []
    said = {row[0] for row in rows_of(province, "relation")}
    assert said == set(library.catalogue.relations)


def test_rows_keep_the_checks_of_the_catalogue(library: Library, province: Province) -> None:
    duck = duckdb.connect()
    for item in library.catalogue.items.values():
        rules = conditions(item, library.catalogue)
        rows = duck.sql(f"SELECT * FROM ({province.tables[f'item_{item.item}'].query()}) LIMIT 300").to_arrow_table()
        for row in rows.to_pylist():
            assert [rule.text for rule in rules if rule.fails(row)] == [], item.item
            assert [one.name for one in item.fields if one.required and row[one.name] is None] == [], item.item


def test_files_lie_on_shelves_sorted_and_a_key_stands_once(
    library: Library, province: Province, tmp_path: Path
) -> None:
    shelved = write_province(tmp_path / "copy", library, records=RECORDS, shelves=8, threads=1)
    assert Manifest.read(shelved.folder).shelves == 8
    duck = duckdb.connect()
    for name, table in shelved.tables.items():
        key = ", ".join(table.key)
        twice = duck.execute(f"SELECT {key} FROM ({table.query()}) GROUP BY ALL HAVING count(*) > 1").fetchall()
        assert twice == [], name
        for shelf, files in table.base.items():
            numbers = [row[0] for row in duck.execute(f"SELECT {table.kept_by} FROM '{files[0]}'").fetchall()]
            assert numbers == sorted(numbers), name
            assert {number % 8 for number in numbers} <= {shelf}, name
        assert rows_of(province, name) == rows_of(shelved, name), "shelves and threads change no row"


@pytest.mark.slow
def test_another_seed_gives_another_province(library: Library, province: Province, tmp_path: Path) -> None:
    other = write_province(tmp_path / "copy", library, records=RECORDS, seed=2)
    assert rows_of(other, "item_driver_points") != rows_of(province, "item_driver_points")


@pytest.mark.slow
def test_the_hidden_risk_leads_to_more_bad_records_and_to_more_liable_accidents_afterwards(
    library: Library, tmp_path: Path
) -> None:
    made = write_province(tmp_path / "copy", library, records=250_000, shelves=1)
    duck = duckdb.connect()
    read = {name: f"({made.tables[f'item_{name}'].query()})" for name in ("accident", "driver_points")}
    rows = duck.execute(
        f"SELECT risk >= 8, count(DISTINCT k.subject), count(DISTINCT p.record), count(DISTINCT a.role_subject) "
        f"FROM '{made.folder / 'risk.parquet'}' k LEFT JOIN {read['driver_points']} p ON p.role_subject = k.subject "
        f"LEFT JOIN {read['accident']} a ON a.role_subject = k.subject AND a.occurred_on > DATE '{shape.AS_OF}' "
        "AND a.responsibility IN ('full', 'main', 'equal') WHERE k.kind = 'practitioner' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    (_, low, few, safe), (_, high, many, unsafe) = rows
    assert many / high > 3 * few / low
    assert unsafe / high > 3 * safe / low
