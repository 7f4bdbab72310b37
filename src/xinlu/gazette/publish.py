"""Publish an edition: a second person, and from then on nobody changes a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette.models import Edition
from xinlu.journal.append import append
from xinlu.journal.digest import canonical, sm3

VERB_PUBLISHED = "gazette.edition.published"


class SamePerson(ValueError):
    """Author and publisher are one person."""


class NotAsDrafted(ValueError):
    """The files are not those whose digest the draft carries."""


@dataclass(frozen=True)
class Changed:
    """A published file that is no longer what was published."""

    edition: int
    path: str
    sentence: str


def edition_digest(digests: Mapping[str, str]) -> str:
    """One digest over path → digest of the file."""
    return sm3(canonical(dict(digests)))


@transaction.atomic
def publish(edition: Edition, *, publisher: Person, at: datetime) -> Edition:
    """Publish a draft. A published edition is given back as it is.

    Raises :class:`SamePerson` or :class:`NotAsDrafted`."""
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    if held.state == Edition.State.PUBLISHED:
        return held
    if held.author_id == publisher.pk:
        raise SamePerson("GZ-001：起草人不能发布自己起草的版本，请由另一人发布。")
    if faults(held):
        raise NotAsDrafted("GZ-002：文件内容与起草时的摘要不符，请重新起草。")
    held.state = Edition.State.PUBLISHED
    held.publisher = publisher
    held.published_at = at
    held.save()
    append(
        actor=Scope.of(publisher).actor,
        verb=VERB_PUBLISHED,
        obj=f"gazette.edition:{held.pk}",
        facts={"digest": held.digest, "author": held.author_id},
        at=at,
    )
    return held


def faults(edition: Edition) -> list[Changed]:
    """Files of an edition whose text no longer has its digest, and an edition that no longer has its files."""
    files = list(edition.files.order_by("path"))
    found = [
        Changed(edition.pk, file.path, f"{file.path} 的内容在发布后被改动。")
        for file in files
        if sm3(file.content) != file.digest
    ]
    if edition_digest({file.path: file.digest for file in files}) != edition.digest:
        found.append(Changed(edition.pk, "", "版本所含的文件与摘要不符。"))
    return found
