"""Checks of rulebooks: each one understood, and how versions and books go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from xinlu.law.check.bands import check_bands
from xinlu.law.check.clauses import check_clauses
from xinlu.law.check.notes import Notes
from xinlu.law.check.usage import check_usage
from xinlu.law.library import Library
from xinlu.law.meaning import Meaning, Misunderstood, understand
from xinlu.law.problem import Problem
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import Grade
from xinlu.law.uses import Use, permits


@dataclass(frozen=True)
class Understood:
    """Every book that has a meaning, by id and version, and what was wrong with the others."""

    meanings: Mapping[tuple[str, str], Meaning]
    problems: tuple[Problem, ...]


def check_books(library: Library) -> list[Problem]:
    """Every problem of the rulebooks of a library."""
    understood = understand_all(library)
    problems = [*understood.problems, *_overlaps(library)]
    for book in _all(library):
        problems += check_book(library, book, understood.meanings.get((book.rulebook, book.version)))
    return problems


def check_book(library: Library, book: Rulebook, meaning: Meaning | None) -> list[Problem]:
    """Problems of one book by itself; ``meaning`` is None when it has none (which is told elsewhere)."""
    notes = Notes(library.filed(book))
    _sources(book, notes)
    _items(book, library, notes)
    check_bands(book, meaning, notes)
    check_clauses(book, notes)
    if meaning is not None:
        check_usage(book, meaning, notes)
    return notes.problems


def understand_all(library: Library) -> Understood:
    """The meaning of every version of every book; a book is read after the books it reads.

    A source over findings takes the version in force when the reading book comes into force (or the last one).
    """
    meanings: dict[tuple[str, str], Meaning] = {}
    problems: list[Problem] = []
    order, looped = _reading_order(library)
    for book in _all(library):
        if book.rulebook in looped:
            notes = Notes(library.filed(book))
            notes.add("LAW-412", f"评价规则之间循环引用：{' → '.join(looped)}", "sources")
            problems += notes.problems
    for name in order:
        for book in library.rulebooks.get(name, ()):
            notes = Notes(library.filed(book))
            try:
                others = _books_read(book, library, meanings)
                meanings[name, book.version] = understand(book, library.catalogue, others)
            except Misunderstood as error:
                for one in error.problems:
                    notes.add(one.code, one.sentence, *one.path)
            problems += notes.problems
    return Understood(meanings, tuple(problems))


def _books_read(book: Rulebook, library: Library, meanings: Mapping[tuple[str, str], Meaning]) -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for source in book.sources.values():
        versions = library.rulebooks.get(source.findings or "", ())
        in_force = [v for v in versions if v.in_force.covers(book.in_force.from_)]
        for version in (in_force or list(versions))[-1:]:
            if meaning := meanings.get((version.rulebook, version.version)):
                found[version.rulebook] = meaning
    return found


def _reading_order(library: Library) -> tuple[list[str], list[str]]:
    """Books after the books they read, and those on a circle."""
    needs = {
        name: {s.findings for book in versions for s in book.sources.values() if s.findings}
        for name, versions in library.rulebooks.items()
    }
    try:
        return list(TopologicalSorter(needs).static_order()), []
    except CycleError as error:
        looped = list(error.args[1])
        return [n for n in needs if n not in looped], looped


def _overlaps(library: Library) -> list[Problem]:
    problems: list[Problem] = []
    for versions in library.rulebooks.values():
        for book in versions:
            notes = Notes(library.filed(book))
            until = book.in_force.until
            if until is not None and until <= book.in_force.from_:
                notes.add("LAW-420", f"施行期止 {until} 不晚于起 {book.in_force.from_}", "in_force")
            problems += notes.problems
        for earlier, later in pairwise(versions):
            if earlier.in_force.until is None or earlier.in_force.until > later.in_force.from_:
                notes = Notes(library.filed(later))
                sentence = f"与版本“{earlier.version}”的施行期重叠（自 {later.in_force.from_} 起）"
                notes.add("LAW-411", sentence, "in_force")
                problems += notes.problems
    return problems


def _sources(book: Rulebook, notes: Notes) -> None:
    if not book.source.document.strip() or not book.source.issuer.strip():
        notes.add("LAW-415", "没有写明文号名称或发布机关", "source")
    for name, clause in book.clauses.items():
        grade = book.grade_of(clause)
        if grade in (Grade.OFFICIAL, Grade.SECONDARY) and not clause.clause.strip():
            notes.add("LAW-416", f"条款“{name}”没有写明条文出处", "clauses", name)


def _items(book: Rulebook, library: Library, notes: Notes) -> None:
    used: list[tuple[tuple[str, ...], str | None]] = [(("rates", "record"), book.rates.record)]
    used += [(("sources", name, "item"), s.item) for name, s in book.sources.items()]
    for path, name in used:
        item = library.catalogue.items.get(name or "")
        if item is None:
            continue  # told where the book is understood
        if not permits(item, Use.RATING):
            notes.add("LAW-307", f"信息项“{item.title}”的用途不含评价", *path)
        ends, last = item.in_force.until, book.in_force.until
        if (ends is not None and (last is None or ends < last)) or (last is not None and last <= item.in_force.from_):
            since = f"{item.in_force.from_} 至 {ends}（不含）" if ends else f"{item.in_force.from_} 起"
            notes.add("LAW-310", f"信息项“{item.title}”施行期为 {since}，盖不住规则的施行期", *path)


def _all(library: Library) -> Iterator[Rulebook]:
    for versions in library.rulebooks.values():
        yield from versions
