"""Clients and their secrets, and the door of OAuth 2.0."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from tests.exchange.conftest import ACTOR, Wire, penalty

from xinlu.access.sealing import blind_index, unseal
from xinlu.exchange import clients
from xinlu.exchange.models import ClientAct, Credential, Token
from xinlu.exchange.refusal import Refused
from xinlu.exchange.tokens import LIFE
from xinlu.journal.models import Event


def test_secrets_are_shown_once_and_kept_hashed_and_sealed(wire: Wire) -> None:
    kept = Credential.objects.get()
    assert kept.secret_digest == blind_index(wire.secrets.secret)
    assert unseal(kept.sealed_key) == wire.secrets.signing_key
    whole = str(Credential.objects.values().get()) + "".join(Event.objects.values_list("facts_text", flat=True))
    assert wire.secrets.secret not in whole
    assert wire.secrets.signing_key not in whole
    assert wire.secrets.secret not in repr(wire.secrets)


def test_a_client_has_a_code_of_its_own(wire: Wire) -> None:
    for code, refused in (("hz-law-1", "EX-110"), ("X", "EX-109"), ("示例", "EX-109")):
        with pytest.raises(Refused, match=refused):
            clients.register(source=wire.source, code=code, title="另一个", actor=ACTOR, at=timezone.now())


def test_old_secrets_open_for_a_week_after_new_ones_were_issued(wire: Wire) -> None:
    old = wire.secrets
    wire.secrets = clients.rotate(wire.client, actor=ACTOR, at=timezone.now())
    for one in (old, wire.secrets):
        wire.secrets = one
        assert wire.get_token().status_code == 200
        assert wire.send([penalty(1)]).status_code == 201
    later = timezone.now() + clients.OVERLAP
    assert not clients.knows_secret(wire.client, old.secret, at=later)
    assert len(clients.signing_keys(wire.client, at=later)) == 1


def test_leaked_secrets_open_nothing_from_that_moment(wire: Wire) -> None:
    old = wire.secrets
    clients.rotate(wire.client, actor=ACTOR, at=timezone.now(), at_once=True)
    assert wire.send([penalty(1)]).json()["code"] == "EX-001"
    assert wire.get_token(client_secret=old.secret).status_code == 401


def test_only_one_pair_of_secrets_lasts(wire: Wire) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.create(client=wire.client, secret_digest="x", sealed_key="y", issued_at=timezone.now())


def test_suspending_takes_a_reason_and_is_done_once(wire: Wire) -> None:
    with pytest.raises(Refused, match="EX-108"):
        clients.suspend(wire.client, reason=" ", actor=ACTOR, at=timezone.now())
    clients.suspend(wire.client, reason="停机", actor=ACTOR, at=timezone.now())
    with pytest.raises(Refused, match="EX-107"):
        clients.suspend(wire.client, reason="停机", actor=ACTOR, at=timezone.now())
    clients.resume(wire.client, actor=ACTOR, at=timezone.now())
    with pytest.raises(Refused, match="EX-107"):
        clients.resume(wire.client, actor=ACTOR, at=timezone.now())
    assert list(ClientAct.objects.values_list("kind", flat=True)) == ["registered", "suspended", "resumed"]
    with pytest.raises(IntegrityError), transaction.atomic():
        ClientAct.objects.create(client=wire.client, number=9, kind="suspended", by="x", at=timezone.now())


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_kept_as_a_digest_and_ends_after_an_hour(wire: Wire) -> None:
    kept = Token.objects.get()
    assert kept.digest == blind_index(wire.token)
    assert kept.expires_at - kept.issued_at == LIFE
    Token.objects.update(issued_at=kept.issued_at - LIFE, expires_at=timezone.now() - timedelta(seconds=1))
    assert wire.get("/items").json()["code"] == "EX-001"


def test_the_secret_may_stand_in_the_header(wire: Wire) -> None:
    pair = base64.b64encode(f"{wire.secrets.client}:{wire.secrets.secret}".encode()).decode()
    answer = wire.browser.post(
        "/api/v1/oauth/token", {"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {pair}"}
    )
    assert answer.status_code == 200
    assert answer.json()["scope"] == "records sandbox"
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "everything"}, 400, "invalid_scope"),
    ],
    ids=str,
)
def test_the_door_answers_as_rfc_6749_says(wire: Wire, said: dict[str, str], status: int, error: str) -> None:
    answer = wire.get_token(**said)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["code"] == ("EX-008" if status == 401 else "EX-009")


def test_nobody_learns_which_clients_there_are(wire: Wire) -> None:
    wrong = wire.get_token(client_secret="guess")
    nobody = wire.get_token(client_id="nobody")
    assert wrong.content == nobody.content
    assert dict(wrong.headers).get("WWW-Authenticate") == dict(nobody.headers).get("WWW-Authenticate")
