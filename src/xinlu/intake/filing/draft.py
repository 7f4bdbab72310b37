"""Write a filing: start it, save a row as typed, add and remove rows.

Nothing typed is refused for being wrong: what is wrong is told beside it (:mod:`xinlu.intake.filing.faults`), and
keeps the filing from being submitted. A row is saved against the row that its form was made from.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.filing import content as said
from xinlu.intake.filing.content import Content, Row
from xinlu.intake.filing.queries import base_of, is_open
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.intake.models import Filing, FilingDraft, FilingPaper
from xinlu.journal.append import append
from xinlu.law.clock import CHINA
from xinlu.law.filing import FIRM, Form, Part
from xinlu.registry import queries as registry
from xinlu.registry.models import SubjectPeriod


@transaction.atomic
def start(scope: Scope, *, form: str, year: int, at: datetime, subject: int | None = None) -> Filing:
    """The filing of a firm for a year, with a draft that says what is known already; the one there is, if any.

    ``subject`` is for the system only; a firm starts its own. The draft is the last approved version, of this or an
    earlier year; without one, what the registry has of the firm and its sections. Persons are never taken from the
    registry: a firm does not see whom other registers name as its staff.

    Raises:
        FilingRefused: SF-001 the firm does not file on this form, SF-002 the year has not opened or is locked.
    """
    number = subject if scope.kind == "system" else scope.subject
    asked = said.form_of(form)
    day = at.astimezone(CHINA).date()
    firm = registry.period(scope, number, on=day) if number is not None else None
    if number is None or firm is None or not _files(asked, firm):
        raise FilingRefused("SF-001", f"“{asked.title}”由登记了相应业务的企业填报")
    found = Filing.objects.within(scope).filter(subject=number, form=form, year=year).first()
    if found is not None:
        return found
    round_ = asked.round(year)
    if round_ is None or not round_.opens_on <= day < round_.locks_on:
        raise FilingRefused("SF-002", f"{year} 年度的填报没有开始，或已经截止")
    filing, fresh = Filing._base_manager.get_or_create(
        subject_id=number, form=form, year=year, defaults={"started_at": at, "started_by": scope.key}
    )
    if fresh:
        drafted = _prefilled(scope, asked, filing, firm, day)
        FilingDraft.objects.create(filing=filing, content=drafted, saved_at=at, saved_by=scope.key)
        append(
            actor=scope.actor,
            verb="intake.filing.started",
            obj=f"intake.filing:{filing.pk}",
            facts={"form": form, "year": year},
            at=at,
        )
    return filing


@transaction.atomic
def save_row(
    scope: Scope,
    filing: int,
    part: str,
    row: str,
    values: Mapping[str, str | list[str]],
    *,
    seen: str,
    at: datetime,
) -> Row:
    """Keep what was typed into a row; fields that are not named stay. ``seen``: digest of the row before.

    A new row of the part is made where ``row`` is empty. Saving what is there already changes nothing.

    Raises:
        FilingRefused: SF-002 locked, SF-003 saved elsewhere meanwhile, SF-006, SF-007.
    """
    draft, form = _held(scope, filing, at)
    what = said.part_of(form, part)
    target = _new(draft, part, what) if not row else said.row_in(draft.content, part, row)
    if target is None:
        raise FilingRefused("SF-007", f"“{what.title}”没有这一行，可能在别处删去了")
    if row and said.row_digest(target) != seen:
        raise FilingRefused("SF-003", "这一行在您打开页面之后改过，没有保存")
    known = {one.name: one for one in said.fields_of(what)}
    if unknown := sorted(set(values) - set(known)):
        raise FilingRefused("SF-007", f"“{what.title}”没有数据项“{unknown[0]}”")
    for name, value in values.items():
        target["values"][name] = said.typed(known[name], value, before=target["values"].get(name, ""))
    _keep(draft, scope, at)
    return target


@transaction.atomic
def remove_row(scope: Scope, filing: int, part: str, row: str, *, seen: str, at: datetime) -> None:
    """Take a row out of the draft; its papers stay with the versions that had it. Refuses as :func:`save_row`."""
    draft, form = _held(scope, filing, at)
    what = said.part_of(form, part)
    target = said.row_in(draft.content, part, row)
    if target is None or not what.many:
        raise FilingRefused("SF-007", f"“{what.title}”没有可以删去的这一行")
    if said.row_digest(target) != seen:
        raise FilingRefused("SF-003", "这一行在您打开页面之后改过，没有删去")
    draft.content[part].remove(target)
    _keep(draft, scope, at)


@transaction.atomic
def attach(scope: Scope, paper: FilingPaper, part: str, row: str, *, at: datetime) -> None:
    """Put a paper that is kept to a row. Raises :class:`FilingRefused`: SF-002, SF-007, SF-107."""
    draft, form = _held(scope, paper.filing_id, at)
    target = said.row_in(draft.content, part, row)
    if target is None:
        raise FilingRefused("SF-007", f"“{said.part_of(form, part).title}”没有这一行")
    if paper.token in target["papers"]:
        return
    if len(target["papers"]) >= form.papers.most:
        raise FilingRefused("SF-107", f"一行的附件不超过 {form.papers.most} 件")
    target["papers"].append(paper.token)
    _keep(draft, scope, at)


@transaction.atomic
def detach(scope: Scope, filing: int, part: str, row: str, token: str, *, at: datetime) -> None:
    """Take a paper off a row of the draft; versions that had it keep it."""
    draft, _ = _held(scope, filing, at)
    target = said.row_in(draft.content, part, row)
    if target is None or token not in target["papers"]:
        raise FilingRefused("SF-007", "这一行没有这件附件")
    target["papers"].remove(token)
    _keep(draft, scope, at)


def own(scope: Scope, filing: int) -> Filing:
    """The filing, if ``scope`` is the firm that files it, or the system. Raises :class:`FilingRefused`: SF-007."""
    found = Filing.objects.within(scope).select_related("subject").filter(pk=filing).first()
    if found is None or not (scope.kind == "system" or scope.subject == found.subject_id):
        raise FilingRefused("SF-007", "没有这份填报")
    return found


def _held(scope: Scope, number: int, at: datetime) -> tuple[FilingDraft, Form]:
    """The draft of an own filing, locked until the transaction ends, while it may be changed."""
    filing = own(scope, number)
    if not is_open(filing, on=at.astimezone(CHINA).date()):
        raise FilingRefused("SF-002", f"{filing.year} 年度的填报已锁定")
    return FilingDraft.objects.select_for_update().get(pk=filing.pk), said.form_of(filing.form)


def _keep(draft: FilingDraft, scope: Scope, at: datetime) -> None:
    draft.saved_at, draft.saved_by = at, scope.key
    draft.save()


def _new(draft: FilingDraft, part: str, what: Part) -> Row:
    if not what.many:
        raise FilingRefused("SF-007", f"“{what.title}”只有一行")
    if len(draft.content[part]) >= what.most:
        raise FilingRefused("SF-006", f"“{what.title}”不超过 {what.most} 行")
    before: list[Content] = list(draft.filing.versions.values_list("content", flat=True))
    base = base_of(draft.filing)
    fresh = said.new_row(part, draft.content, *before, *([base.content] if base else []))
    draft.content[part].append(fresh)
    return fresh


# ── what is known already ───────────────────────────────────────────────────────────────────────


def _files(form: Form, firm: SubjectPeriod) -> bool:
    done = firm.attributes.get("businesses") or []
    return firm.subject.kind == form.kind and bool(set(form.businesses) & set(done))


def _prefilled(scope: Scope, form: Form, filing: Filing, firm: SubjectPeriod, day: date) -> Content:
    base = base_of(filing)
    if base is not None:
        return copy.deepcopy(base.content)
    content = said.empty(form)
    for name, part in form.parts.items():
        if part.kind == form.kind and not part.many:
            content[name][0]["values"] = _values(part, firm)
        for link in part.links:
            if link.from_ == FIRM and part.kind is not None and not _natural(part):
                content[name] = _related(scope, name, part, link.relation, firm.subject_id, day)
    _projects(scope, form, content, day)
    return content


def _natural(part: Part) -> bool:
    return current.catalogue().kinds[part.kind or ""].natural_person


def _values(part: Part, period: SubjectPeriod, **more: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in said.fields_of(part):
        value = more.get(field.name, period.attributes.get(field.name, ""))
        if field.name == "name":
            value = period.name
        if value:
            found[field.name] = said.held(field, value)
    return found


def _related(scope: Scope, name: str, part: Part, relation: str, firm: int, day: date) -> list[Row]:
    """Rows of the subjects to which the firm stands in ``relation`` on a day."""
    numbers = [
        one.to_subject_id
        for one in registry.relations(scope, firm, on=day)
        if one.relation == relation and one.from_subject_id == firm
    ]
    return _rows(scope, name, part, numbers, day)


def _rows(scope: Scope, name: str, part: Part, numbers: Sequence[int], day: date) -> list[Row]:
    codes = registry.main_identifiers(scope, numbers, type_="code")
    found: list[Row] = []
    for number in sorted(numbers):
        period = registry.period(scope, number, on=day)
        if period is not None and period.subject.kind == part.kind:
            row = said.new_row(name, {name: found})
            row["values"] = _values(part, period, code=codes.get(number, ""))
            found.append(row)
    return found


def _projects(scope: Scope, form: Form, content: Content, day: date) -> None:
    """The projects to which the sections belong, once each."""
    codes = {str(row["values"].get("project", "")) for row in content.get("sections", [])} - {""}
    part = form.parts.get("projects")
    if part is not None and codes:
        numbers = registry.numbers_by_identifier(scope, sorted(codes), type_="code")
        content["projects"] = _rows(scope, "projects", part, sorted(set(numbers.values())), day)
