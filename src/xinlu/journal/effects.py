"""Verbs that rooms offer as effects of a procedure, under the names that law files use: ``intake.take_filing``.

A procedure names its effects; the room that owns a verb offers it here when the program starts; the room that moves
cases calls it. So a lower room acts for a case without knowing that there are cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from xinlu.journal.actor import Actor


@dataclass(frozen=True)
class Doing:
    """What an effect is told: the case, what it is about, which action was taken, by whom and when."""

    case: int
    about: str
    action: str
    actor: Actor
    at: datetime
    subject: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was said when the case was opened, and with the action."""


Effect = Callable[[Doing], Mapping[str, Any]]
"""Runs in the transaction of the action; what it gives is kept with the action (numbers and digests, no names)."""

_offered: dict[str, Effect] = {}


class OfferedTwice(ValueError):
    """Two verbs want one name. An error of the program."""


def offer(name: str, effect: Effect) -> None:
    """Make ``effect`` known under ``name``; offering the same verb again changes nothing."""
    if _offered.setdefault(name, effect) is not effect:
        raise OfferedTwice(f"two verbs are called {name}")


def offered() -> Mapping[str, Effect]:
    """Name → verb of everything that is offered."""
    return dict(_offered)
