"""``/merging/``: entries that may be one subject, merging two, and splitting them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from xinlu.access import masking
from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.dossier.places import place_name
from xinlu.gazette import current
from xinlu.ledger.versions import ClockBackwards
from xinlu.registry import queries as registry
from xinlu.registry.duplicates import Duplicate, compared, duplicates, merges
from xinlu.registry.likeness import Likeness
from xinlu.registry.merge import CannotMerge, merge, split
from xinlu.registry.models import Subject, SubjectMerge
from xinlu.web.moments import now
from xinlu.web.parts import Problem
from xinlu.web.unlinked import VERDICTS, for_offices

MERGERS = (Person.Role.STEWARD, Person.Role.CHIEF)


@dataclass(frozen=True)
class Side:
    """A subject as the page shows it beside another."""

    number: int
    name: str
    kind: str
    region: str
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Compared:
    """Two subjects side by side: the one that would be kept, the one that would be absorbed, and the reasons."""

    kept: Side
    absorbed: Side
    likeness: Likeness
    verdict: tuple[str, str, str]


@require_http_methods(["GET", "POST"])
@for_offices
def page(request: HttpRequest) -> HttpResponse:
    """GET: likely duplicates and past merges. POST ``act``: ``look``, ``merge`` or ``split``."""
    scope, said = Scope.of(request.user), request.POST
    problems: list[Problem] = []
    pair: Compared | None = None
    if request.method == "POST":
        if not _may(request):
            raise PermissionDenied
        try:
            match said.get("act"):
                case "look":
                    pair = _looked(scope, _found(scope, said.get("kept", "")), _found(scope, said.get("absorbed", "")))
                case "merge":
                    return _merge(request, scope)
                case "split":
                    return _split(request, scope)
        except CannotMerge as wrong:
            problems = [Problem(str(wrong))]
            pair = _pair(scope, _number(said.get("kept_number")), _number(said.get("absorbed_number")))
        except ClockBackwards:
            problems = [Problem("RG-006：其中一个主体有收到时间更晚的记录，请稍后再试。")]
    context = {
        "pair": pair,
        "problems": problems,
        "likely": [_shown(scope, two) for two in duplicates(scope)],
        "past": [_past(scope, one) for one in merges(scope)],
        "may_merge": _may(request),
        "reason": said.get("reason", ""),
    }
    return render(request, "web/merging.html", context, status=422 if problems else 200)


def _may(request: HttpRequest) -> bool:
    return getattr(request.user, "role", "") in MERGERS


def _merge(request: HttpRequest, scope: Scope) -> HttpResponse:
    kept, absorbed = (_own(scope, request.POST.get(name)) for name in ("kept_number", "absorbed_number"))
    reason = masking.within(request.POST.get("reason", "").strip())[:400]
    done = merge(kept=kept, absorbed=absorbed, reason=reason, actor=scope.actor, at=now())
    messages.success(request, f"已合并（合并记录 {done.pk}）。下一次评价按两边的全部记录计算。")
    return redirect("web:merging")


def _split(request: HttpRequest, scope: Scope) -> HttpResponse:
    done = SubjectMerge.objects.filter(pk=_number(request.POST.get("merge"))).first()
    if done is None:
        raise Http404("没有这次合并")
    _own(scope, str(done.kept_id))
    reason = masking.within(request.POST.get("reason", "").strip())[:400]
    if not reason:
        raise CannotMerge("RG-002：拆分需要理由。")
    split(done, reason=reason, actor=scope.actor, at=now())
    messages.success(request, "已拆分。合并时移过来的记录已回到原主体。")
    return redirect("web:merging")


def _own(scope: Scope, number: str | None) -> int:
    """A subject that the officer supervises; others are told as not there."""
    found = Subject.objects.within(scope).filter(pk=_number(number)).first()
    if found is None or not scope.covers_region(found.region):
        raise CannotMerge("RG-004：没有这个主体，或不归您所在机构管辖。")
    return found.pk


def _found(scope: Scope, text: str) -> int:
    """A subject by its identifier; a number of the registry in the hidden fields of the page."""
    number = _number(text.removeprefix("#")) if text.startswith("#") else 0
    found = registry.subject(scope, number) if number else registry.find(scope, value=text) if text.strip() else None
    if found is None:
        raise CannotMerge("RG-004：没有登记这个标识的主体，或不在可查询的范围内。")
    return found.pk


def _looked(scope: Scope, kept: int, absorbed: int) -> Compared:
    if kept == absorbed:
        raise CannotMerge("RG-002：两个标识指向同一主体，不需要合并。")
    found = _pair(scope, kept, absorbed)
    if found is None:
        raise Http404("没有这个主体")
    return found


def _pair(scope: Scope, kept: int, absorbed: int) -> Compared | None:
    found = compared(scope, kept, absorbed) if kept and absorbed else None
    if found is None:
        return None
    return Compared(_side(scope, kept), _side(scope, absorbed), found[2], VERDICTS[found[2].verdict])


def _shown(scope: Scope, two: Duplicate) -> Compared:
    """The entry with a USCC is kept."""
    other, bare = two.other.number, two.bare.number
    return Compared(_side(scope, other), _side(scope, bare), two.likeness, VERDICTS[two.likeness.verdict])


def _side(scope: Scope, number: int) -> Side:
    one = Subject.objects.within(scope).get(pk=number)
    kinds = current.catalogue().kinds
    kind = kinds[one.kind].title if one.kind in kinds else one.kind
    codes = tuple(registry.identifiers(scope, number))
    return Side(number, registry.shown_name(scope, one), kind, place_name(one.region), codes)


@dataclass(frozen=True)
class Past:
    """A merge as the page tells it."""

    number: int
    kept: str
    kept_number: int
    absorbed: str
    reason: str
    at: datetime
    undone_at: datetime | None


def _past(scope: Scope, one: SubjectMerge) -> Past:
    names = (registry.shown_name(scope, who) for who in (one.kept, one.absorbed))
    kept, absorbed = names
    return Past(one.pk, kept, one.kept_id, absorbed, one.reason, one.recorded_at, one.undone_at)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
