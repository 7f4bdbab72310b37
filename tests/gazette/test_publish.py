"""Editions of law: two persons, and then nobody."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from tests.province import at, officer, organs

from xinlu.access.models import Person
from xinlu.gazette import queries
from xinlu.gazette.draft import draft_edition, load_edition
from xinlu.gazette.models import Edition, LawFile, Published
from xinlu.gazette.publish import NotAsDrafted, SamePerson, faults, publish

pytestmark = pytest.mark.django_db

BOOK = """rulebook: sample-book
version: "{version}"
in_force: {{from: {start}, until: {end}}}
"""


@pytest.fixture
def people() -> tuple[Person, Person]:
    organs()
    return officer("author", "zj-law", role="rule_maker"), officer("chief", "zj-law", role="chief")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version, start, end in (("2023", "2023-01-01", "2024-01-01"), ("2024", "2024-01-01", "null")):
        text = BOOK.format(version=version, start=start, end=end)
        (tmp_path / f"{version}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_version_in_force_changes_on_the_first_day_of_the_next(folder: Path, people: tuple[Person, Person]) -> None:
    load_edition(folder, title="示例", author=people[0], publisher=people[1], at=at())
    versions = {
        d: queries.in_force("sample-book", d) for d in (date(2022, 12, 31), date(2023, 12, 31), date(2024, 1, 1))
    }
    assert [v and v.version for v in versions.values()] == [None, "2023", "2024"]
    assert [v.version for v in queries.versions("sample-book")] == ["2023", "2024"]


def test_a_draft_is_not_in_force(folder: Path, people: tuple[Person, Person]) -> None:
    draft_edition(folder, title="示例", author=people[0], at=at())
    assert queries.in_force("sample-book", date(2024, 5, 1)) is None
    assert queries.law_digest() == ""


def test_nobody_publishes_his_own_draft(folder: Path, people: tuple[Person, Person]) -> None:
    edition = draft_edition(folder, title="示例", author=people[0], at=at())
    with pytest.raises(SamePerson, match="GZ-001"):
        publish(edition, publisher=people[0], at=at())
    with pytest.raises(IntegrityError), transaction.atomic():
        Edition.objects.filter(pk=edition.pk).update(state="published", publisher=people[0], published_at=at())


def test_a_published_file_cannot_change_and_a_raw_edit_shows(folder: Path, people: tuple[Person, Person]) -> None:
    edition = load_edition(folder, title="示例", author=people[0], publisher=people[1], at=at())
    file = edition.files.get(path="2024.yaml")
    file.content += "# changed"
    with pytest.raises(Published):
        file.save()
    assert faults(edition) == []
    LawFile.objects.filter(pk=file.pk).update(content=file.content)
    assert [found.path for found in faults(edition)] == ["2024.yaml"]


def test_a_draft_that_was_edited_behind_its_digest_is_not_published(
    folder: Path, people: tuple[Person, Person]
) -> None:
    edition = draft_edition(folder, title="示例", author=people[0], at=at())
    LawFile.objects.filter(edition=edition, path="2024.yaml").update(content="rulebook: other")
    with pytest.raises(NotAsDrafted, match="GZ-002"):
        publish(edition, publisher=people[1], at=at())


def test_loading_equal_files_again_gives_the_same_edition(folder: Path, people: tuple[Person, Person]) -> None:
    first = load_edition(folder, title="示例", author=people[0], publisher=people[1], at=at())
    assert load_edition(folder, title="示例", author=people[0], publisher=people[1], at=at(1)) == first
    (folder / "2024.yaml").write_text(BOOK.format(version="2024a", start="2024-01-01", end="null"), encoding="utf-8")
    second = load_edition(folder, title="示例二", author=people[0], publisher=people[1], at=at(2))
    assert second != first
    assert queries.law_digest() == second.digest
    assert getattr(queries.in_force("sample-book", date(2024, 5, 1)), "version", None) == "2024a"


def test_the_shipped_law_is_the_first_edition(people: tuple[Person, Person]) -> None:
    edition = load_edition(settings.STANDARDS, title="首版", author=people[0], publisher=people[1], at=at())
    assert faults(edition) == []
    book = queries.in_force("overlimit-vehicle", date(2025, 6, 30))
    assert book is not None
    assert book.plane == "rulebook"
    assert not book.path.endswith("cases.yaml")
