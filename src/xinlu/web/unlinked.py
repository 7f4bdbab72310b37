"""``/unlinked/``: rows that wait for their subject, candidates side by side, and what a steward says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.dossier.places import place_name
from xinlu.gazette import current
from xinlu.intake import unlinked
from xinlu.intake.link import CannotLink, confirm, refuse, take_equal, undo
from xinlu.intake.linked import Linking
from xinlu.intake.unlinked import Candidate, Place, Waiting
from xinlu.registry import queries as registry
from xinlu.web.deliveries import title_of
from xinlu.web.moments import now
from xinlu.web.parts import Filter, FilterBar, Pager, Problem, Tab, page_number

SIZE = 20
AT_ONCE = 2000
"""Rows whose identifiers have been registered since that one press takes in."""
JUDGES = (Person.Role.STEWARD, Person.Role.OFFICER, Person.Role.REVIEWER, Person.Role.CHIEF)
VERDICTS = {
    "equal": ("ok", "check", "标识相同"),
    "likely": ("info", "check", "很可能是"),
    "possible": ("warn", "info", "可能是"),
    "unlike": ("mute", "close", "不像"),
}
"""What a score means → tone, icon and words of its tag."""


@dataclass(frozen=True)
class Told:
    """A judgement as the page tells it."""

    linking: Linking
    who: str
    whom: str
    undone: Linking | None


def for_offices(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only who works in an organ and sees business data has such rows; for everybody else there is no page."""

    @wraps(page)
    @login_required
    def guarded(request: HttpRequest, **where: int) -> HttpResponse:
        if Scope.of(request.user).kind != "officer":
            raise Http404("没有这个页面")
        return page(request, **where)

    return guarded


def may_judge(request: HttpRequest) -> bool:
    """Whether the reader may say who is meant; others only look."""
    return getattr(request.user, "role", "") in JUDGES


@require_GET
@for_offices
def index(request: HttpRequest) -> HttpResponse:
    """The rows of the scope that wait, newest delivery first; ``?state=`` shows what became of others."""
    scope, at = Scope.of(request.user), request.GET
    state: unlinked.State = at.get("state", "waiting")  # type: ignore[assignment]
    if state not in unlinked.STATES:
        state = "waiting"
    waiting = unlinked.rows(scope, state="all")
    sources = tuple(
        dict(
            waiting.order_by("delivery__source").values_list("delivery__source__code", "delivery__source__title")
        ).items()
    )
    items = sorted(dict.fromkeys(waiting.order_by().values_list("delivery__item", flat=True).distinct()))
    bar = FilterBar(
        (
            Filter("item", "信息项", "select", at.get("item", ""), tuple((one, title_of(one)) for one in items)),
            Filter("source", "数据源", "select", at.get("source", ""), sources),
            Filter("problem", "问题", "select", at.get("problem", ""), tuple(unlinked.PROBLEMS.items())),
        ),
        keep={"state": state} if state != "waiting" else {},
    )
    asked = {name: at.get(name, "") for name in ("item", "source", "problem")}
    rows = unlinked.rows(scope, state=state, **asked)
    pager = Pager(page_number(at.get("page")), SIZE, rows.count(), bar.query)
    shown = unlinked.looked_up(scope, rows[pager.rows])
    counts = unlinked.counts(scope)
    context = {
        "rows": [(one, title_of(one.row.delivery.item), _verdict(one.best)) for one in shown],
        "state": state,
        "bar": bar,
        "pager": pager,
        "tabs": [
            Tab(title, f"?state={key}", counts.get(key), key == state)
            for key, title in unlinked.STATES.items()
            if key != "all"
        ],
        "ready": [one for one in shown if not one.places and state == "waiting"],
        "may_judge": may_judge(request),
    }
    return render(request, "web/unlinked.html", context)


@require_POST
@for_offices
def equal(request: HttpRequest) -> HttpResponse:
    """Take in the rows whose identifiers have been registered since they were queried."""
    if not may_judge(request):
        raise PermissionDenied
    scope = Scope.of(request.user)
    numbers = list(unlinked.rows(scope).filter(code__in=("E08", "E26")).values_list("pk", flat=True)[:AT_ONCE])
    taken = take_equal(scope, numbers, at=now())
    if taken:
        messages.success(request, f"标识已登记的 {taken} 行已入库。")
    else:
        messages.info(request, "没有标识已登记的行；其余各行仍待人工关联。")
    return redirect("web:unlinked")


@require_http_methods(["GET", "POST"])
@for_offices
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One row with its candidates. POST ``act``: ``confirm``, ``none`` or ``undo``, with a reason."""
    scope = Scope.of(request.user)
    one = unlinked.waiting(scope, number)
    if one is None:
        raise Http404("没有这一行")
    problems: list[Problem] = []
    if request.method == "POST":
        if not may_judge(request):
            raise PermissionDenied
        try:
            if answer := _judged(request, scope, one):
                return answer
            problems = [Problem("请先选中一个候选主体，再确认关联。", "candidates")]
        except CannotLink as wrong:
            told = wrong.problem
            problems = [Problem(f"{told.code} {told.sentence}{told.next_step}。")]
    return _page(request, scope, one, problems)


def _judged(request: HttpRequest, scope: Scope, one: Waiting) -> HttpResponse | None:
    """Do what was asked; None when nobody was chosen."""
    said, number = request.POST, one.row.pk
    reason = said.get("reason", "")
    if said.get("act") == "undo":
        if undo(scope, _number(said.get("linking")), reason=reason, at=now()) is None:
            raise Http404("没有这个判断")
        messages.success(request, "已撤销，该行回到待关联；因它入库的内容已一并撤回。")
        return redirect("web:unlinked-row", number=number)
    place = next((place for place in one.places if place.missing.place == said.get("place")), None)
    shown = [(c.subject.pk, c.likeness.score) for c in place.candidates] if place else []
    if said.get("act") == "none":
        if refuse(scope, number, place=said.get("place", ""), reason=reason, at=now(), shown=shown) is None:
            raise Http404("没有这一行")
        messages.success(request, "已认定都不是。该行按疑问数据退回报送单位。")
        return redirect("web:unlinked-row", number=number)
    subject = _chosen(scope, said)
    if not subject:
        return None
    place_said = said.get("place", "")
    done = confirm(scope, number, place=place_said, subject=subject, reason=reason, at=now(), shown=shown)
    if done is None:
        raise Http404("没有这一行，或没有这个主体")
    if done.outcome is None:
        messages.success(request, "已确认。这一行还有其他主体待关联，全部确认后入库。")
    else:
        messages.success(request, f"已确认关联，该行已入库（记录 {done.outcome.record}）。")
    return redirect("web:unlinked-row", number=number)


def _chosen(scope: Scope, said: object) -> int:
    """The candidate that was chosen, or the subject whose identifier was written instead."""
    chosen = _number(said.get("subject"))  # type: ignore[attr-defined]
    written = str(said.get("other", "")).strip()  # type: ignore[attr-defined]
    if chosen or not written:
        return chosen
    found = registry.find(scope, value=written)
    if found is None:
        raise CannotLink("MT-003", "没有登记这个标识的主体，或不在可查询的范围内。")
    return found.pk


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _page(request: HttpRequest, scope: Scope, one: Waiting, problems: list[Problem]) -> HttpResponse:
    history = [_told(scope, linking) for linking in unlinked.history(one.row)]
    context = {
        "one": one,
        "title": title_of(one.row.delivery.item),
        "places": [(place, [_card(place, c) for c in place.candidates]) for place in one.places],
        "told": sorted(one.reading.told.items(), key=lambda pair: one.reading.headers.index(pair[0])),
        "history": history,
        "holding": [told for told in history if told.undone is None and told.linking.kind != Linking.Kind.UNDONE],
        "taken": one.row.record is not None,
        "problems": problems,
        "reason": request.POST.get("reason", ""),
        "may_judge": may_judge(request),
    }
    return render(request, "web/unlinked_row.html", context, status=422 if problems else 200)


def _verdict(best: Candidate | None) -> tuple[str, str, str] | None:
    return VERDICTS[best.likeness.verdict] if best else None


@dataclass(frozen=True)
class Card:
    """A candidate ready to draw."""

    candidate: Candidate
    kind: str
    region: str
    verdict: tuple[str, str, str]
    rows: tuple[object, ...]


def _card(place: Place, one: Candidate) -> Card:
    del place
    kinds = current.catalogue().kinds
    kind = kinds[one.subject.kind].title if one.subject.kind in kinds else one.subject.kind
    return Card(one, kind, place_name(one.region), VERDICTS[one.likeness.verdict], one.pairs)


def _told(scope: Scope, linking: Linking) -> Told:
    who = Person.objects.filter(pk=_number(linking.by.partition(":")[2])).first()
    name = who.get_full_name() or who.get_username() if who is not None else "系统"
    subject = registry.subject(scope, linking.subject_id) if linking.subject_id else None
    whom = registry.shown_name(scope, subject) if subject is not None else ""
    return Told(linking, name, whom, getattr(linking, "undone_by", None))
