"""What others may ask of filings. Every question takes a scope first."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet

from xinlu.access.scope import Scope
from xinlu.intake.filing import content as said
from xinlu.intake.filing.content import Content
from xinlu.intake.models import Filing, FilingApproval, FilingPaper, FilingVersion


def filings(scope: Scope, *, form: str | None = None) -> QuerySet[Filing]:
    """Filings of the scope, the newest year first: a firm's own, and for offices those submitted in their region."""
    found = Filing.objects.within(scope).select_related("subject").order_by("-year", "pk")
    return found if form is None else found.filter(form=form)


def filing(scope: Scope, number: int) -> Filing | None:
    """One filing."""
    return filings(scope).filter(pk=number).first()


def draft(scope: Scope, number: int) -> Content | None:
    """What the firm is writing; for itself only."""
    found = filing(scope, number)
    if found is None or not (scope.kind == "system" or scope.subject == found.subject_id):
        return None
    content: Content = found.draft.content
    return content


def versions(scope: Scope, number: int) -> list[FilingVersion]:
    """What was submitted, oldest first; approvals come with it."""
    found = filing(scope, number)
    if found is None:
        return []
    return list(found.versions.select_related("approval").order_by("number"))


def version(scope: Scope, number: int, version: int) -> FilingVersion | None:
    """One submitted version."""
    return next((one for one in versions(scope, number) if one.number == version), None)


def newest(filing: Filing) -> FilingVersion | None:
    """The last version that was submitted."""
    return filing.versions.order_by("-number").first()


def approval_of(version: FilingVersion) -> FilingApproval | None:
    """The approval of a version, if it has one."""
    return FilingApproval.objects.filter(version=version).first()


def base_of(filing: Filing, *, below: FilingVersion | None = None) -> FilingVersion | None:
    """The last approved version of the firm on this form, of this year or an earlier one.

    ``below``: the one approved before that version was, so that an approved version is compared with what it changed.
    """
    found = FilingVersion.objects.filter(
        filing__subject=filing.subject_id,
        filing__form=filing.form,
        filing__year__lte=filing.year,
        approval__isnull=False,
    )
    if below is not None:
        approval = approval_of(below)
        found = found.exclude(pk=below.pk)
        if approval is not None:
            found = found.filter(approval__at__lte=approval.at)
    return found.order_by("-approval__at", "-pk").first()


def paper(scope: Scope, token: str) -> FilingPaper | None:
    """A paper of a filing in scope: of the firm its own, of an office only what was submitted."""
    found = FilingPaper.objects.filter(token=token).first()
    if found is None or filing(scope, found.filing_id) is None:
        return None
    if scope.kind in ("subject", "system"):
        return found
    submitted = FilingVersion.objects.filter(
        filing__subject=found.filing.subject_id, filing__form=found.filing.form
    ).values_list("content", flat=True)
    tokens = {one for content in submitted for _, row in said.rows(content) for one in row["papers"]}
    return found if token in tokens else None


def papers(scope: Scope, filing: Filing) -> dict[str, FilingPaper]:
    """Token → paper, for every paper of the firm on this form: rows are carried over from year to year."""
    if not filings(scope).filter(pk=filing.pk).exists():
        return {}
    found = FilingPaper.objects.filter(filing__subject=filing.subject_id, filing__form=filing.form)
    return {one.token: one for one in found}


def locks_on(filing: Filing, *, on: date) -> date | None:
    """The first day on which the filing is locked, seen from ``on``; None when it is locked already or not yet open."""
    round_ = said.form_of(filing.form).round(filing.year)
    ends = [] if round_ is None or on < round_.opens_on else [round_.locks_on]
    ends += list(filing.unlockings.values_list("until", flat=True))
    return max((one for one in ends if one > on), default=None)


def is_open(filing: Filing, *, on: date) -> bool:
    """Whether the firm may change and submit on a day: before the cut-off, or while it is unlocked."""
    return locks_on(filing, on=on) is not None
