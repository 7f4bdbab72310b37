"""``/rulebooks/``: the law as people read it, its versions and what differs between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from xinlu.gazette.current import library
from xinlu.law.library import Library
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import Grade
from xinlu.web import lawbook
from xinlu.web.cases import cases_of
from xinlu.web.difference import changes
from xinlu.web.moments import today
from xinlu.web.parts import Badge, Filter, FilterBar, badge_of


@dataclass(frozen=True)
class BookRow:
    """One book in the list: the version that counts today, or the newest."""

    book: Rulebook
    sector: str
    kind: str
    rates: str
    state: str
    weakest: Grade
    versions: int
    badges: tuple[Badge, ...]


def state_of(book: Rulebook, on: date) -> str:
    """Whether a version is in force, to come, or over."""
    if book.in_force.covers(on):
        return "in_force"
    return "coming" if on < book.in_force.from_ else "ended"


def sectors() -> dict[str, str]:
    """Code of a business field → its name."""
    lists = library().catalogue.code_lists
    return dict(lists["sectors"].values) if "sectors" in lists else {}


def rated_words(law: Library, book: Rulebook) -> str:
    """What a book rates: a kind of subject or the records of an item."""
    if book.rates.subject:
        kind = law.catalogue.kinds.get(book.rates.subject)
        return kind.title if kind else book.rates.subject
    item = law.catalogue.items.get(book.rates.record or "")
    return f"每条{item.title}" if item else book.rates.record or ""


def book_rows(on: date) -> Iterator[BookRow]:
    """All books, by sector and title."""
    law, named = library(), sectors()
    for versions in law.rulebooks.values():
        book = next((b for b in versions if b.in_force.covers(on)), versions[-1])
        levels = lawbook.levels_of(book, lawbook.main_output(book))
        yield BookRow(
            book,
            named.get(book.sector, book.sector),
            lawbook.KINDS[book.kind],
            rated_words(law, book),
            state_of(book, on),
            lawbook.weakest_grade(book),
            len(versions),
            tuple(badge_of(level=step.level, levels=levels, kind=book.kind) for step in levels),
        )


def index(request: HttpRequest) -> HttpResponse:
    """The list of all books."""
    at = request.GET
    rows = sorted(
        book_rows(today()),
        key=lambda row: (
            list(sectors().values()).index(row.sector) if row.sector in sectors().values() else 99,
            row.book.title,
        ),
    )
    bar = FilterBar(
        (
            Filter("q", "名称或文号", value=at.get("q", "").strip()),
            Filter("sector", "领域", "select", at.get("sector", ""), tuple(sectors().items())),
            Filter("kind", "类别", "select", at.get("kind", ""), tuple(lawbook.KINDS.items())),
        )
    )
    shown = [row for row in rows if _fits(row, bar.query)]
    return render(request, "web/rulebooks.html", {"rows": shown, "total": len(rows), "bar": bar})


def _fits(row: BookRow, query: dict[str, str]) -> bool:
    text = query.get("q", "")
    return (
        (not text or text in row.book.title or text in row.book.source.document)
        and query.get("sector", row.book.sector) == row.book.sector
        and query.get("kind", row.book.kind) == row.book.kind
    )


def newest(_request: HttpRequest, book: str) -> HttpResponse:
    """A book without a version: the one in force today, or the newest."""
    versions = library().rulebooks.get(book, ())
    if not versions:
        raise Http404("没有这本规则")
    day = today()
    chosen = next((b for b in versions if b.in_force.covers(day)), versions[-1])
    return redirect("web:rulebook", book=book, version=chosen.version)


def show(request: HttpRequest, book: str, version: str) -> HttpResponse:
    """One version of one book; ``?against=`` shows what differs from another version."""
    law = library()
    found = law.version(book, version)
    if found is None:
        raise Http404("没有这本规则或这个版本")
    versions = law.rulebooks[book]
    other = law.version(book, request.GET.get("against", ""))
    day = today()
    context = {
        **_read(law, found),
        "state": state_of(found, day),
        "versions": [(b, state_of(b, day)) for b in reversed(versions)],
        "other": other,
        "changes": changes(lawbook.flat(other, law.catalogue), lawbook.flat(found, law.catalogue)) if other else (),
    }
    return render(request, "web/rulebook.html", context)


_kept: dict[tuple[str, str], tuple[Library, dict[str, object]]] = {}


def _read(law: Library, found: Rulebook) -> dict[str, object]:
    """What a book says, in words; kept as long as the library stays the same, for its cases take long to read."""
    place = (found.rulebook, found.version)
    if place not in _kept or _kept[place][0] is not law:
        _kept[place] = (law, _words(law, found))
    return _kept[place][1]


def _words(law: Library, found: Rulebook) -> dict[str, object]:
    names = lawbook.names_of(found, law.catalogue)
    return {
        "book": found,
        "kind": lawbook.KINDS[found.kind],
        "sector": sectors().get(found.sector, found.sector),
        "rates": rated_words(law, found),
        "where": lawbook.say(found.rates.where, names),
        "period": lawbook.period_words(found.period),
        "valid": lawbook.length_words(found.valid) if found.valid else "",
        "weakest": lawbook.weakest_grade(found),
        "clauses": list(lawbook.clause_rows(found, law.catalogue)),
        "requirements": [
            (lawbook.say(line.require, names), line.otherwise, line.status, line.clause, found.grade_of(line))
            for line in found.rated_when
        ],
        "parameters": [(p, lawbook.plain(p.value), found.grade_of(p)) for p in found.parameters.values()],
        "tables": [lawbook.table_view(found, table, names) for table in found.tables.values()],
        "reckonings": list(lawbook.reckonings(found, law.catalogue)),
        "cards": list(lawbook.output_cards(found, law.catalogue)),
        "cases": cases_of(law, found),
    }
