"""Try a drafted version on the records of a day, beside the version that it was copied from.

A tryout is no run: it has no code, leaves no standing, and only those who work on the draft see it. Its findings and
entries lie as files until the draft is changed and tried again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from django.conf import settings

from xinlu.engine.duck import Duck
from xinlu.engine.result import Entry, Finding
from xinlu.engine.result import entries_of as rows_of_entries
from xinlu.engine.result import findings_of as rows_of_findings
from xinlu.engine.run import prepare
from xinlu.law.library import Library
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import InForce
from xinlu.ledger import columnar

ALWAYS = InForce.model_validate({"from": date.min})
"""A version that is tried counts for every unit, whenever it is in force."""
AFTER, BEFORE = "after", "before"
KEPT = timedelta(days=30)
"""How long a tryout lies there when nobody changes the draft."""


@dataclass(frozen=True)
class Spread:
    """How the numbers of one output lie, over the units that have one."""

    units: int
    low: Decimal | None
    middle: Decimal | None
    high: Decimal | None


@dataclass(frozen=True)
class Answers:
    """One output over the whole population: answer → number of units, under the old version and the draft."""

    output: str
    title: str
    counts: Mapping[str, tuple[int, int]]
    """Levels, yes and no, texts; then statuses without an answer as ``not_rated`` and ``open``. Numbers and days
    together stand as ``number`` and ``day``."""
    spreads: tuple[Spread, Spread] | None
    """Of an output with numbers."""
    examples: Mapping[str, tuple[int, ...]]
    """Answer → some units that have it under the draft, the smallest numbers first."""


@dataclass(frozen=True)
class Tryout:
    """A drafted version over everything that the ledger knows, on one day."""

    key: str
    as_of: date
    known_at: datetime
    units: int
    units_before: int | None
    """None where there is no version to stand beside."""
    moved: int | None
    """Units whose level, or other answer, differs in at least one output; None as above."""
    renumbered: int | None
    """Other units of which only a number differs; None as above."""
    answers: tuple[Answers, ...]


def try_book(
    law: Library, book: Rulebook, *, key: str, as_of: date, known_at: datetime, beside: Rulebook | None = None
) -> Tryout:
    """Run ``book`` (of ``law``) over the columnar copy, and ``beside``, the version that it was copied from.

    ``key`` names what is tried, such as the digest of a draft, with a stem before a dash: tryouts of another text of
    the same stem are thrown away, for what they show is no more, and so are all that are older than :data:`KEPT`.
    """
    columnar.sync()
    folder = _folder(key, as_of)
    known = known_at.astimezone(UTC)
    _sweep(key, known)
    shutil.rmtree(folder, ignore_errors=True)
    _write(law, book, folder / AFTER, as_of, known)
    if beside is not None:
        _write(law, beside, folder / BEFORE, as_of, known)
    told = {"known_at": known.isoformat(), "book": book.rulebook, "beside": beside is not None}
    (folder / "tryout.json").write_text(json.dumps(told), encoding="utf-8")
    return _read(book, key, as_of, folder)


def tried(book: Rulebook, *, key: str, as_of: date) -> Tryout | None:
    """A tryout that was made before; None when there is none for this text and day."""
    folder = _folder(key, as_of)
    return _read(book, key, as_of, folder) if (folder / "tryout.json").is_file() else None


def days_tried(key: str) -> tuple[date, ...]:
    """The days on which a text was tried, newest first."""
    found = (path.name.removeprefix(f"{key}-") for path in _root().glob(f"{key}-*") if (path / "tryout.json").is_file())
    return tuple(sorted((date.fromisoformat(name) for name in found), reverse=True))


def findings_of_tryout(key: str, as_of: date, unit: int) -> list[Finding]:
    """The findings of one unit under the draft. For pages that have asked whether the unit may be seen."""
    return rows_of_findings(
        pq.read_table(_folder(key, as_of) / AFTER / "findings.parquet", filters=[("unit", "=", unit)])
    )


def entries_of_tryout(key: str, as_of: date, unit: int) -> list[Entry]:
    """The lines of why of one unit under the draft."""
    return rows_of_entries(
        pq.read_table(_folder(key, as_of) / AFTER / "entries.parquet", filters=[("unit", "=", unit)])
    )


def _root() -> Path:
    return Path(settings.VAR) / "tryouts"


def _folder(key: str, as_of: date) -> Path:
    return _root() / f"{key}-{as_of.isoformat()}"


def _sweep(key: str, at: datetime) -> None:
    stem = key.split("-")[0]
    for told in _root().glob("*/tryout.json"):
        name = told.parent.name
        other_text = name.startswith(f"{stem}-") and not name.startswith(f"{key}-")
        made = datetime.fromisoformat(json.loads(told.read_text(encoding="utf-8"))["known_at"])
        if other_text or at - made > KEPT:
            shutil.rmtree(told.parent, ignore_errors=True)


def _write(law: Library, book: Rulebook, folder: Path, as_of: date, known_at: datetime) -> None:
    alone = book.model_copy(update={"in_force": ALWAYS, "governed_by": "as_of"})
    others = [one for one in law.needed(book) if one.rulebook != book.rulebook]
    duck = Duck(columnar.tables())
    try:
        known = known_at.replace(tzinfo=None)
        prepared = prepare([alone, *others], duck, catalogue=law.catalogue, as_of=as_of, known_at=known)
        prepared.run()
        folder.mkdir(parents=True)
        for name, table in (
            ("findings", prepared.findings(book.rulebook)),
            ("entries", prepared.entries(book.rulebook)),
        ):
            pq.write_table(table.replace_schema_metadata(None), folder / f"{name}.parquet", compression="zstd")
    finally:
        duck.close()


_ANSWER = (
    "CASE WHEN status <> 'rated' THEN status WHEN level IS NOT NULL THEN level WHEN flag IS NOT NULL THEN "
    "CASE WHEN flag THEN 'yes' ELSE 'no' END WHEN number IS NOT NULL THEN 'number' WHEN \"day\" IS NOT NULL THEN "
    "'day' ELSE coalesce(text, 'none') END"
)


def _read(book: Rulebook, key: str, as_of: date, folder: Path) -> Tryout:
    told = json.loads((folder / "tryout.json").read_text(encoding="utf-8"))
    both = bool(told["beside"])
    connection = duckdb.connect()
    try:
        for name in (AFTER, BEFORE) if both else (AFTER,):
            table = pq.read_table(folder / name / "findings.parquet")
            connection.register(f"{name}_rows", table)
            connection.execute(f"CREATE TEMP TABLE {name} AS SELECT *, {_ANSWER} AS answer FROM {name}_rows")
        answers = tuple(_answers(connection, name, output.title, both) for name, output in book.outputs.items())
        moved, renumbered = _moved(connection) if both else (None, None)
        return Tryout(
            key,
            as_of,
            datetime.fromisoformat(told["known_at"]),
            _units(connection, AFTER),
            _units(connection, BEFORE) if both else None,
            moved,
            renumbered,
            answers,
        )
    finally:
        connection.close()


def _units(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"SELECT count(DISTINCT unit) FROM {name}").fetchone()
    return int(row[0]) if row else 0


def _moved(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Units with another answer, and others with another number only."""
    row = connection.execute(
        "SELECT count(*) FILTER (moved), count(*) FILTER (NOT moved AND renumbered) FROM ("
        "SELECT bool_or(a.answer IS DISTINCT FROM b.answer) AS moved, "
        "bool_or(a.number IS DISTINCT FROM b.number) AS renumbered "
        "FROM after AS a FULL JOIN before AS b ON a.unit = b.unit AND a.output = b.output "
        "GROUP BY coalesce(a.unit, b.unit))"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _answers(connection: duckdb.DuckDBPyConnection, output: str, title: str, both: bool) -> Answers:
    counts: dict[str, tuple[int, int]] = {}
    for answer, number in _counted(connection, AFTER, output):
        counts[answer] = (0, number)
    for answer, number in _counted(connection, BEFORE, output) if both else ():
        counts[answer] = (number, counts.get(answer, (0, 0))[1])
    examples = connection.execute(
        "SELECT answer, list(unit ORDER BY unit)[:5] FROM after WHERE output = ? GROUP BY 1 ORDER BY 1", [output]
    ).fetchall()
    spreads = None
    if "number" in counts:
        spreads = (_spread(connection, BEFORE, output) if both else _NOTHING, _spread(connection, AFTER, output))
    return Answers(output, title, counts, spreads, {answer: tuple(units) for answer, units in examples})


_NOTHING = Spread(0, None, None, None)


def _counted(connection: duckdb.DuckDBPyConnection, name: str, output: str) -> Sequence[tuple[str, int]]:
    sql = f"SELECT answer, count(*) FROM {name} WHERE output = ? GROUP BY 1 ORDER BY 1"
    return [(str(answer), int(number)) for answer, number in connection.execute(sql, [output]).fetchall()]


def _spread(connection: duckdb.DuckDBPyConnection, name: str, output: str) -> Spread:
    sql = (
        f"SELECT count(number), min(number), quantile_disc(number, 0.5), max(number) FROM {name} "
        "WHERE output = ? AND status = 'rated'"
    )
    row = connection.execute(sql, [output]).fetchone()
    return Spread(int(row[0]), *row[1:]) if row else _NOTHING
