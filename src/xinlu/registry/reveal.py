"""Show the clear value of a sealed identifier: a separate act with a reason, and in the journal before it is seen."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from xinlu.access import masking
from xinlu.access.scope import DataLevel, Scope
from xinlu.access.sealing import unseal
from xinlu.journal.append import append
from xinlu.registry.models import Identifier
from xinlu.registry.queries import subject

LEVEL: DataLevel = "L3"


class ReasonMissing(ValueError):
    """Nobody reads a clear identifier without saying why."""


@transaction.atomic
def reveal(scope: Scope, number: int, *, type_: str, reason: str, at: datetime) -> str | None:
    """The clear identifier of ``type_`` of a subject in scope; None when there is none to see.

    For officers who supervise the subject's region with data level L3 or higher, and for the subject itself. Raises
    :class:`ReasonMissing` for an empty reason. The journal keeps who, whose, which type and why, never the value,
    not even where the reason repeats it.
    """
    if not reason.strip():
        raise ReasonMissing("RG-005：查看完整证件号码须填写理由。")
    one = subject(scope, number)
    if one is None or not _may(scope, one.pk, one.region):
        return None
    row = Identifier.objects.filter(subject=one.pk, type=type_, superseded_at__isnull=True).order_by("pk").first()
    if row is None:
        return None
    append(
        actor=scope.actor,
        verb="registry.identifier.revealed",
        obj=f"registry.subject:{one.pk}",
        facts={"type": type_, "reason": masking.within(reason.strip())},
        at=at,
    )
    return unseal(row.sealed) if row.sealed else row.value


def _may(scope: Scope, number: int, region: str) -> bool:
    if scope.kind in ("subject", "system"):
        return scope.kind == "system" or scope.subject == number
    return scope.kind == "officer" and scope.sees_level(LEVEL) and scope.covers_region(region)
