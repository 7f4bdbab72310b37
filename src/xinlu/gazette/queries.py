"""What others may ask of the gazette. Published law is public: these questions take no scope."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet

from xinlu.gazette.models import Edition, LawFile


def editions() -> QuerySet[Edition]:
    """Published editions, newest first."""
    found = Edition.objects.filter(state=Edition.State.PUBLISHED)
    return found.select_related("author", "publisher").order_by("-published_at", "-pk")


def in_force(book: str, day: date) -> LawFile | None:
    """The published version of a rulebook in force on ``day``, as the newest edition that holds it has it."""
    for row in reversed(versions(book)):
        begun = row.valid_from is not None and row.valid_from <= day
        if begun and (row.valid_until is None or row.valid_until > day):
            return row
    return None


def versions(book: str) -> list[LawFile]:
    """Published versions of a rulebook by coming into force; each in the newest edition that holds it."""
    rows = (
        LawFile.objects.filter(edition__state=Edition.State.PUBLISHED, plane=LawFile.Plane.RULEBOOK, identity=book)
        .select_related("edition")
        .order_by("edition__published_at", "edition")
    )
    newest = {row.version: row for row in rows}
    return sorted(newest.values(), key=lambda row: (row.valid_from or date.min, row.version))


def amendments() -> QuerySet[Edition]:
    """Amendments in every state, newest first; for those who write or publish law."""
    found = Edition.objects.exclude(plane="").select_related("author", "publisher")
    return found.order_by("-drafted_at", "-pk")


def law_digest() -> str:
    """Digest of the edition published last, empty before the first: a run names it."""
    newest = editions().first()
    return newest.digest if newest else ""
