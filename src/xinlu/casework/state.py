"""Where a case stands: computed from its actions each time, by the procedure under which it was opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from xinlu.casework import law
from xinlu.casework.models import Action, Case, Seat
from xinlu.law import clock
from xinlu.law.clock import NO_LIMIT, Reading, Stay
from xinlu.law.procedure import Procedure, State, possible


@dataclass(frozen=True)
class Standing:
    """A case with its actions and seats, read at a moment. ``seen`` is what :func:`xinlu.casework.act.act` wants."""

    case: Case
    procedure: Procedure
    actions: tuple[Action, ...]
    seats: dict[str, Seat]
    now: datetime

    @property
    def number(self) -> int:
        return self.case.pk

    @property
    def seen(self) -> int:
        """How many actions there are."""
        return len(self.actions)

    @cached_property
    def way(self) -> list[Stay]:
        """Where it stood since when, in order."""
        return clock.stays(self.procedure, self.case.opened_at, [(one.name, one.at) for one in self.actions])

    @property
    def state(self) -> str:
        """Name of the state that the actions lead to."""
        return self.way[-1].state

    @property
    def stands(self) -> State:
        """That state."""
        return self.procedure.states[self.state]

    @property
    def is_open(self) -> bool:
        return not self.stands.final

    @property
    def queue(self) -> str | None:
        """The party that has it on the desk; None when it is closed."""
        return self.stands.queue

    @property
    def seat(self) -> Seat | None:
        """Who that is in this case."""
        return self.seats.get(self.queue) if self.queue else None

    @property
    def possible(self) -> tuple[str, ...]:
        """Actions that somebody may take now."""
        return possible(self.procedure, self.state)

    @cached_property
    def lamp(self) -> Reading:
        """The most urgent deadline where the case stands."""
        if not self.is_open:
            return NO_LIMIT
        return clock.reading(self.procedure, law.calendar(), self.way, now=self.now)

    @property
    def since(self) -> datetime:
        """When it came where it stands."""
        return self.way[-1].since


def standing(case: Case, *, now: datetime) -> Standing:
    """Read a case; its actions and seats are taken from the database, or from what was fetched with it."""
    return Standing(
        case=case,
        procedure=law.version(case.procedure, case.version),
        actions=tuple(sorted(case.actions.all(), key=lambda one: one.number)),
        seats={one.party: one for one in case.seats.all()},
        now=now,
    )
