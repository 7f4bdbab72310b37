"""``/exchange/``: systems of others that hand rows over – who they are, how they did yesterday, what was agreed.

Pages for data stewards and those who approve; to everybody else they do not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.exchange import clients as doors
from xinlu.exchange import queries
from xinlu.exchange.models import Client
from xinlu.exchange.refusal import Refused
from xinlu.exchange.rights import STEWARDS, has_charge_of, require_steward
from xinlu.gazette import current
from xinlu.ledger.models import Source
from xinlu.web.makers import person_of
from xinlu.web.moments import now

P = ParamSpec("P")
DAYS = 7
"""Days that the page of a client shows."""
ERRORS = 20


def for_stewards(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for those who look after wires; for others there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not person_of(request).connects_systems:
            raise Http404("没有这个页面")
        return view(request, *args, **kwargs)

    signed_in: Callable[..., HttpResponse] = login_required(guarded)
    return signed_in


def sources_of(person: Person) -> list[Source]:
    """Sources that a person has charge of, by organ."""
    scope = Scope.of(person)
    every = Source.objects.select_related("organ").exclude(kind=Source.Kind.XINLU).order_by("organ__code", "code")
    return [one for one in every if has_charge_of(scope, one)]


def source_choices(person: Person) -> list[tuple[str, str]]:
    """The same for a select."""
    return [(one.code, f"{one.organ.name} · {one.title}（{one.code}）") for one in sources_of(person)]


@require_GET
@for_stewards
def index(request: HttpRequest) -> HttpResponse:
    """All clients with yesterday's figures, then all agreements, those that wait for the reader first."""
    person = person_of(request)
    scope, day = Scope.of(person), timezone.localdate(now())
    agreed = queries.agreements(scope, on=day)
    waits = [one for one in agreed if one.state == "proposed" and one.agreement.proposer_id != person.pk]
    context = {
        "rows": queries.client_rows(scope, on=day),
        "yesterday": day - timedelta(days=1),
        "waiting": waits,
        "agreements": [one for one in reversed(agreed) if one not in waits],
        "steward": person.role in STEWARDS,
    }
    return render(request, "web/exchange.html", context)


class ClientForm(forms.Form):
    """A client to be registered."""

    source = forms.ChoiceField(label="数据源", error_messages={"required": "请选择数据源"})
    title = forms.CharField(
        label="系统名称", max_length=120, help_text="对方的业务系统", error_messages={"required": "请填写系统名称"}
    )
    code = forms.CharField(
        label="客户端编号",
        max_length=40,
        help_text="3～40 个小写字母、数字或连字符，以字母开头；取令牌时用，登记后不能改",
        error_messages={"required": "请填写客户端编号"},
    )
    contact = forms.CharField(label="责任人", max_length=60, required=False, help_text="对方的处室或联系人")

    def __init__(self, *args: object, sources: list[tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        chosen = self.fields["source"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = sources


@require_http_methods(["GET", "POST"])
@never_cache
@for_stewards
def new(request: HttpRequest) -> HttpResponse:
    """Register a client; its secrets are shown on the answer and never again."""
    person = person_of(request)
    form = ClientForm(request.POST or None, sources=source_choices(person))
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        source = Source.objects.select_related("organ").get(code=wanted["source"])
        try:
            require_steward(person, source)
            client, made = doors.register(
                source=source,
                code=wanted["code"],
                title=wanted["title"],
                contact=wanted["contact"],
                actor=Scope.of(person).actor,
                at=now(),
            )
        except Refused as error:
            refused = error
        else:
            return render(request, "web/exchange_secrets.html", {"client": client, "secrets": made, "fresh": True})
    context = {"form": form, "refused": refused}
    return render(request, "web/exchange_client_new.html", context, status=422 if refused or form.errors else 200)


@require_GET
@for_stewards
def show(request: HttpRequest, code: str) -> HttpResponse:
    """One client: its last days, its last errors, what was done to it, its agreements."""
    person = person_of(request)
    scope, client = Scope.of(person), _client(request, code)
    day = timezone.localdate(now())
    days = [day - timedelta(days=n) for n in range(DAYS)]
    context = {
        "client": client,
        "suspended": doors.is_suspended(client),
        "credentials": list(doors.live(client, now()).order_by("issued_at")),
        "days": [(one, queries.volume(scope, client, first=one, last=one)) for one in days],
        "errors": list(queries.calls(scope, client).filter(status__gte=400)[:ERRORS]),
        "receipts": list(queries.receipts(scope, client).order_by("-pk")[:10]),
        "acts": list(client.acts.order_by("-number")),
        "agreements": queries.agreements(scope, on=day, source=client.source.code),
        "steward": person.role in STEWARDS,
        "items": current.catalogue().items,
    }
    return render(request, "web/exchange_client.html", context)


@require_POST
@never_cache
@for_stewards
def act(request: HttpRequest, code: str) -> HttpResponse:
    """Rotate secrets, suspend or resume; new secrets are shown on the answer and never again."""
    person, client = person_of(request), _client(request, code)
    actor, at, do = Scope.of(person).actor, now(), request.POST.get("do", "")
    try:
        require_steward(person, client.source)
        if do in ("rotate", "revoke"):
            made = doors.rotate(client, actor=actor, at=at, at_once=do == "revoke")
            return render(
                request, "web/exchange_secrets.html", {"client": client, "secrets": made, "at_once": do == "revoke"}
            )
        if do == "suspend":
            doors.suspend(client, reason=request.POST.get("words", ""), actor=actor, at=at)
            messages.success(request, f"已停用 {client.title}，令牌立即失效。")
        elif do == "resume":
            doors.resume(client, actor=actor, at=at)
            messages.success(request, f"已恢复 {client.title}。")
    except Refused as error:
        messages.error(request, f"{error.problem.sentence}。{error.problem.next_step}。")
    return redirect("web:exchange-client", code=client.code)


def _client(request: HttpRequest, code: str) -> Client:
    found = queries.clients(Scope.of(person_of(request))).filter(code=code).first()
    if found is None:
        raise Http404("没有这个客户端")
    return found
