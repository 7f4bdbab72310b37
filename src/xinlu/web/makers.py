"""Who works on law, and the draft that a page speaks of: what the pages of the workbench share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from xinlu.access.models import Person
from xinlu.gazette import queries, review
from xinlu.gazette.models import Edition
from xinlu.gazette.refusal import Refused
from xinlu.law.library import Library

P = ParamSpec("P")
PLANES = {"rulebook": "规则", "procedure": "程序", "catalogue": "信用信息目录"}
STATES = {"draft": "doing", "submitted": "todo", "published": "done", "withdrawn": "withdrawn"}


def for_makers(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for those who draft or publish law; for others there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = person_of(request)
        if not (person.drafts_law or person.publishes_law):
            raise Http404("没有这个页面")
        return view(request, *args, **kwargs)

    signed_in: Callable[..., HttpResponse] = login_required(guarded)
    return signed_in


def person_of(request: HttpRequest) -> Person:
    person = request.user
    assert isinstance(person, Person)
    return person


def edition_asked(number: int) -> Edition:
    found = queries.amendments().filter(pk=number).first()
    if found is None:
        raise Http404("没有这份草案")
    return found


def may_review(edition: Edition, person: Person) -> bool:
    try:
        review.may_review(edition, person)
    except Refused:
        return False
    return True


def catalogue_files(law: Library) -> list[str]:
    folder = law.root / "catalogue"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))
