"""The open interface, as the other system sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.http import HttpResponse
from django.utils import timezone
from tests.exchange.conftest import ACTOR, FIRM, ITEM, Wire, penalty, second_client

from xinlu.access.scope import Scope
from xinlu.exchange import clients
from xinlu.exchange.models import Allowance, Call, Receipt
from xinlu.journal.models import Event
from xinlu.ledger.models import Delivery, Record

SYSTEM = Scope.system("test")


def code_of(answer: HttpResponse) -> str:
    """The code of a problem, which has all its parts."""
    assert answer["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == answer.status_code
    assert said["type"] == f"urn:xinlu:problem:{said['code']}"
    assert all(said[part] for part in ("title", "detail", "basis", "next_step", "instance"))
    assert "place" in said
    return str(said["code"])


def outcomes(answer: HttpResponse) -> list[tuple[int, str, str]]:
    return [(row["row"], row["outcome"], row.get("code", "")) for row in answer.json()["rows"]]


# ── receiving ───────────────────────────────────────────────────────────────────────────────────


def test_a_batch_is_received_and_every_row_is_told(wire: Wire) -> None:
    answer = wire.send([penalty(1), penalty(2, uscc="91330106MA00000000")])
    assert answer.status_code == 201
    said = answer.json()
    assert (said["delivered"], said["accepted"], said["queried"], said["duplicate"]) == (2, 1, 1, 0)
    assert answer["Location"] == f"/api/v1/receipts/{said['receipt']}"
    first, second = said["rows"]
    assert (first["outcome"], second["outcome"], second["code"]) == ("accepted", "queried", "E02")
    assert Record.objects.within(SYSTEM).get(record=first["record"]).payload["decision_no"] == "浙杭交罚〔2026〕1号"
    assert second["place"] == "/rows/1/uscc"
    assert all(second[part] for part in ("sentence", "basis", "next_step"))


def test_what_arrives_is_a_delivery_by_interface_like_any_other(wire: Wire) -> None:
    wire.send([penalty(1)])
    kept = Delivery.objects.within(SYSTEM).get()
    assert (kept.way, kept.source.code, kept.item) == ("api", "hz-law", ITEM)
    assert kept.received_by == "client:hz-law-1"
    assert Event.objects.filter(verb="exchange.receipt.given", actor="client:hz-law-1").count() == 1


def test_the_same_key_and_body_give_the_same_receipt(wire: Wire) -> None:
    first = wire.send([penalty(1)], key="batch-1")
    again = wire.send([penalty(1)], key="batch-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Delivery.objects.within(SYSTEM).count() == 1
    assert Allowance.objects.get().rows == 1


def test_the_same_key_for_other_rows_is_refused(wire: Wire) -> None:
    wire.send([penalty(1)], key="batch-1")
    assert code_of(wire.send([penalty(2)], key="batch-1")) == "EX-021"
    assert Delivery.objects.within(SYSTEM).count() == 1


@pytest.mark.parametrize("key", [None, "mit Leerzeichen", "x" * 129])
def test_a_batch_needs_a_key(wire: Wire, key: str | None) -> None:
    assert code_of(wire.send([penalty(1)], key=key)) == "EX-020"


def test_a_later_batch_corrects_and_a_row_can_withdraw(wire: Wire) -> None:
    number = wire.send([penalty(1)]).json()["rows"][0]["record"]
    corrected = wire.send([penalty(1, fine_amount="0.3", content="警告，罚款人民币3000元")]).json()["rows"][0]
    assert (corrected["outcome"], corrected["record"]) == ("accepted", number)
    assert Record.objects.within(SYSTEM).current().get(record=number).payload["fine_amount"] == "0.300000"
    gone = wire.send([{"op": "withdraw", "decision_no": penalty(1)["decision_no"], "uscc": FIRM}])
    assert outcomes(gone) == [(1, "accepted", "")]
    assert not Record.objects.within(SYSTEM).current().exists()


def test_a_row_that_lacks_a_field_is_queried_even_when_all_lack_it(wire: Wire) -> None:
    assert outcomes(wire.send([penalty(1, decided_on=None)])) == [(1, "queried", "E01")]


def test_all_or_nothing_lets_no_row_in_beside_a_bad_one(wire: Wire) -> None:
    path = f"/items/{ITEM}/records?mode=all_or_nothing"
    answer = wire.post(path, {"rows": [penalty(1), penalty(2, decided_on="gestern")]})
    assert outcomes(answer) == [(1, "queried", "E29"), (2, "queried", "E04")]
    assert not Record.objects.within(SYSTEM).exists()


def test_numbers_keep_their_digits(wire: Wire) -> None:
    body = json.dumps({"rows": [penalty(1)]}, ensure_ascii=False).replace(
        '"fine_amount": "0.2"', '"fine_amount": 0.200000'
    )
    assert wire.post(f"/items/{ITEM}/records", body.encode()).json()["accepted"] == 1
    assert Record.objects.within(SYSTEM).get().payload["fine_amount"] == "0.200000"


def test_what_is_told_of_a_batch_hides_numbers_of_persons(wire: Wire) -> None:
    odd = wire.send([{**penalty(1), "备注330106199003071230": "x"}])
    assert (odd.status_code, [one["code"] for one in odd.json()["warnings"]]) == (201, ["F16"])
    refused = wire.post(f"/items/{ITEM}/records", {"rows": [{}], "330106199003071230": 1})
    assert code_of(refused) == "EX-033"
    assert b"19900307" not in odd.content + refused.content


def test_what_is_told_of_a_row_hides_numbers_of_persons(wire: Wire) -> None:
    row = penalty(
        1, party_kind="natural_person", uscc=None, person_id_type="id_card", person_id_no="330106199003071230"
    )
    said = wire.send([row]).json()["rows"][0]
    assert said["outcome"] == "queried"
    assert "19900307" not in json.dumps(said)


# ── the sandbox ─────────────────────────────────────────────────────────────────────────────────


def test_the_sandbox_says_what_would_become_of_the_rows_and_writes_nothing(wire: Wire) -> None:
    rows = [penalty(1), penalty(2, decided_on="gestern"), penalty(1)]
    tried = wire.try_out(rows)
    assert tried.status_code == 200
    assert (tried.json()["receipt"], tried.json()["sandbox"]) == (None, True)
    assert not Delivery.objects.within(SYSTEM).exists()
    assert not Record.objects.within(SYSTEM).exists()
    assert not Receipt.objects.within(SYSTEM).exists()
    assert not Event.objects.filter(verb__in=["ledger.delivery.closed", "exchange.receipt.given"]).exists()
    assert outcomes(wire.send(rows)) == outcomes(tried)
    assert list(Allowance.objects.values_list("sandbox", "rows")) == [(False, 3), (True, 3)]


# ── resending ───────────────────────────────────────────────────────────────────────────────────


def test_mended_rows_are_sent_again_under_their_old_numbers(wire: Wire) -> None:
    first = wire.send([penalty(1), penalty(2, decided_on="gestern"), penalty(3, uscc="91330106MA00000000")]).json()
    path = f"/receipts/{first['receipt']}/resend"
    again = wire.post(path, {"rows": [{"row": 3, **penalty(3)}]})
    assert again.status_code == 201
    assert again.json()["resends"] == first["receipt"]
    assert outcomes(again) == [(3, "accepted", "W41")]


def test_queried_rows_can_be_sent_again_as_they_were(wire: Wire) -> None:
    from tests.province import firm

    from xinlu.law.identifiers import make_uscc

    late = make_uscc(77, region="330106")
    first = wire.send([penalty(1), penalty(2, uscc=late, party_name="示例新公司")]).json()
    assert first["rows"][1]["code"] == "E08"
    path = f"/receipts/{first['receipt']}/resend"
    assert outcomes(wire.post(path, b"")) == [(2, "queried", "E08")]
    firm("示例新公司", uscc=late)
    assert outcomes(wire.post(path, b""))[0][:2] == (2, "accepted")


def test_only_queried_rows_of_the_own_receipt_can_be_sent_again(wire: Wire) -> None:
    first = wire.send([penalty(1), penalty(2, decided_on="gestern")]).json()
    path = f"/receipts/{first['receipt']}/resend"
    for rows in ([{"row": 1, **penalty(1)}], [penalty(2)], [{"row": 2, **penalty(2)}] * 2, [{"row": "2"}]):
        assert code_of(wire.post(path, {"rows": rows})) == "EX-037"
    assert code_of(wire.post("/receipts/R20260101-00/resend", b"")) == "EX-035"
    clean = wire.send([penalty(9)]).json()["receipt"]
    assert code_of(wire.post(f"/receipts/{clean}/resend", b"")) == "EX-037"


# ── receipts ────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_is_found_by_its_number_and_by_nobody_else(wire: Wire) -> None:
    said = wire.send([penalty(1), penalty(2, decided_on="gestern")]).json()
    assert wire.get(f"/receipts/{said['receipt']}").json() == said
    stranger = second_client(wire)
    assert code_of(stranger.get(f"/receipts/{said['receipt']}")) == "EX-035"
    assert code_of(stranger.get(f"/receipts/{said['receipt']}/rows")) == "EX-035"
    assert stranger.get("/receipts").json() == {"receipts": [], "next": None}
    assert code_of(stranger.post(f"/receipts/{said['receipt']}/resend", b"")) == "EX-035"


def test_receipts_and_rows_come_by_pages(wire: Wire) -> None:
    numbers = [wire.send([penalty(n), penalty(100 + n)]).json()["receipt"] for n in range(3)]
    seen, cursor = [], None
    while True:
        page = wire.get("/receipts", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [one["receipt"] for one in page["receipts"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == numbers
    page = wire.get(f"/receipts/{numbers[0]}/rows", limit=1).json()
    assert [row["row"] for row in page["rows"]] == [1]
    page = wire.get(f"/receipts/{numbers[0]}/rows", limit=1, cursor=page["next"]).json()
    assert ([row["row"] for row in page["rows"]], page["next"]) == ([2], None)
    assert wire.get(f"/receipts/{numbers[0]}/rows", outcome="queried").json()["rows"] == []


@pytest.mark.parametrize(
    "query", [{"cursor": "nonsense"}, {"cursor": "YWZ0ZXI6LTE"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}]
)
def test_an_odd_cursor_or_limit_is_refused(wire: Wire, query: dict[str, Any]) -> None:
    assert code_of(wire.get("/receipts", **query)) == "EX-034"


def test_a_client_sees_what_it_may_hand_over(wire: Wire) -> None:
    wire.send([penalty(1)])
    (one,) = wire.get("/items").json()["items"]
    assert (one["item"], one["daily_limit"], one["left_today"]) == (ITEM, 10_000, 9_999)
    assert {"decision_no", "subject", "fine_amount"} <= set(one["fields"])
    schema = wire.get(f"/items/{ITEM}/schema")
    assert schema["Content-Type"] == "application/schema+json"
    assert schema.json()["title"] == "行政处罚"


# ── the door ────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_told_without_a_token(wire: Wire) -> None:
    for token in ("", "guess"):
        wire.token = token
        for answer in (wire.get("/items"), wire.get("/receipts"), wire.send([penalty(1)]), wire.try_out([penalty(1)])):
            assert (answer.status_code, code_of(answer)) == (401, "EX-001")
            assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_token_opens_only_what_it_was_asked_for(wire: Wire) -> None:
    wire.get_token(scope="sandbox")
    assert wire.try_out([penalty(1)]).status_code == 200
    assert (wire.send([penalty(1)]).status_code, code_of(wire.send([penalty(1)]))) == (403, "EX-007")


@pytest.mark.parametrize("algorithm", ["HMAC-SM3", "HMAC-SHA256"])
def test_both_algorithms_open(wire: Wire, algorithm: str) -> None:
    wire.algorithm = algorithm
    assert wire.send([penalty(1)]).status_code == 201


def test_a_changed_body_an_old_request_and_a_replay_are_refused(wire: Wire) -> None:
    other = clients.rotate(second_client(wire).client, actor=ACTOR, at=timezone.now())
    assert code_of(wire.send([penalty(1)], X_Signature="0" * 64)) == "EX-003"
    assert code_of(wire.send([penalty(1)], X_Timestamp="1000000000")) == "EX-004"
    assert code_of(wire.send([penalty(1)], X_Sign_Alg="none")) == "EX-002"
    sent = wire.send([penalty(1)])
    headers = sent.wsgi_request.headers
    replayed = wire.browser.post(
        sent.wsgi_request.path, sent.wsgi_request.body, content_type="application/json", headers=dict(headers)
    )
    assert code_of(replayed) == "EX-005"
    wire.secrets = clients.Secrets(wire.secrets.client, wire.secrets.secret, other.signing_key)
    assert code_of(wire.send([penalty(1)])) == "EX-003"
    verbs = list(Event.objects.filter(verb="exchange.call.refused").order_by("seq"))
    assert [one.facts["code"] for one in verbs] == ["EX-003", "EX-004", "EX-005", "EX-003"]


def test_a_suspended_client_is_shut_out_at_once(wire: Wire) -> None:
    clients.suspend(wire.client, reason="密钥疑似泄露", actor=ACTOR, at=timezone.now())
    assert code_of(wire.send([penalty(1)])) == "EX-001"
    assert wire.get_token().status_code == 401
    clients.resume(wire.client, actor=ACTOR, at=timezone.now())
    assert wire.get_token().status_code == 200
    assert wire.send([penalty(1)]).status_code == 201


# ── form ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "EX-032"),
        (b"{", "EX-033"),
        (b"[]", "EX-033"),
        (b"{}", "EX-033"),
        (b'{"rows": []}', "EX-033"),
        (b'{"rows": [1]}', "EX-033"),
        (b'{"rows": {}}', "EX-033"),
        (b'{"rows": [{}], "more": 1}', "EX-033"),
        (b'{"rows": [{"a": {"b": 1}}]}', "EX-033"),
        (b'{"rows": [{"a": 1, "a": 2}]}', "EX-033"),
        (b'{"rows": [{"a": NaN}]}', "EX-033"),
        (b'{"rows": [{"a": "\\u0000"}]}', "EX-033"),
        (b'{"rows": [{"a": "\\ud800"}]}', "EX-033"),
        ('{"rows": [{"处罚": "x"}]}'.encode("gbk"), "EX-033"),
        (b'{"rows": ' + b"[" * 3000 + b"]" * 3000 + b"}", "EX-033"),
        (b'{"rows": [' + b"{}," * 1000 + b"{}]}", "EX-031"),
        (b'{"rows": [{"facts": "' + b"x" * (5 * 1024 * 1024) + b'"}]}', "EX-030"),
        (b'{"rows": [{"decision_no": "1", "CF_WSH": "2"}]}', "EX-033"),
    ],
    ids=lambda one: one[:30].decode("latin-1") if isinstance(one, bytes) else one,
)
def test_a_body_of_another_form_is_refused_whole(wire: Wire, body: bytes, code: str) -> None:
    assert code_of(wire.post(f"/items/{ITEM}/records", body)) == code
    assert not Delivery.objects.within(SYSTEM).exists()
    assert not Allowance.objects.exists()


def test_an_empty_row_is_queried_for_what_it_lacks(wire: Wire) -> None:
    assert outcomes(wire.send([{}, penalty(1)]))[0] == (1, "queried", "E01")
    assert outcomes(wire.send([{}])) == [(1, "queried", "E01")]


def test_addresses_and_methods_that_are_not_there_are_told_as_problems(wire: Wire) -> None:
    assert code_of(wire.get("/nothing")) == "EX-035"
    assert code_of(wire.get("/items/no_such_item/schema")) == "EX-035"
    assert code_of(wire.send([penalty(1)], item="no_such_item")) == "EX-035"
    put = wire.browser.put("/api/v1/items", headers={"Authorization": f"Bearer {wire.token}"})
    assert (put.status_code, code_of(put), put["Allow"]) == (405, "EX-036", "GET")


def test_only_json_is_taken(wire: Wire) -> None:
    answer = wire.browser.get("/api/v1/items", headers={"Authorization": f"Bearer {wire.token}"})
    assert answer["Cache-Control"] == "no-store"
    plain = wire.post(f"/items/{ITEM}/records", b"a,b", Content_Type="text/csv")
    assert code_of(plain) == "EX-032"


def test_an_error_of_the_program_shows_nothing_of_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("xinlu.exchange.api.receive", broken)
    wire.browser.raise_request_exception = False
    answer = wire.send([penalty(1)])
    assert (answer.status_code, code_of(answer)) == (500, "EX-039")
    assert b"secret detail" not in answer.content
    assert answer.json()["instance"].endswith(answer["X-Request-Id"])


def test_a_busy_database_asks_to_come_again(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("xinlu.exchange.api.receive", busy)
    answer = wire.send([penalty(1)])
    assert (answer.status_code, code_of(answer), answer["Retry-After"]) == (503, "EX-038", "5")


def test_the_database_keeps_one_receipt_for_a_key(wire: Wire) -> None:
    wire.send([penalty(1)], key="batch-1")
    kept = Receipt.objects.within(SYSTEM).get()
    kept.pk, kept.number, kept.delivery = (
        None,
        "another",
        Delivery._base_manager.create(source=wire.source, digest="d", received_at=timezone.now(), received_by="x"),
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        kept.save(force_insert=True)


# ── what is kept of calls ───────────────────────────────────────────────────────────────────────


def test_each_call_of_a_client_is_kept(wire: Wire) -> None:
    wire.send([penalty(1), penalty(2)])
    wire.post(f"/items/{ITEM}/records", b"{")
    kept = Call.objects.within(SYSTEM).values_list("operation", "item", "status", "code", "rows")
    assert list(kept) == [("records", ITEM, 201, "", 2), ("records", ITEM, 400, "EX-033", 0)]
