"""Agreements: proposed within the catalogue and the organ's regions, held by two persons, enforced on every row."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from tests.exchange.conftest import ITEM, OTHER, Wire, penalty, propose
from tests.province import officer

from xinlu.access.scope import Scope
from xinlu.exchange import agree, queries
from xinlu.exchange.agree import Wanted
from xinlu.exchange.models import Agreement, AgreementAct, Allowance, Written
from xinlu.exchange.refusal import Refused
from xinlu.gazette import current
from xinlu.journal.models import Event
from xinlu.ledger.models import Delivery

SYSTEM = Scope.system("test")


def end(wire: Wire) -> None:
    agree.end(wire.agreement, person=wire.approver, reason="换新协议", at=timezone.now())


def needed() -> tuple[str, ...]:
    """Fields and roles that an agreement over penalties cannot leave out."""
    item = current.catalogue().items[ITEM]
    return (*(one.name for one in item.fields if one.required), "subject")


def agreed_again(wire: Wire, **said: Any) -> Agreement:
    """Another agreement in place of the first."""
    end(wire)
    made = propose(wire.source, wire.proposer, **said)
    return agree.approve(made, approver=wire.approver, at=timezone.now())


def state(wire: Wire, agreement: Agreement) -> str:
    return queries.standing(agreement, on=timezone.localdate()).state


# ── two persons ─────────────────────────────────────────────────────────────────────────────────


def test_a_proposal_lets_nothing_in(wire: Wire) -> None:
    end(wire)
    assert wire.send([penalty(1)]).json()["code"] == "EX-010"
    made = propose(wire.source, wire.proposer)
    assert (state(wire, made), wire.send([penalty(1)]).json()["code"]) == ("proposed", "EX-010")
    agree.approve(made, approver=wire.approver, at=timezone.now())
    assert (state(wire, made), wire.send([penalty(1)]).status_code) == ("in_force", 201)


def test_nobody_approves_what_he_proposed(wire: Wire) -> None:
    end(wire)
    made = propose(wire.source, wire.proposer)
    with pytest.raises(Refused, match="EX-101"):
        agree.approve(made, approver=wire.proposer, at=timezone.now())
    made.approver = wire.proposer
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()


def test_opening_again_takes_two_as_well(wire: Wire) -> None:
    agree.suspend(wire.agreement, person=wire.approver, reason="核查中", at=timezone.now())
    assert wire.send([penalty(1)]).json()["code"] == "EX-010"
    with pytest.raises(Refused, match="EX-101"):
        agree.resume(wire.agreement, person=wire.approver, at=timezone.now())
    agree.resume(wire.agreement, person=wire.proposer, at=timezone.now())
    assert wire.send([penalty(1)]).status_code == 201


def test_who_has_no_charge_of_the_source_neither_proposes_nor_approves(wire: Wire) -> None:
    end(wire)
    stranger = officer("ningbo", "jt-330200", role="steward")
    reader = officer("reader", "zj-info-centre", role="reader")
    made = propose(wire.source, wire.proposer)
    for person in (stranger, reader):
        with pytest.raises(Refused, match="EX-102"):
            propose(wire.source, person)
        with pytest.raises(Refused, match="EX-102"):
            agree.approve(made, approver=person, at=timezone.now())


def test_each_act_is_kept_with_its_reason_and_told_to_the_journal(wire: Wire) -> None:
    for reason in ("", "  "):
        with pytest.raises(Refused, match="EX-108"):
            agree.suspend(wire.agreement, person=wire.approver, reason=reason, at=timezone.now())
    agree.suspend(wire.agreement, person=wire.approver, reason="核查中", at=timezone.now())
    kinds = list(wire.agreement.acts.values_list("number", "kind", "words"))
    assert kinds == [(1, "proposed", ""), (2, "approved", ""), (3, "suspended", "核查中")]
    told = Event.objects.filter(object=f"exchange.agreement:{wire.agreement.pk}").values_list("verb", flat=True)
    assert [verb.rpartition(".")[2] for verb in told] == ["proposed", "approved", "suspended"]
    act = AgreementAct.objects.latest("number")
    with pytest.raises(Written):
        act.save()


def test_what_was_refused_or_ended_does_not_come_back(wire: Wire) -> None:
    end(wire)
    made = propose(wire.source, wire.proposer)
    agree.refuse(made, approver=wire.approver, reason="用途不清", at=timezone.now())
    for one in (made, wire.agreement):
        with pytest.raises(Refused, match="EX-107"):
            agree.approve(one, approver=wire.approver, at=timezone.now())
        with pytest.raises(Refused, match="EX-107"):
            agree.resume(one, person=wire.proposer, at=timezone.now())


# ── what may be proposed ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"title": " "}, "EX-109"),
        ({"items": []}, "EX-109"),
        ({"items": [Wanted(ITEM), Wanted(ITEM)]}, "EX-109"),
        ({"purposes": []}, "EX-109"),
        ({"regions": []}, "EX-109"),
        ({"daily_limit": 0}, "EX-109"),
        ({"valid_from": date(2026, 1, 1), "valid_until": date(2026, 1, 1)}, "EX-109"),
        ({"items": [Wanted("no_such_item")]}, "EX-104"),
        ({"items": [Wanted(ITEM, region_role="driver")]}, "EX-104"),
        ({"items": [Wanted(ITEM, fields=("no_such_field",))]}, "EX-104"),
        ({"items": [Wanted(ITEM, fields=("decision_no", "subject"))]}, "EX-111"),
        ({"regions": ["330200"]}, "EX-105"),
        ({"regions": ["999999"]}, "EX-105"),
        ({"purposes": ["advertising"]}, "EX-103"),
    ],
    ids=str,
)
def test_a_proposal_keeps_to_the_catalogue_and_the_regions(wire: Wire, said: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused, match=code):
        propose(wire.source, wire.proposer, **said)


def test_an_item_is_agreed_only_for_uses_that_the_catalogue_permits(wire: Wire) -> None:
    items = current.catalogue().items
    inside_only = next(item for item in items.values() if "third_party" not in item.uses)
    with pytest.raises(Refused, match="EX-103") as refused:
        propose(wire.source, wire.proposer, items=[Wanted(inside_only.item)], purposes=["third_party"])
    assert inside_only.title in str(refused.value)


def test_two_agreements_cannot_let_one_item_in_on_the_same_day(wire: Wire) -> None:
    other = propose(wire.source, wire.proposer)
    with pytest.raises(Refused, match="EX-106"):
        agree.approve(other, approver=wire.approver, at=timezone.now())
    later = propose(
        wire.source,
        wire.proposer,
        valid_from=wire.agreement.valid_until,
        valid_until=wire.agreement.valid_until + timedelta(days=1),
    )
    agree.approve(later, approver=wire.approver, at=timezone.now())
    assert state(wire, later) == "coming"


# ── what is enforced ────────────────────────────────────────────────────────────────────────────


def test_an_agreement_holds_from_its_first_day_to_the_day_before_its_end(wire: Wire) -> None:
    found = [
        agree.in_force(wire.source, ITEM, on=day) is not None
        for day in (
            wire.agreement.valid_from - timedelta(days=1),
            wire.agreement.valid_from,
            wire.agreement.valid_until - timedelta(days=1),
            wire.agreement.valid_until,
        )
    ]
    assert found == [False, True, True, False]


def test_another_item_is_not_let_in(wire: Wire) -> None:
    answer = wire.send([{}], item="administrative_permit")
    assert (answer.status_code, answer.json()["code"]) == (403, "EX-010")


def test_a_use_that_the_catalogue_took_away_lets_nothing_in(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xinlu.exchange.receive.uses.permits", lambda item, use: False)
    assert wire.send([penalty(1)]).json()["code"] == "EX-103"
    assert not Delivery.objects.within(SYSTEM).exists()


def test_fields_beyond_the_agreement_are_refused_and_nothing_is_taken(wire: Wire) -> None:
    agreed_again(wire, items=[Wanted(ITEM, fields=(*needed(), "uscc", "legal_representative", "fine_amount"))])
    row = penalty(1, expires_on=None, publicity_until=None)
    refused = wire.send([row, penalty(2, expires_on=None, publicity_until=None, remark="多给的")])
    assert (refused.status_code, refused.json()["code"], refused.json()["place"]) == (403, "EX-011", "/rows/*/remark")
    assert not Delivery.objects.within(SYSTEM).exists()
    assert wire.send([{**row, "remark": None, "expires_on": ""}]).json()["accepted"] == 1


def test_rows_about_subjects_of_other_regions_are_queried_where_that_was_agreed(wire: Wire) -> None:
    far = penalty(2, uscc=OTHER, party_name="示例物流有限公司")
    assert wire.send([far]).json()["accepted"] == 1
    agreed_again(wire, items=[Wanted(ITEM, region_role="subject")])
    said = wire.send([penalty(1), {**far, "decision_no": "另一号"}]).json()
    assert [(row["outcome"], row.get("code")) for row in said["rows"]] == [("accepted", "W41"), ("queried", "E09")]


def test_one_row_too_many_on_a_day_refuses_the_whole_batch(wire: Wire) -> None:
    agreed_again(wire, daily_limit=3)
    assert wire.send([penalty(1), penalty(2)]).status_code == 201
    refused = wire.send([penalty(3), penalty(4)])
    assert (refused.status_code, refused.json()["code"]) == (429, "EX-012")
    assert "今日已用 2 行，余 1 行" in refused.json()["detail"]
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert wire.send([penalty(3)]).status_code == 201
    assert wire.try_out([penalty(9)] * 3).status_code == 200
    with pytest.raises(IntegrityError), transaction.atomic():
        Allowance.objects.filter(sandbox=False).update(rows=4)


def test_refused_batches_use_up_nothing(wire: Wire) -> None:
    wire.send([{"a": {"b": 1}}])
    wire.send([penalty(1)], item="administrative_permit")
    assert not Allowance.objects.exists()


def test_an_agreement_is_seen_by_its_organ_and_those_above(wire: Wire) -> None:
    seen = {
        name: [one.agreement.pk for one in queries.agreements(Scope.of(person), on=timezone.localdate())]
        for name, person in {
            "own": officer("own", "jt-330100"),
            "province": wire.proposer,
            "other": officer("other", "jt-330200"),
        }.items()
    }
    assert seen == {"own": [wire.agreement.pk], "province": [wire.agreement.pk], "other": []}
    assert queries.agreements(Scope.public(), on=timezone.localdate()) == []
