"""``/exchange/agreements/``: what a source may hand over; proposed by one person, approved by another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.dossier.places import place_name, regions
from xinlu.exchange import agree, queries
from xinlu.exchange.agree import PURPOSES, Wanted
from xinlu.exchange.models import Agreement, Allowance
from xinlu.exchange.refusal import Refused
from xinlu.exchange.rights import APPROVERS, STEWARDS, has_charge_of
from xinlu.gazette import current
from xinlu.law.catalogue import Item
from xinlu.ledger.models import Source
from xinlu.web.clients import for_stewards, sources_of
from xinlu.web.makers import person_of
from xinlu.web.moments import now

DAYS = 14
DONE = {"approve": "已批准", "refuse": "已退回", "suspend": "已暂停", "resume": "已恢复", "end": "已终止"}
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Choice:
    """One field or role of an item on the form of a proposal."""

    name: str
    title: str
    needed: bool
    level: str
    chosen: bool


@dataclass(frozen=True)
class ItemChoice:
    """One item on the form of a proposal."""

    item: Item
    uses: str
    choices: tuple[Choice, ...]
    roles: tuple[tuple[str, str], ...]
    role: str


@require_GET
@for_stewards
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One agreement: what it lets in, how it was made, how much came."""
    person, agreement = person_of(request), _agreement(request, number)
    day = timezone.localdate(now())
    standing = queries.standing(agreement, on=day)
    since = day - timedelta(days=DAYS - 1)
    used = Allowance.objects.filter(agreement=agreement, day__gte=since).order_by("-day", "sandbox")
    approver = person.role in APPROVERS and has_charge_of(Scope.of(person), agreement.source)
    context = {
        "agreement": agreement,
        "standing": standing,
        "state": queries.STATES[standing.state],
        "lines": [_line(agreement, line.item, line.fields, line.region_role) for line in standing.lines],
        "purposes": "、".join(PURPOSES.get(one, one) for one in agreement.purposes),
        "regions": "、".join(place_name(one) for one in agreement.regions),
        "used": list(used),
        "acts": list(agreement.acts.select_related("person").order_by("-number")),
        "may": _may(standing, person) if approver else (),
    }
    return render(request, "web/exchange_agreement.html", context)


def _may(standing: queries.Standing, person: Person) -> tuple[str, ...]:
    """What the reader may do to the agreement now."""
    match standing.last.kind:
        case "proposed":
            return ("refuse",) if standing.agreement.proposer_id == person.pk else ("approve", "refuse")
        case "approved" | "resumed":
            return ("suspend", "end")
        case "suspended":
            return ("end",) if standing.last.person_id == person.pk else ("resume", "end")
    return ()


def _line(agreement: Agreement, name: str, fields: list[str], role: str) -> Mapping[str, object]:
    del agreement
    item = current.catalogue().items.get(name)
    if item is None:
        return {"title": name, "fields": "目录中已没有这个信息项", "role": ""}
    titles = {one.name: one.title for one in item.roles} | {one.name: one.title for one in item.fields}
    known = item.role(role) if role else None
    return {
        "title": item.title,
        "name": item.item,
        "all": not fields,
        "fields": "、".join(titles.get(one, one) for one in titles if one in fields),
        "count": len(fields) or len(titles),
        "role": known.title if known else "",
    }


@require_POST
@for_stewards
def act(request: HttpRequest, number: int) -> HttpResponse:
    """Approve, refuse, suspend, resume or end."""
    person, agreement = person_of(request), _agreement(request, number)
    words, at, do = request.POST.get("words", ""), now(), request.POST.get("do", "")
    try:
        match do:
            case "approve":
                agree.approve(agreement, approver=person, at=at)
            case "refuse":
                agree.refuse(agreement, approver=person, reason=words, at=at)
            case "suspend":
                agree.suspend(agreement, person=person, reason=words, at=at)
            case "resume":
                agree.resume(agreement, person=person, at=at)
            case "end":
                agree.end(agreement, person=person, reason=words, at=at)
            case _:
                raise Http404("没有这个操作")
    except Refused as error:
        messages.error(request, f"{error.problem.sentence}。{error.problem.next_step}。")
    else:
        messages.success(request, f"{DONE[do]}协议 {agreement.pk}“{agreement.title}”。")
    return redirect("web:exchange-agreement", number=agreement.pk)


# ── proposing ───────────────────────────────────────────────────────────────────────────────────


class ProposalForm(forms.Form):
    """What an agreement says beside its items."""

    title = forms.CharField(label="协议名称", max_length=120, error_messages={"required": "请填写协议名称"})
    purposes = forms.MultipleChoiceField(
        label="用途",
        choices=list(PURPOSES.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text="目录不允许的用途不能提出",
        error_messages={"required": "请选择用途"},
    )
    regions = forms.MultipleChoiceField(
        label="区划",
        widget=forms.CheckboxSelectMultiple,
        help_text="含其下各县（市、区）",
        error_messages={"required": "请选择区划"},
    )
    valid_from = forms.DateField(
        label="起",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "请填写起始日期", "invalid": "请写成 2027-01-01 这样的日期"},
    )
    valid_until = forms.DateField(
        label="止（不含当日）",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "请填写终止日期", "invalid": "请写成 2027-01-01 这样的日期"},
    )
    daily_limit = forms.IntegerField(
        label="每日行数上限",
        min_value=1,
        max_value=10_000_000,
        initial=10_000,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        error_messages={"required": "请填写每日行数上限", "min_value": "应为正整数", "invalid": "请填整数"},
    )

    def __init__(self, *args: object, source: Source, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        chosen = self.fields["regions"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = region_choices(source)


def region_choices(source: Source) -> list[tuple[str, str]]:
    """The regions that an agreement of ``source`` may name: the organ's own, widest first."""
    known = regions()
    if source.organ.everywhere:
        return [(known.province.code, known.province.name), *((one.code, one.name) for one in known.cities)]
    return [(code, place_name(code)) for code in source.organ.regions if code in known]


@require_http_methods(["GET", "POST"])
@for_stewards
def new(request: HttpRequest) -> HttpResponse:
    """``?source=…&item=…&item=…``: without them the choice of both, with them the proposal."""
    person = person_of(request)
    if person.role not in STEWARDS:
        raise Http404("没有这个页面")
    items = current.catalogue().items
    source = next((one for one in sources_of(person) if one.code == request.GET.get("source")), None)
    chosen = [items[name] for name in dict.fromkeys(request.GET.getlist("item")) if name in items]
    if source is None or not chosen:
        asked = "source" in request.GET
        context = {
            "sources": sources_of(person),
            "items": sorted(items.values(), key=lambda one: one.title),
            "chosen": {one.item for one in chosen},
            "source": request.GET.get("source", ""),
            "lacking": asked and ("请选择数据源" if source is None else "请至少选择一个信息项"),
        }
        return render(request, "web/exchange_agreement_pick.html", context)
    return _propose(request, person, source, chosen)


def _propose(request: HttpRequest, person: Person, source: Source, chosen: list[Item]) -> HttpResponse:
    today: date = timezone.localdate(now())
    initial = {"valid_from": today, "valid_until": today + YEAR, "title": f"{source.title}数据报送"}
    form = ProposalForm(request.POST or None, source=source, initial=initial)
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = agree.propose(
                source=source,
                items=[_wanted(one, request.POST) for one in chosen],
                proposer=person,
                at=now(),
                **form.cleaned_data,
            )
        except Refused as error:
            refused = error
        else:
            messages.success(request, f"已提出协议 {made.pk}，等另一人批准后生效。")
            return redirect("web:exchange-agreement", number=made.pk)
    posted = request.POST if request.method == "POST" else None
    context = {"form": form, "source": source, "items": [_choice(one, posted) for one in chosen], "refused": refused}
    return render(request, "web/exchange_agreement_new.html", context, status=422 if refused or form.errors else 200)


def _wanted(item: Item, said: QueryDict) -> Wanted:
    every = [one.name for one in item.fields] + [one.name for one in item.roles]
    taken = set(said.getlist(f"fields:{item.item}")) | _needed(item)
    fields = () if set(every) <= taken else tuple(name for name in every if name in taken)
    return Wanted(item.item, fields, said.get(f"role:{item.item}", ""))


def _choice(item: Item, said: QueryDict | None) -> ItemChoice:
    needed = _needed(item)
    taken = set(said.getlist(f"fields:{item.item}")) if said is not None else None
    parts = [(one.name, one.title, "L1") for one in item.roles]
    parts += [(one.name, one.title, one.level) for one in item.fields]
    return ItemChoice(
        item,
        "、".join(PURPOSES[use] for use in item.uses) or "无",
        tuple(
            Choice(name, title, name in needed, level, name in needed or taken is None or name in taken)
            for name, title, level in parts
        ),
        tuple((one.name, one.title) for one in item.roles if not one.many),
        said.get(f"role:{item.item}", "") if said is not None else "",
    )


def _needed(item: Item) -> set[str]:
    """What no agreement can leave out: required fields and roles, and the business key."""
    parts = {part.removeprefix("role:") for part in item.key}
    return parts | {one.name for one in item.fields if one.required} | {r.name for r in item.roles if r.required}


def _agreement(request: HttpRequest, number: int) -> Agreement:
    found = (
        Agreement.objects.within(Scope.of(person_of(request)))
        .select_related("source__organ", "proposer", "approver")
        .filter(pk=number)
        .first()
    )
    if found is None:
        raise Http404("没有这份协议")
    return found
