"""The pages of data stewards about systems that hand rows over."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone
from tests.exchange.conftest import ITEM, Wire, open_wire, penalty, propose
from tests.province import officer

from xinlu.access.scope import Scope
from xinlu.exchange import agree
from xinlu.exchange.models import Agreement, Call, Client, Receipt
from xinlu.exchange.queries import volume

SECRET = re.compile(r'<dd class="code">([\w-]{43})</dd>')


@pytest.fixture
def wire(db: None) -> Wire:
    made = open_wire()
    assert made.get_token().status_code == 200
    return made


def signed_in(person) -> Browser:
    browser = Browser()
    browser.force_login(person)
    return browser


def test_the_list_shows_yesterdays_volume_rate_and_last_error(wire: Wire) -> None:
    wire.send([penalty(1), penalty(2, decided_on="gestern")])
    wire.post(f"/items/{ITEM}/records", b"{")
    yesterday = timezone.now() - timedelta(days=1)
    Receipt._base_manager.update(given_at=yesterday)
    Call._base_manager.update(at=yesterday)
    page = signed_in(wire.proposer).get("/exchange/").content.decode()
    text = re.sub(r"<[^>]+>|\s+", " ", page)
    assert re.search(r"示例执法平台 .* 可报送 .* 2 行 .* 50\.0% .* 2 次 .* 退回 1 .* EX-033", text)
    said = volume(Scope.of(wire.proposer), wire.client, first=yesterday.date(), last=timezone.localdate())
    assert (said.delivered, said.accepted, said.queried, said.calls, said.refused) == (2, 1, 1, 2, 1)


def test_for_others_there_is_no_such_page(wire: Wire) -> None:
    for person in (officer("clerk", "jt-330100"), officer("reader", "zj-info-centre", role="reader")):
        for path in ("", "clients/new/", "clients/hz-law-1/", "agreements/new/", f"agreements/{wire.agreement.pk}/"):
            assert signed_in(person).get(f"/exchange/{path}").status_code == 404
    assert Browser().get("/exchange/").status_code == 302


def test_a_steward_of_another_city_sees_nothing_of_it(wire: Wire) -> None:
    stranger = signed_in(officer("ningbo", "jt-330200", role="steward"))
    assert "示例执法平台" not in stranger.get("/exchange/").content.decode()
    for path in ("clients/hz-law-1/", f"agreements/{wire.agreement.pk}/"):
        assert stranger.get(f"/exchange/{path}").status_code == 404
    assert stranger.post("/exchange/clients/hz-law-1/act/", {"do": "revoke"}).status_code == 404
    assert stranger.post(f"/exchange/agreements/{wire.agreement.pk}/act/", {"do": "end"}).status_code == 404


def test_secrets_are_on_the_answer_and_on_no_later_page(wire: Wire) -> None:
    browser = signed_in(wire.proposer)
    said = {"source": "hz-law", "title": "示例系统三", "code": "hz-law-3", "contact": "示例信息科"}
    answer = browser.post("/exchange/clients/new/", said)
    page = answer.content.decode()
    shown = SECRET.findall(page)
    assert len(shown) == 2
    assert "no-store" in answer["Cache-Control"]
    later = browser.get("/exchange/clients/hz-law-3/").content.decode() + browser.get("/exchange/").content.decode()
    assert "示例信息科" in later
    assert not any(one in later for one in shown)
    assert browser.post("/exchange/clients/new/", said).status_code == 422


def test_a_client_is_suspended_with_a_reason_and_resumed(wire: Wire) -> None:
    browser = signed_in(wire.proposer)
    act = "/exchange/clients/hz-law-1/act/"
    assert "停用要写明理由" in browser.post(act, {"do": "suspend"}, follow=True).content.decode()
    page = browser.post(act, {"do": "suspend", "words": "停机检修"}, follow=True).content.decode()
    assert "已停用" in page
    assert "停机检修" in page
    assert wire.send([penalty(1)]).status_code == 401
    assert "已恢复" in browser.post(act, {"do": "resume"}, follow=True).content.decode()
    assert (
        len(re.findall(r'<dd class="code">([\w-]{43})</dd>', browser.post(act, {"do": "rotate"}).content.decode())) == 2
    )


def test_one_proposes_on_the_page_and_another_approves(wire: Wire) -> None:
    agree.end(wire.agreement, person=wire.approver, reason="换新协议", at=timezone.now())
    first, second = signed_in(wire.proposer), signed_in(wire.approver)
    assert "请至少选择一个信息项" in first.get("/exchange/agreements/new/?source=hz-law").content.decode()
    address = f"/exchange/agreements/new/?source=hz-law&item={ITEM}"
    form = first.get(address).content.decode()
    assert "行政处罚决定书文号" in form
    day = timezone.localdate()
    said = {
        "title": "执法数据报送",
        "purposes": ["rating", "publicity"],
        "regions": ["330100"],
        "valid_from": day.isoformat(),
        "valid_until": (day + timedelta(days=365)).isoformat(),
        "daily_limit": "500",
        f"fields:{ITEM}": ["uscc", "legal_representative", "fine_amount"],
        f"role:{ITEM}": "subject",
    }
    assert first.post(address, {**said, "purposes": []}).status_code == 422
    assert first.post(address, said).status_code == 302
    made = Agreement._base_manager.latest("pk")
    line = made.lines.get()
    assert {"decision_no", "subject", "uscc", "fine_amount"} <= set(line.fields)
    assert "remark" not in line.fields
    assert line.region_role == "subject"
    page, act = f"/exchange/agreements/{made.pk}/", f"/exchange/agreements/{made.pk}/act/"
    assert 'value="approve"' not in first.get(page).content.decode()
    first.post(act, {"do": "approve"})
    assert agree.last_act(made).kind == "proposed"
    assert "等您批准" in second.get("/exchange/").content.decode()
    assert "生效中" in second.post(act, {"do": "approve"}, follow=True).content.decode()
    assert wire.send([{**penalty(1), "expires_on": None, "publicity_until": None}]).status_code == 201


def test_refusing_needs_a_reason(wire: Wire) -> None:
    made = propose(wire.source, wire.proposer)
    browser, act = signed_in(wire.approver), f"/exchange/agreements/{made.pk}/act/"
    assert "退回要写明理由" in browser.post(act, {"do": "refuse"}, follow=True).content.decode()
    assert "用途不清" in browser.post(act, {"do": "refuse", "words": "用途不清"}, follow=True).content.decode()
    assert agree.last_act(made).kind == "refused"
    assert Client._base_manager.count() == 1
