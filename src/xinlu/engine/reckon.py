"""Reckon some units anew, from the files of a province, in a process that stays warm.

The rows that the units may read are fetched into a small province, and the law is worked out there. A small question
goes to the oracle, which needs no planning: a plan of fifty statements costs more to plan than a driver's records
cost to count. A larger one goes to the compiled plans. Tests hold both together to the last digit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xinlu.engine.compile.plan import Plan, compile_book
from xinlu.engine.compile.primitives import identifier
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.fetch import Asked, Fetch, Fetched, columns_named
from xinlu.engine.find import Finder, Numbers, numbers_of
from xinlu.engine.oracle import evaluate_meanings
from xinlu.engine.peers import Peers, ranked
from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA, entries_table, findings_table
from xinlu.engine.run import Prepared, understand_all
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook

SMALL = 8_000
"""Rows of a small province up to which the oracle is quicker than planning."""

Units = Mapping[str, "Collection[int] | Numbers"]
"""Book → units."""


@dataclass(frozen=True)
class Result:
    """Findings and entries of one book, with the schemas and the order of a full run."""

    findings: pa.Table
    entries: pa.Table


NOTHING = Result(FINDINGS_SCHEMA.empty_table(), ENTRIES_SCHEMA.empty_table())


@dataclass
class Reckoner:
    """Works out single units of ``books`` on ``as_of`` with what was known at ``known_at``.

    ``tables``: as for :func:`xinlu.engine.run.run`. ``index``: folder beside the copy for indexes of columns by which
    rows are not kept. ``peers``: frozen snapshots of peer values; without them a value over peers is placed among the
    units of the question, so a book over peers must be run whole. ``small``: rows up to which the oracle answers.
    """

    books: Sequence[Rulebook]
    tables: Mapping[str, TableLike]
    catalogue: Catalogue
    as_of: date
    known_at: datetime
    peers: Peers | None = None
    index: Path | None = None
    threads: int | None = None
    memory_gib: float | None = None
    small: int = SMALL
    compiled_books: dict[str, list[Plan]] = field(default_factory=dict)

    @cached_property
    def meanings(self) -> dict[str, list[Meaning]]:
        """Versions of every book, each book after those it reads."""
        found: dict[str, list[Meaning]] = {}
        for (book, _), meaning in understand_all(self.books, self.catalogue).items():
            found.setdefault(book, []).append(meaning)
        return found

    @cached_property
    def finder(self) -> Finder:
        """Where rows are found."""
        return Finder(
            self.tables,
            self.catalogue,
            index=self.index,
            columns=columns_named(self.books, self.catalogue),
            threads=self.threads,
            memory_gib=self.memory_gib,
        )

    def on(self, as_of: date, known_at: datetime | None = None) -> Reckoner:
        """The same for another day, over the same open files. Close the first one, not this."""
        again = replace(self, as_of=as_of, known_at=known_at or self.known_at, compiled_books={})
        again.__dict__.update(meanings=self.meanings, families=self.families, finder=self.finder, duck=self.duck)
        return again

    def over(self, tables: Mapping[str, TableLike], known_at: datetime) -> Reckoner:
        """The same with more known: other files of the same province. Close the first one, not this."""
        again = replace(self, tables=tables, known_at=known_at, compiled_books={})
        again.__dict__.update(meanings=self.meanings, families=self.families, duck=self.duck)
        return again

    def make_ready(self) -> None:
        """Make what a first question would have to make: directories, indexes, a place for compiled plans."""
        self.finder.make_ready(sorted(set(asked_columns(self.meanings, self.catalogue))))
        self.duck.rows("SELECT 1")

    def reckon(self, units: Units) -> dict[str, Result]:
        """Findings and entries of ``units``, by book; a unit that is not in the population has none."""
        wanted = {book: numbers_of(found) for book, found in units.items() if len(found)}
        asked: dict[Asked, pa.Table] = {}
        found: dict[str, Result] = {}
        for books in self.families:
            own = {book: wanted[book] for book in books if book in wanted}
            if not own:
                continue
            # Each family has a small province of its own; what several ask for is fetched once.
            fetched = Fetch(self.finder, {book: self.meanings[book] for book in books}, self.catalogue, asked).fetch(
                own
            )
            ranked = any(self.over_peers(book) for book in books)
            reckoned = self.compiled if ranked or fetched.size > self.small else self.by_oracle
            results = reckoned(books, fetched)
            found |= {book: only(results[book], numbers, fetched.units[book]) for book, numbers in own.items()}
        return found

    @cached_property
    def families(self) -> list[list[str]]:
        """Books that read one another, in order; different families have nothing to do with each other."""
        found: list[set[str]] = []
        for book, versions in self.meanings.items():
            own = {book}.union(*(one.reads for one in versions))
            own = own.union(*(one for one in found if one & own))
            found = [*(one for one in found if not one & own), own]
        return [[book for book in self.meanings if book in one] for one in found]

    def over_peers(self, book: str) -> bool:
        """Whether a book has values over peers."""
        return any(value.peer is not None for one in self.meanings[book] for value in one.book.values.values())

    def by_oracle(self, books: Sequence[str], fetched: Fetched) -> dict[str, Result]:
        """Worked out record by record."""
        rows = {name: table.to_pylist() for name, table in fetched.tables.items()}
        result = evaluate_meanings(
            [self.meanings[book] for book in books],
            rows,
            catalogue=self.catalogue,
            as_of=self.as_of,
            known_at=self.known_at,
            peers=self.peers,
            only={book: set(fetched.units[book].tolist()) for book in books},
        )
        return {
            book: Result(findings_table(result.findings[book]), entries_table(result.entries[book])) for book in books
        }

    def compiled(self, books: Sequence[str], fetched: Fetched) -> dict[str, Result]:
        """Worked out by the compiled plans of these books, which are made once."""
        duck = self.duck
        for name, table in fetched.tables.items():
            duck.register(name, table)
        plans = {book: self.plans(book) for book in books}
        prepared = Prepared(duck, plans, list(books), {}, narrowed=True)
        prepared.run({book: fetched.units[book].tolist() for book in books}, again=False)
        found = {book: Result(prepared.findings(book), prepared.entries(book)) for book in books}
        for name in fetched.tables:
            duck.register(name, self.finder.schemas[name].empty_table())
        for plan in (plan for book in books for plan in plans[book]):
            duck.drop(plan.steps)
        return found

    @cached_property
    def duck(self) -> Duck:
        """Where compiled plans run: every table is there, and empty."""
        shapes = {name: schema.empty_table() for name, schema in self.finder.schemas.items()}
        return Duck(shapes, threads=self.threads, memory_gib=self.memory_gib)

    def plans(self, book: str) -> list[Plan]:
        """The compiled versions of a book for the day, made once."""
        if book not in self.compiled_books:
            snapshots = (self.peers or {}).get(book, {})
            found = []
            for meaning in self.meanings[book]:
                prefix = f"{book} {meaning.book.version} "
                for value, one in meaning.book.values.items():
                    if one.peer is not None and value in snapshots:
                        self.duck.register(f"{prefix}peer_{value}", ranked(one.peer, snapshots[value]))
                found.append(
                    compile_book(
                        meaning,
                        self.catalogue,
                        as_of=self.as_of,
                        known_at=self.known_at,
                        prefix=prefix,
                        wanted=identifier(f"wanted {book}"),
                        finding_tables={other: identifier(f"wide {other}") for other in self.meanings},
                        frozen=snapshots,
                    )
                )
            self.compiled_books[book] = found
        return self.compiled_books[book]

    def close(self) -> None:
        """Let go of files and plans."""
        if "duck" in self.__dict__:
            self.__dict__.pop("duck").close()
        self.finder.close()


def only(result: Result, wanted: Numbers, worked_out: Numbers) -> Result:
    """The rows of some units."""
    if len(wanted) == len(worked_out):
        return result
    chosen = pa.array(wanted)
    return Result(*(one.filter(pc.is_in(one["unit"], value_set=chosen)) for one in (result.findings, result.entries)))


def asked_columns(meanings: Mapping[str, Sequence[Meaning]], catalogue: Catalogue) -> list[tuple[str, str]]:
    """(table, column) pairs by which the reaches of books ask for rows, forwards and backwards."""
    found: list[tuple[str, str]] = [("relation", "from_subject"), ("relation", "to_subject")]
    for meaning in (one for versions in meanings.values() for one in versions):
        rates = meaning.book.rates
        if rates.record is not None:
            found.append((f"item_{rates.record}", "record"))
        for source in meaning.book.sources.values():
            if source.unit.unit_role is not None:
                found.append((f"item_{rates.record}", f"role_{source.unit.unit_role}"))
            named = meaning.book.sources.get(source.unit.parent or source.unit.row or "")
            if named is not None and named.item is not None:
                column = str(source.unit.column)
                role = catalogue.items[named.item].role(column)
                found.append(
                    (f"item_{named.item}", "record" if source.unit.parent else f"role_{column}" if role else column)
                )
            if source.item is None:
                continue
            item = catalogue.items[source.item]
            if source.unit.parent is not None:
                found.append((f"item_{item.item}", "parent"))
            elif rates.record != item.item or source.unit.role is not None or source.unit.unit_role is not None:
                found.append((f"item_{item.item}", f"role_{source.unit.role or item.roles[0].name}"))
    return found
