"""``/workbench/``: drafts and what can be copied; a rule maker changes a rule, and another person makes it law.

Pages for those who draft or publish law; for everybody else they are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette import amend, current, queries
from xinlu.gazette.models import Edition, Step
from xinlu.gazette.refusal import Refused
from xinlu.law.library import Library
from xinlu.law.procedure import Procedure
from xinlu.law.rulebook import Rulebook
from xinlu.web.makers import PLANES, STATES, catalogue_files, for_makers, may_review, person_of
from xinlu.web.moments import now
from xinlu.web.rulebooks import sectors


@dataclass(frozen=True)
class Copyable:
    """A book or procedure of which a draft can be made."""

    plane: str
    identity: str
    title: str
    field: str
    versions: tuple[str, ...]
    mine: bool
    """In the business field of the asker."""


@dataclass(frozen=True)
class DraftRow:
    """An amendment in the list."""

    edition: Edition
    plane: str
    state: str
    last: Step | None
    mine: bool
    to_review: bool


@require_GET
@for_makers
def index(request: HttpRequest) -> HttpResponse:
    """All drafts, those that wait for the reader first; then what can be copied."""
    person = person_of(request)
    rows = [_row(edition, person) for edition in queries.amendments()]
    law = current.library()
    context = {
        "waiting": [row for row in rows if row.to_review],
        "mine": [row for row in rows if row.mine and row.state in ("doing", "todo")],
        "others": [row for row in rows if not row.to_review and not (row.mine and row.state in ("doing", "todo"))],
        "books": sorted(_copyable(law, Scope.of(person)), key=lambda one: (not one.mine, one.field, one.title)),
        "items": sorted(law.catalogue.items.values(), key=lambda one: one.title),
        "catalogue": law.catalogue,
        "drafts": person.drafts_law,
    }
    return render(request, "web/workbench.html", context)


def _row(edition: Edition, person: Person) -> DraftRow:
    return DraftRow(
        edition,
        PLANES[edition.plane],
        STATES[edition.state],
        edition.steps.order_by("-number").first(),
        edition.author_id == person.pk,
        edition.state == Edition.State.SUBMITTED and may_review(edition, person),
    )


def _copyable(law: Library, scope: Scope) -> list[Copyable]:
    named = sectors()
    books = [
        Copyable(
            "rulebook", name, versions[-1].title, named.get(versions[-1].sector, versions[-1].sector),
            tuple(one.version for one in reversed(versions)), scope.covers_sector(versions[-1].sector),
        )
        for name, versions in law.rulebooks.items()
    ]  # fmt: skip
    all_fields = scope.covers_sector("all")
    procedures = [
        Copyable(
            "procedure", name, versions[-1].title, "程序", tuple(one.version for one in reversed(versions)), all_fields
        )
        for name, versions in law.procedures.items()
    ]
    return books + procedures


class NewForm(forms.Form):
    """Which version to copy, and what the new one is called."""

    copied_from = forms.ChoiceField(label="抄自版本", error_messages={"required": "请选择抄自哪一版"})
    version = forms.CharField(
        label="新版本的名称",
        max_length=40,
        help_text="如 2027；只用字母、数字、点和连字符",
        error_messages={"required": "请填写新版本的名称"},
    )
    in_force_from = forms.DateField(
        label="施行日",
        help_text="前一版到这一天为止（不含当日）",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "请填写施行日", "invalid": "请写成 2027-01-01 这样的日期"},
    )

    def __init__(self, *args: object, versions: list[tuple[str, str]], dated: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        chosen = self.fields["copied_from"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = versions
        if not dated:
            del self.fields["in_force_from"]


@require_http_methods(["GET", "POST"])
@for_makers
def new(request: HttpRequest) -> HttpResponse:
    """Copy a version into a draft: ``?plane=rulebook&of=taxi-driver``, of the catalogue ``of`` names a file."""
    person, law = person_of(request), current.library()
    plane, of = request.GET.get("plane", ""), request.GET.get("of", "")
    title, versions = _source(law, plane, of)
    if not versions or not person.drafts_law:
        raise Http404("没有可以抄写的法规")
    dated = plane != "catalogue"
    form = NewForm(request.POST or None, versions=versions, dated=dated)
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            edition = _draft(plane, of, wanted, person)
        except Refused as error:
            refused = error
        else:
            messages.success(request, f"已从 {edition.copied_from} 版抄成草案，可以开始修改。")
            return redirect("web:amendment", number=edition.pk)
    context = {"form": form, "title": title, "plane": PLANES[plane], "refused": refused, "dated": dated}
    return render(request, "web/workbench_new.html", context, status=422 if refused or form.errors else 200)


def _source(law: Library, plane: str, of: str) -> tuple[str, list[tuple[str, str]]]:
    """Title and versions of what is to be copied."""
    found: tuple[Rulebook, ...] | tuple[Procedure, ...] = ()
    if plane == "catalogue":
        item = law.catalogue.items.get(Path(of).stem)
        known = (law.root / of).is_file() and of in {f"catalogue/{name}" for name in catalogue_files(law)}
        title = f"{law.catalogue.title}：{item.title if item else of}"
        return title, [(law.catalogue.edition, law.catalogue.edition)] if known else []
    if plane == "rulebook":
        found = law.rulebooks.get(of, ())
    elif plane == "procedure":
        found = law.procedures.get(of, ())
    newest_first: list[Rulebook | Procedure] = [*found][::-1]
    versions = [(one.version, f"{one.version}（{one.in_force.from_} 起施行）") for one in newest_first]
    return (newest_first[0].title if newest_first else ""), versions


def _draft(plane: str, of: str, wanted: dict[str, object], person: Person) -> Edition:
    version, copied, at = str(wanted["version"]), str(wanted["copied_from"]), now()
    if plane == "catalogue":
        return amend.draft_catalogue(of, version=version, author=person, at=at)
    begins = wanted["in_force_from"]
    assert isinstance(begins, date)
    make = amend.draft_book if plane == "rulebook" else amend.draft_procedure
    return make(of, copied_from=copied, version=version, in_force_from=begins, author=person, at=at)
