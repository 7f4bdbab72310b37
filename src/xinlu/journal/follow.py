"""News that is applied at once: what a higher room does in the very transaction in which a lower one writes an event.

Calls go down, news goes up; but some news must not wait until somebody calls. A room that follows a verb says so once,
when Django starts (``AppConfig.ready``). From then on whoever writes such an event – page, command, another verb – has
the effect applied before the transaction ends, and the mark of :mod:`xinlu.journal.inbox` keeps it from being applied
again. When the effect fails, the event was never written.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from xinlu.journal.inbox import apply_once, unapplied
from xinlu.journal.models import Event

Effect = Callable[[Event, datetime], None]
"""What follows from an event, done at a time (aware)."""

_followers: dict[str, dict[str, Effect]] = {}


def follow(*, consumer: str, verbs: tuple[str, ...], effect: Effect) -> None:
    """From now on ``consumer`` applies ``effect`` to each event of ``verbs`` as it is written. Twice said is once."""
    for verb in verbs:
        _followers.setdefault(verb, {})[consumer] = effect


def applied(event: Event) -> None:
    """Let every follower of the event's verb apply it. Called by :func:`xinlu.journal.append.append`."""
    for consumer, effect in _followers.get(event.verb, {}).items():
        apply_once(consumer, event, effect=_at(effect, event.at), at=event.at)


def catch_up(*, consumer: str, at: datetime) -> int:
    """Apply what was written while nobody followed, oldest first; gives how many events that were."""
    mine = {verb: effects[consumer] for verb, effects in _followers.items() if consumer in effects}
    done = 0
    for event in list(unapplied(consumer, verbs=sorted(mine))):
        done += apply_once(consumer, event, effect=_at(mine[event.verb], at), at=at)
    return done


def _at(effect: Effect, at: datetime) -> Callable[[Event], None]:
    return lambda event: effect(event, at)
