"""Figures that take long to count, kept until anything they were counted from has changed."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from django.core.cache import cache

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.journal.sequence import last_change
from xinlu.law.library import Library

LONGEST = 60 * 60
"""Seconds after which a figure is counted again in any case."""
_T = TypeVar("_T")
_edition: tuple[Library, str] | None = None


def remembered(name: str, scope: Scope, day: date, count: Callable[[], _T]) -> _T:
    """What ``count`` gives, or gave for the same view, day, law and data.

    ``name`` says what is counted. Two people share a figure when organ, regions, sectors, data level and subject
    are the same, for then both may see the same. A new change number is a new figure.
    """
    key = hashlib.sha256(repr((name, _view(scope), day, last_change(), _law())).encode()).hexdigest()
    found: _T | None = cache.get(key)
    if found is None:
        found = count()
        cache.set(key, found, LONGEST)
    return found


def _view(scope: Scope) -> tuple[object, ...]:
    """Everything that decides what a scope sees; who asks is not part of it."""
    return (scope.kind, scope.organ, scope.regions, scope.everywhere, scope.sectors, scope.level, scope.subject)


def _law() -> str:
    """A word for the library in use: the catalogue decides what is public."""
    global _edition
    law = current.library()
    if _edition is None or _edition[0] is not law:
        _edition = (law, secrets.token_hex(8))
    return _edition[1]
