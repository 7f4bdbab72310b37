"""A firm writes its filing: prefilled, kept as typed, its own alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.intake.filing.conftest import ENGINEER, FORM, MANAGER, PERSON, UNIT, Desk, scan

from xinlu.access.scope import ScopeMissing
from xinlu.intake.filing import queries
from xinlu.intake.filing.content import fields_of, form_of, row_digest, row_in, shown
from xinlu.intake.filing.difference import difference
from xinlu.intake.filing.draft import detach, save_row, start
from xinlu.intake.filing.faults import faults
from xinlu.intake.filing.freeze import freeze, problems
from xinlu.intake.filing.paper import hand_in, read_paper
from xinlu.intake.filing.refusal import CODES, FilingRefused
from xinlu.intake.models import Filing, FilingPaper, FilingVersion, WrittenOnce
from xinlu.registry.models import Subject

pytestmark = pytest.mark.django_db


def code(refused: pytest.ExceptionInfo[FilingRefused]) -> str:
    return refused.value.problem.code


def test_a_draft_begins_with_what_the_registry_has_but_never_with_persons(desk: Desk) -> None:
    content = queries.draft(desk.firm, desk.start().pk)
    assert content["unit"][0]["values"] == {"address": "浙江省杭州市西湖区示例路1号"}
    assert [row["values"]["code"] for row in content["sections"]] == ["SLXM202007LM"]
    assert [row["values"]["name"] for row in content["projects"]] == ["旧示例公路工程"]
    assert content["persons"] == content["performance"] == []


def test_one_filing_a_year_for_firms_of_the_trade_only(desk: Desk) -> None:
    assert desk.start().pk == desk.start().pk
    for scope, year, wanted in ((desk.other, 2026, "SF-001"), (desk.firm, 2025, "SF-002"), (desk.firm, 2031, "SF-002")):
        with pytest.raises(FilingRefused) as refused:
            start(scope, form=FORM, year=year, at=desk.at)
        assert code(refused) == wanted
    with pytest.raises(FilingRefused) as refused:
        start(desk.county, form=FORM, year=2026, at=desk.at)
    assert code(refused) == "SF-001"


def test_what_is_typed_is_kept_right_or_wrong_and_told_beside_its_field(desk: Desk) -> None:
    filing = desk.start()
    desk.save(filing, "unit", "unit", **UNIT, licence_valid_until="明年")
    desk.save(filing, "persons", name="孙示例", id_number="330106199001011239", categories=["astronaut"])
    content = queries.draft(desk.firm, filing.pk)
    assert row_in(content, "unit", "unit")["values"]["licence_valid_until"] == "明年"
    found = {(one.place.part, one.place.field): one.code for one in faults(form_of(FORM), content)}
    assert found == {
        ("unit", "licence_valid_until"): "E04",
        ("persons", "id_number"): "E03",
        ("persons", "categories"): "E05",
        ("persons", "valid_from"): "E01",
    }
    assert "330106199001011239" not in str(faults(form_of(FORM), content)), "a wrong number is a number of somebody"


def test_numbers_of_persons_are_sealed_in_the_database_and_masked_on_pages(desk: Desk) -> None:
    filing = desk.start()
    desk.fill(filing)
    kept = json.dumps(Filing.objects.within(desk.firm).get(pk=filing.pk).draft.content, ensure_ascii=False)
    assert ENGINEER not in kept
    assert UNIT["phone"] not in kept
    row = queries.draft(desk.firm, filing.pk)["persons"][0]
    (field,) = [one for one in fields_of(form_of(FORM).parts["persons"]) if one.name == "id_number"]
    assert shown(field, row["values"]["id_number"]) == f"{ENGINEER[:3]}*************{ENGINEER[-2:]}"
    desk.save(filing, "persons", row["row"], name="孙改名", id_number="")
    assert queries.draft(desk.firm, filing.pk)["persons"][0]["values"]["id_number"] == row["values"]["id_number"]


def test_a_person_is_named_once_whatever_the_spelling_of_the_number(desk: Desk) -> None:
    filing = desk.start()
    desk.save(filing, "persons", **PERSON)
    desk.save(filing, "persons", **{**PERSON, "name": "又一人", "id_number": f" {ENGINEER.lower()} "})
    found = [one for one in faults(form_of(FORM), queries.draft(desk.firm, filing.pk)) if one.place.part == "persons"]
    assert [(one.code, one.place.field) for one in found] == [("E07", "id_number")]
    assert "第 1 行" in found[0].sentence


def test_nobody_overwrites_what_he_has_not_seen(desk: Desk) -> None:
    filing = desk.start()
    row = desk.save(filing, "persons", **PERSON)
    seen = row_digest(row_in(queries.draft(desk.firm, filing.pk), "persons", row))
    desk.save(filing, "persons", row, name="孙先改")
    with pytest.raises(FilingRefused) as refused:
        save_row(desk.firm, filing.pk, "persons", row, {"name": "孙后改"}, seen=seen, at=desk.tick())
    assert code(refused) == "SF-003"
    assert queries.draft(desk.firm, filing.pk)["persons"][0]["values"]["name"] == "孙先改"


def test_rows_come_and_go_and_names_of_rows_are_not_used_again(desk: Desk) -> None:
    filing = desk.start()
    first = desk.save(filing, "persons", **PERSON)
    second = desk.save(filing, "persons", **{**PERSON, "name": "周示例"})
    desk.remove(filing, "persons", first)
    assert desk.save(filing, "persons", **PERSON) not in (first, second)
    for part, row in (("persons", first), ("unit", "unit"), ("nothing", "x")):
        with pytest.raises((FilingRefused, KeyError)):
            desk.remove(filing, part, row)
    with pytest.raises(FilingRefused) as refused:
        desk.save(filing, "persons", age="40")
    assert code(refused) == "SF-007"


def test_nobody_else_sees_a_draft_or_even_that_there_is_one(desk: Desk) -> None:
    filing = desk.start()
    for scope in (desk.other, desk.county, desk.city, desk.province):
        assert queries.filing(scope, filing.pk) is None
        assert queries.draft(scope, filing.pk) is None
        with pytest.raises(FilingRefused):
            save_row(scope, filing.pk, "unit", "unit", {}, seen="", at=desk.at)
    with pytest.raises(ScopeMissing):
        list(Filing.objects.all())


def test_papers_are_kept_under_a_random_word_and_read_back_whole(desk: Desk, tmp_path: Path) -> None:
    filing = desk.start()
    row = desk.save(filing, "persons", **PERSON)
    paper = hand_in(desk.firm, filing.pk, "persons", row, "劳动合同", scan(), at=desk.tick())
    assert queries.draft(desk.firm, filing.pk)["persons"][0]["papers"] == [paper.token]
    assert read_paper(paper) == scan()
    (kept,) = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert kept.name == paper.token
    assert queries.paper(desk.firm, paper.token) == paper
    assert queries.paper(desk.county, paper.token) is None, "not submitted yet"
    assert queries.paper(desk.other, paper.token) is None
    kept.write_bytes(scan(61))
    with pytest.raises(FilingRefused) as refused:
        read_paper(paper)
    assert code(refused) == "SF-104"
    detach(desk.firm, filing.pk, "persons", row, paper.token, at=desk.tick())
    assert queries.draft(desk.firm, filing.pk)["persons"][0]["papers"] == []


def test_a_row_takes_so_many_papers_of_the_kinds_that_the_form_names(desk: Desk) -> None:
    filing = desk.start()
    with pytest.raises(FilingRefused) as refused:
        hand_in(desk.firm, filing.pk, "unit", "unit", "照片", scan(), at=desk.tick())
    assert code(refused) == "SF-007"
    for n in range(form_of(FORM).papers.most):
        hand_in(desk.firm, filing.pk, "unit", "unit", "营业执照", scan(n), at=desk.tick())
    with pytest.raises(FilingRefused) as refused:
        hand_in(desk.firm, filing.pk, "unit", "unit", "营业执照", scan(99), at=desk.tick())
    assert code(refused) == "SF-107"
    assert FilingPaper.objects.count() == form_of(FORM).papers.most


def test_a_filing_with_faults_is_not_submitted_and_each_is_named_with_its_place(desk: Desk) -> None:
    filing = desk.start()
    names = desk.fill(filing)
    desk.save(filing, "sections", names["sections"], contract_price="很多")
    with pytest.raises(FilingRefused) as refused:
        freeze(desk.firm, filing.pk, at=desk.tick())
    assert code(refused) == "SF-004"
    assert [(one.place.part, one.place.row, one.place.field) for one in refused.value.found] == [
        ("sections", names["sections"], "contract_price"),
    ]
    assert FilingVersion.objects.count() == 0


def test_the_checks_of_a_delivery_are_tried_and_leave_nothing_behind(desk: Desk) -> None:
    filing = desk.start()
    names = desk.fill(filing)
    desk.save(filing, "performance", names["performance"], commenced_on="2025-01-01", section="SLXM-OTHER")
    before = Subject._base_manager.count()
    content = queries.draft(desk.firm, filing.pk)
    found = problems(filing, content, at=desk.tick())
    assert {(one.place.part, one.place.row, one.code) for one in found} == {
        ("performance", names["performance"], "E16")
    }
    desk.save(filing, "performance", names["performance"], commenced_on="")
    desk.save(filing, "persons", **{**PERSON, "id_number": MANAGER, "valid_until": "2024-01-01"})
    (wrong,) = [
        one for one in problems(filing, queries.draft(desk.firm, filing.pk), at=desk.tick()) if one.code == "E25"
    ]
    assert (wrong.place.part, wrong.place.field, MANAGER in wrong.sentence) == ("persons", "valid_until", False)
    desk.remove(filing, "persons", wrong.place.row)
    found = problems(filing, queries.draft(desk.firm, filing.pk), at=desk.tick())
    assert [(one.code, one.place.field) for one in found] == [("E08", "section")]
    assert Subject._base_manager.count() == before


def test_a_version_is_written_once_and_told_against_the_one_before(desk: Desk) -> None:
    filing = desk.start()
    names = desk.fill(filing)
    version = freeze(desk.firm, filing.pk, at=desk.tick())
    with pytest.raises(WrittenOnce):
        version.save()
    desk.save(filing, "sections", names["sections"], contract_price="13000")
    desk.remove(filing, "persons", names["persons"])
    desk.save(filing, "persons", **{**PERSON, "id_number": ENGINEER})
    changes = difference(form_of(FORM), version.content, queries.draft(desk.firm, filing.pk))
    told = {(one.place.part, one.kind, one.place.field): (one.old, one.new) for one in changes}
    assert told["sections", "changed", "contract_price"] == ("12500.5", "13000")
    assert told["persons", "removed", "name"] == ("孙示例", "")
    assert told["persons", "added", "name"] == ("", "孙示例")
    assert {part for part, _, _ in told} == {"sections", "persons"}
    assert ENGINEER not in str(changes)


def test_after_the_cut_off_nothing_changes(desk: Desk) -> None:
    filing = desk.start()
    desk.fill(filing)
    desk.at = datetime(2026, 7, 15, 15, 59, tzinfo=UTC)  # 23:59 in China
    assert queries.is_open(filing, on=desk.at.date())
    desk.at = datetime(2026, 7, 15, 16, 0, tzinfo=UTC)  # midnight
    for act in (
        lambda: desk.save(filing, "unit", "unit", phone="13900000000"),
        lambda: freeze(desk.firm, filing.pk, at=desk.tick()),
        lambda: hand_in(desk.firm, filing.pk, "unit", "unit", "营业执照", scan(), at=desk.tick()),
    ):
        with pytest.raises(FilingRefused) as refused:
            act()
        assert code(refused) == "SF-002"


def test_the_page_of_errors_lists_the_same_codes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| SF-")]
    assert rows == [f"| {c.code} | {c.title} | {c.basis} | {c.next_step} |" for c in CODES.values()]
