"""A city's system that calls the interface: a source, a client with secrets, an agreement, and two stewards."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone
from tests.province import firm, officer

from xinlu.access.models import Organ, Person
from xinlu.exchange import agree, clients
from xinlu.exchange.agree import Wanted
from xinlu.exchange.models import Agreement, Client
from xinlu.exchange.signature import sign
from xinlu.journal.actor import Actor
from xinlu.law.identifiers import make_uscc
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import Source

ACTOR = Actor.system("test")
ITEM = "administrative_penalty"
FIRM, OTHER = make_uscc(1, region="330106"), make_uscc(2, region="330203")
ORGAN = make_uscc(9, region="330100", holder="organ")
_nonces = itertools.count()


@dataclass
class Wire:
    """The other system: it knows its secrets, gets a token, signs and sends."""

    source: Source
    client: Client
    secrets: clients.Secrets
    agreement: Agreement
    proposer: Person
    approver: Person
    browser: Browser = field(default_factory=Browser)
    token: str = ""
    algorithm: str = "HMAC-SM3"

    def get_token(self, **said: str) -> HttpResponse:
        """Ask for a token; the secret goes into the form."""
        form = {"grant_type": "client_credentials", "client_id": self.secrets.client, **said}
        form.setdefault("client_secret", self.secrets.secret)
        answer = self.browser.post("/api/v1/oauth/token", form)
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def get(self, path: str, **query: Any) -> HttpResponse:
        """Ask for something."""
        return self.browser.get(f"/api/v1{path}", query, headers={"Authorization": f"Bearer {self.token}"})

    def post(self, path: str, body: bytes | Mapping[str, Any], *, key: str | None = "", **headers: str) -> HttpResponse:
        """Sign and send; ``key`` empty: a new one, None: none. ``headers`` stand in for those that are made here."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        number = next(_nonces)
        signed = sign(
            self.secrets.signing_key,
            method="POST",
            path=f"/api/v1{path}",
            body=data,
            at=timezone.now(),
            nonce=f"nonce-{number:016d}",
            algorithm=self.algorithm,
        )
        sent = {"Authorization": f"Bearer {self.token}", **signed.headers}
        if key is not None:
            sent["Idempotency-Key"] = key or f"key-{number}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.post(f"/api/v1{path}", data, content_type="application/json", headers=sent)

    def send(self, rows: Sequence[Mapping[str, Any]], *, item: str = ITEM, **said: Any) -> HttpResponse:
        """Hand rows over."""
        return self.post(f"/items/{item}/records", {"rows": list(rows)}, **said)

    def try_out(self, rows: Sequence[Mapping[str, Any]], *, item: str = ITEM) -> HttpResponse:
        """Hand rows to the sandbox."""
        return self.post(f"/sandbox/items/{item}/records", {"rows": list(rows)}, key=None)


@pytest.fixture
def wire(db: None) -> Wire:
    """A city's client with a token, and an agreement over penalties that two persons made."""
    made = open_wire()
    assert made.get_token().status_code == 200
    return made


def open_wire(*, items: Sequence[Wanted] = (Wanted(ITEM),), daily_limit: int = 10_000) -> Wire:
    """The same for tests that make their own database, without a token."""
    few_organs()
    register_firms()
    proposer = officer("steward", "zj-info-centre", role="steward")
    approver = officer("second", "zj-info-centre", role="steward")
    at = timezone.now()
    source = register_source(
        code="hz-law", title="示例市执法系统", organ="jt-330100", kind="platform", actor=ACTOR, at=at
    )
    client, secrets = clients.register(source=source, code="hz-law-1", title="示例执法平台", actor=ACTOR, at=at)
    proposed = propose(source, proposer, items=items, daily_limit=daily_limit)
    agreement = agree.approve(proposed, approver=approver, at=at)
    return Wire(source, client, secrets, agreement, proposer, approver)


def few_organs() -> None:
    """A city, its neighbour, a county and the province’s data centre; all of them would take longer than a test."""
    city = ["330100", "330102", "330106"]
    Organ.objects.create(code="zj", name="示例省厅", kind="province", everywhere=True, sectors=["all"])
    Organ.objects.create(
        code="zj-info-centre", name="示例省信息中心", kind="centre", region="330000", everywhere=True, sectors=["all"]
    )
    for code, regions in (("330100", city), ("330200", ["330200", "330203"])):
        Organ.objects.create(
            code=f"jt-{code}", name=f"示例市局{code}", kind="city_bureau", region=code, regions=regions, sectors=["all"]
        )


def second_client(wire: Wire) -> Wire:
    """Another client of the same source, with a token: it sees nothing of the first."""
    client, secrets = clients.register(
        source=wire.source, code="hz-law-2", title="示例执法平台二", actor=ACTOR, at=timezone.now()
    )
    other = Wire(wire.source, client, secrets, wire.agreement, wire.proposer, wire.approver)
    assert other.get_token().status_code == 200
    return other


def propose(source: Source, proposer: Person, **said: Any) -> Agreement:
    """A proposal over penalties for Hangzhou that holds now."""
    today = timezone.localdate()
    return agree.propose(
        **{
            "source": source,
            "title": "示例市执法数据报送",
            "items": [Wanted(ITEM)],
            "purposes": ["rating"],
            "regions": ["330100"],
            "valid_from": today - timedelta(days=30),
            "valid_until": today + timedelta(days=335),
            "daily_limit": 10_000,
            "proposer": proposer,
            "at": timezone.now(),
            **said,
        }
    )


def register_firms() -> None:
    """One firm in Hangzhou, one in Ningbo."""
    firm("示例运输有限公司", uscc=FIRM, region="330106")
    firm("示例物流有限公司", uscc=OTHER, region="330203")


def penalty(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A penalty that is in order, but for ``changes``; None takes a field out."""
    row = {
        "party_name": "示例运输有限公司",
        "party_kind": "organisation",
        "uscc": FIRM,
        "legal_representative": "李示例",
        "decision_no": f"浙杭交罚〔2026〕{number}号",
        "violation_type": "超限运输",
        "facts": "车货总质量超过限值",
        "legal_ground": "《公路安全保护条例》第六十四条",
        "penalty_kinds": ["warning", "fine"],
        "content": "警告，罚款人民币2000元",
        "fine_amount": "0.2",
        "decided_on": "2026-10-20",
        "expires_on": "2099-12-31",
        "publicity_until": "2027-10-20",
        "organ_name": "示例市交通运输局",
        "organ_uscc": ORGAN,
        "source_unit": "示例市交通运输局",
        "source_unit_uscc": ORGAN,
        **changes,
    }
    return {key: value for key, value in row.items() if value is not None}
