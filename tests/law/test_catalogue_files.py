"""The shipped catalogue: every file is valid, every name it uses exists, the national items are complete."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from xinlu.law.catalogue import CodeList, Disclosure, FieldType, Item, RelationKind, SubjectKind
from xinlu.law.identifiers import TITLES
from xinlu.law.marks import read
from xinlu.law.organs import KIND_PREFIX, OrganKind, load_organs
from xinlu.law.regions import load_regions
from xinlu.law.shape import shape

STANDARDS = Path(__file__).parents[2] / "standards"
CATALOGUE = STANDARDS / "catalogue"
_RESERVED = (
    "record parent occurred_on effective_from effective_until recorded_at superseded_at subject name region"
    " valid_from valid_until unit other as_of period_from period_until"
)
RESERVED = set(_RESERVED.split())

ITEM_FILES = sorted((CATALOGUE / "items").glob("*.yaml"))
CODE_FILES = sorted((CATALOGUE / "codes").glob("*.yaml"))
ITEMS = {p.stem: shape(Item, read(p)) for p in ITEM_FILES}
CODE_LISTS = {p.stem: shape(CodeList, read(p)) for p in CODE_FILES}


def _kinds() -> dict[str, SubjectKind]:
    marked = read(CATALOGUE / "subjects.yaml")
    listed = marked.mapping()["kinds"]
    assert isinstance(listed, list)
    found = [shape(SubjectKind, marked, at=("kinds", n)) for n in range(len(listed))]
    return {k.kind: k for k in found}


def _relations() -> dict[str, RelationKind]:
    marked = read(CATALOGUE / "relations.yaml")
    listed = marked.mapping()["relations"]
    assert isinstance(listed, list)
    found = [shape(RelationKind, marked, at=("relations", n)) for n in range(len(listed))]
    return {r.relation: r for r in found}


KINDS = _kinds()
RELATIONS = _relations()
ORGANS = load_organs(STANDARDS / "organs.yaml", regions=load_regions(STANDARDS / "regions.yaml"))

each_item = pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS.keys())
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def test_the_nine_kinds_of_subject_are_there() -> None:
    assert list(KINDS) == [
        "enterprise",
        "sole_trader",
        "practitioner",
        "vehicle",
        "vessel",
        "project",
        "contract_section",
        "site_laboratory",
        "flag_state",
    ]
    assert [k.kind for k in KINDS.values() if k.natural_person] == ["practitioner"]


@each_kind
def test_attributes_of_a_kind_are_well_formed(kind: SubjectKind) -> None:
    names = [f.name for f in kind.attributes]
    assert len(set(names)) == len(names)
    assert not RESERVED & set(names)
    assert set(kind.identifiers) <= set(TITLES)
    for attribute in kind.attributes:
        assert (attribute.type is FieldType.CODE) == (attribute.codes is not None)
        assert attribute.codes is None or attribute.codes in CODE_LISTS


def test_relations_join_known_kinds() -> None:
    assert {"operates", "employs", "drives", "owns", "parent_of", "performs", "part_of", "trades_as"} <= set(RELATIONS)
    for relation in RELATIONS.values():
        assert set(relation.from_kinds) | set(relation.to_kinds) <= set(KINDS)


@pytest.mark.parametrize("path", CODE_FILES, ids=lambda p: p.stem)
def test_a_code_list_bears_its_file_name_and_its_aliases_lead_to_its_codes(path: Path) -> None:
    codes = CODE_LISTS[path.stem]
    assert codes.codes == path.stem
    assert codes.values
    assert set(codes.aliases.values()) <= set(codes.values)
    assert not set(codes.aliases) & set(codes.values)


@each_item
def test_an_item_bears_its_file_name_and_uses_known_names_only(item: Item) -> None:
    assert ITEMS[item.item] is item
    names = [f.name for f in item.fields]
    assert len(set(names)) == len(names)
    assert not RESERVED & set(names)
    assert not [n for n in names if n.startswith("role_")]
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", n) for n in names)
    assert item.national_class in CODE_LISTS["national_classes"].values
    assert item.sector in CODE_LISTS["sectors"].values
    assert item.parent is None or item.parent in ITEMS
    for role in item.roles:
        assert set(role.kinds) <= set(KINDS)
    for provider in item.provider:
        if provider.startswith(KIND_PREFIX):
            assert OrganKind(provider.removeprefix(KIND_PREFIX))
        else:
            assert provider in ORGANS, provider


@each_item
def test_fields_of_an_item_are_typed(item: Item) -> None:
    for field in item.fields:
        assert (field.type is FieldType.CODE) == (field.codes is not None), field.name
        assert field.codes is None or field.codes in CODE_LISTS, field.name
        if field.type is FieldType.NUMBER:
            assert field.digits is not None, field.name
            assert 0 <= field.scale <= field.digits <= 38, field.name


@each_item
def test_dates_keys_and_parents_of_an_item_name_its_own_fields(item: Item) -> None:
    for named in (item.occurred_on, item.effective_from, item.effective_until):
        if named is not None:
            field = item.field(named)
            assert field is not None, named
            assert field.type is FieldType.DATE, named
    assert item.field(item.occurred_on).required  # type: ignore[union-attr]
    for key in (*item.key, *item.parent_key):
        assert item.role(key[5:]) if key.startswith("role:") else item.field(key), key
    if item.parent is not None:
        assert len(item.parent_key) == len(ITEMS[item.parent].key)


@each_item
def test_no_two_fields_of_an_item_answer_to_one_name(item: Item) -> None:
    spellings = Counter(s for f in item.fields for s in {f.name, f.title, *f.aliases})
    assert [s for s, n in spellings.items() if n > 1] == []


@each_item
def test_a_public_item_says_how_long_it_is_shown(item: Item) -> None:
    if item.disclosure is Disclosure.PUBLIC:
        assert item.publicity is not None


@each_item
def test_personal_numbers_are_sensitive_and_masked(item: Item) -> None:
    for field in item.fields:
        if field.name in ("person_id_no", "legal_representative_id_no", "phone"):
            assert field.level in ("L3", "L4")
            assert field.mask != "none"


_PERMIT = (
    "XK_XDR_MC XK_XDR_LB XK_XDR_SHXYM XK_XDR_GSZC XK_XDR_ZZJG XK_XDR_SWDJ XK_XDR_SYDW XK_XDR_SHZZ XK_FRDB"
    " XK_FR_ZJLX XK_FR_ZJHM XK_XDR_ZJLX XK_XDR_ZJHM XK_XKWS XK_WSH XK_XKLB XK_XKZS XK_XKBH XK_NR XK_JDRQ"
    " XK_YXQZ XK_YXQZI XK_XKJG XK_XKJGDM XK_ZT XK_LYDW XK_LYDWDM BZ"
)
PERMIT = _PERMIT.split()
_PENALTY = (
    "CF_XDR_MC CF_XDR_LB CF_XDR_SHXYM CF_XDR_GSZC CF_XDR_ZZJG CF_XDR_SWDJ CF_XDR_SYDW CF_XDR_SHZZ CF_FRDB"
    " CF_FR_ZJLX CF_FR_ZJHM CF_XDR_ZJLX CF_XDR_ZJHM CF_WSH CF_WFXW CF_SY CF_YJ CF_CFLB CF_NR CF_NR_FK"
    " CF_NR_WFFF CF_NR_ZKDX CF_JDRQ CF_YXQ CF_GSJZQ CF_CFJG CF_CFJGDM CF_SJLY CF_SJLYDM BZ"
)
PENALTY = _PENALTY.split()


@pytest.mark.parametrize(
    ("name", "official", "count"), [("administrative_permit", PERMIT, 28), ("administrative_penalty", PENALTY, 30)]
)
def test_the_double_publicity_items_are_complete_and_in_order(name: str, official: list[str], count: int) -> None:
    fields = ITEMS[name].fields
    assert len(official) == len(fields) == count
    assert [f.aliases[0] for f in fields] == official
    for field in fields:
        assert re.search(r"[一-鿿]", field.aliases[1]), field.name


def test_money_of_a_penalty_is_in_ten_thousand_yuan() -> None:
    for name in ("fine_amount", "confiscated_amount"):
        field = ITEMS["administrative_penalty"].field(name)
        assert field is not None
        assert (field.unit, field.digits, field.scale) == ("万元", 18, 6)
        assert Decimal("0.2") * 10_000 == 2_000


def test_the_older_names_of_2016_are_aliases_or_retired() -> None:
    aliases = {
        a for n in ("administrative_permit", "administrative_penalty") for f in ITEMS[n].fields for a in f.aliases
    }
    retired = set(CODE_LISTS["retired_columns"].values)
    older = (
        "CF_CFMC CF_CFLB1 CF_CFLB2 CF_XDR_ZDM CF_XDR_GSDJ CF_XDR_SFZ CF_FR CF_JG CF_XZJG CF_ZT DFBM AREACODE SJC"
        " CF_SYFW XK_XDR_SFZ XK_FR XK_JZQ XK_XZJG XK_FR_SFZH"
    )
    assert set(older.split()) <= aliases | retired
    assert not aliases & retired


def test_penalty_kinds_are_those_of_the_penalty_law_of_2021_and_read_the_list_of_2018() -> None:
    kinds = CODE_LISTS["penalty_kinds"]
    assert len(kinds.values) == 14
    assert {"没收违法所得、没收非法财物", "暂扣或者吊销许可证、执照"} <= set(kinds.aliases)


def test_the_national_catalogue_has_thirteen_classes() -> None:
    assert len(CODE_LISTS["national_classes"].values) == 13


def test_a_standing_has_the_columns_that_the_engine_expects() -> None:
    names = {f.name for f in ITEMS["rating_result"].fields}
    assert {"book", "book_version", "output", "level", "score", "status", "jurisdiction", "kind", "grade"} <= names
    score = ITEMS["rating_result"].field("score")
    assert score is not None
    assert (score.digits, score.scale) == (18, 6)


def test_every_sector_and_class_of_the_plan_has_items_and_domestic_ones_are_more_than_sixty() -> None:
    domestic = {name: item for name, item in ITEMS.items() if not name.startswith(("us_", "eu_", "psc_"))}
    assert len(domestic) >= 60
    assert {item.sector for item in domestic.values()} == set(CODE_LISTS["sectors"].values)
    assert {item.national_class for item in domestic.values()} == set(CODE_LISTS["national_classes"].values)


def test_court_and_tax_facts_are_for_inspection_only() -> None:
    for name in ("court_enforcement", "tax_matter"):
        item = ITEMS[name]
        assert (item.uses, item.disclosure, item.level) == (("inspection",), Disclosure.INTERNAL, "L3")
