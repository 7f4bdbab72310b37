"""Fetch the rows that some units may read: a small province, on which the law is worked out as on the whole.

The law's own reaches say which rows these are. They are followed generously: windows, conditions and times of
knowledge are left out, so that some rows are fetched for nothing but none is missed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xinlu.engine.find import NONE, Finder, Numbers, joined, numbers_in, numbers_of
from xinlu.engine.manifest import identity
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook, Source

_WORD = re.compile(r"\w+")
_SPANS = ("occurred_on", "effective_from", "effective_until", "valid_from", "valid_until")
_ALWAYS = {*_SPANS, "record", "parent", "subject", "relation", "from_subject", "to_subject"}
_ALWAYS |= {"recorded_at", "superseded_at"}


Asked: TypeAlias = tuple[str, str, bytes]
"""A question: table, column, numbers."""


def columns_named(books: Iterable[Rulebook], catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Table → the columns that the engine needs for ``books``: its own, and those whose names the books say."""
    said = {word for book in books for word in _WORD.findall(book.model_dump_json())}
    return {
        name: tuple(one for one in schema.names if one in _ALWAYS or one.startswith("role_") or one in said)
        for name, schema in schemas(catalogue).items()
    }


@dataclass
class Fetched:
    """What some units may read.

    ``units``: book → units that must be worked out: those asked for, and those whose findings they read.
    """

    tables: dict[str, pa.Table]
    units: dict[str, Numbers]

    @property
    def size(self) -> int:
        """Rows in all."""
        return sum(one.num_rows for one in self.tables.values())


@dataclass
class Fetch:
    """Follows the reaches of books from units to rows.

    ``meanings``: every version of every book, by book, each after those that it reads. ``asked``: what was fetched
    already, for others, too.
    """

    finder: Finder
    meanings: Mapping[str, Sequence[Meaning]]
    catalogue: Catalogue
    asked: dict[Asked, pa.Table] = field(default_factory=dict)
    mine: set[Asked] = field(default_factory=set)
    parts: dict[str, list[pa.Table]] = field(default_factory=dict)

    def fetch(self, units: Mapping[str, Collection[int] | Numbers]) -> Fetched:
        """The rows for ``units`` of each book."""
        wanted = {book: numbers_of(units.get(book, NONE)) for book in self.meanings}
        for book in reversed(list(self.meanings)):
            if not len(wanted[book]):
                continue
            for meaning in self.meanings[book]:
                for read, numbers in _Walk(self, meaning).walk(wanted[book]).items():
                    wanted[read] = joined(wanted[read], numbers)
        return Fetched({name: self.whole(name, found) for name, found in self.parts.items()}, wanted)

    def rows(self, table: str, column: str, numbers: Numbers) -> pa.Table:
        """Rows by number, kept for the small province; each question is asked once."""
        key = (table, column, numbers.tobytes())
        if key not in self.asked:
            self.asked[key] = self.finder.rows(table, column, numbers)
        if key not in self.mine:
            self.mine.add(key)
            self.parts.setdefault(table, []).append(self.asked[key])
        return self.asked[key]

    def whole(self, name: str, parts: Sequence[pa.Table]) -> pa.Table:
        """The rows of a table, each once."""
        filled = [one for one in parts if one.num_rows]
        if len(filled) < 2:
            return filled[0] if filled else parts[0]
        rows = pa.concat_tables(filled)
        keys = list(identity(name, self.catalogue)[0])
        places = pa.array(np.arange(rows.num_rows))
        once = rows.select(keys).append_column("place", places).group_by(keys).aggregate([("place", "min")])
        if once.num_rows == rows.num_rows:
            return rows
        return rows.take(pa.array(np.sort(once["place_min"].to_numpy())))


class _Walk:
    """The reaches of one version of one book, followed from its units."""

    def __init__(self, fetch: Fetch, meaning: Meaning) -> None:
        self.fetch = fetch
        self.meaning = meaning
        self.rates = meaning.book.rates
        self.read: dict[str, Numbers] = {}
        self.found: dict[str, pa.Table] = {}
        """Source → its rows."""

    def walk(self, units: Numbers) -> dict[str, Numbers]:
        """Ask for every row; give the units of other books whose findings are read."""
        self.units = units
        if self.rates.subject is not None:
            self.rated = self.fetch.rows(f"subject_{self.rates.subject}", "subject", units)
        else:
            self.rated = self.fetch.rows(f"item_{self.rates.record}", "record", units)
        for kind, name in self.meaning.order:
            if kind == "source":
                self.source(name)
        return self.read

    def source(self, name: str) -> None:
        source = self.meaning.book.sources[name]
        own = self.own(source)
        far = self.far(source, own)
        if source.item is not None:
            self.found[name] = self.item_rows(source, own if far is None else far)
        elif source.findings is not None:
            at = self.by_column(source) if source.unit.row is not None else (own if far is None else far)
            self.read[source.findings] = joined(self.read.get(source.findings, NONE), at)
        self.attributes(name, source, far)

    def own(self, source: Source) -> Numbers:
        """The subjects or records that stand for the units."""
        role = source.unit.unit_role
        return self.units if role is None else numbers_in(self.rated, f"role_{role}")

    def far(self, source: Source, own: Numbers) -> Numbers | None:
        """The subjects at the far end of the relation, or None without one."""
        relation = source.relation or source.unit.relation
        if relation is None:
            return None
        near, far = ends(source)
        rows = self.fetch.rows("relation", near, own)
        return numbers_in(rows.filter(pc.equal(rows["relation"], relation)), far)

    def item_rows(self, source: Source, subjects: Numbers) -> pa.Table:
        reach, item = source.unit, self.fetch.catalogue.items[str(source.item)]
        table = f"item_{item.item}"
        if reach.parent == "unit":
            return self.fetch.rows(table, "parent", self.units)
        if reach.parent is not None:
            return self.fetch.rows(table, "parent", numbers_in(self.found[reach.parent], "record"))
        if reach.row is not None:
            subjects = self.by_column(source)
        elif self.rates.record == item.item and reach.role is None and reach.unit_role is None:
            return self.fetch.rows(table, "record", subjects)
        return self.fetch.rows(table, f"role_{reach.role or item.roles[0].name}", subjects)

    def by_column(self, source: Source) -> Numbers:
        """The subjects that rows of another source name in a column."""
        column, rows = str(source.unit.column), self.found.get(str(source.unit.row))
        if rows is None:
            # A relation or findings: its one number is the far end.
            other = self.meaning.book.sources[str(source.unit.row)]
            own = self.own(other)
            far = self.far(other, own)
            return own if far is None else far
        return numbers_in(rows, f"role_{column}" if f"role_{column}" in rows.column_names else column)

    def attributes(self, name: str, source: Source, far: Numbers | None) -> None:
        """The subjects that stand beside a row."""
        for one in source.attributes.values():
            if one.role == "other":
                holders = NONE if far is None else far
                if source.findings is not None and far is None:
                    holders = self.read[source.findings]
            elif source.item is not None and self.fetch.catalogue.items[source.item].role(one.role) is not None:
                holders = numbers_in(self.found[name], f"role_{one.role}")
            else:
                holders = numbers_in(self.rated, f"role_{one.role}")
            self.fetch.rows(f"subject_{one.kind}", "subject", holders)


def ends(source: Source) -> tuple[str, str]:
    """Columns of the relation table at the unit's end and at the far end."""
    return ("from_subject", "to_subject") if source.unit.unit_end == "from" else ("to_subject", "from_subject")
