"""Submit a filing: the draft becomes a version that never changes. What then happens to it is the procedure's business.

1. The filing is open: before the cut-off, or unlocked.
2. Nothing is wrong with it: neither in its form nor by the checks of a delivery, which are tried and undone.
3. It says something otherwise than the version that was approved last.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from xinlu.access.scope import Scope
from xinlu.intake.filing import content as said
from xinlu.intake.filing.draft import own
from xinlu.intake.filing.faults import faults
from xinlu.intake.filing.queries import base_of, is_open
from xinlu.intake.filing.refusal import FilingRefused, Found
from xinlu.intake.filing.take import rehearse
from xinlu.intake.models import Filing, FilingDraft, FilingVersion
from xinlu.journal.append import append
from xinlu.law.clock import CHINA


def problems(filing: Filing, content: said.Content, *, at: datetime) -> list[Found]:
    """Everything that keeps a draft from being submitted, in the order of the form; empty when it can be."""
    found = faults(said.form_of(filing.form), content)
    return found or rehearse(filing, content, at=at)


@transaction.atomic
def freeze(scope: Scope, filing: int, *, at: datetime) -> FilingVersion:
    """Make a version of the draft.

    Raises:
        FilingRefused: SF-002 locked, SF-004 with each problem, SF-005 nothing differs from what was approved.
    """
    held = own(scope, filing)
    if not is_open(held, on=at.astimezone(CHINA).date()):
        raise FilingRefused("SF-002", f"{held.year} 年度的填报已锁定")
    draft = FilingDraft.objects.select_for_update().get(pk=held.pk)
    base = base_of(held)
    told = said.digest(draft.content)
    if base is not None and base.digest == told:
        raise FilingRefused("SF-005", "没有新的内容")
    if found := problems(held, draft.content, at=at):
        raise FilingRefused("SF-004", f"有 {len(found)} 处问题", tuple(found))
    last = held.versions.aggregate(last=Max("number"))["last"] or 0
    version = FilingVersion(
        filing=held,
        number=last + 1,
        content=draft.content,
        digest=told,
        submitted_at=at,
        submitted_by=scope.key,
    )
    version.save()
    append(
        actor=scope.actor,
        verb="intake.filing.submitted",
        obj=f"intake.filing:{held.pk}",
        facts={"version": version.number, "digest": told},
        at=at,
    )
    return version
