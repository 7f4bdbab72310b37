"""The page of a delivery that machines sent."""

from __future__ import annotations

import json
from datetime import date

from django.test import Client
from django.urls import reverse
from tests.province import ACTOR, at, source
from tests.web.seed import PASSWORD

from xinlu.access.scope import Scope
from xinlu.intake.feed import take_feed
from xinlu.law.identifiers import make_plate
from xinlu.registry.enrol import NewSubject, enrol


def test_queried_rows_of_a_feed_stand_on_the_page_of_their_delivery(site, tmp_path) -> None:
    plate = make_plate(3)
    enrol(NewSubject("vehicle", plate, "330106", {"plate": plate}, date(2019, 1, 1)), actor=ACTOR, at=at())
    source("wim", "jt-330100")
    rows = [{"weighing_no": f"N{n}", "weighed_on": "2024-01-02", "vehicle": plate} for n in range(60)]
    path = tmp_path / "night.ndjson"
    path.write_text("\n".join(json.dumps({**one, "total_mass": "x"}, ensure_ascii=False) for one in rows))
    done = take_feed(
        path, source="wim", item="weighing", received_at=at(3), actor=ACTOR, scope=Scope.system("test")
    )  # fmt: skip
    client, other = Client(), Client()
    assert client.login(username="province", password=PASSWORD)
    assert other.login(username="city", password=PASSWORD)
    address = reverse("web:delivery", args=[done.delivery])
    first, second = (client.get(address, {"page": page}).content.decode() for page in (1, 2))
    assert "E13" in first
    assert 'id="row-1"' in first
    assert 'id="row-60"' in second
    assert "车货总质量“x”不是数" in first
    assert other.get(address).status_code == 404
