"""``/life-cycle/``: how many records stand in which stage, which, and what the next deed would touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.law.life_cycle import in_force_on
from xinlu.ledger import archive, columnar, destroy, life
from xinlu.ledger import queries as ledger
from xinlu.ledger.archive import Touched
from xinlu.ledger.life import Stage
from xinlu.ledger.models import Because, Destruction
from xinlu.registry import queries as registry
from xinlu.web.moments import now, today
from xinlu.web.parts import Event, Filter, FilterBar, Pager, page_number

SIZE = 50


@dataclass(frozen=True)
class StageCount:
    """One stage of the page: its number leads to its rows."""

    stage: Stage
    words: str
    number: int
    address: str


@dataclass(frozen=True)
class Line:
    """One line of a dry run: item, reason, number."""

    item: str
    because: str
    number: int


def _officer(request: HttpRequest) -> Scope:
    scope = Scope.of(request.user)
    if scope.kind != "officer":
        raise Http404("没有这个页面")
    return scope


def _bar(request: HttpRequest, **keep: str) -> FilterBar:
    items = current.catalogue().items
    options = tuple((name, item.title) for name, item in sorted(items.items(), key=lambda one: one[1].title))
    wanted = request.GET.get("item", "")
    chosen = Filter("item", "信息项", "select", wanted if wanted in items else "", options)
    return FilterBar((chosen, Filter("on", "日期", "date", _on(request).isoformat(), fixed=True)), keep)


def _on(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        return today()


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Numbers by stage on a day, and the dry run of the deeds for who may do them."""
    scope = _officer(request)
    bar, on = _bar(request), _on(request)
    item = bar.query.get("item")
    counts = life.counts(scope, on=on, item=item)
    address = reverse("web:life-rows")
    stages = [
        StageCount(stage, life.WORDS[stage], number, f"{address}?{urlencode({**bar.query, 'stage': stage.value})}")
        for stage, number in counts.items()
    ]
    person = request.user
    may = isinstance(person, Person) and person.destroys_records
    context = {
        "bar": bar,
        "on": on,
        "stages": stages,
        "total": sum(counts.values()),
        "law": in_force_on(current.library().life_cycles, on),
        "may": may,
    }
    if may:
        actor = scope.actor
        archived = archive.archive(on=on, item=item, actor=actor, at=now(), dry_run=True)
        due = destroy.due(on=on, item=item)
        orders = Destruction.objects.order_by("-pk")[:10]
        context |= {
            "archive": _lines(archived),
            "archive_total": archived.records,
            "destroy": _lines(due),
            "destroy_total": due.records,
            "digest": due.digest[:16],
            "orders": [(one, one.proposed_by == actor.key) for one in orders],
            "item": item or "",
        }
    return render(request, "web/life_cycle.html", context)


@login_required
def rows(request: HttpRequest) -> HttpResponse:
    """The records of one stage: as many as the number that led here."""
    scope = _officer(request)
    named = request.GET.get("stage", "")
    if named not in Stage.values:
        raise Http404("没有这个阶段")
    stage, on = Stage(named), _on(request)
    bar = _bar(request, stage=named)
    item = bar.query.get("item")
    titles = {name: one.title for name, one in current.catalogue().items.items()}
    found: QuerySet[Any]
    match stage:
        case Stage.COLLECTED:
            found = life.collected(scope, item=item)
        case Stage.DESTROYED:
            found = life.destroyed(scope, item=item)
        case _:
            found = life.rows(scope, stage, on=on, item=item)
    pager = Pager(page_number(request.GET.get("page")), SIZE, found.count(), bar.query)
    part = list(found[pager.rows])
    shown = [(one, titles.get(getattr(one, "item", ""), getattr(one, "item", "")), _name(scope, one)) for one in part]
    context = {"stage": stage, "words": life.WORDS[stage], "rows": shown, "bar": bar, "pager": pager, "on": on}
    return render(request, "web/life_rows.html", context)


def _name(scope: Scope, row: object) -> str:
    subject = getattr(row, "subject", None)
    return registry.shown_name(scope, subject) if subject is not None else ""


@login_required
def record(request: HttpRequest, number: int) -> HttpResponse:
    """The life of one record."""
    scope, on = _officer(request), _on(request)
    steps = life.history(scope, number, on=on)
    if not steps:
        raise Http404("没有这条记录")
    stage = life.stage_of(scope, number, on=on)
    versions = ledger.versions(scope, number, on=on)
    item = current.catalogue().items.get(versions[-1].item) if versions else None
    events = [
        Event(
            step.day or (step.at.date() if step.at else None),
            step.stage.label,
            step.words + (f"（{step.at:%Y-%m-%d %H:%M} UTC 记入）" if step.at and step.day else ""),
            "done" if (step.day or on) <= on else "",
        )
        for step in steps
    ]
    context = {"number": number, "stage": stage, "item": item, "events": events, "on": on}
    return render(request, "web/life_record.html", context)


@login_required
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Archive, propose to destroy, or carry out an order."""
    scope, person = _officer(request), request.user
    if not (isinstance(person, Person) and person.destroys_records):
        raise PermissionDenied
    item = request.POST.get("item") or None
    deed, on = request.POST.get("deed"), today()
    try:
        match deed:
            case "archive":
                done = archive.archive(on=on, item=item, actor=scope.actor, at=now())
                messages.success(request, f"已归档 {done.records} 条记录。")
            case "propose":
                order = destroy.propose(
                    on=min(on, now().date()),
                    item=item,
                    reason=request.POST.get("reason", ""),
                    actor=scope.actor,
                    at=now(),
                )
                messages.success(request, f"销毁单 {order.pk} 已提出，共 {order.records} 条，请另一人执行。")
            case "destroy":
                number = request.POST.get("order", "")
                order = destroy.known_order(int(number) if number.isdecimal() else 0)
                done_order = destroy.carry_out(order.pk, actor=scope.actor, at=now())
                columnar.expunge()
                messages.success(request, f"销毁单 {done_order.pk} 已执行，{done_order.records} 条记录只留存根。")
            case _:
                raise Http404("没有这个办理事项")
    except destroy.DestructionRefused as refused:
        for one in refused.problems:
            messages.error(request, f"{one.code} {one.sentence}。{one.next_step}")
    return redirect("web:life-cycle")


def _lines(touched: Touched) -> list[Line]:
    titles = {name: one.title for name, one in current.catalogue().items.items()}
    words = dict(Because.choices)
    return [
        Line(titles.get(item, item), str(words.get(because, because)), number)
        for (item, because), number in touched.by.items()
    ]
