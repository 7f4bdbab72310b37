"""The page on which a steward merges two entries of one subject, and splits them again."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from tests.province import ACTOR
from tests.web.seed import AT, PASSWORD
from tests.web.test_pages import open_page, text_of

from xinlu.access.models import Organ, Person
from xinlu.law.identifiers import make_uscc
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.models import Subject, SubjectMerge

NAME, CODE = "杭州示例远帆物流有限公司", make_uscc(901, region="330106")


@pytest.fixture
def pair(site) -> tuple[int, int]:
    born = date(2015, 1, 1)
    kept = enrol(NewSubject("enterprise", NAME, "330106", {"uscc": CODE}, born), actor=ACTOR, at=AT)
    bare = NewSubject("enterprise", "杭州示例远帆物流公司", "330106", {"code": "Q-901"}, born)
    return kept, enrol(bare, actor=ACTOR, at=AT)


def who(name: str, role: str, organ: str) -> Client:
    Person.objects.create_user(name, password=PASSWORD, role=role, data_level="L3", organ=Organ.objects.get(code=organ))
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


def test_a_steward_compares_merges_and_splits(pair: tuple[int, int]) -> None:
    kept, absorbed = pair
    steward, address = who("steward", "steward", "zj"), reverse("web:merging")
    assert "杭州示例远帆物流公司" in open_page(steward, "web:merging")
    looked = text_of(steward.post(address, {"act": "look", "kept": CODE, "absorbed": "Q-901"}))
    for words in ("两个主体对照", "名称只差", CODE, "Q901", "合并为一个主体"):
        assert words in looked
    said = {"act": "merge", "kept_number": str(kept), "absorbed_number": str(absorbed)}
    assert "RG-002" in text_of(steward.post(address, {**said, "reason": " "}))
    assert steward.post(address, {**said, "reason": "与营业执照核对"}).status_code == 302
    assert Subject._base_manager.get(pk=absorbed).merged_into_id == kept
    page = open_page(steward, "web:merging")
    assert "与营业执照核对" in page
    assert "没有疑似重复的登记" in page
    done = SubjectMerge.objects.get()
    assert steward.post(address, {"act": "split", "merge": done.pk, "reason": "合错了"}).status_code == 302
    assert Subject._base_manager.get(pk=absorbed).merged_into_id is None
    assert "已拆分" in open_page(steward, "web:merging")


def test_only_stewards_of_the_region_merge(pair: tuple[int, int], client: Client) -> None:
    kept, absorbed = pair
    address = reverse("web:merging")
    said = {"act": "merge", "kept_number": str(kept), "absorbed_number": str(absorbed), "reason": "x"}
    assert client.get(address).status_code == 302
    officer = who("officer", "officer", "zj")
    assert "合并为一个主体" not in open_page(officer, "web:merging")
    assert officer.post(address, said).status_code == 403
    other_city = who("other", "steward", "jt-330200")
    assert "RG-004" in text_of(other_city.post(address, said))
    assert not SubjectMerge.objects.exists()
    wrong = who("steward", "steward", "zj").post(address, {"act": "look", "kept": CODE, "absorbed": "nobody"})
    assert "RG-004" in text_of(wrong)
