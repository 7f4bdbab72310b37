"""Reading a clear identifier leaves a trace."""

from __future__ import annotations

import pytest
from tests.province import at, driver, officer, organs, scopes

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.journal.models import Event
from xinlu.registry.reveal import ReasonMissing, reveal

pytestmark = pytest.mark.django_db
NUMBER = "33010619900307123X"


def seen(scope: Scope, number: int) -> str | None:
    return reveal(scope, number, type_="id_number", reason="核对处罚对象", at=at(1))


def test_only_who_supervises_the_person_or_is_the_person_reads_the_number() -> None:
    organs()
    number = driver(region="330106", id_number=NUMBER)
    found = {name: seen(scope, number) for name, scope in scopes().items()}
    assert found == {"public": None, "county": NUMBER, "city": NUMBER, "other city": None, "province": NUMBER}
    assert seen(Scope.of(officer("low", "jt-330106", level="L2")), number) is None
    assert seen(Scope.of(Person.objects.create_user("me", role="subject", subject=number)), number) == NUMBER


def test_the_journal_says_who_read_and_why_and_never_what() -> None:
    organs()
    number = driver(region="330106", id_number=NUMBER)
    scope = scopes()["county"]
    seen(scope, number)
    event = Event.objects.get(verb="registry.identifier.revealed")
    assert (event.actor, event.organ, event.object) == (scope.key, "jt-330106", f"registry.subject:{number}")
    assert event.facts == {"type": "id_number", "reason": "核对处罚对象"}
    assert NUMBER not in event.facts_text


def test_a_number_inside_the_reason_is_masked_in_the_journal() -> None:
    organs()
    number = driver(region="330106", id_number=NUMBER)
    assert reveal(scopes()["county"], number, type_="id_number", reason=f"核对{NUMBER}的处罚", at=at(1)) == NUMBER
    event = Event.objects.get(verb="registry.identifier.revealed")
    assert event.facts["reason"].startswith("核对330***")
    assert NUMBER not in event.facts_text


def test_without_a_reason_nobody_reads() -> None:
    organs()
    number = driver(region="330106", id_number=NUMBER)
    with pytest.raises(ReasonMissing, match="RG-005"):
        reveal(scopes()["county"], number, type_="id_number", reason=" ", at=at(1))
    assert not Event.objects.filter(verb="registry.identifier.revealed").exists()
