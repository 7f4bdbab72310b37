"""Which version of which book a page speaks of: ``book@version``, or ``draft:7`` for those who work on drafts."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest

from xinlu.access.scope import Scope
from xinlu.assessment.compare import DRAFT, drafted, in_library
from xinlu.assessment.run import UnknownBook
from xinlu.gazette.current import library
from xinlu.law.rulebook import Rulebook
from xinlu.web.moments import today


def officer(request: HttpRequest) -> Scope:
    """The scope of an officer; to anybody else pages about trials do not exist."""
    scope = Scope.of(request.user)
    if scope.kind != "officer":
        raise Http404("没有这一页")
    return scope


def day_asked(request: HttpRequest) -> date:
    """The day in the address, else today; what is no day is today too."""
    try:
        return date.fromisoformat(request.GET.get("as_of", ""))
    except ValueError:
        return today()


def versions(said: str = "") -> tuple[tuple[str, str], ...]:
    """Every version of every book for a select, by title, newest version first; with the draft that was asked for."""
    rows = [
        (f"{book.rulebook}@{book.version}", f"{book.title} {book.version}")
        for found in library().rulebooks.values()
        for book in reversed(found)
    ]
    own = [(said, f"草案 {said.removeprefix(DRAFT)}")] if said.startswith(DRAFT) else []
    return (*own, *sorted(rows, key=lambda row: row[1].rpartition(" ")[0]))


def book_asked(request: HttpRequest, said: str, on: date) -> Rulebook:
    """The book that an address names.

    Raises:
        Http404: there is none, or it is a draft that the asker has no part in.
        LawError: the text of a draft cannot be read.
    """
    if said.startswith(DRAFT):
        return _drafted(request.user, said)
    try:
        return in_library(library(), said, on)
    except UnknownBook:
        raise Http404("没有这本规则或这个版本") from None


def _drafted(user: Any, said: str) -> Rulebook:
    works = user.drafts_law or user.publishes_law
    found = drafted(said) if works else None
    if found is None:
        raise Http404("没有这份草案")
    return found
