"""The page of the life cycle: numbers that lead to their rows, and deeds by two persons."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from tests.province import at, deliver, penalty, source
from tests.web.seed import PASSWORD

from xinlu.access.models import Organ, Person
from xinlu.ledger import life
from xinlu.ledger.models import Destroyed, Record

PENALTY = "administrative_penalty"


@pytest.fixture
def old(site) -> int:
    """A penalty of 2019, out of use in 2026."""
    _, rows = deliver(source(), PENALTY, [penalty(site.firm, "旧", decided_on="2019-02-03")], when=at(1))
    return rows[0].record or 0


def signed_in(name: str, role: str = "", organ: str = "zj") -> Client:
    if role:
        Person.objects.create_user(
            name, password=PASSWORD, role=role, data_level="L3", organ=Organ.objects.get(code=organ)
        )
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


def test_every_number_leads_to_as_many_rows(old) -> None:
    client = signed_in("province")
    answer = client.get(reverse("web:life-cycle"), {"on": "2026-03-11"})
    assert answer.status_code == 200
    for one in answer.context["stages"]:
        rows = client.get(one.address)
        assert rows.context["pager"].total == one.number, one.stage
    page = answer.content.decode()
    assert re.search(r"使用届满</th><td class=\"num\"><a [^>]+>1</a>", page)
    assert "归档预演" not in page, "an officer does no deeds"


def test_another_city_and_the_public_see_nothing_of_it(old) -> None:
    assert Client().get(reverse("web:life-cycle")).status_code == 302
    client = signed_in("city")
    assert client.get(reverse("web:life-record", args=[old])).status_code == 404
    stages = client.get(reverse("web:life-cycle"), {"on": "2026-03-11", "item": PENALTY}).context["stages"]
    assert {one.stage: one.number for one in stages}[life.Stage.LAPSED] == 0
    assert client.post(reverse("web:life-act"), {"deed": "archive"}).status_code == 403


def test_the_life_of_a_record_is_told_with_its_days(old) -> None:
    page = signed_in("province").get(reverse("web:life-record", args=[old])).content.decode()
    for words in ("采集", "公示", "2022-02-03", "2024-02-03", "使用届满"):
        assert words in page


def test_one_proposes_and_another_destroys(old, settings) -> None:
    settings.TODAY = date(2026, 3, 11)
    one, other = signed_in("steward", "steward"), signed_in("boss", "chief")
    act, page = reverse("web:life-act"), reverse("web:life-cycle")
    assert "归档预演" in one.get(page).content.decode()
    one.post(act, {"deed": "archive"})
    assert life.stage_of(life.Scope.system("test"), old, on=date(2026, 3, 11)) is life.Stage.ARCHIVED
    one.post(act, {"deed": "propose", "reason": "保存期满"})
    refused = one.post(act, {"deed": "destroy", "order": "1"}, follow=True).content.decode()
    assert "LC-001" in refused
    assert "执行销毁" not in one.get(page).content.decode()
    done = other.post(act, {"deed": "destroy", "order": "1"}, follow=True).content.decode()
    assert "只留存根" in done
    assert Destroyed._base_manager.filter(record=old).exists()
    assert not Record._base_manager.filter(record=old).exists()
