"""Recognise what a file carries by its column names: records of an item, subjects of a kind, or relations.

A column may be named by the field's name, its Chinese title or one of its aliases (official codes such as
``CF_XDR_MC``), with or without a unit in brackets, a star or 必填. See ``docs/deliveries.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from xinlu.intake.problems import Refused, file_problem, refuse
from xinlu.law.catalogue import Catalogue, Field, Item, RelationKind, SubjectKind
from xinlu.law.identifiers import TITLES, half_width
from xinlu.law.problem import Problem

RETIRED = "retired_columns"
"""Code list of columns of older standards that are passed over."""

OPERATION = ("op", "操作")
PROCEDURE = ("procedure", "处罚程序", "适用程序")
KIND = ("kind", "主体类别", "主体类型")
RELATION = ("relation", "关系", "关系类型")
FROM = ("from", "from_identifier", "起点", "起点标识")
TO = ("to", "to_identifier", "终点", "终点标识")
VALID_FROM = ("valid_from", "起始日期", "生效日期", "开始日期")
VALID_UNTIL = ("valid_until", "终止日期", "失效日期", "结束日期")
NAME = ("name", "名称", "主体名称", "姓名")
REGION = ("region", "所在地", "所在地区划", "行政区划", "行政区划代码")

TOLD = ("行号", "问题代码", "问题说明", "建议值", "依据", "怎么办")
"""Columns that an error file puts before the delivered ones; passed over when it comes back."""

TYPE_WORDS: dict[str, str] = {
    "统一社会信用代码": "uscc",
    "信用代码": "uscc",
    "组织机构代码": "organisation_code",
    "公民身份号码": "id_number",
    "身份证号": "id_number",
    "身份证号码": "id_number",
    "证件号码": "id_number",
    "机动车号牌": "plate",
    "号牌": "plate",
    "号牌号码": "plate",
    "车牌": "plate",
    "车牌号": "plate",
    "车牌号码": "plate",
    "船舶识别号": "vessel_id",
    "mmsi": "mmsi",
    "从业资格证号": "certificate_no",
    "资格证号": "certificate_no",
    "证书编号": "certificate_no",
    "标识": "",
    "代码": "",
    "编号": "",
}
"""Word behind a role's title → type of identifier (empty: any)."""

IDENTIFYING_FIELDS = {"uscc": "uscc", "organisation_code": "organisation_code", "person_id_no": "id_number"}
"""Fields of an item that say who stands in its first role, behind columns made for it."""

_MARKS = re.compile(r"[*＊]|[(\[【](?:必填|选填|必选|单位:?[^)]*|元|万元|%|千克|毫米|分|日期)[)\]】]")


@lru_cache(maxsize=8192)
def plain(header: str) -> str:
    """A column name as it is compared: half width, lower case, without blanks, stars and units in brackets.

    >>> plain("*罚款金额（元）"), plain("CF_XDR_MC ")
    ('罚款金额', 'cf_xdr_mc')
    """
    return _MARKS.sub("", half_width(header).lower().replace(" ", ""))


@dataclass(frozen=True)
class Column:
    """One column that is read: its place, and its name as delivered."""

    place: int
    header: str


@dataclass(frozen=True)
class ItemLayout:
    """Which column is what, for records of an item."""

    item: Item
    fields: dict[str, Column]
    roles: dict[str, list[tuple[Column, str]]]
    """Role → columns that identify it, each with a type of identifier or an empty text."""
    operation: Column | None = None
    procedure: Column | None = None
    unknown: tuple[str, ...] = ()
    further: tuple[tuple[str, Column], ...] = ()
    """More columns of a field with several values: 处罚类别1 and 处罚类别2 of older sheets."""

    @property
    def missing(self) -> list[str]:
        """Titles of required fields and roles that no column carries."""
        fields = [one.title for one in self.item.fields if one.required and one.name not in self.fields]
        roles = [one.title for one in self.item.roles if one.required and one.name not in self.roles]
        return roles + fields


@dataclass(frozen=True)
class KindLayout:
    """Which column is what, for subjects of a kind."""

    kind: SubjectKind
    identifiers: dict[str, Column]
    attributes: dict[str, Column]
    name: Column | None
    region: Column | None
    valid_from: Column | None
    valid_until: Column | None
    operation: Column | None = None
    unknown: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Titles of what must be there and is not."""
        lacking = []
        if not self.identifiers:
            lacking.append("或".join(TITLES.get(one, one) for one in self.kind.identifiers))
        if self.name is None and not self.named_by_identifier:
            lacking.append("名称")
        if self.valid_from is None:
            lacking.append("生效日期")
        return lacking

    @property
    def named_by_identifier(self) -> bool:
        """Vehicles are called by their plate."""
        return self.kind.identifiers[0] == "plate"


@dataclass(frozen=True)
class RelationLayout:
    """Which column is what, for relations; ``relation`` None: the rows say it in a column."""

    relation: RelationKind | None
    places: dict[str, Column]
    unknown: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Titles of what must be there and is not."""
        wanted = {"from": "起点", "to": "终点", "valid_from": "起始日期"}
        if self.relation is None:
            wanted["relation"] = "关系"
        return [title for name, title in wanted.items() if name not in self.places]


@dataclass
class _Taken:
    """Columns given out so far."""

    headers: Sequence[str]
    file: str
    by_plain: dict[str, list[int]] = field(default_factory=dict)
    used: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, header in enumerate(self.headers):
            if header:
                self.by_plain.setdefault(plain(header), []).append(place)

    def take(self, what: str, names: Iterable[str], *, share: bool = False) -> Column | None:
        """The column with one of ``names``; refused when two have."""
        wanted = dict.fromkeys(plain(name) for name in names)
        places = sorted({p for name in wanted for p in self.by_plain.get(name, ()) if share or p not in self.used})
        if not places:
            return None
        if len(places) > 1:
            both = "、".join(f"“{self.headers[p]}”（第 {p + 1} 列）" for p in places)
            raise refuse("F08", f"{both} 都是{what}", file=self.file)
        self.used.setdefault(places[0], what)
        return Column(places[0], self.headers[places[0]])

    def take_one(self, what: str, names: Iterable[str]) -> list[Column]:
        """:meth:`take` as a list of at most one."""
        found = self.take(what, names)
        return [] if found is None else [found]

    def take_all(self, what: str, names: Iterable[str]) -> list[Column]:
        """Every column with one of ``names``, in their order; refused when two have the very same name."""
        return [column for name in dict.fromkeys(map(plain, names)) for column in self.take_one(what, [name])]

    def unknown(self, known: Iterable[str] = ()) -> tuple[str, ...]:
        passed = {plain(name) for name in (*TOLD, *known)}
        return tuple(
            header
            for place, header in enumerate(self.headers)
            if header and place not in self.used and plain(header) not in passed
        )


def spellings(one: Field) -> list[str]:
    """Every name under which a column may carry the field."""
    return [one.name, one.title, *one.aliases]


def item_layout(item: Item, headers: Sequence[str], catalogue: Catalogue, *, file: str = "") -> ItemLayout:
    """What each column of ``headers`` is under ``item``.

    Raises:
        Refused: F08, two columns for one field.
    """
    taken = _Taken(headers, file)
    fields: dict[str, Column] = {}
    further: list[tuple[str, Column]] = []
    for one in item.fields:
        found = taken.take_all(one.title, spellings(one)) if one.many else taken.take_one(one.title, spellings(one))
        if found:
            fields[one.name] = found[0]
            further += [(one.name, column) for column in found[1:]]
    roles = {one.name: named for one in item.roles if (named := _role_columns(item, one.name, taken, catalogue))}
    main = item.roles[0].name if item.roles else ""
    by_field = [(fields[name], type_) for name, type_ in IDENTIFYING_FIELDS.items() if name in fields]
    if main and by_field:
        roles[main] = [*roles.get(main, []), *by_field]
    retired = catalogue.code_lists[RETIRED].values if RETIRED in catalogue.code_lists else {}
    return ItemLayout(
        item=item,
        fields=fields,
        roles=roles,
        operation=taken.take("操作", OPERATION),
        procedure=taken.take("处罚程序", PROCEDURE) if "penalty_kinds" in {f.name for f in item.fields} else None,
        unknown=taken.unknown(retired),
        further=tuple(further),
    )


def _role_columns(item: Item, name: str, taken: _Taken, catalogue: Catalogue) -> list[tuple[Column, str]]:
    role = next(one for one in item.roles if one.name == name)
    stems = [role.title, role.title.removeprefix("行政")]
    if role == item.roles[0]:
        stems += ["信用主体", "主体"]
    found: list[tuple[Column, str]] = []
    words: dict[str, list[str]] = {}
    for word, type_ in TYPE_WORDS.items():
        words.setdefault(type_, []).extend(stem + word for stem in stems)
    words[""] += [role.name, f"role:{role.name}", f"role_{role.name}", f"subject:{role.name}", *stems]
    for word, type_ in TYPE_WORDS.items():
        if type_ and _only_role_of(item, type_, catalogue) == name:
            words[type_] += [word, type_]
    for type_, names in words.items():
        if column := taken.take(role.title, names):
            found.append((column, type_))
    return found


def _only_role_of(item: Item, type_: str, catalogue: Catalogue) -> str | None:
    """The one role whose subjects are mainly known by ``type_``, if there is just one."""
    fits = [
        role.name
        for role in item.roles
        if any(catalogue.kinds[kind].identifiers[0] == type_ for kind in role.kinds if kind in catalogue.kinds)
    ]
    return fits[0] if len(fits) == 1 else None


def kind_layout(kind: SubjectKind, headers: Sequence[str], *, file: str = "") -> KindLayout:
    """What each column is under a kind of subject. One column may be both an identifier and an attribute."""
    taken = _Taken(headers, file)
    identifiers = {}
    for type_ in kind.identifiers:
        words = [word for word, one in TYPE_WORDS.items() if one == type_]
        names = [type_, TITLES.get(type_, type_), f"{kind.title}{TITLES.get(type_, type_)}", *words]
        if type_ == "code":
            names += ["代码", "标识", f"{kind.title}代码", f"{kind.title}编号"]
        if column := taken.take(TITLES.get(type_, type_), names):
            identifiers[type_] = column
    shared = {column.place for column in identifiers.values()}
    attributes = {}
    for one in kind.attributes:
        column = taken.take(one.title, spellings(one), share=one.name in identifiers)
        if column is not None and (column.place not in shared or one.name in identifiers):
            attributes[one.name] = column
    taken.take("主体类别", KIND)
    return KindLayout(
        kind=kind,
        identifiers=identifiers,
        attributes=attributes,
        name=taken.take("名称", (*NAME, f"{kind.title}名称")),
        region=taken.take("所在地", REGION),
        valid_from=taken.take("生效日期", VALID_FROM),
        valid_until=taken.take("失效日期", VALID_UNTIL),
        operation=taken.take("操作", OPERATION),
        unknown=taken.unknown(),
    )


def relation_layout(relation: RelationKind | None, headers: Sequence[str], *, file: str = "") -> RelationLayout:
    """What each column is in a file of relations."""
    taken = _Taken(headers, file)
    named = {
        "relation": RELATION,
        "from": (*FROM, f"{relation.inverse}标识") if relation else FROM,
        "to": TO,
        "valid_from": VALID_FROM,
        "valid_until": VALID_UNTIL,
        "operation": OPERATION,
    }
    places = {name: column for name, names in named.items() if (column := taken.take(name, names))}
    return RelationLayout(relation=relation, places=places, unknown=taken.unknown())


# ── which layout ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Wanted:
    """What the sender says the file holds; nothing said: recognised."""

    item: str | None = None
    kind: str | None = None
    relation: str | None = None


Layout = ItemLayout | KindLayout | RelationLayout
Known = TypeVar("Known", Item, SubjectKind, RelationKind)
Complete = TypeVar("Complete", ItemLayout, KindLayout, RelationLayout)


@dataclass(frozen=True)
class MixedKinds:
    """A file of subjects in which each row names its kind."""

    column: Column
    kinds: dict[str, KindLayout]


def layout_of(headers: Sequence[str], *, wanted: Wanted, catalogue: Catalogue, file: str) -> Layout | MixedKinds:
    """The layout that was asked for, or the one that the names of the columns tell.

    Raises:
        Refused: F07 columns missing, F08 a column twice, F10 not recognised, F15 no such item, kind or relation.
    """
    if wanted.item is not None:
        item = _known(catalogue.items, wanted.item, "信息项", file)
        return _complete(item_layout(item, headers, catalogue, file=file), headers, file)
    if wanted.kind is not None:
        kind = _known(catalogue.kinds, wanted.kind, "主体类别", file)
        return _complete(kind_layout(kind, headers, file=file), headers, file)
    if wanted.relation is not None:
        relation = _known(catalogue.relations, wanted.relation, "关系", file) if wanted.relation else None
        return _complete(relation_layout(relation, headers, file=file), headers, file)
    return _recognised(headers, catalogue, file)


def _known(known: dict[str, Known], name: str, what: str, file: str) -> Known:
    if name in known:
        return known[name]
    by_title = [one for one in known.values() if getattr(one, "title", "") == name]
    if len(by_title) == 1:
        return by_title[0]
    hint = _hint(name, list(known), like=60)
    raise refuse("F15", f"目录中没有{what}“{name}”{hint}", file=file)


def _complete(layout: Complete, headers: Sequence[str], file: str) -> Complete:
    if layout.missing:
        said = "、".join(f"“{title}”" for title in layout.missing)
        seen = "、".join(header for header in headers[:8] if header)
        raise refuse("F07", f"缺少列 {said}；文件中的列是：{seen}…", file=file)
    return layout


def _recognised(headers: Sequence[str], catalogue: Catalogue, file: str) -> Layout | MixedKinds:
    names = {plain(header) for header in headers if header}
    if names & set(map(plain, RELATION)) and names & set(map(plain, FROM)):
        return _complete(relation_layout(None, headers, file=file), headers, file)
    found: list[tuple[int, int, Layout]] = []
    for item in catalogue.items.values():
        with suppress(Refused):
            layout = item_layout(item, headers, catalogue, file=file)
            if layout.missing:
                continue
            found.append((-len(layout.unknown), len(layout.fields) + len(layout.roles), layout))
    best = _best(found, file)
    if best is not None:
        return best
    if column := _Taken(headers, file).take("主体类别", KIND):
        return MixedKinds(column, {one.kind: kind_layout(one, headers, file=file) for one in catalogue.kinds.values()})
    stem = file.lower()
    for kind in catalogue.kinds.values():
        if kind.kind in stem or kind.title in file:
            return _complete(kind_layout(kind, headers, file=file), headers, file)
    for relation in catalogue.relations.values():
        if relation.relation in stem and names & set(map(plain, FROM)):
            return _complete(relation_layout(relation, headers, file=file), headers, file)
    raise refuse("F10", "列名对不上任何信息项、主体类别或关系", file=file)


def _best(found: list[tuple[int, int, Layout]], file: str) -> Layout | None:
    if not found:
        return None
    named = [one for one in found if isinstance(one[2], ItemLayout) and _is_named(one[2].item, file)]
    found = named or found
    top = max(score[:2] for score in found)
    first = [one[2] for one in found if one[:2] == top]
    if len(first) == 1:
        return first[0]
    titles = "、".join(one.item.title for one in first if isinstance(one, ItemLayout))
    raise refuse("F10", f"列名同时符合 {titles}", file=file)


def _is_named(item: Item, file: str) -> bool:
    return item.item in file.lower() or item.title in file


def _hint(name: str, known: Sequence[str], *, like: int) -> str:
    """The nearest known name, as a question; empty when none is near."""
    # A megabyte or three that a file in order does not need.
    from rapidfuzz import process

    near = process.extractOne(name, known) if known else None
    return f"，是不是“{near[0]}”？" if near and near[1] >= like else ""


def unknown_columns(unknown: Sequence[str], known: Iterable[str], *, file: str) -> list[Problem]:
    """A warning for each column that nobody knows, with the nearest known name."""
    names = list(dict.fromkeys(known))
    warnings = []
    for header in unknown:
        hint = _hint(header, names, like=75)
        warnings.append(file_problem("F16", f"不认识的列“{header}”，其内容未收入{hint}", file=file))
    return warnings
