"""Take an action in a case.

1. Lock the case and read where it stands.
2. Refuse whoever has seen fewer actions than there are, who does not hold the seat, who was one of two persons
   before, and a reason or paper that the procedure asks for and is not there.
3. Run the effects: verbs of lower rooms, in the same transaction.
4. Write the action under the next number. Of two at the same moment the database takes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from xinlu.access import masking
from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.casework.models import Action, Case
from xinlu.casework.refusal import Refused
from xinlu.casework.state import Standing, standing
from xinlu.journal.append import append
from xinlu.journal.effects import Doing, offered
from xinlu.law import procedure as law
from xinlu.law.procedure import Procedure, signs

VERB_ACTED = "casework.case.acted"
WITHDRAW = "withdraw"
"""What a procedure calls the action by which the applicant takes the matter back."""


@dataclass(frozen=True)
class Point:
    """One thing that is wrong: ``field`` is the place by its name, ``title`` the same for people."""

    field: str = ""
    title: str = ""
    rule: str = ""
    words: str = ""


@dataclass(frozen=True)
class Reason:
    """Why somebody did it; ``points`` one by one where the procedure asks for field and rule."""

    words: str = ""
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class HandedIn:
    """A paper that comes with an action: what it is called in the procedure, and the digest of its bytes."""

    title: str
    digest: str


NO_REASON = Reason()


@transaction.atomic
def act(
    scope: Scope,
    number: int,
    action: str,
    *,
    seen: int,
    at: datetime,
    reason: Reason = NO_REASON,
    papers: Sequence[HandedIn] = (),
    facts: Mapping[str, Any] | None = None,
) -> Standing:
    """Take ``action`` in case ``number``; gives where the case stands then.

    ``seen`` is the number of actions that the person had before him. ``scope`` must hold the seat of the action's
    party; the system (for what follows by itself) holds every seat. ``facts`` are told to the effects.

    Raises:
        Refused: CW-012 no such case for the scope; CW-003 somebody acted meanwhile; CW-004 not his; CW-005 not
            possible here; CW-006, CW-007 the reason; CW-008 another person must do it; CW-009 a paper is missing.
    """
    if at.tzinfo is None:
        raise ValueError("an action needs a time with a zone")
    stands = _held(scope, number, now=at)
    if stands.seen != seen:
        raise Refused("CW-003", f"您看到 {seen} 个办理动作，现在有 {stands.seen} 个")
    rule = stands.procedure.actions.get(action)
    if rule is None or action not in stands.possible:
        title = rule.title if rule else action
        raise Refused("CW-005", f"在“{stands.stands.title}”时不能“{title}”")
    if at < stands.since:
        raise ValueError("an action cannot be earlier than the one before")
    _require_seat(scope, stands, rule)
    _require_other(scope, stands, rule)
    _require_reason(stands.procedure, rule, reason)
    _require_papers(rule, papers)
    doing = Doing(
        case=number,
        about=stands.case.about,
        action=action,
        actor=scope.actor,
        at=at,
        subject=stands.case.subject,
        facts={**stands.case.facts, **(facts or {})},
    )
    results = {name: dict(offered()[name](doing)) for name in rule.effects}
    written = _write(scope, stands, action, rule, reason, papers, results, at)
    found = Standing(stands.case, stands.procedure, (*stands.actions, written), stands.seats, at)
    append(
        actor=scope.actor,
        verb=VERB_ACTED,
        obj=f"casework.case:{number}",
        facts={
            "procedure": stands.case.procedure,
            "version": stands.case.version,
            "action": action,
            "number": written.number,
            "state": found.state,
        },
        at=at,
    )
    return found


def withdraw(scope: Scope, number: int, *, seen: int, at: datetime, reason: Reason = NO_REASON) -> Standing:
    """The applicant takes the matter back, where the procedure lets him: its action ``withdraw``."""
    return act(scope, number, WITHDRAW, seen=seen, at=at, reason=reason)


def _held(scope: Scope, number: int, *, now: datetime) -> Standing:
    """The case, locked until the transaction ends."""
    if not Case.objects.within(scope).filter(pk=number).exists():
        raise Refused("CW-012", f"没有办件 {number}")
    case = Case._base_manager.select_for_update().get(pk=number)
    return standing(case, now=now)


def may(scope: Scope, stands: Standing, action: str) -> bool:
    """Whether ``scope`` may take ``action`` now; which reason it needs is another question."""
    rule = stands.procedure.actions.get(action)
    if rule is None or action not in stands.possible:
        return False
    try:
        _require_seat(scope, stands, rule)
        _require_other(scope, stands, rule)
    except Refused:
        return False
    return True


def _require_seat(scope: Scope, stands: Standing, rule: law.Action) -> None:
    if scope.kind == "system":
        return
    seat, party = stands.seats[rule.who], stands.procedure.parties[rule.who]
    own = seat.subject == scope.subject if scope.kind == "subject" else bool(seat.organ) and seat.organ == scope.organ
    if scope.is_public or not own:
        raise Refused("CW-004", f"“{rule.title}”由{party}办理")
    if scope.kind == "officer" and (scope.role == Person.Role.READER or (rule.roles and scope.role not in rule.roles)):
        titles = [str(Person.Role(one).label) for one in rule.roles] or ["能办理的人员"]
        raise Refused("CW-004", f"“{rule.title}”由{party}的{'、'.join(titles)}办理")


def _require_other(scope: Scope, stands: Standing, rule: law.Action) -> None:
    before = next((one for one in stands.actions if one.name in rule.other_than and one.by == scope.key), None)
    if before is not None:
        done = stands.procedure.actions[before.name].title
        raise Refused("CW-008", f"“{done}”是您办的，“{rule.title}”须由另一人办理")


def _require_reason(procedure: Procedure, rule: law.Action, reason: Reason) -> None:
    if rule.reason != "required":
        return
    least = procedure.reason_signs
    if not rule.quotes:
        if signs(reason.words) < least:
            raise Refused("CW-006", f"“{rule.title}”的理由不少于 {least} 字，现有 {signs(reason.words)} 字")
        return
    if not reason.points:
        raise Refused("CW-007", f"“{rule.title}”要指明{_quoted(rule)}")
    for point in reason.points:
        if any(not getattr(point, one).strip() for one in rule.quotes):
            raise Refused("CW-007", f"“{point.title or point.field or '某一项'}”没有写明{_quoted(rule)}")
        if signs(point.words) < least:
            named = point.title or point.field or point.rule
            raise Refused("CW-006", f"“{named}”的理由不少于 {least} 字，现有 {signs(point.words)} 字")


def _quoted(rule: law.Action) -> str:
    titles = {"field": "数据项", "rule": "依据"}
    return "和".join(titles[one] for one in rule.quotes)


def _require_papers(rule: law.Action, papers: Sequence[HandedIn]) -> None:
    given = {one.title for one in papers if one.digest}
    for paper in rule.papers:
        if paper.required and paper.title not in given:
            raise Refused("CW-009", f"“{rule.title}”要有“{paper.title}”")


def _write(
    scope: Scope,
    stands: Standing,
    action: str,
    rule: law.Action,
    reason: Reason,
    papers: Sequence[HandedIn],
    results: Mapping[str, Any],
    at: datetime,
) -> Action:
    row = Action(
        case=stands.case,
        number=stands.seen + 1,
        name=action,
        party=rule.who,
        by=scope.key,
        organ=scope.organ,
        at=at,
        words=masking.within(reason.words.strip()),
        points=[{key: masking.within(text) for key, text in asdict(one).items()} for one in reason.points],
        papers=[asdict(one) for one in papers],
        results=results,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Refused("CW-003", "刚有别人办理了这件事项") from None
    return row
