"""Publish an edition: a second person, and from then on nobody changes a word.

One way for the first edition and for amendments of each plane of law.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.gazette.amend import note
from xinlu.gazette.candidate import candidate, closings, drafted_piece
from xinlu.gazette.models import Edition, LawFile, Step
from xinlu.gazette.refusal import NotAsDrafted, Refused, SamePerson
from xinlu.gazette.review import may_review, require_right
from xinlu.gazette.seal import VERB_PUBLISHED, Changed, edition_digest, faults
from xinlu.journal.append import append
from xinlu.journal.digest import sm3

__all__ = ["Changed", "NotAsDrafted", "SamePerson", "edition_digest", "faults", "publish"]


@transaction.atomic
def publish(edition: Edition, *, publisher: Person, at: datetime, seen: str | None = None) -> Edition:
    """Publish a draft of a whole edition, or an amendment that was submitted.

    A published edition is given back as it is. An amendment becomes law from the day that its text names; the
    version before ends on that day (exclusive). ``seen`` is the digest of what the publisher read. Raises
    :class:`Refused`: GZ-001 (:class:`SamePerson`), 002 (:class:`NotAsDrafted`), 004 to 008, 010.
    """
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    if held.state == Edition.State.PUBLISHED:
        return held
    if held.author_id == publisher.pk:
        raise SamePerson
    if faults(held):
        raise NotAsDrafted
    facts: dict[str, object] = {"author": held.author_id}
    if held.plane:
        facts |= _amended(held, publisher, at, seen)
    held.state = Edition.State.PUBLISHED
    held.publisher = publisher
    held.published_at = at
    held.save()
    append(
        actor=Scope.of(publisher).actor,
        verb=VERB_PUBLISHED,
        obj=f"gazette.edition:{held.pk}",
        facts={"digest": held.digest, **facts},
        at=at,
    )
    if held.plane:
        note(held, Step.Kind.PUBLISHED, publisher, at)
        transaction.on_commit(current.restore)
    return held


def _amended(held: Edition, publisher: Person, at: datetime, seen: str | None) -> dict[str, object]:
    """Make an amendment ready: it is what was read, right among the law of this moment, dated, and closes the
    version before."""
    if held.state != Edition.State.SUBMITTED:
        raise Refused("GZ-005", f"草案现在是“{held.get_state_display()}”")
    may_review(held, publisher)
    if seen is not None and seen != held.digest:
        raise Refused("GZ-006", "草案在您打开页面之后被改过，没有发布")
    _require_fresh(held)
    require_right(held)
    with candidate(held) as law:
        new = drafted_piece(held, law)
    day = at.astimezone(timezone.get_default_timezone()).date()
    begins, ends = (new.in_force.from_, new.in_force.until) if new else (day, None)
    held.files.exclude(version="").update(valid_from=begins, valid_until=ends)
    if new is None:
        return {"version": held.version, "from": day.isoformat()}
    closed = _close(held, begins)
    return {"version": held.version, "from": begins.isoformat(), **({"closes": closed} if closed else {})}


def _require_fresh(held: Edition) -> None:
    """What the draft replaces must still be what was copied, and a new file must not be there yet."""
    for file in held.files.all():
        there = current.folder() / file.path
        digest = sm3(there.read_bytes()) if there.is_file() else ""
        if digest != file.replaces:
            raise Refused("GZ-010", f"“{file.path}”在起草之后已被改动")


def _close(held: Edition, begins: date) -> str:
    """Take the version before into the edition, ended on the day on which the new one begins; gives its name."""
    for one in closings(held):
        there = current.folder() / one.path
        LawFile.objects.create(
            edition=held,
            plane=held.plane,
            identity=held.identity,
            version=one.version,
            valid_from=one.valid_from,
            valid_until=begins,
            path=one.path,
            content=one.text,
            digest=sm3(one.text),
            replaces=sm3(there.read_bytes()),
        )
        held.digest = edition_digest(dict(held.files.values_list("path", "digest")))
        return one.version
    return ""
