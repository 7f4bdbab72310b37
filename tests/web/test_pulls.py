"""Pages about systems that data is fetched from: who sees them, what they tell, asking for another try."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from tests.intake.conftest import as_csv, open_desk, penalty

from xinlu.access.models import Organ, Person
from xinlu.exchange.connections import connection
from xinlu.exchange.pull import pull
from xinlu.exchange.pull_models import PullAsked
from xinlu.journal.actor import Actor

pytestmark = pytest.mark.django_db
CONNECTIONS = """\
connections:
  - name: hz-drop
    title: 示例投递文件夹
    source: zj-penalties
    every: 1h
    connector: directory
    settings: {folder: FOLDER, pattern: "*.csv", settle_seconds: 0}
  - name: hz-broken
    title: 示例连不上的文件夹
    source: zj-other
    connector: directory
    settings: {folder: FOLDER/none}
  - name: hz-quiet
    title: 示例从未抽取的文件夹
    source: zj-other
    connector: directory
    settings: {folder: FOLDER}
  - name: hz-wrong
    title: 写错的
    source: zj-other
    connector: directory
    settings: {fold: x}
"""


@pytest.fixture(autouse=True)
def _connected(db: None, settings, tmp_path: Path) -> None:
    open_desk()
    settings.CONNECTIONS = tmp_path / "connections.yaml"
    settings.CONNECTIONS.write_text(CONNECTIONS.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    for name, rows in (("a.csv", as_csv([penalty(1), penalty(2, CF_JDRQ="昨天")])), ("b.csv", b"x,y\n1,2\n")):
        (tmp_path / name).write_bytes(rows)
        os.utime(tmp_path / name, (1_750_000_000, 1_750_000_000))
    for name in ("hz-drop", "hz-broken"):
        pull(connection(name), actor=Actor.system("test"), clock=lambda: datetime.now(UTC))


def signed_in(role: str, organ: str = "zj") -> Client:
    person = Person.objects.create_user(
        username=f"{role}-{organ}", role=role, organ=Organ.objects.get(code=organ), data_level="L3"
    )
    client = Client()
    client.force_login(person)
    return client


def test_the_list_tells_what_came_and_what_somebody_must_do() -> None:
    text = signed_in("officer").get("/pulls/").content.decode()
    assert text.index("示例连不上的文件夹") < text.index("示例投递文件夹")
    for words in ("PU-007", "F10", "请在报送时指明信息项", "PU-002", "connections.yaml"):
        assert words in text, words
    for words in ("完成，有未取的", "失败", "还没有抽取", "有人要求时"):
        assert words in text, words


def test_one_connection_shows_its_pulls_with_their_deliveries() -> None:
    text = signed_in("officer").get("/pulls/hz-drop/").content.decode()
    for words in ("a.csv", "/deliveries/", "已交付", "整件退回", "每 1 小时"):
        assert words in text, words
    assert "再取一次" not in text


def test_only_stewards_of_the_source_ask_for_another_try() -> None:
    steward = signed_in("steward")
    assert "再取一次" in steward.get("/pulls/hz-drop/").content.decode()
    assert steward.post("/pulls/hz-drop/again/").status_code == 302
    assert PullAsked._base_manager.get().connection == "hz-drop"
    assert "下一轮抽取" in steward.get("/pulls/hz-drop/").content.decode()
    assert signed_in("officer").post("/pulls/hz-drop/again/").status_code == 404
    assert PullAsked._base_manager.count() == 1


def test_others_find_no_such_connection() -> None:
    city = signed_in("steward", "jt-330100")
    assert "示例投递文件夹" not in city.get("/pulls/").content.decode()
    assert "PU-002" not in city.get("/pulls/").content.decode()
    assert city.get("/pulls/hz-drop/").status_code == 404
    assert city.post("/pulls/hz-drop/again/").status_code == 404
    assert Client().get("/pulls/").status_code == 302
