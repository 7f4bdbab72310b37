"""Which buckets of units a row may reach: what a bucket must hold so that plans run on it as on the whole province.

A *bucket* is a set of units: unit ``n`` is in bucket ``n % shelves * buckets // shelves``, so a bucket is a run of
whole shelves. For every table that the books of a run read, :func:`routes` tells by which numbers its rows find
units. The reaches of the law are read generously: windows, conditions and days are left out, so a bucket may hold a
row for nothing, and none is lacking.

* A *way* is a number of the row (the subject in a role, the parent, the record itself) that is a unit,
  or that leads to units by a *link*.
* A *link* is a table (number, bucket) made from other tables: the other end of a relation, the records in whose role a
  subject stands, the parents of rows, the values of a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from xinlu.engine.compile import primitives as p
from xinlu.law.catalogue import Catalogue, Item
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Source


@dataclass(frozen=True, slots=True)
class Way:
    """``key``: SQL over the row ``r`` of a number (a list of numbers when ``many``). ``link``: name of the link that
    leads from the number to buckets; None: the number is a unit."""

    key: str
    link: str | None = None
    many: bool = False


EVERYWHERE = Way("*")
"""A row that every bucket gets: how it finds its units cannot be told from the tables alone."""


@dataclass(frozen=True, slots=True)
class Bucketing:
    """Shelves of units, and how many buckets they are put into."""

    shelves: int
    buckets: int

    def of(self, number: str) -> str:
        """SQL of the bucket of a unit."""
        shelf = f"({number}) % {self.shelves}"
        return f"CAST(({shelf}) * {self.buckets} // {self.shelves} AS SMALLINT)"

    def holds(self, bucket: int) -> tuple[int, ...]:
        """The shelves of a bucket.

        >>> Bucketing(8, 3).holds(1)
        (3, 4, 5)
        """
        return tuple(shelf for shelf in range(self.shelves) if shelf * self.buckets // self.shelves == bucket)


@dataclass
class Routes:
    """``ways``: table → the ways of its rows. ``links``: name → SELECT of (number, bucket), each after those it reads.

    Tables are named as the plans name them; findings of another book, computed before, are ``wide <book>``."""

    bucketing: Bucketing
    ways: dict[str, set[Way]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def routes(
    meanings: Iterable[Meaning],
    catalogue: Catalogue,
    bucketing: Bucketing,
    *,
    known_at: datetime,
    elsewhere: Callable[[str], bool],
) -> Routes:
    """Ways of every table that the books read.

    ``elsewhere(book)``: whether findings of that book come from an earlier pass and must be brought to the buckets;
    else they are made in the bucket itself."""
    found = Routes(bucketing)
    for meaning in meanings:
        _Router(meaning, catalogue, found, known_at, elsewhere).add()
    return found


def tables_read(meanings: Iterable[Meaning], catalogue: Catalogue, *, known_at: datetime) -> set[str]:
    """Names of the tables that the books read."""
    return set(routes(meanings, catalogue, Bucketing(1, 1), known_at=known_at, elsewhere=lambda book: False).ways)


def stays(source: Source) -> bool:
    """Whether findings of another book are read by the very unit that they are of."""
    reach = source.unit
    return all(one is None for one in (source.relation, reach.relation, reach.unit_role, reach.row, reach.parent))


class _Router:
    def __init__(
        self,
        meaning: Meaning,
        catalogue: Catalogue,
        found: Routes,
        known_at: datetime,
        elsewhere: Callable[[str], bool],
    ) -> None:
        self.meaning = meaning
        self.book = meaning.book
        self.catalogue = catalogue
        self.found = found
        self.known_at = known_at
        self.elsewhere = elsewhere

    def add(self) -> None:
        rates = self.book.rates
        if rates.subject is not None:
            self.goes(f"subject_{rates.subject}", Way("r.subject"))
        else:
            self.goes(f"item_{rates.record}", Way("r.record"))
        for name, source in self.book.sources.items():
            self.source(name, source)

    def goes(self, table: str, way: Way) -> None:
        self.found.ways.setdefault(table, set()).add(way)

    def source(self, name: str, source: Source) -> None:
        relation = source.relation or source.unit.relation
        if relation is not None:
            near, _ = ends(source)
            self.goes("relation", Way(f"CASE WHEN r.relation = {p.text_literal(relation)} THEN r.{near} END",
                                      self.standing(source.unit.unit_role)))  # fmt: skip
        if source.item is not None or (source.findings is not None and self.elsewhere(source.findings)):
            for way in self.ways(name):
                self.goes(self.table(source), way)
        for attributes in source.attributes.values():
            for way in self.beside(name, attributes.role):
                self.goes(f"subject_{attributes.kind}", way)

    def table(self, source: Source) -> str:
        if source.item is not None:
            return f"item_{source.item}"
        return f"wide {source.findings}" if source.findings is not None else "relation"

    # from rows to units

    def ways(self, name: str) -> list[Way]:
        """How rows of a source find units."""
        source = self.book.sources[name]
        reach = source.unit
        if reach.row is not None:
            key, many = self.role(source)
            return [Way(key, link, many) for link in self.values(reach.row, str(reach.column))] or [EVERYWHERE]
        if reach.parent is not None and reach.parent != "unit":
            return [Way("r.parent", link) for link in self.values(reach.parent, "record")] or [EVERYWHERE]
        if reach.parent == "unit":
            return [Way("r.parent")]
        if source.relation is not None and source.item is None and source.findings is None:
            near, _ = ends(source)
            test = f"r.relation = {p.text_literal(source.relation)}"
            return [Way(f"CASE WHEN {test} THEN r.{near} END", self.standing(reach.unit_role))]
        key, many = self.role(source)
        if source.relation is not None or reach.relation is not None:
            return [Way(key, self.far(source), many)]
        return [Way(key, self.standing(reach.unit_role), many)]

    def role(self, source: Source) -> tuple[str, bool]:
        """The number in the role that reaches out, and whether it is a list."""
        if source.findings is not None:
            return "r.unit", False
        item = self.item(source)
        reach = source.unit
        if self.book.rates.record == item.item and reach.role is None and reach.unit_role is None:
            return "r.record", False
        role = item.role(reach.role or item.roles[0].name)
        return (f"r.role_{role.name}", role.many) if role is not None else ("CAST(NULL AS BIGINT)", False)

    def item(self, source: Source) -> Item:
        return self.catalogue.items[str(source.item)]

    def beside(self, name: str, role: str) -> list[Way]:
        """Ways of the subjects that stand beside the rows of a source in a role."""
        source = self.book.sources[name]
        if role == "other":
            if source.findings is not None:
                return [Way("r.subject", way.link) for way in self.ways(name)]
            return [Way("r.subject", self.far(source))]
        item = self.catalogue.items.get(source.item or "")
        if item is None or item.role(role) is None:
            return [Way("r.subject", self.standing(role))]
        own = self.ways(name)
        if any(way.key == f"r.role_{role}" for way in own):
            return [Way("r.subject", way.link) for way in own]
        return [Way("r.subject", link) for link in self.values(name, role)] or [EVERYWHERE]

    # links

    def standing(self, role: str | None) -> str | None:
        """Subject → buckets of the records in whose role it stands; None where the unit is the subject."""
        if role is None:
            return None
        item = self.catalogue.items[str(self.book.rates.record)]
        found = item.role(role)
        number = f"unnest(r.role_{role})" if found is not None and found.many else f"r.role_{role}"
        bucket = self.found.bucketing.of("r.record")
        table = p.identifier(f"item_{item.item}")
        return self.link(
            f"records by {role} of {item.item}",
            f"SELECT DISTINCT {number} AS number, {bucket} AS bucket FROM {table} r WHERE {self.known()}",
        )

    def far(self, source: Source) -> str:
        """Subject at the far end of a relation → buckets of the units at the near end."""
        relation = str(source.relation or source.unit.relation)
        near, far = ends(source)
        role = self.standing(source.unit.unit_role)
        test = f"r.relation = {p.text_literal(relation)} AND {self.known()}"
        if role is None:
            sql = f"SELECT DISTINCT r.{far} AS number, {self.found.bucketing.of('r.' + near)} AS bucket FROM relation r"
            return self.link(f"{relation} from {far}", f"{sql} WHERE {test}")
        sql = f"SELECT DISTINCT r.{far} AS number, m.bucket FROM relation r JOIN {p.identifier(role)} m"
        return self.link(f"{relation} from {far}, {role}", f"{sql} ON m.number = r.{near} WHERE {test}")

    def values(self, name: str, column: str) -> list[str]:
        """Value of a column of a source → buckets of the units of its rows; empty if it cannot be told."""
        source = self.book.sources[name]
        value, unnested = self.value(source, column)
        ways = self.ways(name)
        if value is None or EVERYWHERE in ways:
            return []
        names = []
        for way in ways:
            selected = f"unnest({value})" if unnested else value
            table = p.identifier(self.table(source))
            tests = self.known() if source.findings is None else "TRUE"
            key = "r._key" if way.many else way.key
            rows = f"(SELECT *, unnest({way.key.removeprefix('r.')}) AS _key FROM {table})" if way.many else table
            if way.link is None:
                bucket = self.found.bucketing.of(key)
                sql = f"SELECT {selected} AS number, {bucket} AS bucket FROM {rows} r WHERE {tests}"
            else:
                join = f"JOIN {p.identifier(way.link)} m ON m.number = {key}"
                sql = f"SELECT {selected} AS number, m.bucket FROM {rows} r {join} WHERE {tests}"
            label = f"{self.table(source)}.{column} by {way.key} {way.link or ''}".strip()
            names.append(self.link(label, f"SELECT DISTINCT number, bucket FROM ({sql})"))
        return names

    def value(self, source: Source, column: str) -> tuple[str | None, bool]:
        """SQL of the number in a column of a source's rows, and whether it is a list to be taken apart."""
        if source.item is not None:
            item = self.item(source)
            role = item.role(column)
            if role is not None:
                return f"r.role_{column}", role.many
            if column in {"record", "parent"}:
                return f"r.{column}", False
            kept = item.field(column)
            return (f"r.{p.identifier(column)}", kept.many) if kept is not None else (None, False)
        if source.findings is not None:
            return ("r.unit", False) if column in {"other", "record"} else (None, False)
        return (f"r.{ends(source)[1]}", False) if column in {"other", "record"} else (None, False)

    def link(self, name: str, sql: str) -> str:
        self.found.links.setdefault(name, sql)
        return name

    def known(self) -> str:
        return known("r", self.known_at)


def ends(source: Source) -> tuple[str, str]:
    """Columns of a relation at the unit's end and at the other."""
    return ("from_subject", "to_subject") if source.unit.unit_end == "from" else ("to_subject", "from_subject")


def known(alias: str, at: datetime) -> str:
    """Condition that a row was known."""
    when = f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S.%f}'"
    return f"{alias}.recorded_at <= {when} AND ({alias}.superseded_at IS NULL OR {alias}.superseded_at > {when})"


# ── rows for buckets ────────────────────────────────────────────────────────────────────────────


def is_near(way: Way, kept_by: str | None) -> bool:
    """Whether rows lie on the shelf of the unit already: the way's number is the one that they are kept by.

    A row without it is kept by its record, and reaches nobody by this way."""
    if kept_by is None or way.link is not None or way.many:
        return False
    column = way.key.removeprefix("r.")
    return kept_by in {column, f'coalesce("{column}", record)'}


def brought(
    table: str,
    ways: Collection[Way],
    bucketing: Bucketing,
    columns: Collection[str],
    *,
    kept_by: str | None,
    where: str,
) -> str | None:
    """SELECT of the rows that must be brought to buckets: ``columns`` and ``bucket``; None where all lie there already.

    ``kept_by``: SQL of the number that decides the shelf of a row in the files, None where the files have no shelves.
    ``where``: condition over r of the rows that anybody may read.
    A row goes to each bucket once, and to none in whose files it lies already by a way of its own."""
    near = any(is_near(way, kept_by) for way in ways)
    others = sorted((way for way in ways if not is_near(way, kept_by)), key=lambda way: (way.key, way.link or ""))
    if not others:
        return None
    listed = ", ".join(f"r.{p.identifier(one)}" for one in columns)
    own = bucketing.of(_over("r", str(kept_by)))
    if len(others) == 1 and others[0] != EVERYWHERE and not others[0].many:
        # One way leads to a bucket once: no lists are needed.
        way = others[0]
        bucket = "m.bucket" if way.link else bucketing.of(way.key)
        join = f"JOIN {p.identifier(way.link)} m ON m.number = {way.key} " if way.link else ""
        tests = [where, f"{way.key} IS NOT NULL", *([f"{bucket} <> {own}"] if near else [])]
        return f"SELECT {listed}, {bucket} AS bucket FROM {p.identifier(table)} r {join}WHERE {' AND '.join(tests)}"
    everywhere = f"range(0, {bucketing.buckets})"
    joins, lists = [], []
    for index, way in enumerate(others):
        if way == EVERYWHERE:
            lists.append(f"CAST({everywhere} AS SMALLINT[])")
        elif way.link is None and way.many:
            lists.append(f"coalesce(list_transform({way.key}, lambda n: {bucketing.of('n')}), [])")
        elif way.link is None:
            lists.append(f"CASE WHEN {way.key} IS NULL THEN [] ELSE [{bucketing.of(way.key)}] END")
        else:
            lists.append(f"coalesce(m{index}.buckets, [])")
            joins.append(_join(table, way, index))
    found = lists[0] if len(lists) == 1 else "list_concat(" + ", ".join(lists) + ")"
    if near:
        found = f"list_filter({found}, lambda b: b <> {own})"
    rows = f"FROM {p.identifier(table)} r {' '.join(joins)} WHERE {where}"
    return f"SELECT {listed}, unnest(list_distinct({found})) AS bucket {rows}"


def _join(table: str, way: Way, index: int) -> str:
    link = p.identifier(str(way.link))
    if not way.many:
        grouped = f"(SELECT number, list(bucket) AS buckets FROM {link} GROUP BY number)"
        return f"LEFT JOIN {grouped} m{index} ON m{index}.number = {way.key}"
    # A list of numbers leads by each of them: the buckets are gathered by record.
    parts = f"SELECT r.record, unnest({way.key}) AS number FROM {p.identifier(table)} r"
    gathered = (
        f"(SELECT t.record, list(DISTINCT m.bucket) AS buckets FROM ({parts}) t "
        f"JOIN {link} m ON m.number = t.number GROUP BY t.record)"
    )
    return f"LEFT JOIN {gathered} m{index} ON m{index}.record = r.record"


def _over(alias: str, kept_by: str) -> str:
    """The number that a row is kept by, over an alias."""
    role = re.fullmatch(r'coalesce\("(.+)", record\)', kept_by)
    return f'coalesce({alias}."{role[1]}", {alias}.record)' if role else f"{alias}.{kept_by}"
