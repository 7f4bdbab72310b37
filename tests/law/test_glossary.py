"""The glossary names what the catalogue names."""

from __future__ import annotations

from pathlib import Path

from xinlu.law.library import load_catalogue
from xinlu.law.organs import OrganKind

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
CATALOGUE = load_catalogue(ROOT / "standards")
RENEW = "run: python scripts/list_catalogue.py"


def rows(text: str) -> list[tuple[str, ...]]:
    """The cells of every table row; heads and rules left out."""
    cells = [tuple(c.strip() for c in line.strip("|").split("|")) for line in text.splitlines() if line[:2] == "| "]
    return [row for row in cells if row[0] not in ("English", "identifier", "code")]


def test_every_item_kind_and_relation_stands_in_the_glossary_with_its_chinese_name() -> None:
    told = {(row[0].strip("`"), row[1]) for row in rows(GLOSSARY)}
    assert {(i.item, i.title) for i in CATALOGUE.items.values()} <= told, RENEW
    assert {(k.kind, k.title) for k in CATALOGUE.kinds.values()} <= told, RENEW
    assert {r.relation for r in CATALOGUE.relations.values()} <= {name for name, _ in told}, RENEW


def test_every_term_has_a_chinese_name_and_a_source_and_stands_once_in_its_table() -> None:
    for section in GLOSSARY.partition("<!--")[0].split("\n## ")[1:]:
        told = rows(section)
        assert told
        assert all(len(row) == 3 and all(row) for row in told), section.splitlines()[0]
        assert len({row[0] for row in told}) == len(told), section.splitlines()[0]


def test_the_kinds_of_organ_stand_in_the_glossary() -> None:
    terms = {row[0] for row in rows(GLOSSARY)}
    spoken = {OrganKind.CITY_PORT: "city port authority", OrganKind.PROVINCE: "provincial department"}
    told = {spoken.get(kind, kind.value.replace("_", " ")) for kind in OrganKind}
    assert told <= terms
