"""Loading a folder of law: what is read, and how each mistake is told."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from xinlu.law.library import Library, load, load_catalogue, load_rulebook, shipped
from xinlu.law.problem import LawError, Problem

BOOK = """\
rulebook: sample-book
version: 2024
title: 示例办法
kind: industry_credit
sector: road
rates: {subject: enterprise}
in_force: {from: 2024-01-01}
source: {document: 示例, issuer: 示例, grade: sample}
parameters:
  day_one: {value: 2024-05-01, title: 首日}
outputs:
  ok: {title: 是否, value: true}
"""


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    """A folder with the shipped catalogue and one small book."""
    root = tmp_path / "standards"
    shutil.copytree(shipped() / "catalogue", root / "catalogue")
    write(root, BOOK)
    return root


def write(root: Path, text: str, name: str = "sample-book/2024.yaml") -> Path:
    path = root / "rulebooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def only(library: Library) -> Problem:
    (found,) = library.problems
    return found


def test_the_shipped_law_has_no_mistake_of_form() -> None:
    library = load(shipped())
    assert [str(p) for p in library.problems] == []
    assert library.rulebooks
    assert library.catalogue.items["administrative_penalty"].field("decision_no")


def test_unquoted_versions_days_and_flags_become_what_the_model_wants(standards: Path) -> None:
    (book,) = load(standards).rulebooks["sample-book"]
    assert book.version == "2024"
    assert book.in_force.from_ == date(2024, 1, 1)
    assert book.parameters["day_one"].value == date(2024, 5, 1)
    assert book.outputs["ok"].value == "true"


def test_versions_are_in_order_and_picked_by_day(standards: Path) -> None:
    older = BOOK.replace("version: 2024", "version: 2019").replace(
        "{from: 2024-01-01}", "{from: 2019-01-01, until: 2024-01-01}"
    )
    write(standards, older, "sample-book/2019.yaml")
    library = load(standards)
    assert [b.version for b in library.rulebooks["sample-book"]] == ["2019", "2024"]
    before, after = date(2023, 12, 31), date(2024, 1, 1)
    assert [library.book("sample-book", on=d).version for d in (before, after)] == [  # type: ignore[union-attr]
        "2019",
        "2024",
    ]
    assert library.book("sample-book", on=date(2018, 12, 31)) is None


def test_a_part_of_a_book_knows_its_line_and_its_file_its_digest(standards: Path) -> None:
    library = load(standards)
    filed = library.filed(library.rulebooks["sample-book"][0])
    assert filed.line(("outputs", "ok", "value")) == 12
    assert filed.marked.file == "standards/rulebooks/sample-book/2024.yaml"
    assert len(filed.digest) == 64


@pytest.mark.parametrize(
    ("change", "code", "line", "said"),
    [
        (("title: 示例办法", "tilte: 示例办法"), "LAW-201", 3, "是不是想写“title”"),
        (("value: 2024-05-01", "valeu: 2024-05-01"), "LAW-201", 10, "是不是想写“value”"),
        (("sector: road\n", ""), "LAW-202", 1, "sector"),
        (("kind: industry_credit", "kind: industry_credits"), "LAW-204", 4, "industry_credit"),
        (("{from: 2024-01-01}", "{from: 2024-02-30}"), "LAW-203", 7, "日期"),
        (("{from: 2024-01-01}", "[2024-01-01]"), "LAW-203", 7, "映射"),
        (("value: 2024-05-01", "value: 2024-13-01"), "LAW-206", 10, "没有这一天"),
        (("rulebook: sample-book", "rulebook: Sample_Book"), "LAW-205", 1, "Sample_Book"),
        (("title: 是否", "title: [是否]"), "LAW-203", 12, "文字"),
        (("title: 是否", "title: 是否, unrated: yes"), "LAW-203", 12, "true 或 false"),
        (("grade: sample", "grade: draft"), "LAW-204", 8, "draft"),
        (("value: true", "value: coalesce(x, true)"), "LAW-201", 12, "加引号"),
    ],
)
def test_a_mistake_of_shape_has_a_code_a_line_and_advice(
    standards: Path, change: tuple[str, str], code: str, line: int, said: str
) -> None:
    assert change[0] in BOOK
    write(standards, BOOK.replace(*change))
    found = [p for p in load(standards).problems if p.code == code]
    assert [p.line for p in found] == [line]
    assert said in found[0].sentence
    assert found[0].next_step


@pytest.mark.parametrize("name", ['site"; DROP TABLE units; --', "../../o'er"])
@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("items/weighing.yaml", "item: weighing"),
        ("items/weighing.yaml", "{name: site"),
        ("items/weighing.yaml", "{name: driver"),
        ("subjects.yaml", "kind: vessel"),
        ("subjects.yaml", "{name: plate_colour"),
        ("relations.yaml", "relation: operates"),
        ("codes/list_kinds.yaml", "codes: list_kinds"),
    ],
)
def test_a_name_that_could_leave_its_column_table_or_folder_is_refused(
    standards: Path, file: str, place: str, name: str
) -> None:
    path = standards / "catalogue" / file
    text = path.read_text(encoding="utf-8")
    assert place in text
    key = place.partition(":")[0]
    path.write_text(text.replace(place, f"{key}: {json.dumps(name)}", 1), encoding="utf-8")
    library = load(standards)
    assert any(p.code == "LAW-205" and name in p.sentence for p in library.problems)
    known = library.catalogue
    columns = [f.name for one in known.items.values() for f in (*one.fields, *one.roles)]
    columns += [f.name for one in known.kinds.values() for f in one.attributes]
    assert name not in {*known.items, *known.kinds, *known.relations, *known.code_lists, *columns}


def test_every_mistake_of_a_file_is_told_at_once(standards: Path) -> None:
    write(standards, BOOK.replace("sector: road\n", "secto: road\n").replace("value: true", "val: 1"))
    assert [(p.code, p.line) for p in load(standards).problems] == [
        ("LAW-202", 1),
        ("LAW-201", 5),
        ("LAW-201", 12),
    ]


def test_one_bad_file_does_not_hide_the_others(standards: Path) -> None:
    write(standards, "a: [", "broken/1.yaml")
    gbk = standards / "catalogue" / "codes" / "sectors.yaml"
    gbk.write_bytes("codes: sectors\ntitle: 业务领域\nvalues: {}\n".encode("gbk"))
    library = load(standards)
    assert [p.code for p in library.problems] == ["LAW-002", "LAW-003"]
    assert "sample-book" in library.rulebooks


def test_a_book_in_the_wrong_place_and_a_version_twice_are_told(standards: Path) -> None:
    write(standards, BOOK, "elsewhere/2024.yaml")
    codes = sorted(p.code for p in load(standards).problems)
    assert codes == ["LAW-417", "LAW-418"]


def test_a_catalogue_item_in_a_file_of_another_name_is_told(standards: Path) -> None:
    items = standards / "catalogue" / "items"
    shutil.copy(items / "administrative_permit.yaml", items / "permit.yaml")
    assert [p.code for p in load(standards).problems] == ["LAW-302", "LAW-308"]


def test_a_folder_that_does_not_exist_is_a_coded_problem(tmp_path: Path) -> None:
    with pytest.raises(LawError, match="LAW-001"):
        load(tmp_path / "nowhere")


def test_a_catalogue_that_cannot_be_read_whole_is_refused_where_it_is_needed(standards: Path) -> None:
    assert load_catalogue(standards).kinds
    (standards / "catalogue" / "relations.yaml").unlink()
    with pytest.raises(LawError, match="LAW-001"):
        load_catalogue(standards)


def test_a_single_book_is_read_and_set_beside_the_rest(standards: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(BOOK.replace("title: 示例办法", "title: 修改稿"), encoding="utf-8")
    assert load_rulebook(mine).title == "修改稿"
    library = load(standards).with_book(mine)
    assert [b.title for b in library.rulebooks["sample-book"]] == ["修改稿"]
    assert library.filed(library.rulebooks["sample-book"][0]).path == mine
