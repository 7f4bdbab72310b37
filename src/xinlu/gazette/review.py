"""The way of an amendment between two persons: submitted, taken back, refused with a reason, withdrawn."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.gazette.amend import note
from xinlu.gazette.candidate import checked
from xinlu.gazette.models import Edition, Step
from xinlu.gazette.refusal import Refused, SamePerson


@transaction.atomic
def submit(edition: Edition, *, author: Person, at: datetime, words: str = "") -> Edition:
    """Hand a draft to another person. Refused while the check finds errors (GZ-007), cases fail (GZ-008) or
    nothing was changed (GZ-009)."""
    held = _in(edition, Edition.State.DRAFT)
    _is_author(held, author)
    if not _changed(held):
        raise Refused("GZ-009", "草案与抄来的文本一样，没有改动")
    require_right(held)
    return _move(held, Edition.State.SUBMITTED, Step.Kind.SUBMITTED, author, at, words)


@transaction.atomic
def take_back(edition: Edition, *, author: Person, at: datetime) -> Edition:
    """The author goes on writing what he had submitted."""
    held = _in(edition, Edition.State.SUBMITTED)
    _is_author(held, author)
    return _move(held, Edition.State.DRAFT, Step.Kind.TAKEN_BACK, author, at, "")


@transaction.atomic
def refuse(edition: Edition, *, reviewer: Person, at: datetime, reason: str) -> Edition:
    """Send a draft back to its author, with a reason (GZ-012 without one)."""
    held = _in(edition, Edition.State.SUBMITTED)
    may_review(held, reviewer)
    if not reason.strip():
        raise Refused("GZ-012", "退回要写明理由")
    return _move(held, Edition.State.DRAFT, Step.Kind.REFUSED, reviewer, at, reason.strip()[:400])


@transaction.atomic
def withdraw(edition: Edition, *, author: Person, at: datetime) -> Edition:
    """Give a draft up; it stays readable, and its version name is free again."""
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    _is_author(held, author)
    if held.state not in (Edition.State.DRAFT, Edition.State.SUBMITTED):
        raise Refused("GZ-005", f"草案{held.get_state_display()}，不能作废")
    return _move(held, Edition.State.WITHDRAWN, Step.Kind.WITHDRAWN, author, at, "")


def may_review(edition: Edition, person: Person) -> None:
    """Refuse the author (GZ-001), who publishes no law, and who has nothing to do with the field (GZ-004)."""
    if edition.author_id == person.pk:
        raise SamePerson
    if not person.publishes_law or not Scope.of(person).covers_sector(sector_of(edition)):
        raise Refused("GZ-004", "您没有审核发布这部法规的权限")


def sector_of(edition: Edition) -> str:
    """The business field of what an amendment changes; ``all`` for procedures and the catalogue."""
    if edition.plane != Edition.Plane.RULEBOOK:
        return "all"
    versions = current.library().rulebooks.get(edition.identity, ())
    return versions[-1].sector if versions else "all"


def require_right(edition: Edition) -> None:
    """Refuse a draft with errors (GZ-007) or failing cases (GZ-008)."""
    found = checked(edition)
    if found.errors:
        raise Refused("GZ-007", f"法规检查还有 {len(found.errors)} 处错误", *found.errors)
    if found.failing:
        raise Refused("GZ-008", f"还有 {len(found.failing)} 处案例不符", *found.failing)


def _changed(edition: Edition) -> bool:
    """Whether a text is another than it was when it was copied: the first save of a file is its copy."""
    first: dict[str, str] = {}
    for path, digest in edition.steps.filter(kind=Step.Kind.SAVED).values_list("path", "digest"):
        first.setdefault(path, digest)
    return any(first.get(path) != digest for path, digest in edition.files.values_list("path", "digest"))


def _in(edition: Edition, state: Edition.State) -> Edition:
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    if held.state != state:
        raise Refused("GZ-005", f"草案现在是“{held.get_state_display()}”")
    return held


def _is_author(edition: Edition, person: Person) -> None:
    if edition.author_id != person.pk:
        raise Refused("GZ-003", "只有起草人可以这样做")


def _move(edition: Edition, state: Edition.State, kind: Step.Kind, person: Person, at: datetime, words: str) -> Edition:
    edition.state = state
    edition.save()
    note(edition, kind, person, at, words=words[:400])
    return edition
