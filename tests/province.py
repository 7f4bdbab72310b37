"""A very small province for tests of the rooms: real organs and catalogue, made-up subjects and records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings

from xinlu.access.load_organs import load_organs
from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.ledger.deliver import close_delivery, open_delivery, register_source
from xinlu.ledger.draft import draft
from xinlu.ledger.models import Delivery, Source
from xinlu.ledger.record import Outcome, accept
from xinlu.registry.enrol import NewSubject, enrol

ACTOR = Actor.system("test")
DAY0 = datetime(2024, 1, 1, 8, tzinfo=UTC)


def at(days: int = 0) -> datetime:
    """A time that many days after the first."""
    return DAY0 + timedelta(days=days)


def organs() -> None:
    """All organs of the shipped law."""
    load_organs(settings.STANDARDS)


def officer(name: str, organ: str, *, role: str = "officer", level: str = "L3") -> Person:
    """Somebody of an organ."""
    return Person.objects.create_user(username=name, role=role, data_level=level, organ=Organ.objects.get(code=organ))


def scopes() -> dict[str, Scope]:
    """Who asks in the tests: public, a county, its city, another city, the province."""
    codes = {"county": "jt-330106", "city": "jt-330100", "other city": "jt-330200", "province": "zj"}
    return {
        "public": Scope.public(),
        **{name: Scope.of(officer(name, code)) for name, code in codes.items()},
    }


def source(code: str = "hz-penalties", organ: str = "jt-330100") -> Source:
    """A source of an organ."""
    return register_source(code=code, title=code, organ=organ, kind="file", actor=ACTOR, at=DAY0)


def firm(name: str = "示例路桥有限公司", *, region: str = "330106", uscc: str = "", **attributes: Any) -> int:
    """An enterprise."""
    identifiers = {"uscc": uscc} if uscc else {}
    return enrol(
        NewSubject("enterprise", name, region, identifiers, date(2015, 1, 1), attributes=attributes),
        actor=ACTOR,
        at=DAY0,
    )


def driver(name: str = "张小三", *, region: str = "330106", id_number: str = "33010619900307123X") -> int:
    """A practitioner: a natural person."""
    return enrol(
        NewSubject("practitioner", name, region, {"id_number": id_number}, date(2015, 1, 1), natural_person=True),
        actor=ACTOR,
        at=DAY0,
    )


def penalty(subject: int, number: str, **fields: Any) -> dict[str, Any]:
    """A row of an administrative penalty: payload and roles."""
    vehicle = fields.pop("vehicle", None)
    roles = {"subject": (subject,)} | ({"vehicle": (vehicle,)} if vehicle else {})
    payload = {"decision_no": number, "decided_on": "2023-05-01", "fine_amount": "0.200000", **fields}
    return {"payload": payload, "roles": roles}


def deliver(
    where: Source,
    item: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    when: datetime = DAY0,
    digest: str = "",
) -> tuple[Delivery, list[Outcome]]:
    """One whole delivery of checked rows; a row may say ``withdraws``."""
    kind = current.catalogue().items[item]
    drafts = [draft(kind, number=n, **row) for n, row in enumerate(rows, start=1)]
    delivery = open_delivery(
        where, digest=digest or f"{when}{len(rows)}{rows!r}"[-64:], delivered=len(rows), actor=ACTOR, at=when
    )
    outcomes = accept(delivery, kind, drafts, at=when)
    return close_delivery(delivery, outcomes, actor=ACTOR, at=when), outcomes
