"""The catalogue on pages: read by all, amended by form, compared edition by edition, covered by records."""

from __future__ import annotations

import io
import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook
from tests.province import at
from tests.web.seed import PASSWORD
from tests.web.test_pages import text_of

from xinlu import standards_folder
from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.dossier.coverage import coverage, records_at
from xinlu.gazette import current
from xinlu.gazette.amend import draft_catalogue
from xinlu.gazette.editions import catalogue_of, editions
from xinlu.gazette.models import Edition
from xinlu.gazette.publish import publish
from xinlu.gazette.review import submit
from xinlu.ledger.queries import records

HONOUR = "catalogue/items/honour.yaml"
DAY = date(2026, 6, 30)


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.fixture(scope="module")
def small_law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Law with two books: a draft of the catalogue is checked with every book beside it."""
    folder = tmp_path_factory.mktemp("law") / "standards"
    shutil.copytree(standards_folder(), folder, ignore=shutil.ignore_patterns("rulebooks", "foreign", "sample", "20*"))
    for book in ("highway-design-firm", "credit-repair-period"):
        shutil.copytree(standards_folder() / "rulebooks" / book, folder / "rulebooks" / book)
    return folder


@pytest.fixture
def draft(site, settings, small_law: Path) -> Edition:
    settings.STANDARDS = small_law
    return draft_catalogue(HONOUR, version="2027", author=Person.objects.get(username="maker"), at=at())


def test_anybody_reads_the_catalogue_and_takes_what_is_made_from_it(site, client: Client) -> None:
    page = text_of(client.get(reverse("web:catalogue")))
    assert "失信被执行人" in page
    assert "归集覆盖" not in page
    one = text_of(client.get(reverse("web:catalogue-item", args=["administrative_penalty"])))
    assert "信用评价、社会公开、政务共享、监督检查、授权查询" in one
    sheet = client.get(reverse("web:catalogue-template", args=["honour"])).content
    assert CalamineWorkbook.from_filelike(io.BytesIO(sheet)).sheet_names == ["填报", "说明", "字典"]
    schema = json.loads(client.get(reverse("web:catalogue-schema", args=["honour"])).content)
    assert schema["$id"] == "urn:xinlu:catalogue:2024:honour"
    assert client.get(reverse("web:catalogue-item", args=["rumour"])).status_code == 404


def test_the_map_counts_what_the_asker_sees_and_each_number_is_its_list(site) -> None:
    assert Client().get(reverse("web:coverage")).status_code == 302
    Person.objects.create_user("firm", password=PASSWORD, role="subject", subject=site.firm)
    assert signed_in("firm").get(reverse("web:coverage")).status_code == 404
    for name in ("province", "city"):
        scope = Scope.of(Person.objects.get(username=name))
        found = coverage(scope, on=DAY)
        assert set(found) == set(current.catalogue().items)
        assert any(found.values())
        for item, cells in found.items():
            for place, cell in cells.items():
                assert records_at(scope, current.catalogue().items[item], place, on=DAY).count() == cell.count
        assert sum(cell.count for cells in found.values() for cell in cells.values()) == records(scope, on=DAY).count()
    client = signed_in("province")
    assert "归集覆盖" in text_of(client.get(reverse("web:coverage")))
    listed = client.get(reverse("web:catalogue-records", args=["administrative_penalty"]))
    assert "批次" in text_of(listed)


def test_a_form_changes_what_was_filled_in_and_no_other_character(draft: Edition) -> None:
    maker = signed_in("maker")
    page = maker.get(reverse("web:amendment", args=[draft.pk]) + "?tab=form").content.decode()
    assert 'name="k:retention_months"' in page
    file = draft.files.get(path=HONOUR)
    said = {
        "file": HONOUR,
        "seen": file.digest,
        "k:uses": ["", "rating", "publicity"],
        "k:retention_months": "60",
        "k:cadence": "yearly",
        "k:in_force.until": "",
        "k:fields.0.length": "300",
        "k:fields.5.required": "true",
    }
    answer = maker.post(reverse("web:amendment-form", args=[draft.pk]), said, follow=True)
    assert "检查没有发现错误" in text_of(answer)
    after = draft.files.get(path=HONOUR).content
    lines = set(after.splitlines()) - set(file.content.splitlines())
    assert {one for one in lines if not one.startswith("  -")} == {
        "uses: [rating, publicity]",
        "retention_months: 60",
        "cadence: yearly",
    }
    assert len(lines) == 5
    assert "length: 300" in after
    wrong = {**said, "seen": draft.files.get(path=HONOUR).digest, "k:uses": ["", "rating"]}
    told = text_of(maker.post(reverse("web:amendment-form", args=[draft.pk]), wrong, follow=True))
    assert "LAW-309" in told


def test_two_editions_are_compared_field_by_field_and_published_by_two_persons(draft: Edition, client: Client) -> None:
    maker, address = signed_in("maker"), reverse("web:catalogue-editions")
    file = draft.files.get(path=HONOUR)
    said = {"file": HONOUR, "seen": file.digest, "k:fields.0.length": "300"}
    maker.post(reverse("web:amendment-form", args=[draft.pk]), said)
    beside = maker.get(address, {"before": "first", "after": f"draft:{draft.pk}"})
    assert "荣誉名称（honour_name） › 长度" in text_of(beside)
    assert client.get(address, {"before": "first", "after": f"draft:{draft.pk}"}).status_code == 404
    held = submit(Edition.objects.get(pk=draft.pk), author=draft.author, at=at(), words="")
    publish(held, publisher=Person.objects.get(username="chief"), at=at())
    current.restore()
    assert [one.version for one in editions()] == ["2024", "2027"]
    lengths = [catalogue_of(one).items["honour"].fields[0].length for one in editions()]
    assert lengths == [200, 300]
    assert "honour_name" in text_of(client.get(address))


def test_the_paper_is_given_out(site, client: Client, tmp_path: Path) -> None:
    answer = client.get(reverse("web:catalogue-paper"))
    assert answer.status_code in (200, 503)  # without the fonts of the set-up and of the machine it says so
    if answer.status_code == 200:
        assert answer.content.startswith(b"%PDF-")
