"""What others may ask of cases. Every question takes a scope first; what it may not see is not there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from xinlu.access.scope import Scope
from xinlu.casework import law
from xinlu.casework.models import Action, Case
from xinlu.casework.state import Standing, standing
from xinlu.law.clock import Light
from xinlu.law.procedure import Procedure

ORDER = (Light.RED, Light.YELLOW, Light.GREEN, Light.UNKNOWN, Light.NONE, Light.PAUSED)


def case(scope: Scope, number: int, *, now: datetime) -> Standing | None:
    """One case and where it stands at ``now``; None when the scope does not see it."""
    found = _whole(Case.objects.within(scope)).filter(pk=number).first()
    return None if found is None else standing(found, now=now)


def queue(scope: Scope, *, now: datetime, procedure: str | None = None) -> list[Standing]:
    """Open cases that wait for ``scope``, the most urgent first: red, yellow, green, then by due day and number.

    A case is in the queue of one party only, so it is in the queue of one organ or subject. ``procedure`` asks for
    one procedure only. The system and the public have no queue.
    """
    found = [standing(one, now=now) for one in _whole(_waiting(scope, procedure))]
    return sorted(found, key=lambda one: (ORDER.index(one.lamp.light), one.lamp.left, one.number))


def waiting(scope: Scope, *, procedure: str | None = None) -> int:
    """How many cases wait for ``scope``: the length of its queue, without reading it."""
    return _waiting(scope, procedure).count()


def open_cases(scope: Scope, *, now: datetime, procedure: str | None = None) -> list[Standing]:
    """All open cases that ``scope`` sees, whoever has them, by number."""
    places = Q()
    for one in _procedures(procedure):
        places |= _at(one, [name for name, state in one.states.items() if not state.final])
    found = _with_last(Case.objects.within(scope)).filter(places) if places else Case.objects.none().within(scope)
    return [standing(one, now=now) for one in _whole(found).order_by("pk")]


def cases_about(scope: Scope, about: Iterable[str], *, now: datetime, procedure: str | None = None) -> list[Standing]:
    """Every case, open and closed, about one of ``about``, oldest first."""
    wanted = sorted(set(about))
    found: list[Standing] = []
    for start in range(0, len(wanted), 500):
        rows = _whole(Case.objects.within(scope)).filter(about__in=wanted[start : start + 500])
        rows = rows.filter(procedure=procedure) if procedure else rows
        found += [standing(one, now=now) for one in rows]
    return sorted(found, key=lambda one: one.number)


def _whole(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.prefetch_related("actions", "seats")


def _procedures(name: str | None) -> list[Procedure]:
    return [one for one in law.moving() if name in (None, one.procedure)]


def _waiting(scope: Scope, name: str | None) -> QuerySet[Case]:
    places = Q()
    for one in _procedures(name):
        for party in one.parties:
            states = [state for state, what in one.states.items() if what.queue == party]
            if states:
                places |= _at(one, states) & Q(seats__party=party)
    match scope.kind:
        case "officer":
            own = Q(seats__organ=scope.organ)
        case "subject":
            own = Q(seats__subject=scope.subject)
        case _:
            own = Q(pk__in=[])
    if not places:
        own = Q(pk__in=[])
    # One call, so that party and holder are asked of the same seat.
    return _with_last(Case.objects.within(scope)).filter(places & own)


def _with_last(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Cases with the name of their last action; empty for none. It alone tells the state of a case."""
    last = Action.objects.filter(case=OuterRef("pk")).order_by("-number").values("name")[:1]
    return cases.annotate(last=Coalesce(Subquery(last), Value("")))


def _at(procedure: Procedure, states: Iterable[str]) -> Q:
    """Filter of cases of a procedure that stand in one of ``states``."""
    wanted = set(states)
    names = [name for name, action in procedure.actions.items() if action.to in wanted]
    if procedure.start in wanted:
        names.append("")
    return Q(procedure=procedure.procedure, version=procedure.version, last__in=names)
