"""Open cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from xinlu.access import masking
from xinlu.casework import law
from xinlu.casework.models import Case, Seat
from xinlu.casework.refusal import Refused
from xinlu.casework.state import standing
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_many
from xinlu.law.clock import CHINA
from xinlu.law.procedure import Procedure

VERB_OPENED = "casework.case.opened"


@dataclass(frozen=True)
class Sits:
    """Who plays a party: the code of an organ, or the registry number of a subject."""

    organ: str = ""
    subject: int | None = None

    def __post_init__(self) -> None:
        if bool(self.organ) == (self.subject is not None):
            raise ValueError("a seat is an organ's or a subject's")


@dataclass(frozen=True)
class NewCase:
    """A case to open.

    ``about`` is ``room.noun:key``; of one procedure only one case about the same thing is open at a time. ``seats``:
    party of the procedure → who plays it. ``title`` is for lists and names no natural person; ``region`` and
    ``sector`` say which supervising offices see the case beside those who take part. ``facts`` are told to effects.
    """

    about: str
    title: str
    seats: Mapping[str, Sits]
    subject: int | None = None
    region: str = ""
    sector: str = "all"
    facts: Mapping[str, Any] = field(default_factory=dict)


def open_case(procedure: str, new: NewCase, *, actor: Actor, at: datetime) -> Case:
    """Open one case under the version of ``procedure`` in force on the day of ``at`` (aware).

    Raises:
        Refused: CW-001, CW-002 the procedure; CW-010 another case about the same thing is open; CW-011 a party
            of the procedure has nobody, or somebody plays a party that it does not have.
    """
    return open_cases(procedure, [new], actor=actor, at=at)[0]


@transaction.atomic
def open_cases(procedure: str, several: Sequence[NewCase], *, actor: Actor, at: datetime) -> list[Case]:
    """Open many cases of one procedure at once, all or none, in the order given; refuses as :func:`open_case`."""
    if at.tzinfo is None:
        raise ValueError("a case needs a time with a zone")
    if not several:
        return []
    goes_by = law.in_force(procedure, on=at.astimezone(CHINA).date())
    for new in several:
        _require_seats(goes_by, new)
    # The first write takes the lock, so that what is read next is what will be there.
    append(
        actor=actor,
        verb=VERB_OPENED,
        obj=f"casework.procedure:{procedure}",
        facts={"version": goes_by.version, "cases": len(several), "about": several[0].about},
        at=at,
    )
    turns = _turns(goes_by, several, at)
    rows = [_row(goes_by, new, turns[new.about], actor, at) for new in several]
    try:
        insert_many(Case, rows)
    except IntegrityError:
        raise Refused("CW-010", "同一事项刚由别人立案") from None
    insert_many(
        Seat,
        [
            Seat(case=row, party=party, organ=sits.organ, subject=sits.subject)
            for row, new in zip(rows, several, strict=True)
            for party, sits in sorted(new.seats.items())
        ],
    )
    return rows


def _require_seats(procedure: Procedure, new: NewCase) -> None:
    wrong = [procedure.parties[one] for one in procedure.parties if one not in new.seats]
    if wrong:
        raise Refused("CW-011", f"没有指定{'、'.join(wrong)}")
    if unknown := sorted(set(new.seats) - set(procedure.parties)):
        raise Refused("CW-011", f"程序“{procedure.title}”没有参与方“{unknown[0]}”")


def _turns(procedure: Procedure, several: Sequence[NewCase], at: datetime) -> dict[str, int]:
    """Which turn each case is. Refuses what is open already, or stands twice in ``several``."""
    twice = next((about for about, number in Counter(one.about for one in several).items() if number > 1), None)
    if twice is not None:
        raise Refused("CW-010", f"“{twice}”在同一批中立案两次")
    wanted = [one.about for one in several]
    turns = dict.fromkeys(wanted, 1)
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        before = Case._base_manager.filter(procedure=procedure.procedure, about__in=part)
        newest = before.values("about").annotate(last=Max("pk")).values("last")
        for case in Case._base_manager.filter(pk__in=newest).prefetch_related("actions", "seats"):
            if standing(case, now=at).is_open:
                raise Refused("CW-010", f"“{case.title}”已在办理，办件 {case.pk}")
            turns[case.about] = case.turn + 1
    return turns


def _row(procedure: Procedure, new: NewCase, turn: int, actor: Actor, at: datetime) -> Case:
    return Case(
        procedure=procedure.procedure,
        version=procedure.version,
        about=new.about,
        turn=turn,
        title=masking.within(new.title)[:200],
        subject=new.subject,
        region=new.region,
        sector=new.sector,
        facts=dict(new.facts),
        opened_at=at,
        opened_by=actor.key,
    )
