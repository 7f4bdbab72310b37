"""The digest of an edition, and whether what was published is still what was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xinlu.gazette.models import Edition
from xinlu.journal.digest import canonical, sm3
from xinlu.journal.models import Event

VERB_PUBLISHED = "gazette.edition.published"


@dataclass(frozen=True)
class Changed:
    """A published file that is no longer what was published."""

    edition: int
    path: str
    sentence: str


def edition_digest(digests: Mapping[str, str]) -> str:
    """One digest over path → digest of the file."""
    return sm3(canonical(dict(digests)))


def faults(edition: Edition) -> list[Changed]:
    """Files of an edition whose text no longer has its digest, an edition that no longer has its files, and one
    whose digest is not what the chain of the journal says was published."""
    files = list(edition.files.order_by("path"))
    found = [
        Changed(edition.pk, file.path, f"{file.path} 的内容在发布后被改动。")
        for file in files
        if sm3(file.content) != file.digest
    ]
    if edition_digest({file.path: file.digest for file in files}) != edition.digest:
        found.append(Changed(edition.pk, "", "版本所含的文件与摘要不符。"))
    if edition.state == Edition.State.PUBLISHED and _journalled(edition) != edition.digest:
        found.append(Changed(edition.pk, "", "版本的摘要与审计链所记的发布不符。"))
    return found


def _journalled(edition: Edition) -> str:
    event = Event.objects.filter(verb=VERB_PUBLISHED, object=f"gazette.edition:{edition.pk}").order_by("seq").last()
    return str(event.facts.get("digest", "")) if event else ""
