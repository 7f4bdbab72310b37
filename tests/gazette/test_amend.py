"""A rule maker changes a rule: copied, written, checked, read by another person, published, and then unchangeable."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from tests.province import at, officer, organs

from xinlu import standards_folder
from xinlu.access.models import Person
from xinlu.gazette import current, queries
from xinlu.gazette.amend import draft_book, draft_catalogue, draft_procedure, include, save, save_numbers
from xinlu.gazette.candidate import checked, files_of
from xinlu.gazette.models import Edition, LawFile, Published, Step
from xinlu.gazette.publish import faults, publish
from xinlu.gazette.refusal import CODES, Refused
from xinlu.gazette.review import refuse, submit, take_back, withdraw
from xinlu.journal.models import Event
from xinlu.journal.verify import verify

pytestmark = pytest.mark.django_db

BOOK = "highway-design-firm"
FILE = f"rulebooks/{BOOK}/2027.yaml"
CASES = f"rulebooks/{BOOK}/2027.cases.yaml"
FROM = date(2027, 1, 1)


@dataclass(frozen=True)
class Office:
    """Who is there."""

    author: Person
    chief: Person
    works: Person
    city: Person


@pytest.fixture(scope="module")
def small_law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue, procedures and a few books: enough to amend, quick to check."""
    folder = tmp_path_factory.mktemp("law") / "standards"
    shutil.copytree(standards_folder(), folder, ignore=shutil.ignore_patterns("rulebooks", "foreign", "sample", "20*"))
    for book in (BOOK, "taxi-driver", "credit-repair-period"):
        shutil.copytree(standards_folder() / "rulebooks" / book, folder / "rulebooks" / book)
    return folder


@pytest.fixture
def office(settings, tmp_path: Path, small_law: Path) -> Office:
    settings.VAR, settings.STANDARDS = tmp_path / "var", small_law
    organs()
    return Office(
        officer("author", "zj-law", role="rule_maker"),
        officer("chief", "zj-law", role="chief"),
        officer("works", "zj-works", role="rule_maker"),
        officer("city", "jt-330100", role="rule_maker"),
    )


@pytest.fixture
def publishing(django_capture_on_commit_callbacks):
    def go(edition: Edition, publisher: Person, **more) -> Edition:
        with django_capture_on_commit_callbacks(execute=True):
            return publish(edition, publisher=publisher, at=at(9), **more)

    return go


def drafted(author: Person, version: str = "2027") -> Edition:
    return draft_book(BOOK, copied_from="2013", version=version, in_force_from=FROM, author=author, at=at())


def written(edition: Edition, path: str, old: str, new: str, author: Person | None = None) -> Edition:
    file = edition.files.get(path=path)
    assert old in file.content
    return save(
        edition, path, file.content.replace(old, new), seen=file.digest, author=author or edition.author, at=at(1)
    )


def changed(author: Person) -> Edition:
    """A draft with one change that its cases bear."""
    return written(drafted(author), FILE, "title: 信用一般", "title: 信用中等")


def code_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.problem.code


def test_a_draft_is_the_copied_text_but_for_name_and_day(office: Office) -> None:
    edition = drafted(office.author)
    law = current.library()
    book = law.version(BOOK, "2013")
    assert book is not None
    old = law.filed(book).path.read_text(encoding="utf-8")
    new = edition.files.get(path=FILE).content
    differing = [(a, b) for a, b in zip(old.splitlines(), new.splitlines(), strict=True) if a != b]
    assert differing == [
        ('version: "2013"', 'version: "2027"'),
        ("in_force: {from: 2013-01-01}", "in_force: {from: 2027-01-01}"),
    ]
    assert set(files_of(edition)) == {FILE, CASES}
    assert checked(edition).errors == checked(edition).failing == ()


def test_each_save_is_kept_with_person_time_and_words(office: Office) -> None:
    edition = drafted(office.author)
    first = edition.files.get(path=FILE)
    save_numbers(
        edition, FILE, {("parameters", "full", "value"): "90"}, seen=first.digest, author=office.author, at=at(2)
    )
    steps = list(edition.steps.all())
    assert [step.kind for step in steps] == ["drafted", "saved", "saved", "saved"]
    assert steps[-1].words == "parameters › full › value：100 改为 90"
    assert (steps[-1].person, steps[-1].at) == (office.author, at(2))
    assert steps[-1].content == first.content.replace("value: 100", "value: 90")
    with pytest.raises(Published):
        steps[-1].save()
    assert [e.verb for e in Event.objects.order_by("seq")][-1] == "gazette.amendment.saved"


def test_a_save_over_somebody_elses_save_is_refused_and_nothing_is_lost(office: Office) -> None:
    edition = drafted(office.author)
    seen = edition.files.get(path=FILE).digest
    save(edition, FILE, "a: 1\n", seen=seen, author=office.author, at=at())
    with pytest.raises(Refused) as refused:
        save(edition, FILE, "b: 2\n", seen=seen, author=office.author, at=at())
    assert code_of(refused) == "GZ-006"
    assert files_of(edition)[FILE] == "a: 1\n"
    before = edition.steps.count()
    save(edition, FILE, "a: 1\r\n", seen=seen, author=office.author, at=at())
    assert edition.steps.count() == before, "an equal text is no save"


def test_problems_stand_at_their_lines_and_keep_a_draft_from_being_submitted(office: Office) -> None:
    edition = written(drafted(office.author), FILE, 'D: "< 60"', 'D: "< 59"')
    found = checked(edition)
    assert [(one.code, one.file.split("/", 1)[1]) for one in found.errors] == [("LAW-402", FILE)]
    line = edition.files.get(path=FILE).content.splitlines()[(found.errors[0].line or 0) - 1]
    assert "cut:" in line
    with pytest.raises(Refused) as refused:
        submit(edition, author=office.author, at=at())
    assert code_of(refused) == "GZ-007"


def test_failing_cases_are_told_in_officials_words_and_keep_a_draft_back(office: Office) -> None:
    edition = drafted(office.author)
    seen = edition.files.get(path=FILE).digest
    edition = save_numbers(
        edition, FILE, {("parameters", "full", "value"): "90"}, seen=seen, author=office.author, at=at()
    )
    failing = checked(edition).failing
    assert failing
    assert all(one.code == "LAW-603" for one in failing)
    assert any("应为" in one.sentence and "算得" in one.sentence for one in failing)
    with pytest.raises(Refused) as refused:
        submit(edition, author=office.author, at=at())
    assert code_of(refused) == "GZ-008"


def test_a_draft_without_a_change_is_not_submitted(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        submit(drafted(office.author), author=office.author, at=at())
    assert code_of(refused) == "GZ-009"


def test_from_draft_to_law_by_two_persons(office: Office, publishing) -> None:
    edition = submit(changed(office.author), author=office.author, at=at(3))
    assert current.library().version(BOOK, "2027") is None
    done = publishing(edition, office.chief, seen=edition.digest)
    law = current.library()
    new, old = law.version(BOOK, "2027"), law.version(BOOK, "2013")
    assert new is not None
    assert old is not None
    assert (old.in_force.until, new.in_force.from_, new.in_force.until) == (FROM, FROM, None)
    assert (law.book(BOOK, on=date(2026, 12, 31)), law.book(BOOK, on=FROM)) == (old, new)
    assert [getattr(queries.in_force(BOOK, day), "version", None) for day in (date(2026, 12, 31), FROM)] == [
        "2013",
        "2027",
    ]
    assert faults(done) == []
    assert verify() == ()
    assert (law.filed(old).path.parent / "2013.cases.yaml").is_file()
    assert "# 公路设计企业信用评价" in law.filed(old).path.read_text(encoding="utf-8")


def test_nobody_publishes_his_own_draft_not_even_in_the_database(office: Office) -> None:
    edition = submit(changed(office.author), author=office.author, at=at(3))
    with pytest.raises(Refused) as refused:
        publish(edition, publisher=office.author, at=at(4))
    assert code_of(refused) == "GZ-001"
    with pytest.raises(IntegrityError), transaction.atomic():
        Edition.objects.filter(pk=edition.pk).update(state="published", publisher=office.author, published_at=at(4))


def test_only_what_was_submitted_and_read_is_published(office: Office) -> None:
    edition = changed(office.author)
    with pytest.raises(Refused) as refused:
        publish(edition, publisher=office.chief, at=at(4))
    assert code_of(refused) == "GZ-005"
    edition = submit(edition, author=office.author, at=at(4))
    with pytest.raises(Refused) as refused:
        publish(edition, publisher=office.chief, at=at(4), seen="0" * 64)
    assert code_of(refused) == "GZ-006"
    with pytest.raises(Refused) as refused:
        written(edition, FILE, "信用中等", "信用尚可")
    assert code_of(refused) == "GZ-005"
    LawFile.objects.filter(edition=edition, path=FILE).update(content="rulebook: x")
    with pytest.raises(Refused) as refused:
        publish(edition, publisher=office.chief, at=at(4))
    assert code_of(refused) == "GZ-002"


def test_a_refusal_returns_the_draft_with_its_reason(office: Office) -> None:
    edition = submit(changed(office.author), author=office.author, at=at(3))
    with pytest.raises(Refused) as refused:
        refuse(edition, reviewer=office.chief, at=at(4), reason="  ")
    assert code_of(refused) == "GZ-012"
    edition = refuse(edition, reviewer=office.chief, at=at(4), reason="分数线没有依据")
    assert edition.state == "draft"
    last = edition.steps.last()
    assert last is not None
    assert (last.kind, last.words, last.person) == (Step.Kind.REFUSED, "分数线没有依据", office.chief)
    edition = written(edition, FILE, "信用中等", "信用尚可")
    assert submit(edition, author=office.author, at=at(5)).state == "submitted"
    assert take_back(edition, author=office.author, at=at(6)).state == "draft"
    assert withdraw(edition, author=office.author, at=at(7)).state == "withdrawn"
    assert drafted(office.author).state == "draft", "the name is free again"


def test_who_may_draft_and_publish_is_said_by_role_and_organ(office: Office) -> None:
    for person in (office.chief, office.city):
        with pytest.raises(Refused) as refused:
            drafted(person)
        assert code_of(refused) == "GZ-003"
    with pytest.raises(Refused) as refused:
        draft_book("taxi-driver", copied_from="2018", version="2027", in_force_from=FROM, author=office.works, at=at())
    assert code_of(refused) == "GZ-003", "another office's field"
    edition = changed(office.works)
    with pytest.raises(Refused) as refused:
        written(edition, FILE, "信用中等", "信用尚可", author=office.author)
    assert code_of(refused) == "GZ-003", "only the author writes"
    edition = submit(edition, author=office.works, at=at())
    with pytest.raises(Refused) as refused:
        publish(edition, publisher=office.city, at=at())
    assert code_of(refused) == "GZ-004"
    assert publish(edition, publisher=office.author, at=at()).state == "published"


def test_a_name_that_is_taken_or_leads_elsewhere_is_refused(office: Office) -> None:
    drafted(office.author)
    for version in ("2013", "2027", "../x", "a/b", "", "新版"):
        with pytest.raises(Refused) as refused:
            drafted(office.author, version)
        assert code_of(refused) == "GZ-011"


def test_a_text_that_calls_itself_another_book_is_not_submitted(office: Office) -> None:
    edition = draft_procedure(
        "credit-repair",
        copied_from=current.library().procedures["credit-repair"][-1].version,
        version="2027",
        in_force_from=FROM,
        author=office.author,
        at=at(),
    )
    path = "procedures/credit-repair-2027.yaml"
    edition = written(edition, path, "procedure: credit-repair\n", "procedure: credit-other\n")
    assert "GZ-014" in [one.code for one in checked(edition).errors]


def test_a_procedure_takes_the_same_way(office: Office, publishing) -> None:
    old = current.library().procedures["credit-repair"][-1]
    edition = draft_procedure(
        "credit-repair", copied_from=old.version, version="2027", in_force_from=FROM, author=office.author, at=at()
    )
    path = "procedures/credit-repair-2027.yaml"
    edition = written(edition, path, f"title: {old.title}", f"title: {old.title}（示例）")
    assert checked(edition).errors == ()
    edition = submit(edition, author=office.author, at=at())
    publishing(edition, office.chief)
    before, after = current.library().procedures["credit-repair"][-2:]
    assert (before.in_force.until, after.in_force.from_, after.title) == (FROM, FROM, f"{old.title}（示例）")


def test_the_catalogue_takes_the_same_way_and_its_readers_are_checked(office: Office, publishing) -> None:
    item = current.catalogue().items["bid_behaviour"]
    edition = draft_catalogue("catalogue/items/bid_behaviour.yaml", version="2027", author=office.author, at=at())
    edition = include(edition, "catalogue/items/honour.yaml", author=office.author, at=at())
    path = "catalogue/items/bid_behaviour.yaml"
    broken = written(edition, path, "name: points", "name: marks")
    assert any("rulebooks/" in one.file for one in checked(broken).errors), "books that read the field are told"
    edition = written(edition, path, "name: marks", "name: points")
    edition = written(edition, path, f"title: {item.title}", f"title: {item.title}（示例）")
    assert checked(edition).errors == ()
    assert checked(edition).ran == 1
    edition = submit(edition, author=office.author, at=at())
    publishing(edition, office.chief)
    assert current.catalogue().edition == "2027"
    assert current.catalogue().items["bid_behaviour"].title == f"{item.title}（示例）"


def test_a_draft_of_a_file_that_was_changed_meanwhile_is_not_published(office: Office, publishing) -> None:
    path = "catalogue/items/honour.yaml"
    title = f"title: {current.catalogue().items['honour'].title}"
    first, second = (
        submit(
            written(draft_catalogue(path, version=name, author=office.author, at=at()), path, title, f"{title}{name}"),
            author=office.author,
            at=at(),
        )
        for name in ("2027", "2028")
    )
    publishing(first, office.chief)
    with pytest.raises(Refused) as refused:
        publishing(second, office.chief)
    assert code_of(refused) == "GZ-010"


def test_published_law_cannot_change_and_a_raw_edit_shows(office: Office, publishing) -> None:
    edition = publishing(submit(changed(office.author), author=office.author, at=at()), office.chief)
    file = edition.files.get(path=FILE)
    for change in (file.save, file.delete):
        with pytest.raises(Published):
            change()
    text = file.content.replace("信用中等", "信用好")
    LawFile.objects.filter(pk=file.pk).update(content=text)
    assert [found.path for found in faults(edition)] == [FILE]
    from xinlu.gazette.seal import edition_digest
    from xinlu.journal.digest import sm3

    LawFile.objects.filter(pk=file.pk).update(digest=sm3(text))
    digest = edition_digest(dict(edition.files.values_list("path", "digest")))
    Edition.objects.filter(pk=edition.pk).update(digest=digest)
    edition.refresh_from_db()
    assert ["审计链" in found.sentence for found in faults(edition)] == [True], "even with every digest made to fit"


def test_law_laid_out_for_reading_is_restored_when_somebody_edits_it(office: Office, publishing) -> None:
    publishing(submit(changed(office.author), author=office.author, at=at()), office.chief)
    path = current.folder() / FILE
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace("信用中等", "信用好"), encoding="utf-8")
    assert current.restore() == current.folder()
    assert path.read_text(encoding="utf-8") == right


def test_the_page_of_errors_says_of_every_refusal_what_the_table_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| GZ-")]
    assert rows == [f"| {c.code} | {c.title} | {c.basis} | {c.next_step} |" for c in CODES.values()]
