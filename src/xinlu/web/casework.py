"""``/casework/``: the queue of whoever looks, and a case with what may be done next.

Every case has the same page; what it is about is shown by whoever knows it: filings by :mod:`xinlu.web.filing_review`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from xinlu.access.models import Organ
from xinlu.access.scope import Scope
from xinlu.casework import law, queries
from xinlu.casework.act import Point, Reason, act, may
from xinlu.casework.refusal import Refused
from xinlu.casework.state import Standing
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.law import procedure as plane
from xinlu.law.clock import CHINA, Light, Reading, readings
from xinlu.law.problem import LawError
from xinlu.web import filing_review
from xinlu.web.moments import acting
from xinlu.web.parts import Event, Filter, FilterBar, Pager, page_number

SIZE = 50
LAMPS = {Light.GREEN: "normal", Light.YELLOW: "due", Light.RED: "overdue", Light.PAUSED: "paused"}
ENDED_BADLY = ("refused", "withdrawn", "waived")


@dataclass(frozen=True)
class LampShown:
    """A lamp with its words; ``state`` empty: nothing limits the time, only words."""

    state: str
    words: str


@dataclass(frozen=True)
class Waiting:
    """One line of a queue."""

    stands: Standing
    lamp: LampShown
    before: str
    """Who acted last."""


@dataclass(frozen=True)
class Choice:
    """One action that may be taken."""

    name: str
    rule: plane.Action

    @property
    def quotes_fields(self) -> bool:
        return "field" in self.rule.quotes

    @property
    def asks_reason(self) -> bool:
        return self.rule.reason == "required"


def lamp_of(reading: Reading, now: datetime) -> LampShown:
    """A reading in words: working days left or over, by the calendar; the last day says so."""
    if reading.light not in LAMPS:
        words = "不限时" if reading.light is Light.NONE else "工作日历未及，无法推算"
        return LampShown("", words)
    if reading.due is None:
        return LampShown("paused", "暂停计时")
    day = now.astimezone(CHINA).date()
    try:
        left = law.calendar().working_days_between(day, reading.due)
    except LawError:
        left = (reading.due - day).days
    if reading.light is Light.RED:
        return LampShown("overdue", f"超期 {-left} 个工作日" if left < 0 else "已超期")
    if reading.due == day:
        return LampShown(LAMPS[reading.light], "今日到期")
    return LampShown(LAMPS[reading.light], f"剩 {left} 个工作日")


@require_GET
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """What waits for whoever looks, the most urgent first; ``?procedure=`` asks for one sort."""
    scope, now = Scope.of(request.user), acting()
    titles = {one.procedure: one.title for one in law.moving()}
    asked = request.GET.get("procedure", "")
    bar = FilterBar(
        (Filter("procedure", "业务类型", "select", asked if asked in titles else "", tuple(titles.items())),)
    )
    found = queries.queue(scope, now=now, procedure=bar.query.get("procedure"))
    pager = Pager(page_number(request.GET.get("page")), SIZE, len(found), bar.query)
    shown = found[pager.rows]
    organs = organ_names({one.actions[-1].organ for one in shown if one.actions})
    rows = [Waiting(one, lamp_of(one.lamp, now), _last_by(one, organs)) for one in shown]
    counts = {light: sum(one.lamp.light is light for one in found) for light in LAMPS}
    context = {"rows": rows, "bar": bar, "pager": pager, "total": len(found), "counts": counts, "scope": scope}
    context |= {"red": counts[Light.RED], "yellow": counts[Light.YELLOW], "now": now}
    return render(request, "web/casework_queue.html", context)


@require_GET
@login_required
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One case."""
    scope = Scope.of(request.user)
    return page(request, asked(scope, number), scope)


def asked(scope: Scope, number: int) -> Standing:
    """The case, or 404."""
    found = queries.case(scope, number, now=acting())
    if found is None:
        raise Http404("没有这件办件")
    return found


def page(
    request: HttpRequest, stands: Standing, scope: Scope, *, refused: Refused | FilingRefused | None = None
) -> HttpResponse:
    """The page of a case; ``refused`` is what was just refused."""
    now = stands.now
    choices = [Choice(name, stands.procedure.actions[name]) for name in stands.possible if may(scope, stands, name)]
    context = {
        "stands": stands,
        "lamp": lamp_of(stands.lamp, now),
        "clocks": clocks_of(stands),
        "events": events_of(stands),
        "choices": [one for one in choices if not one.quotes_fields],
        "returns": [one for one in choices if one.quotes_fields],
        "waits_for": holder_of(stands),
        "refused": refused,
        "typed": request.POST if request.method == "POST" else None,
        "least": stands.procedure.reason_signs,
        "state": state_sign(stands),
        "grade": stands.procedure.source.grade,
        **filing_review.context(request, scope, stands),
    }
    return render(request, "web/case.html", context, status=422 if refused else 200)


@require_GET
@login_required
def send_back(request: HttpRequest, number: int) -> HttpResponse:
    """The second step of a return: each chosen field with the rule and what to do about it."""
    scope = Scope.of(request.user)
    stands = asked(scope, number)
    action = request.GET.get("action", "")
    if not may(scope, stands, action):
        raise Http404("不能这样办理")
    return _return_page(request, scope, stands, action, request.GET.getlist("point"))


@require_POST
@login_required
def take(request: HttpRequest, number: int) -> HttpResponse:
    """Take an action; what is refused is told above the page that it came from."""
    scope = Scope.of(request.user)
    stands = asked(scope, number)
    said = request.POST
    action = said.get("action", "")
    try:
        done = act(
            scope,
            number,
            action,
            seen=int(said["seen"]) if said.get("seen", "").isdecimal() else -1,
            at=max(acting(), stands.since),
            reason=_reason(said),
            facts={"version": int(said["version"])} if said.get("version", "").isdecimal() else {},
        )
    except (Refused, FilingRefused) as refused:
        if said.get("step") == "return" and may(scope, stands, action):
            return _return_page(request, scope, stands, action, said.getlist("point"), refused=refused)
        return page(request, asked(scope, number), scope, refused=refused)
    rule = stands.procedure.actions[action]
    messages.success(request, f"办件 {number}：{rule.title}。现在：{done.stands.title}。")
    return redirect("web:case", number=number)


def _reason(said: QueryDict) -> Reason:
    fields, titles = said.getlist("point"), said.getlist("title")
    rules, words = said.getlist("rule"), said.getlist("point_words")
    several = max(len(fields), len(rules), len(words))

    def at(texts: Sequence[str], place: int) -> str:
        return texts[place].strip()[:1000] if place < len(texts) else ""

    points = [Point(at(fields, n), at(titles, n), at(rules, n), at(words, n)) for n in range(several)]
    return Reason(said.get("words", "").strip()[:2000], tuple(points))


def _return_page(
    request: HttpRequest,
    scope: Scope,
    stands: Standing,
    action: str,
    chosen: Sequence[str],
    *,
    refused: Refused | FilingRefused | None = None,
) -> HttpResponse:
    said = request.POST
    places = filing_review.places(scope, stands)
    rules, words = said.getlist("rule"), said.getlist("point_words")
    points: list[tuple[str, filing_review.PlaceNamed | None, str, str]] = [
        (one, places[one], rules[n] if n < len(rules) else "", words[n] if n < len(words) else "")
        for n, one in enumerate(chosen)
        if one in places
    ]
    if not places:
        points = [("", None, rules[0] if rules else "", words[0] if words else "")]
    context = {
        "stands": stands,
        "action": action,
        "rule": stands.procedure.actions[action],
        "points": points,
        "refused": refused,
        "least": stands.procedure.reason_signs,
        "rules": filing_review.usual_rules(stands),
        "free": not places,
    }
    return render(request, "web/case_return.html", context, status=422 if refused else 200)


# ── what is shown of a case ─────────────────────────────────────────────────────────────────────


def state_sign(stands: Standing) -> str:
    """Which tag the state of a case gets."""
    if not stands.is_open:
        return "withdrawn" if stands.state in ENDED_BADLY else "done"
    return "returned" if stands.state == "returned" else "todo" if not stands.actions else "doing"


def holder_of(stands: Standing) -> str:
    """Who has the case on the desk, in words."""
    seat, party = stands.seat, stands.procedure.parties.get(stands.queue or "", "")
    if seat is None:
        return ""
    return f"{organ_names({seat.organ}).get(seat.organ, '')}（{party}）" if seat.organ else party


def events_of(stands: Standing) -> list[Event]:
    """The way of a case, the newest last."""
    organs = organ_names({one.organ for one in stands.actions if one.organ})
    first = stands.procedure.states[stands.procedure.start]
    found = [
        Event(
            stands.case.opened_at.astimezone(CHINA).date(),
            f"提交，{first.title}",
            str(stands.case.facts.get("words", "")),
        )
    ]
    for one in stands.actions:
        rule = stands.procedure.actions[one.name]
        who = organs.get(one.organ, stands.procedure.parties.get(one.party, ""))
        told = [
            f"{point['title'] or point['field']}：{point['words']}（依据：{point['rule']}）" for point in one.points
        ]
        words = "；".join([*([one.words] if one.words else []), *told])
        tone = "bad" if rule.reason == "required" else "done"
        found.append(Event(one.at.astimezone(CHINA).date(), f"{rule.title} · {who}", words, tone))  # type: ignore[arg-type]
    return found


def clocks_of(stands: Standing) -> list[tuple[str, str]]:
    """Every clock where the case stands: its title and due day, in words."""
    if not stands.is_open:
        return []
    found = readings(stands.procedure, law.calendar(), stands.way, now=stands.now)
    return [(one.title, one.due.isoformat() if one.due else "暂停计时") for one in found]


def organ_names(codes: set[str]) -> Mapping[str, str]:
    """Code → short name of organs."""
    return dict(Organ.objects.filter(code__in=codes - {""}).values_list("code", "short"))


def _last_by(stands: Standing, organs: Mapping[str, str]) -> str:
    if not stands.actions:
        return "—"
    last = stands.actions[-1]
    return organs.get(last.organ) or stands.procedure.parties.get(last.party, "")
