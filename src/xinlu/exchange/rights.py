"""Who may connect another system: data stewards, for the sources of their own organ and of organs in its regions."""

from __future__ import annotations

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.exchange.refusal import Refused
from xinlu.ledger.models import Source

STEWARDS = (Person.Role.STEWARD,)
APPROVERS = (Person.Role.STEWARD, Person.Role.CHIEF)


def has_charge_of(scope: Scope, source: Source) -> bool:
    """Whether a source lies within an officer's scope: of the own organ, or of one in its regions."""
    if scope.kind != "officer":
        return False
    return source.organ.code == scope.organ or scope.covers_region(source.organ.region)


def require_steward(person: Person, source: Source) -> None:
    """Refuse (EX-102) who may not register clients of ``source`` and propose agreements for it."""
    if not person.is_active or person.role not in STEWARDS or not has_charge_of(Scope.of(person), source):
        raise Refused("EX-102", "您没有办理这个数据源对接的权限")


def require_approver(person: Person, source: Source) -> None:
    """Refuse (EX-102) who may not approve, refuse, suspend or end agreements of ``source``."""
    if not person.is_active or person.role not in APPROVERS or not has_charge_of(Scope.of(person), source):
        raise Refused("EX-102", "您没有批准这个数据源协议的权限")
