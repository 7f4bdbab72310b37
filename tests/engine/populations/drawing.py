"""Populations drawn at and beside every edge of a book.

Half of a population are neighbours of the book's own cases: their facts moved to another year and then bent —
a number one step further, a day earlier, a row twice, missing, corrected or withdrawn. The other half is made
from nothing, by the shape of the catalogue. Everything comes from one ``random.Random`` that Hypothesis hands in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from random import Random
from typing import Any

import pyarrow as pa
from tests.engine.populations.edges import Column, Edges

from xinlu.engine import exact
from xinlu.engine.cases import EVERYTHING_KNOWN
from xinlu.engine.evaluation import Frame, evaluate
from xinlu.engine.facts import as_day, as_time, read_facts
from xinlu.engine.oracle import understood
from xinlu.engine.tables import NUMBER_DIGITS, schemas
from xinlu.law.catalogue import Field, FieldType, Item
from xinlu.law.library import Library
from xinlu.law.marks import read
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook
from xinlu.law.typing_rules import Ref

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Table → rows."""

APART = 1000
"""Distance between the numbers of two clusters: none has so many subjects or records."""
LONG_AGO = datetime(1900, 1, 1)
LEAP_DAY = date(2028, 2, 29)


@dataclass(frozen=True)
class CaseFacts:
    """The facts of one case of a book as rows."""

    name: str
    rows: Rows
    as_of: date
    known_at: datetime
    peers: Mapping[str, Any]


@dataclass(frozen=True)
class Law:
    """A book with everything that drawing and running need."""

    library: Library
    book: Rulebook
    books: tuple[Rulebook, ...]
    meanings: list[list[Meaning]]
    edges: Edges
    cases: tuple[CaseFacts, ...]
    others: tuple[CaseFacts, ...] = ()
    """Cases of other versions of the book: their facts are worth drawing from too."""

    @cached_property
    def schemas(self) -> dict[str, pa.Schema]:
        return schemas(self.library.catalogue)

    @property
    def name(self) -> str:
        return f"{self.book.rulebook} {self.book.version}"

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Days on which populations are rated: those of most cases, the ends of the book's force, a leap day."""
        often = [case.as_of for case in self.cases]
        force = self.book.in_force
        found = sorted(set(often), key=lambda day: (-often.count(day), day))[:2]
        found += [LEAP_DAY, force.from_, force.until - timedelta(days=1) if force.until else LEAP_DAY]
        return tuple(day for day in dict.fromkeys(found) if self.book.governed_by != "as_of" or force.covers(day))

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Items that the books read, with the parents of their records."""
        names = {source.item for book in self.books for source in book.sources.values()}
        names |= {book.rates.record for book in self.books}
        items = self.library.catalogue.items
        names |= {items[name].parent for name in names if name}
        return tuple(items[name] for name in sorted(filter(None, names)))

    @cached_property
    def relations(self) -> tuple[str, ...]:
        """Relations that the books read."""
        sources = [source for book in self.books for source in book.sources.values()]
        return tuple(sorted({one for s in sources for one in (s.relation, s.unit.relation) if one}))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of subject that the books rate or read, those that are rated first."""
        catalogue = self.library.catalogue
        found = [book.rates.subject for book in self.books if book.rates.subject]
        found += [a.kind for b in self.books for s in b.sources.values() for a in s.attributes.values()]
        for item in self.items:
            found += [role.kinds[0] for role in item.roles if not set(role.kinds) & set(found)]
        for name in self.relations:
            relation = catalogue.relations[name]
            found += [ends[0] for ends in (relation.from_kinds, relation.to_kinds) if not set(ends) & set(found)]
        return tuple(dict.fromkeys(found))


def law_of(library: Library, book: Rulebook) -> Law:
    """Study ``book``."""
    books = tuple(library.needed(book))
    meanings = understood(books, catalogue=library.catalogue)
    edges = Edges(meaning for versions in meanings for meaning in versions)
    versions = [one for one in library.rulebooks[book.rulebook] if one != book]
    others = tuple(case for one in versions for case in _cases(library, one))
    return Law(library, book, books, meanings, edges, tuple(_cases(library, book)), others)


def _cases(library: Library, book: Rulebook) -> Iterator[CaseFacts]:
    data: Any = read(library.cases_path(book)).mapping()
    for case in data["cases"]:
        facts = read_facts(data.get("given") or {}, case.get("facts") or {}, catalogue=library.catalogue)
        rows = {name: table.to_pylist() for name, table in facts.tables.items() if table.num_rows}
        as_of = as_day(case["as_of"]) if "as_of" in case else facts.as_of[0]
        known_at = as_time(case["known_at"]) if "known_at" in case else facts.known_at or EVERYTHING_KNOWN
        yield CaseFacts(str(case["case"]), rows, as_of, known_at, facts.peers)


@dataclass(frozen=True)
class Population:
    """Clusters of rows that have nothing to do with one another, on one day."""

    as_of: date
    clusters: tuple[Rows, ...]
    peers: Mapping[str, Any] = field(default_factory=dict)
    known: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """Noon of the day unless something else is said: some rows were learnt before, some after."""
        return self.known or noon(self.as_of)

    @property
    def rows(self) -> Rows:
        """All rows by table, the clusters kept apart by their numbers."""
        found: Rows = {}
        for index, cluster in enumerate(self.clusters):
            for name, rows in cluster.items():
                found.setdefault(name, []).extend(moved_apart(row, APART * (index + 1)) for row in rows)
        return found

    def tables(self, law: Law, shuffle: Random | None = None) -> dict[str, pa.Table]:
        """Arrow tables, their rows in any order when ``shuffle`` is given."""
        found = {}
        for name, rows in self.rows.items():
            ordered = shuffle.sample(rows, len(rows)) if shuffle else rows
            schema = law.schemas[name]
            columns = [pa.array([row.get(one.name) for row in ordered], type=one.type) for one in schema]
            found[name] = pa.Table.from_arrays(columns, schema=schema)
        return found

    def beside(self, other: Population) -> Population:
        """Both side by side."""
        return replace(self, clusters=self.clusters + other.clusters)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)


def moved_apart(row: Row, by: int) -> Row:
    """The same row with other numbers of subjects and records."""

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(one) for one in value]
        return None if value is None else value + by

    numbered = {"subject", "from_subject", "to_subject", "record", "parent"}
    # The role of a record may be called ``subject`` too: roles are written ``role_…``.
    return {key: moved(value) if key in numbered or key.startswith("role_") else value for key, value in row.items()}


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────


def draw_population(law: Law, random: Random, *, as_of: date, size: int) -> Population:
    """``size`` clusters on ``as_of``: neighbours of cases, clean ones, and some made from nothing."""
    drawing = Drawing(law, random, as_of)
    cases = law.cases + law.others
    order = random.sample(cases, len(cases))
    clusters: list[Rows] = []
    for index in range(size):
        if cases and random.random() < 0.75:
            clusters.append(drawing.neighbour(order[index % len(order)]))
        else:
            clusters.append(drawing.invented())
    return Population(as_of, tuple(clusters))


class Drawing:
    """Draws rows for one population."""

    def __init__(self, law: Law, random: Random, as_of: date) -> None:
        self.law = law
        self.random = random
        self.as_of = as_of
        self.catalogue = law.library.catalogue
        self.looked_at = _days_looked_at(law, as_of)
        self.anchors: list[date] = [as_of]
        """Days of the cluster in the making: lengths are counted from them."""

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    # neighbours of cases

    def neighbour(self, case: CaseFacts) -> Rows:
        """The facts of a case moved to the day of the population, and bent in some places."""
        # Whole years keep the bounds of calendar years; days keep the distance to the day of the run.
        by_days = (self.as_of.month, self.as_of.day) != (case.as_of.month, case.as_of.day) and self.chance(0.5)
        moved = {name: [self._moved(case, row, by_days) for row in rows] for name, rows in case.rows.items()}
        moved = {name: self._tidy(name, rows) for name, rows in moved.items()}
        self.anchors = [self.as_of, *_days_in(moved)]
        if self.chance(0.15):
            return moved
        free = 1 + max((row["record"] for rows in moved.values() for row in rows if "record" in row), default=0)
        found: Rows = {}
        bend = self.random.choice((0.1, 0.25, 0.5))
        for name, rows in moved.items():
            for row in rows:
                for one in self._bent(name, row, bend):
                    if one["_new"]:
                        one["record"], free = free, free + 1
                    del one["_new"]
                    found.setdefault(name, []).append(one)
        return {name: self._tidy(name, rows) for name, rows in found.items()}

    def _tidy(self, table: str, rows: list[Row]) -> list[Row]:
        return list(_one_after_another(rows)) if table.startswith("subject_") else rows

    def _moved(self, case: CaseFacts, row: Row, by_days: bool) -> Row:
        years, days = self.as_of.year - case.as_of.year, (self.as_of - case.as_of).days

        def shifted(value: Any) -> Any:
            if isinstance(value, datetime):
                same = value - case.known_at if case.known_at != EVERYTHING_KNOWN else None
                return value if same is None or value.year < 1950 else noon(self.as_of) + same
            if isinstance(value, date) and value.year > 1950:
                return value + timedelta(days=days) if by_days else exact.add_months(value, 12 * years)
            return value

        return {key: shifted(value) for key, value in row.items()}

    def _bent(self, table: str, row: Row, bend: float) -> Iterator[Row]:
        """A row as it stands in the population: gone, changed, corrected, withdrawn, or once more."""
        if self.chance(bend * 0.15):
            return
        changed = self.changed(table, row) if self.chance(bend) else row
        if table.startswith("subject_") and self.chance(bend * 0.5):
            turned = self._day(self.as_of)
            if row["valid_from"] < turned < (row["valid_until"] or date.max):
                yield {**row, "valid_until": turned, "_new": False}
                yield {**changed, "valid_from": turned, "valid_until": row["valid_until"], "_new": False}
                return
        if "record" not in row:
            yield {**changed, "_new": False}
            return
        yield from ({**one, "_new": False} for one in self._versions(table, changed, bend))
        for _ in range(self.random.choice((1, 1, 2, 3)) if self.chance(bend * 0.4) else 0):
            again = self.changed(table, changed) if self.chance(0.7) else dict(changed)
            yield {**again, "_new": True}

    def _versions(self, table: str, row: Row, bend: float) -> Iterator[Row]:
        """The row as it is known: plain, corrected, withdrawn, or learnt at the edge of what is known."""
        known, second = noon(self.as_of), timedelta(seconds=1)
        if not self.chance(bend * 0.3) or row["superseded_at"] is not None:
            yield row
            return
        kind = self.random.choice(("corrected", "corrected_later", "withdrawn", "withdrawn_later", "just", "later"))
        if kind.startswith("corrected"):
            at = known + (second if kind.endswith("later") else timedelta(0))
            yield {**row, "superseded_at": at}
            yield {**self.changed(table, row), "recorded_at": at, "superseded_at": None}
        elif kind.startswith("withdrawn"):
            yield {**row, "superseded_at": known + (second if kind.endswith("later") else timedelta(0))}
        else:
            yield {**row, "recorded_at": known + (second if kind == "later" else timedelta(0))}

    def changed(self, table: str, row: Row) -> Row:
        """The row with one or two other values, most often where the book looks."""
        fields = self._fields(table)
        if not fields:
            return self._other_days(table, dict(row))
        looked = [one for one in fields if (table, one.name) in self.law.edges.read]
        changed = dict(row)
        for _ in range(self.random.choice((1, 1, 2))):
            one = self.random.choice(looked if looked and self.chance(0.85) else fields)
            changed[one.name] = self._beside(table, one, row.get(one.name))
        if self.chance(0.2):
            changed = self._other_days(table, changed)
        return self._settled(table, changed)

    def _other_days(self, table: str, row: Row) -> Row:
        """A subject or relation that begins or ends at an edge; another day for a record."""
        if table.startswith("item_"):
            item = self.catalogue.items[table.removeprefix("item_")]
            row[item.occurred_on] = self._day(row["occurred_on"])
            return self._settled(table, row)
        key = self.random.choice(("valid_from", "valid_until", "valid_until"))
        row[key] = self._day(self.as_of)
        if row["valid_until"] is not None and row["valid_until"] <= row["valid_from"]:
            row["valid_until"] = None
        return row

    def _fields(self, table: str) -> Sequence[Field]:
        if table.startswith("item_"):
            return self.catalogue.items[table.removeprefix("item_")].fields
        return self.catalogue.kinds[table.removeprefix("subject_")].attributes if table != "relation" else ()

    def _settled(self, table: str, row: Row) -> Row:
        """The row with the dates that the engine reads, taken from its fields."""
        if not table.startswith("item_"):
            return row
        item = self.catalogue.items[table.removeprefix("item_")]
        if row.get(item.occurred_on) is None:
            row[item.occurred_on] = row.get("occurred_on") or self.as_of
        row["occurred_on"] = row[item.occurred_on]
        start = row.get(item.effective_from) if item.effective_from else None
        row["effective_from"] = start or row["occurred_on"]
        row["effective_until"] = row.get(item.effective_until) if item.effective_until else None
        return row

    # from nothing

    def invented(self) -> Rows:
        """A few subjects, their relations and their records."""
        self.anchors = [self.as_of]
        rows: Rows = {}
        subjects: dict[str, list[int]] = {}
        for kind in self.law.kinds:
            for _ in range(self.random.choice((1, 1, 2, 3))):
                number = 1 + sum(map(len, subjects.values()))
                subjects.setdefault(kind, []).append(number)
                rows.setdefault(f"subject_{kind}", []).append(self._subject(kind, number))
        for name in self.law.relations:
            rows.setdefault("relation", []).extend(self._relations(name, subjects))
        if self.chance(0.1):
            return rows
        records: dict[str, list[int]] = {}
        waiting = sorted(self.law.items, key=lambda item: self._depth(item))
        for item in waiting:
            for _ in range(self.random.choice((0, 1, 2, 4, 7))):
                number = 1 + sum(map(len, records.values()))
                rows.setdefault(f"item_{item.item}", []).append(self._record(item, number, subjects, records))
                records.setdefault(item.item, []).append(number)
        return {name: found for name, found in rows.items() if found}

    def _depth(self, item: Item) -> int:
        return 0 if item.parent is None else 1 + self._depth(self.catalogue.items[item.parent])

    def _known(self) -> Row:
        return {"recorded_at": LONG_AGO, "superseded_at": None}

    def _subject(self, kind: str, number: int) -> Row:
        table = f"subject_{kind}"
        fields = self.catalogue.kinds[kind].attributes
        row: Row = {"subject": number, "name": f"示例{number}", "region": "330100", **self._known()}
        row |= {"valid_from": date(1900, 1, 1), "valid_until": None}
        return row | {one.name: self._value(table, one) for one in fields}

    def _relations(self, name: str, subjects: Mapping[str, list[int]]) -> Iterator[Row]:
        relation = self.catalogue.relations[name]
        ends = [
            [number for kind in kinds for number in subjects.get(kind, ())]
            for kinds in (relation.from_kinds, relation.to_kinds)
        ]
        for _ in range(self.random.choice((0, 1, 2, 4)) if all(ends) else 0):
            begins = self._day(date(self.as_of.year - 3, 1, 1)) if self.chance(0.5) else date(1950, 1, 1)
            until = self._day(self.as_of) if self.chance(0.3) else None
            row: Row = {"relation": name, **self._known(), "valid_from": begins}
            row |= {"from_subject": self.random.choice(ends[0]), "to_subject": self.random.choice(ends[1])}
            yield row | {"valid_until": until if until is None or until > begins else None}

    def _record(
        self, item: Item, number: int, subjects: Mapping[str, list[int]], records: Mapping[str, list[int]]
    ) -> Row:
        table = f"item_{item.item}"
        row: Row = {"record": number, "parent": None, **self._known()}
        if item.parent is not None and records.get(item.parent):
            row["parent"] = self.random.choice(records[item.parent])
        for role in item.roles:
            able = [one for kind in role.kinds for one in subjects.get(kind, ())]
            if not able or (not role.required and self.chance(0.2)):
                row[f"role_{role.name}"] = None
            elif role.many:
                row[f"role_{role.name}"] = self.random.sample(able, self.random.randint(1, len(able)))
            else:
                row[f"role_{role.name}"] = self.random.choice(able[:2])
        for one in item.fields:
            row[one.name] = self._value(table, one)
        if self.chance(0.8):
            row[item.occurred_on] = self._day(self.as_of)
        return self._settled(table, row)

    # ── values ──────────────────────────────────────────────────────────────────────────────────

    def _beside(self, table: str, one: Field, value: Any) -> Any:
        """Another value of a field: a step beside the one that it has, or one at an edge."""
        if value is None or one.many or self.chance(0.5):
            return self._value(table, one)
        if isinstance(value, Decimal):
            step = Decimal(1).scaleb(-one.scale) * self.random.choice((1, 1, 1, 10, 100))
            return self._fitting(one, value + self.random.choice((step, -step)))
        if isinstance(value, date):
            return self._day(value)
        return self._value(table, one)

    def _value(self, table: str, one: Field) -> Any:
        """A value at or beside an edge; missing now and then where that is allowed."""
        looked = (table, one.name) in self.law.edges.read
        if not one.required and self.chance(0.2 if looked else 0.6):
            return None
        if one.many:
            return [self._single(table, one) for _ in range(self.random.choice((0, 1, 1, 2)))]
        return self._single(table, one)

    def _single(self, table: str, one: Field) -> Any:
        column: Column = (table, one.name)
        if one.type is FieldType.YES_NO:
            return self.chance(0.5)
        if one.type is FieldType.DATE:
            return self._day(self.as_of)
        if one.type is FieldType.NUMBER:
            return self._number(column, one)
        return self._text(column, one)

    def _text(self, column: Column, one: Field) -> str:
        named = sorted(self.law.edges.texts.get(column, ()))
        if named and self.chance(0.85):
            return self.random.choice(named)
        if one.type is FieldType.CODE and one.codes in self.catalogue.code_lists:
            return self.random.choice(sorted(self.catalogue.code_lists[one.codes].values))
        if one.type is FieldType.LEVEL:
            sets = [level.level for book in self.law.books for level in book.levels]
            return self.random.choice([*sets, "Z"]) if sets else "Z"
        return self.random.choice("abc")

    def _number(self, column: Column, one: Field) -> Decimal:
        own = sorted(self.law.edges.numbers.get(column, ()))
        every = sorted(self.law.edges.plain)
        value = Decimal(self.random.choice((1, 2, 3, 5, 8)))
        if own and self.chance(0.75):
            value = self.random.choice(own)
        elif self.chance(0.6):
            value = self.random.choice(every)
        step = Decimal(1).scaleb(-one.scale)
        return self._fitting(one, value + self.random.choice((0, 0, step, -step, 1, -1)))

    def _fitting(self, one: Field, value: Decimal) -> Decimal:
        """The nearest number that the field can hold; no fact of the catalogue is negative."""
        most = Decimal(10) ** ((one.digits or NUMBER_DIGITS) - one.scale) - 1
        fitting = min(max(value, Decimal(0)), most)
        return fitting.quantize(Decimal(1).scaleb(-one.scale), rounding=ROUND_DOWN)

    def _day(self, near: date) -> date:
        """A day at or beside an edge: a length before or after a day that counts, a bound of a period or of force."""
        edges, random = self.law.edges, self.random
        anchor = random.choice((near, self.as_of, self.as_of, random.choice(self.anchors)))
        kind = random.random()
        if kind < 0.2:
            return random.choice(self.looked_at) + timedelta(days=random.choice((0, 1)))
        if kind < 0.45 and edges.months:
            sign = 1 if self.chance(0.2) else -1
            found = exact.add_months(anchor, sign * random.choice(sorted(edges.months)))
        elif kind < 0.6:
            sign = 1 if self.chance(0.2) else -1
            found = anchor + timedelta(days=sign * random.choice(sorted(edges.days)))
        elif kind < 0.75:
            found = date(self.as_of.year - random.choice((0, 1, 2)), 1, 1)
        elif kind < 0.8 and edges.dates:
            found = random.choice(sorted(edges.dates))
        elif kind < 0.9:
            found = anchor
        else:
            found = anchor - timedelta(days=random.randint(0, 800))
        return found + timedelta(days=random.choice((0, 0, 0, 1, -1)))


def _days_looked_at(law: Law, as_of: date) -> list[date]:
    """Days on which the books read relations, standings and attributes, worked out for a calendar year."""
    year = date(as_of.year, 1, 1)
    days = {"as_of": as_of, "period_until": year, "period_from": date(as_of.year - 1, 1, 1)}
    found = {as_of, year, year - timedelta(days=1)}
    for meaning in (one for versions in law.meanings for one in versions):
        for path, tree in meaning.expressions.items():
            spaces = {node.value.space for node in tree.walk() if isinstance(node.value, Ref)}
            if path[0] == "sources" and path[-1] in {"on", "at"} and spaces <= {"day", "param"}:
                day = evaluate(tree, Frame(meaning, {"day": days}))
                found |= {day} - {None}
    return sorted(found)


def _one_after_another(rows: list[Row]) -> Iterator[Row]:
    """Attribute rows of subjects of which no two that are known together hold the same day."""
    ordered = sorted(rows, key=lambda row: (row["subject"], row["valid_from"]))
    for place, row in enumerate(ordered):
        later = [one for one in ordered[place + 1 :] if one["subject"] == row["subject"] and _together(one, row)]
        until = min([row["valid_until"] or date.max, *(one["valid_from"] for one in later)])
        if until > row["valid_from"]:
            yield {**row, "valid_until": None if until == date.max else until}


def _together(a: Row, b: Row) -> bool:
    """Whether there is a moment at which both rows are known."""
    ends = (a["superseded_at"] or datetime.max, b["superseded_at"] or datetime.max)
    return bool(a["recorded_at"] < ends[1] and b["recorded_at"] < ends[0])


def _days_in(rows: Rows) -> list[date]:
    found = {
        value
        for table in rows.values()
        for row in table
        for value in row.values()
        if isinstance(value, date) and not isinstance(value, datetime) and value.year > 1950
    }
    return sorted(found)
