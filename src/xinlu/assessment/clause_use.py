"""Which clauses in force are used, and on what kind of records their entries rest (指标利用率, 自动化归集率).

A clause has a *source* when somebody delivers the item that its rows are; it is *used* when the last round of its book
in the period has an effective hit of it: a hit, move or condition that lost to no other, or a count of hits above 0.
What a run says of its clauses never changes, so it is counted once and kept beside the runs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from xinlu.access.scope import Scope
from xinlu.assessment.groups import label
from xinlu.assessment.models import Run
from xinlu.assessment.run import runs_folder
from xinlu.engine.compile.primitives import text_literal
from xinlu.engine.duck import Duck
from xinlu.engine.run import add_empty_tables
from xinlu.gazette import current
from xinlu.law.indicator import QuantityName
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import columnar
from xinlu.ledger.cuts import AUTOMATIC, PROVINCE, Cut, city_of, items_delivered, regions_in_cities, ways_of

EFFECTIVE = "clause IS NOT NULL AND kind IN ('hit', 'move', 'condition')"
"""SQL over entries: the lines by which a clause had an effect."""
_CHUNK = 200_000
_END = datetime(9999, 12, 31)  # noqa: DTZ001 the columnar copy knows times without zone
_USE = pa.schema(
    [
        ("clause", pa.string()),
        ("region", pa.string()),
        ("way", pa.string()),
        ("entries", pa.int64()),
        ("on_records", pa.int64()),
        ("counted", pa.int64()),
    ]
)


@dataclass(frozen=True)
class UsedClause:
    """One clause in force: what its rows are, whether somebody delivers that, and its use by city.

    ``run`` is the round that was looked at, None where there was none in the period. ``entries``: city → effective
    entries; ``automatic`` and ``on_records`` those that rest on records, and of these on records that came by
    themselves. ``counted``: cities in which a count that it belongs to was above 0.
    """

    book: str
    book_title: str
    version: str
    clause: str
    title: str
    item: str
    has_source: bool
    run: str | None
    entries: Mapping[str, int]
    on_records: Mapping[str, int]
    automatic: Mapping[str, int]
    counted: frozenset[str]

    def used(self, city: str | None = None) -> bool:
        """Whether it had an effect, anywhere or in one city."""
        if city is None:
            return any(self.entries.values()) or bool(self.counted)
        return self.entries.get(city, 0) > 0 or city in self.counted


@dataclass(frozen=True)
class EntryShown:
    """One effective entry that rests on a record. ``unit`` is a subject, or a record where the book rates records."""

    run: str
    book: str
    clause: str
    unit: int
    record: int
    day: date | None
    share: Decimal | None
    way: str


def clauses(scope: Scope, cut: Cut) -> list[UsedClause]:
    """Every clause of the books in force on the last day of the period, in the order of the law.

    Use is counted over the units that ``scope`` sees: those of its regions; units without a place, records among
    them, are seen by whoever sees the whole province. ``cut.item`` leaves the clauses of one item.
    """
    delivered, last = items_delivered(), cut.until - date.resolution
    rounds = {run.book: run for run in rounds_of(cut)}
    found = []
    for name in sorted(current.library().rulebooks):
        book = current.library().book(name, on=last)
        if book is None or not is_own_law(book):
            continue
        run = rounds.get(name)
        found += _of_book(book, run, scope, delivered, cut.item)
    return found


def rounds_of(cut: Cut) -> list[Run]:
    """The last round of each book in the period: the newest published one; a trial where the book rates records,
    which are never published."""
    found: dict[str, Run] = {}
    asked = Run.objects.filter(as_of__gte=cut.since, as_of__lt=cut.until).order_by("as_of", "made_at", "pk")
    for run in asked:
        versions = current.library().rulebooks.get(run.book, ())
        if versions and is_own_law(versions[-1]) and (run.is_published or versions[-1].rates.subject is None):
            found[run.book] = run
    return [found[name] for name in sorted(found)]


def quantities(several: Iterable[UsedClause], city: str | None = None) -> dict[str, int]:
    """The quantities of clauses and entries, in one city where ``city`` is given."""
    found = dict.fromkeys(("clauses_used", "clauses_with_source", "entries_automatic", "entries_of_records"), 0)
    for one in several:
        found["clauses_with_source"] += one.has_source
        found["clauses_used"] += one.has_source and one.used(city)
        found["entries_of_records"] += _sum(one.on_records, city)
        found["entries_automatic"] += _sum(one.automatic, city)
    return found


def counted_by(several: Iterable[UsedClause], quantity: QuantityName, city: str | None = None) -> list[UsedClause]:
    """The clauses that ``clauses_used`` or ``clauses_with_source`` counts."""
    if quantity not in ("clauses_used", "clauses_with_source"):
        raise ValueError(f"{quantity} counts no clauses")
    return [one for one in several if one.has_source and (quantity == "clauses_with_source" or one.used(city))]


def is_own_law(book: Rulebook) -> bool:
    """Whether a book is law here: not that of other countries, and no proposal of this project."""
    return current.library().filed(book).path.parent.parent.name == "rulebooks"


def sources_of(book: Rulebook) -> dict[str, str]:
    """Clause → what its rows are, as deliveries carry it: an item, ``relation:…``; empty for results of other books."""
    found = {}
    for name, clause in book.clauses.items():
        source = book.sources.get(clause.hits)
        relation = f"relation:{source.relation}" if source and source.relation else ""
        found[name] = (source.item if source and source.item else relation) or ""
    return found


def is_delivered(carries: str, delivered: frozenset[str]) -> bool:
    """Whether somebody delivers what a clause reads; one file may carry several relations."""
    return carries in delivered or (carries.startswith("relation:") and "relation:" in delivered)


def entries(scope: Scope, quantity: QuantityName, cut: Cut, *, start: int = 0, size: int = 50) -> list[EntryShown]:
    """Entries that ``entries_automatic`` or ``entries_of_records`` counts: ``size`` of them, from the ``start``-th."""
    if quantity not in ("entries_automatic", "entries_of_records"):
        raise ValueError(f"{quantity} counts no entries")
    found: list[EntryShown] = []
    for run in rounds_of(cut):
        left = size - len(found)
        if not left:
            break
        book = current.library().book(run.book, on=cut.until - date.resolution)
        if book is None:
            continue
        wanted = [name for name, item in sources_of(book).items() if cut.item is None or item == cut.item]
        automatic = quantity == "entries_automatic"
        number = _entries_of(_kept_rows(run, scope), wanted, cut.city, automatic=automatic)
        if start >= number:
            start -= number
            continue
        where = _entries_where(scope, cut.city, wanted, automatic=automatic)
        with _reading(run, kept_use(run)) as duck:
            rows = duck.rows(
                "SELECT clause, e.unit, e.record, day, share, way FROM entries e JOIN ways w ON w.record = e.record "
                f"JOIN regions r ON r.unit = e.unit WHERE {where} "
                f"ORDER BY e.unit, step, seq, clause, e.record, share LIMIT {int(left)} OFFSET {int(start)}"
            )
        start = 0
        found += [
            EntryShown(run.code, run.book, clause, unit, record, day, share, way)
            for clause, unit, record, day, share, way in rows
        ]
    return found


def kept_use(run: Run) -> Path:
    """The folder in which the use of clauses by a run is kept; counted now if it is not there yet."""
    place = Path(settings.VAR) / "clause-use" / run.code
    if not (place / "use.parquet").is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{run.code}-", dir=place.parent))
        _count(run, draft)
        try:
            draft.rename(place)
        except OSError:
            # Another process was faster and counted the same.
            shutil.rmtree(draft, ignore_errors=True)
    return place


# ── counting one run ────────────────────────────────────────────────────────────────────────────


def _count(run: Run, place: Path) -> None:
    """Write ``use``, ``ways`` (record → way in) and ``regions`` (unit → region) of a run as Parquet files."""
    law = current.library()
    book = _book_of(run)
    duck = Duck({**columnar.tables(), "entries": entry_files(run)})
    try:
        add_empty_tables(duck, law.catalogue)
        table = label(duck, book.rates.subject, law.catalogue, as_of=run.as_of, known_at=_END).table
        records = duck.arrow(f"SELECT DISTINCT record FROM entries WHERE {EFFECTIVE} AND record IS NOT NULL ORDER BY 1")
        pq.write_table(_ways(records.column("record")), place / "ways.parquet")
        pq.write_table(
            duck.arrow(
                "SELECT e.unit, coalesce(any_value(l.region), '') AS region FROM (SELECT DISTINCT unit FROM entries) e "
                f"LEFT JOIN {table} l ON l.unit = e.unit GROUP BY 1 ORDER BY 1"
            ),
            place / "regions.parquet",
        )
        duck.register("ways", [place / "ways.parquet"])
        duck.register("regions", [place / "regions.parquet"])
        use = duck.arrow(
            "SELECT e.clause, r.region, coalesce(w.way, '') AS way, count(*) AS entries, "
            "count(e.record) AS on_records, 0 AS counted "
            f"FROM (SELECT * FROM entries WHERE {EFFECTIVE}) e JOIN regions r ON r.unit = e.unit "
            "LEFT JOIN ways w ON w.record = e.record GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        pq.write_table(
            pa.concat_tables([use.cast(_USE), _tallied(duck, book).cast(_USE)]),
            place / "use.parquet",
        )
    finally:
        duck.close()


def _ways(records: Any) -> pa.Table:
    """The table of records and their ways in; a part at a time, for a province has millions."""
    parts = []
    for start in range(0, len(records), _CHUNK):
        found = ways_of(records.slice(start, _CHUNK).to_pylist())
        numbers = sorted(found)
        parts.append(pa.table({"record": pa.array(numbers, pa.int64()), "way": [found[one] for one in numbers]}))
    return (
        pa.concat_tables(parts)
        if parts
        else pa.table({"record": pa.array([], pa.int64()), "way": pa.array([], pa.string())})
    )


def _tallied(duck: Duck, book: Rulebook) -> pa.Table:
    """Clauses that stand in counts only, which do not list their hits: units where such a count was above 0."""
    folds = [(name, clause) for name, fold in book.folds.items() for clause in fold.tally or ()]
    if not folds:
        return _USE.empty_table()
    pairs = ", ".join(f"({text_literal(fold)}, {text_literal(clause)})" for fold, clause in folds)
    return duck.arrow(
        f"WITH tally(step, clause) AS (VALUES {pairs}) "
        "SELECT t.clause, r.region, '' AS way, 0 AS entries, 0 AS on_records, count(DISTINCT e.unit) AS counted "
        "FROM entries e JOIN tally t ON t.step = e.step JOIN regions r ON r.unit = e.unit "
        "WHERE e.kind = 'read' AND e.raw > 0 GROUP BY 1, 2 ORDER BY 1, 2"
    )


def entry_files(run: Run) -> list[Path]:
    """The files that hold the entries of a run; none when they are gone."""
    folder = runs_folder() / run.code
    whole = folder / "entries.parquet"
    return [whole] if whole.exists() else sorted((folder / "entries").glob("*.parquet"))


def _book_of(run: Run) -> Rulebook:
    versions = current.library().rulebooks[run.book]
    used = run.version.split("、")
    return next((one for one in reversed(versions) if one.version in used), versions[-1])


class _reading:  # noqa: N801 a context manager reads like a verb
    """A connection on the entries of a run and what is kept of it."""

    def __init__(self, run: Run, place: Path) -> None:
        files = {"entries": entry_files(run)}
        self.duck = Duck({**files, "ways": [place / "ways.parquet"], "regions": [place / "regions.parquet"]})

    def __enter__(self) -> Duck:
        return self.duck

    def __exit__(self, *_: object) -> None:
        self.duck.close()


# ── reading what is kept ────────────────────────────────────────────────────────────────────────


def _of_book(
    book: Rulebook, run: Run | None, scope: Scope, delivered: frozenset[str], item: str | None
) -> list[UsedClause]:
    use = _kept_rows(run, scope) if run is not None else {}
    found = []
    for (name, clause), carries in zip(book.clauses.items(), sources_of(book).values(), strict=True):
        if item is not None and carries != item:
            continue
        entries, on_records, automatic, counted = use.get(name, ({}, {}, {}, frozenset()))
        found.append(
            UsedClause(
                book=book.rulebook,
                book_title=book.title,
                version=book.version,
                clause=name,
                title=clause.title,
                item=carries,
                has_source=is_delivered(carries, delivered),
                run=run.code if run else None,
                entries=entries,
                on_records=on_records,
                automatic=automatic,
                counted=counted,
            )
        )
    return found


_Use = dict[str, tuple[dict[str, int], dict[str, int], dict[str, int], frozenset[str]]]
"""Clause → entries, entries on records, of these automatic ones by city, and cities with counts above 0."""


def _kept_rows(run: Run, scope: Scope) -> _Use:
    found: dict[str, tuple[dict[str, int], dict[str, int], dict[str, int], set[str]]] = {}
    for row in pq.read_table(kept_use(run) / "use.parquet").to_pylist():
        if not _sees(scope, row["region"]):
            continue
        entries, on_records, automatic, counted = found.setdefault(row["clause"], ({}, {}, {}, set()))
        city = city_of(row["region"])
        if row["counted"]:
            counted.add(city)
        for kept, number in (
            (entries, row["entries"]),
            (on_records, row["on_records"]),
            (automatic, row["on_records"] if row["way"] in AUTOMATIC else 0),
        ):
            if number:
                kept[city] = kept.get(city, 0) + number
    return {clause: (one, two, three, frozenset(four)) for clause, (one, two, three, four) in found.items()}


def _sees(scope: Scope, region: str) -> bool:
    if scope.kind not in ("officer", "system"):
        return False
    return scope.everywhere or region in scope.regions


def _entries_of(use: _Use, wanted: Iterable[str], city: str | None, *, automatic: bool) -> int:
    """How many entries of the wanted clauses rest on records, or on records that came by themselves."""
    found = [use[clause] for clause in wanted if clause in use]
    return sum(_sum(one[2] if automatic else one[1], city) for one in found)


def _entries_where(scope: Scope, city: str | None, wanted: list[str], *, automatic: bool) -> str:
    parts = [f"e.{EFFECTIVE.replace('kind', 'e.kind')}", _one_of("e.clause", wanted)]
    if automatic:
        parts.append(_one_of("w.way", AUTOMATIC))
    if not (scope.kind in ("officer", "system") and scope.everywhere):
        parts.append(_one_of("r.region", scope.regions if scope.kind == "officer" else ()))
    if city is not None:
        cities = regions_in_cities()
        here = [region for region, its in cities.items() if its == city]
        parts.append(f"NOT {_one_of('r.region', cities)}" if city == PROVINCE else _one_of("r.region", here))
    return " AND ".join(f"({one})" for one in parts)


def _one_of(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(text_literal(one) for one in values)
    return f"{column} IN ({listed})" if listed else "false"


def _sum(numbers: Mapping[str, int], city: str | None) -> int:
    return sum(numbers.values()) if city is None else numbers.get(city, 0)
