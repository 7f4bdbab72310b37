"""Incremental runs: compute again only the units that a change can reach; the result equals the full run.

What a change can reach is found from the law's own reaches, read backwards and generously: windows, conditions
and times of knowledge are left out, so a unit may be computed again for nothing but none is forgotten. A book
that reads another is followed: what changed there reaches further. A value over peers moves everybody, so such a
book is run whole, unless a frozen snapshot is given.

Time alone changes findings too. Which rows pass an edge on a day is asked of :mod:`xinlu.engine.due`; they are then
followed like changed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xinlu.engine.compile import primitives as p
from xinlu.engine.duck import Duck
from xinlu.engine.due import Due, due
from xinlu.engine.fetch import ends
from xinlu.engine.find import NONE, Finder, Numbers, joined, numbers_in, numbers_of
from xinlu.engine.reckon import NOTHING, Reckoner, Result
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Source


@dataclass(frozen=True)
class Changed:
    """What was touched since the last run: numbers of records by item, of subjects, and relations by kind.

    A record, subject or relation counts as touched when any row of it was added or superseded. ``rows``: the touched
    rows by table, old versions among them, where they are at hand; without them they are looked for.
    """

    records: Mapping[str, Collection[int]] = field(default_factory=dict)
    subjects: Collection[int] = ()
    relations: Mapping[str, Collection[tuple[int, int]]] = field(default_factory=dict)
    rows: Mapping[str, pa.Table] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(len(one) for one in self.records.values()) or len(self.subjects) > 0 or any(self.relations.values())

    @classmethod
    def of_rows(cls, rows: Mapping[str, pa.Table]) -> Changed:
        """What some touched rows are of: those of a later file of the copy, or of a list.

        >>> Changed.of_rows({"item_accident": pa.table({"record": [7, 7]})}).records
        {'accident': [7]}
        """
        records = {
            name.removeprefix("item_"): numbers_in(table, "record").tolist()
            for name, table in rows.items()
            if name.startswith("item_") and table.num_rows
        }
        subjects = joined(
            *(numbers_in(table, "subject") for name, table in rows.items() if name.startswith("subject_"))
        )
        relations: dict[str, list[tuple[int, int]]] = {}
        if "relation" in rows:
            columns = [rows["relation"].column(one).to_pylist() for one in ("relation", "from_subject", "to_subject")]
            for relation, start, end in sorted(set(zip(*columns, strict=True))):
                relations.setdefault(relation, []).append((start, end))
        return cls(records, subjects.tolist(), relations, {name: one for name, one in rows.items() if one.num_rows})


def changed_since(duck: Duck, catalogue: Catalogue, *, after: datetime, until: datetime) -> Changed:
    """What was recorded or superseded in (after, until], read from the engine's tables."""
    between = (
        f"(recorded_at > TIMESTAMP '{after}' AND recorded_at <= TIMESTAMP '{until}') "
        f"OR (superseded_at > TIMESTAMP '{after}' AND superseded_at <= TIMESTAMP '{until}')"
    )

    def numbers(table: str, column: str) -> list[int]:
        query = f"SELECT DISTINCT {column} FROM {p.identifier(table)} WHERE {between} ORDER BY 1"
        return [row[0] for row in duck.rows(query)] if table in duck.registered else []

    records = {item: numbers(f"item_{item}", "record") for item in catalogue.items}
    subjects = {one for kind in catalogue.kinds for one in numbers(f"subject_{kind}", "subject")}
    relations: dict[str, list[tuple[int, int]]] = {}
    query = f"SELECT DISTINCT relation, from_subject, to_subject FROM relation WHERE {between} ORDER BY ALL"
    for relation, start, end in duck.rows(query) if "relation" in duck.registered else ():
        relations.setdefault(relation, []).append((start, end))
    return Changed({item: found for item, found in records.items() if found}, sorted(subjects), relations)


# ── which units a change reaches ────────────────────────────────────────────────────────────────


def touched(
    finder: Finder,
    meanings: Sequence[Meaning],
    catalogue: Catalogue,
    changed: Changed,
    moved: Mapping[str, Numbers],
    frozen: Collection[str] = (),
) -> Numbers | None:
    """Units of one book that ``changed`` can reach; None for all of them.

    ``meanings``: every version of the book. ``moved``: book → units whose findings changed, for books it reads.
    ``frozen``: peer values that are read from a snapshot and so do not move with others.
    """
    found: list[Numbers] = []
    for meaning in meanings:
        if ranks(meaning, frozen):
            return None
        found.append(_Reacher(finder, meaning, catalogue, changed, moved).units())
    return joined(*found)


def ranks(meaning: Meaning, frozen: Collection[str]) -> bool:
    """Whether a version has values over peers without a snapshot."""
    return any(value.peer is not None and name not in frozen for name, value in meaning.book.values.items())


class _Reacher:
    """Reads the reaches of one book backwards."""

    def __init__(
        self,
        finder: Finder,
        meaning: Meaning,
        catalogue: Catalogue,
        changed: Changed,
        moved: Mapping[str, Numbers],
    ) -> None:
        self.finder = finder
        self.meaning = meaning
        self.catalogue = catalogue
        self.changed = changed
        self.moved = moved

    def units(self) -> Numbers:
        rates = self.meaning.book.rates
        found = [
            numbers_of(self.changed.subjects if rates.subject else self.changed.records.get(str(rates.record), ()))
        ]
        for name, source in self.meaning.book.sources.items():
            found += [self.by_rows(name, source), self.by_relation(source), self.by_attributes(name, source)]
        return joined(*found)

    # what touched a source

    def by_rows(self, name: str, source: Source) -> Numbers:
        """Through touched records of the item, or moved findings."""
        if source.item is not None:
            return self.of_rows(name, self.touched_rows(source.item))
        if source.findings is not None:
            return self.of_subjects(source, self.moved.get(source.findings, NONE))
        return NONE

    def touched_rows(self, item: str) -> pa.Table:
        """The touched rows of an item, and every other version of their records."""
        table = f"item_{item}"
        if table in self.changed.rows:
            return self.changed.rows[table]
        return self.finder.rows(table, "record", numbers_of(self.changed.records.get(item, ())))

    def by_relation(self, source: Source) -> Numbers:
        """Through a touched relation: the units at its near end."""
        relation = source.relation or source.unit.relation
        pairs = self.changed.relations.get(str(relation), ()) if relation else ()
        near = [pair[0 if source.unit.unit_end == "from" else 1] for pair in pairs]
        return self.of_near(source, numbers_of(near))

    def by_attributes(self, name: str, source: Source) -> Numbers:
        """Through touched subjects that stand beside a row."""
        subjects = numbers_of(self.changed.subjects)
        if not len(subjects):
            return NONE
        found: list[Numbers] = []
        item = self.catalogue.items.get(source.item or "")
        for attributes in source.attributes.values():
            if item is not None and item.role(attributes.role) is not None:
                rows = self.finder.rows(f"item_{item.item}", f"role_{attributes.role}", subjects)
                found.append(self.of_rows(name, rows))
            elif attributes.role == "other":
                found.append(self.of_far(source, subjects))
            else:
                found.append(self.standing_for(attributes.role, subjects))
        return joined(*found)

    # from rows to units

    def of_rows(self, name: str, rows: pa.Table) -> Numbers:
        """Units that rows of an item may speak of."""
        if not rows.num_rows:
            return NONE
        source = self.meaning.book.sources[name]
        reach = source.unit
        item = self.catalogue.items[str(source.item)]
        if reach.parent == "unit":
            return numbers_in(rows, "parent")
        if reach.parent is not None:
            parent = self.meaning.book.sources[reach.parent]
            parents = self.finder.rows(f"item_{parent.item}", "record", numbers_in(rows, "parent"))
            return self.of_rows(reach.parent, parents)
        if reach.role is None and reach.unit_role is None and self.meaning.book.rates.record == item.item:
            return numbers_in(rows, "record")
        role = reach.role or item.roles[0].name
        return self.of_subjects(source, numbers_in(rows, f"role_{role}"))

    def of_subjects(self, source: Source, subjects: Numbers) -> Numbers:
        """Units that the subjects in the role of a source's rows (or of findings) lead to."""
        reach = source.unit
        if not len(subjects):
            return NONE
        if reach.row is not None:
            return self.of_column(reach.row, str(reach.column), subjects)
        if reach.relation is not None or source.relation is not None:
            return self.of_far(source, subjects)
        return self.standing_for(reach.unit_role, subjects)

    def of_far(self, source: Source, subjects: Numbers) -> Numbers:
        """Units related to the subjects at the far end, on whichever day."""
        relation = source.relation or source.unit.relation
        near, far = ends(source)
        rows = self.finder.rows("relation", far, subjects)
        return self.of_near(source, numbers_in(rows.filter(pc.equal(rows["relation"], relation)), near))

    def of_near(self, source: Source, subjects: Numbers) -> Numbers:
        return self.standing_for(source.unit.unit_role, subjects)

    def standing_for(self, unit_role: str | None, subjects: Numbers) -> Numbers:
        """Units that are the subjects, or records in whose role they stand."""
        if unit_role is None or not len(subjects):
            return subjects
        rows = self.finder.rows(f"item_{self.meaning.book.rates.record}", f"role_{unit_role}", subjects)
        return numbers_in(rows, "record")

    def of_column(self, parent: str, column: str, subjects: Numbers) -> Numbers:
        """Units of rows of source ``parent`` whose ``column`` holds one of the subjects."""
        source = self.meaning.book.sources[parent]
        item = self.catalogue.items.get(source.item or "")
        if item is None:
            return self.of_far(source, subjects)
        name = f"role_{column}" if item.role(column) is not None else column
        return self.of_rows(parent, self.finder.rows(f"item_{item.item}", name, subjects))


# ── the run ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Partial:
    """What was computed again: units of each book, with what is now said of them. ``whole``: books that move
    everybody, and why."""

    units: Mapping[str, Numbers]
    results: Mapping[str, Result]
    whole: Mapping[str, str] = field(default_factory=dict)


RANKED = "ranks peers"


def reckon_changed(reckoner: Reckoner, changed: Changed, *, whole: bool = True) -> Partial:
    """Compute again, on the day of ``reckoner``, what ``changed`` can reach.

    1. Books are taken in order, each after those that it reads.
    2. The units that the change can reach are found; a book over peers without a snapshot moves everybody.
    3. Units that were computed again reach on to the books that read this one.

    ``whole``: compute everybody of such a book here. Where a province is large, say False: the book and its readers
    are named in ``whole`` of what comes back, and are for :func:`xinlu.engine.whole.run_whole`.
    """

    def units_of(book: str, versions: Sequence[Meaning], moved: Mapping[str, Numbers]) -> Numbers | str:
        frozen = (reckoner.peers or {}).get(book, {})
        reached = touched(reckoner.finder, versions, reckoner.catalogue, changed, moved, frozen)
        return RANKED if reached is None else reached

    return _reckoned(reckoner, units_of, whole)


def reckon_later(reckoner: Reckoner, before: date, *, whole: bool = True) -> Partial:
    """Compute again, on the day of ``reckoner``, what the time since ``before`` can have changed, with nothing new
    known. ``whole``: as for :func:`reckon_changed`; books that name the day itself move everybody, too."""

    def units_of(book: str, versions: Sequence[Meaning], moved: Mapping[str, Numbers]) -> Numbers | str:
        frozen = (reckoner.peers or {}).get(book, {})
        if any(ranks(one, frozen) for one in versions):
            return RANKED
        found: list[Numbers] = []
        for one in versions:
            units = units_due(reckoner, one, due(one, reckoner.finder, before, reckoner.as_of), moved)
            if isinstance(units, str):
                return units
            found.append(units)
        return joined(*found)

    return _reckoned(reckoner, units_of, whole)


def _reckoned(
    reckoner: Reckoner, units_of: Callable[[str, Sequence[Meaning], Mapping[str, Numbers]], Numbers | str], whole: bool
) -> Partial:
    units: dict[str, Numbers] = {}
    everybody: dict[str, str] = {}
    for book, versions in reckoner.meanings.items():
        read = next((one for meaning in versions for one in sorted(meaning.reads) if one in everybody), None)
        found = f"reads {read}" if read is not None and not whole else units_of(book, versions, units)
        if not isinstance(found, str):
            units[book] = found
            continue
        everybody[book] = found
        if whole:
            units[book] = population(reckoner.finder, versions)
    results = reckoner.reckon(units)
    return Partial(units, {book: results.get(book, NOTHING) for book in units}, everybody)


def units_due(reckoner: Reckoner, meaning: Meaning, found: Due | str, moved: Mapping[str, Numbers]) -> Numbers | str:
    """Units of a version whose rows pass an edge; a reason where it is everybody."""
    if isinstance(found, str):
        return found
    changed = Changed.of_rows(found.rows)
    return _Reacher(reckoner.finder, meaning, reckoner.catalogue, changed, moved).units()


def merged_results(before: Mapping[str, Result], partial: Partial) -> dict[str, Result]:
    """The results of a full run: those of ``before``, with the recomputed units in their place."""
    return {
        book: Result(
            merged(before[book].findings, partial.results[book].findings, units),
            merged(before[book].entries, partial.results[book].entries, units),
        )
        for book, units in partial.units.items()
    }


def population(finder: Finder, meanings: Iterable[Meaning]) -> Numbers:
    """Every subject or record that a book may rate."""
    found: list[Numbers] = []
    for meaning in meanings:
        rates = meaning.book.rates
        table = f"subject_{rates.subject}" if rates.subject else f"item_{rates.record}"
        column = "subject" if rates.subject else "record"
        if table in finder.tables:
            rows = finder.seen(table).arrow(f"SELECT DISTINCT {column} AS n FROM {p.identifier(table)}")
            found.append(numbers_in(rows, "n"))
    return joined(*found)


def merged(before: pa.Table, fresh: pa.Table, units: Numbers) -> pa.Table:
    """Rows of ``before`` without ``units``, and those of ``units`` from ``fresh``, in the order of a full run."""
    chosen = pa.array(units)
    kept = before.filter(pc.invert(pc.is_in(before["unit"], value_set=chosen)))
    if not fresh.num_rows:
        return kept.combine_chunks()
    both = pa.concat_tables([kept, fresh]).combine_chunks()
    # Both parts are sorted inside a unit, and a unit lies in one of them: a stable sort by unit is the full order.
    return both.take(pa.array(np.argsort(both["unit"].to_numpy(), kind="stable")))
