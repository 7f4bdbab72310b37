"""Self-filing on the machine of cases: submit, submit again, take back, ask for an unlock.

The room ``intake`` keeps what is filed and knows no cases; here the two are moved together, each in one transaction.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from xinlu.access import masking
from xinlu.access.models import Organ
from xinlu.access.scope import Scope
from xinlu.casework import law, queries
from xinlu.casework.act import act
from xinlu.casework.open_case import NewCase, Sits, open_case
from xinlu.casework.refusal import Refused
from xinlu.casework.state import Standing, standing
from xinlu.intake.filing.draft import own
from xinlu.intake.filing.freeze import freeze
from xinlu.intake.filing.queries import is_open
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.intake.filing.take import about
from xinlu.intake.models import Filing
from xinlu.law.clock import CHINA
from xinlu.law.procedure import signs

REVIEW, UNLOCK = "filing-review", "filing-unlock"
RETURNED, RESUBMIT = "returned", "resubmit"
SECTOR = "construction"
ELSEWHERE = "zj-works-centre"
"""Who reviews firms of places without an office here: those of other provinces."""
_SYSTEM = Scope.system("cases of a filing")


@transaction.atomic
def submit(scope: Scope, filing: int, *, at: datetime) -> Standing:
    """Submit the draft of an own filing: a new review, or, where it was returned, the same one again.

    Raises:
        FilingRefused: SF-002, SF-004, SF-005 as :func:`xinlu.intake.filing.freeze.freeze`; SF-010 it is being reviewed.
        Refused: what casework refuses.
    """
    held = own(scope, filing)
    before = review_of(held, now=at)
    open_ = before if before is not None and before.is_open else None
    if open_ is not None and open_.state != RETURNED:
        raise FilingRefused("SF-010", f"办件 {open_.number} {open_.stands.title}")
    version = freeze(scope, filing, at=at)
    if open_ is not None:
        return act(scope, open_.number, RESUBMIT, seen=open_.seen, at=at, facts={"version": version.number})
    first, second = offices(held.subject.region)
    new = NewCase(
        about=about(held),
        title=f"{held.year} 年度自主填报：{held.subject.name}",
        seats={"firm": Sits(subject=held.subject_id), "first": Sits(first), "second": Sits(second)},
        subject=held.subject_id,
        region=held.subject.region,
        sector=SECTOR,
    )
    return standing(open_case(REVIEW, new, actor=scope.actor, at=at), now=at)


@transaction.atomic
def ask_unlock(scope: Scope, filing: int, *, words: str, at: datetime) -> Standing:
    """Ask that a locked filing may be changed again; ``words`` say what and why.

    Raises:
        FilingRefused: SF-009 it is not locked.
        Refused: CW-006 too few words; CW-010 it was asked already.
    """
    held = own(scope, filing)
    if is_open(held, on=at.astimezone(CHINA).date()):
        raise FilingRefused("SF-009", f"{held.year} 年度的填报没有锁定")
    least = law.in_force(UNLOCK, on=at.astimezone(CHINA).date()).reason_signs
    if signs(words) < least:
        raise Refused("CW-006", f"解锁的理由不少于 {least} 字，现有 {signs(words)} 字")
    _, office = offices(held.subject.region)
    new = NewCase(
        about=about(held),
        title=f"{held.year} 年度填报解锁：{held.subject.name}",
        seats={"firm": Sits(subject=held.subject_id), "office": Sits(office)},
        subject=held.subject_id,
        region=held.subject.region,
        sector=SECTOR,
        facts={"words": masking.within(words.strip())},
    )
    return standing(open_case(UNLOCK, new, actor=scope.actor, at=at), now=at)


def review_of(filing: Filing, *, now: datetime) -> Standing | None:
    """The last review of a filing, open or closed."""
    return _last(filing, REVIEW, now)


def unlock_of(filing: Filing, *, now: datetime) -> Standing | None:
    """The last request to unlock a filing, open or closed."""
    return _last(filing, UNLOCK, now)


def _last(filing: Filing, procedure: str, now: datetime) -> Standing | None:
    found = queries.cases_about(_SYSTEM, [about(filing)], now=now, procedure=procedure)
    return found[-1] if found else None


def offices(region: str) -> tuple[str, str]:
    """Codes of the first and the second office for a firm of ``region``: county and city, or one office for both."""
    county = Organ.objects.filter(kind=Organ.Kind.COUNTY_BUREAU, region=region).select_related("parent").first()
    if county is not None:
        city = county.parent
        is_city = city is not None and city.kind == Organ.Kind.CITY_BUREAU
        return county.code, city.code if is_city and city is not None else ELSEWHERE
    city = Organ.objects.filter(kind=Organ.Kind.CITY_BUREAU, region=region).first()
    found = city.code if city is not None else ELSEWHERE
    return found, found
