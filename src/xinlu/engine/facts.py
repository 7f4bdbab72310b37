"""A facts file, or the facts of a case, as the tables that the engine reads.

Subjects and records are written by name; the engine wants numbers. Subjects are numbered in the order of the
file, records in the order of their ids, so that the same file always gives the same tables. Nothing is guessed:
an unknown name, a value of the wrong type or a number with too many digits is a coded problem with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

import pyarrow as pa

from xinlu.engine.tables import NUMBER_DIGITS, empty_tables
from xinlu.law.catalogue import Catalogue, Field, FieldType, Item
from xinlu.law.marks import Marks, Place
from xinlu.law.problem import LawError, Problem, by_place, problem
from xinlu.law.shape import suggestion

ALWAYS = date(1900, 1, 1)
"""Since when a subject or relation exists that names no day."""
KNOWN_FOR_EVER = datetime(1900, 1, 1)  # noqa: DTZ001 the engine's times are UTC without a zone

_KEYS = ("subjects", "relations", "records", "standings", "peers", "as_of", "known_at")
_SUBJECT_KEYS = ("id", "kind", "name", "region", "from", "until", "recorded_at", "superseded_at")
_RELATION_KEYS = ("relation", "from", "to", "since", "until", "recorded_at", "superseded_at")
_RECORD_KEYS = ("item", "id", "parent", "recorded_at", "superseded_at")
_STANDING_WORDS = {
    "as_of": "as_of_day",
    "from": "published_on",
    "until": "ends_on",
    "period_from": "rated_from",
    "period_until": "rated_until",
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Facts:
    """Tables by name, with the names behind the numbers."""

    tables: Mapping[str, pa.Table]
    subjects: Mapping[str, int]
    """Name in the file → number."""
    records: Mapping[str, int]
    as_of: tuple[date, ...] = ()
    known_at: datetime | None = None
    peers: Mapping[str, Any] = field(default_factory=dict)

    def subject_name(self, number: int | None) -> str:
        """The name of a subject; an empty text when there is none."""
        return next((name for name, n in self.subjects.items() if n == number), "")

    def record_name(self, number: int | None) -> str:
        """The id of a record; an empty text when there is none."""
        return next((name for name, n in self.records.items() if n == number), "")


def read_facts(
    *parts: Mapping[str, Any], catalogue: Catalogue, marks: Marks | None = None, at: Sequence[Place] = ()
) -> Facts:
    """Tables from one or several mappings of the facts shape (the later ones add to the earlier).

    ``marks`` and ``at`` (the path of each part in the marked file) give problems their lines.

    >>> from xinlu.law.library import load_catalogue, shipped
    >>> facts = read_facts({"subjects": [{"id": "甲公司", "kind": "enterprise"}]},
    ...                    catalogue=load_catalogue(shipped()))
    >>> facts.subjects, facts.tables["subject_enterprise"].num_rows
    ({'甲公司': 1}, 1)

    Raises:
        LawError: every mistake found (FACT-1xx).
    """
    reading = _Reading(catalogue, marks)
    located = [(part, at[i] if i < len(at) else ()) for i, part in enumerate(parts)]
    facts = reading.facts(located)
    if reading.problems:
        raise LawError(*by_place(reading.problems))
    return facts


def as_day(value: object) -> date:
    """A day from text or a date.

    Raises:
        ValueError: it is no day; a Chinese sentence.
    """
    if isinstance(value, datetime):
        raise ValueError(f"“{value}”应为日期，不带时刻")
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"没有这一天：{value}") from None
    raise ValueError(f"“{value}”应为日期（如 2024-03-01）")


def as_time(value: object) -> datetime:
    """A moment, UTC without zone, from text, a date (its beginning) or a datetime.

    Raises:
        ValueError: it is no time; a Chinese sentence.
    """
    if isinstance(value, str) and not _DAY.fullmatch(value):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"“{value}”应为时间（如 2024-03-01T08:00:00）") from None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return datetime.combine(as_day(value), time())


Row = dict[str, Any]


class _Reading:
    """One reading of facts; collects rows by table and problems."""

    def __init__(self, catalogue: Catalogue, marks: Marks | None) -> None:
        self.catalogue = catalogue
        self.marks = marks
        self.problems: list[Problem] = []
        self.rows: dict[str, list[Row]] = {}
        self.subjects: dict[str, int] = {}
        self.kinds: dict[str, str] = {}
        self.records: dict[str, str] = {}
        """Record id → its item."""
        self.parents: list[tuple[Row, str, Item, Place]] = []
        self.as_of: tuple[date, ...] = ()
        self.known_at: datetime | None = None
        self.peers: dict[str, Any] = {}

    def facts(self, parts: Sequence[tuple[Mapping[str, Any], Place]]) -> Facts:
        for part, at in parts:
            self._keys(part, _KEYS, at)
            for index, one in self._list(part, "subjects", at):
                self._subject(one, (*at, "subjects", index))
        for part, at in parts:
            for index, one in self._list(part, "relations", at):
                self._relation(one, (*at, "relations", index))
            for index, one in self._list(part, "records", at):
                self._record(one, (*at, "records", index))
            for index, one in self._list(part, "standings", at):
                self._record(self._standing(one), (*at, "standings", index))
            self._days(part, at)
        numbers = {name: n for n, name in enumerate(sorted(self.records), start=1)}
        self._number_records(numbers)
        self._no_version_twice()
        return Facts(
            tables={} if self.problems else self._tables(),
            subjects=self.subjects,
            records=numbers,
            as_of=self.as_of,
            known_at=self.known_at,
            peers=self.peers,
        )

    # ── subjects ────────────────────────────────────────────────────────────────────────────────

    def _subject(self, one: Row, at: Place) -> None:
        name = self._identity(one, at)
        kind = self.catalogue.kinds.get(str(one.get("kind")))
        if name is None:
            return
        if name in self.subjects:
            self._wrong("FACT-103", f"主体“{name}”写了两次", (*at, "id"))
            return
        self.subjects[name] = len(self.subjects) + 1
        if kind is None:
            self._unknown("FACT-106", "主体类别", one.get("kind"), self.catalogue.kinds, (*at, "kind"))
            return
        self.kinds[name] = kind.kind
        attributes = {a.name: a for a in kind.attributes}
        self._keys(one, (*_SUBJECT_KEYS, "periods", *attributes), at, "FACT-107")
        periods = one.get("periods")
        if periods is None:
            spans = [(one, at)]
        else:
            spans = [(p, (*at, "periods", i)) for i, p in self._list(one, "periods", at)]
        rows = []
        for position, (span, where) in enumerate(spans):
            if periods is not None:
                self._keys(span, (*_SUBJECT_KEYS[2:], *attributes), where, "FACT-107")
            row = self._period({**one, **span}, name, attributes, where)
            following = spans[position + 1][0] if position + 1 < len(spans) else {}
            if row["valid_until"] is None and "from" in following:
                row["valid_until"] = self._day(following, "from", where, None)
            rows.append(row)
            self._in_order(row["valid_from"], row["valid_until"], where)
        self._no_overlap(rows, name, at)
        self.rows.setdefault(f"subject_{kind.kind}", []).extend(rows)

    def _period(self, one: Row, name: str, attributes: Mapping[str, Field], at: Place) -> Row:
        return {
            "subject": self.subjects[name],
            "name": str(one.get("name", name)),
            "region": None if one.get("region") is None else str(one["region"]),
            "valid_from": self._day(one, "from", at, ALWAYS),
            "valid_until": self._day(one, "until", at, None),
            **self._known(one, at),
            **{a: self._value(f, one[a], (*at, a)) for a, f in attributes.items() if a in one},
        }

    def _no_overlap(self, rows: Sequence[Row], name: str, at: Place) -> None:
        ordered = sorted(rows, key=lambda r: (r["valid_from"], r["recorded_at"]))
        for earlier, later in pairwise(ordered):
            touching = earlier["valid_until"] is None or later["valid_from"] < earlier["valid_until"]
            if touching and _known_together(earlier, later):
                self._wrong("FACT-114", f"主体“{name}”的两段属性时间重叠", at)

    # ── relations ───────────────────────────────────────────────────────────────────────────────

    def _relation(self, one: Row, at: Place) -> None:
        self._keys(one, _RELATION_KEYS, at, "FACT-107")
        kind = self.catalogue.relations.get(str(one.get("relation")))
        if kind is None:
            known = self.catalogue.relations
            self._unknown("FACT-106", "关系", one.get("relation"), known, (*at, "relation"))
            return
        row = {
            "relation": kind.relation,
            "from_subject": self._end(one, "from", kind.from_kinds, at),
            "to_subject": self._end(one, "to", kind.to_kinds, at),
            "valid_from": self._day(one, "since", at, ALWAYS),
            "valid_until": self._day(one, "until", at, None),
            **self._known(one, at),
        }
        self._in_order(row["valid_from"], row["valid_until"], at)
        self.rows.setdefault("relation", []).append(row)

    def _end(self, one: Row, end: str, kinds: Sequence[str], at: Place) -> int | None:
        if one.get(end) is None:
            self._wrong("FACT-111", f"关系缺少“{end}”", at)
            return None
        return self._who(one[end], kinds, (*at, end))

    # ── records ─────────────────────────────────────────────────────────────────────────────────

    def _standing(self, one: Row) -> Row:
        given = {_STANDING_WORDS.get(k, k): v for k, v in one.items()}
        defaults: Row = {"item": "rating_result", "status": "rated", "kind": "published"}
        if "as_of_day" not in given and "published_on" in given:
            defaults["as_of_day"] = given["published_on"]
        return {**defaults, **given}

    def _record(self, one: Row, at: Place) -> None:
        item = self.catalogue.items.get(str(one.get("item")))
        if item is None:
            self._unknown("FACT-106", "信息项", one.get("item"), self.catalogue.items, (*at, "item"))
            return
        fields = {f.name: f for f in item.fields}
        roles = {r.name: r for r in item.roles}
        self._keys(one, (*_RECORD_KEYS, *roles, *fields), at, "FACT-107")
        # Shared facts and the facts of a case are counted apart, so that nameless rows of both stand side by side.
        kind = ("s" if "standings" in at else "") + ("g" if at[0] == "given" else "")
        name = str(one.get("id", "")) or f"{item.item}#{at[-1]}{kind}"
        if self.records.setdefault(name, item.item) != item.item:
            other = self.catalogue.items[self.records[name]].title
            self._wrong("FACT-112", f"记录“{name}”已是“{other}”的标识", (*at, "id"))
            return
        row: Row = {"record": name, "parent": None, **self._known(one, at)}
        for role in item.roles:
            if one.get(role.name) is not None:
                row[f"role_{role.name}"] = self._cast(role.kinds, role.many, one[role.name], (*at, role.name))
        for key, value in one.items():
            if key in fields:
                row[key] = self._value(fields[key], value, (*at, key))
        self._date_columns(item, row, at)
        if one.get("parent") is not None:
            self.parents.append((row, str(one["parent"]), item, (*at, "parent")))
        self.rows.setdefault(f"item_{item.item}", []).append(row)

    def _date_columns(self, item: Item, row: Row, at: Place) -> None:
        row["occurred_on"] = row.get(item.occurred_on)
        if row["occurred_on"] is None:
            named = item.field(item.occurred_on)
            title = named.title if named else item.occurred_on
            self._wrong("FACT-111", f"{item.title}缺少日期“{item.occurred_on}”（{title}）", at)
        start = row.get(item.effective_from) if item.effective_from else None
        row["effective_from"] = start or row["occurred_on"]
        row["effective_until"] = row.get(item.effective_until) if item.effective_until else None

    def _cast(self, kinds: Sequence[str], many: bool, value: object, at: Place) -> int | list[int | None] | None:
        if not many:
            return self._who(value, kinds, at)
        names = value if isinstance(value, list) else [value]
        return [self._who(n, kinds, (*at, i)) for i, n in enumerate(names)]

    def _who(self, value: object, kinds: Sequence[str], at: Place) -> int | None:
        name = str(value)
        if name not in self.subjects:
            self._unknown("FACT-104", "主体", name, self.subjects, at)
            return None
        if name in self.kinds and self.kinds[name] not in kinds:
            titles = "、".join(self.catalogue.kinds[k].title for k in kinds if k in self.catalogue.kinds)
            own = self.catalogue.kinds[self.kinds[name]].title
            self._wrong("FACT-105", f"“{name}”是{own}，这里应为{titles}", at)
        return self.subjects[name]

    def _number_records(self, numbers: Mapping[str, int]) -> None:
        for row, parent, item, at in self.parents:
            owner = self.records.get(parent)
            if owner is None:
                self._unknown("FACT-113", "上级记录", parent, self.records, at)
            elif item.parent is not None and owner != item.parent:
                wanted = self.catalogue.items[item.parent].title if item.parent in self.catalogue.items else item.parent
                self._wrong("FACT-113", f"上级记录“{parent}”应是“{wanted}”", at)
            row["parent"] = numbers.get(parent)
        for table, rows in self.rows.items():
            if table.startswith("item_"):
                for row in rows:
                    row["name"], row["record"] = row["record"], numbers[row["record"]]

    def _no_version_twice(self) -> None:
        for table, rows in self.rows.items():
            if not table.startswith("item_"):
                continue
            ordered = sorted(rows, key=lambda r: (r["record"], r["recorded_at"]))
            for earlier, later in pairwise(ordered):
                if earlier["record"] == later["record"] and _known_together(earlier, later):
                    self._wrong("FACT-112", f"记录“{later['name']}”有两行同时有效", ())

    # ── values ──────────────────────────────────────────────────────────────────────────────────

    def _value(self, one: Field, value: object, at: Place) -> Any:
        if value is None:
            return None
        if one.many:
            values = value if isinstance(value, (list, tuple)) else [value]
            return [self._single(one, v, (*at, i)) for i, v in enumerate(values)]
        return self._single(one, value, at)

    def _single(self, one: Field, value: object, at: Place) -> Any:
        try:
            return self._typed(one, value)
        except _WrongValue as error:
            self._wrong(error.code, f"“{one.title}”（{one.name}）{error}", at)
        except ValueError as error:
            self._wrong("FACT-108", f"“{one.title}”（{one.name}）：{error}", at)
        return None

    def _typed(self, one: Field, value: object) -> Any:
        if one.type is FieldType.NUMBER:
            return _number(one, value)
        if one.type is FieldType.DATE:
            return as_day(value)
        if one.type is FieldType.YES_NO:
            if not isinstance(value, bool):
                raise _WrongValue("FACT-108", f"应为 true 或 false，写的是“{value}”")
            return value
        if isinstance(value, (bool, float, list, dict)):
            raise _WrongValue("FACT-108", f"应为文字，写的是“{value}”")
        if one.type is FieldType.CODE and one.codes in self.catalogue.code_lists:
            return self._code(one, str(value))
        return str(value)

    def _code(self, one: Field, value: str) -> str:
        codes = self.catalogue.code_lists[str(one.codes)]
        if value in codes.values:
            return value
        if value in codes.aliases:
            return codes.aliases[value]
        hint = suggestion(value, codes.values)
        raise _WrongValue("FACT-110", f"的代码“{value}”不在“{codes.title}”中{hint}")

    def _known(self, one: Row, at: Place) -> Row:
        start = self._moment(one, "recorded_at", at) or KNOWN_FOR_EVER
        end = self._moment(one, "superseded_at", at)
        if end is not None and end <= start:
            self._wrong("FACT-114", "superseded_at 应晚于 recorded_at", (*at, "superseded_at"))
        return {"recorded_at": start, "superseded_at": end}

    def _moment(self, one: Row, key: str, at: Place) -> datetime | None:
        if one.get(key) is None:
            return None
        try:
            return as_time(one[key])
        except ValueError as error:
            self._wrong("FACT-108", f"{key}：{error}", (*at, key))
            return None

    def _day(self, one: Row, key: str, at: Place, default: date | None) -> date | None:
        if one.get(key) is None:
            return default
        try:
            return as_day(one[key])
        except ValueError as error:
            self._wrong("FACT-108", f"{key}：{error}", (*at, key))
            return default

    def _in_order(self, start: date | None, end: date | None, at: Place) -> None:
        if start is not None and end is not None and end <= start:
            self._wrong("FACT-114", f"止期 {end} 应晚于起期 {start}", at)

    def _days(self, part: Mapping[str, Any], at: Place) -> None:
        days = part.get("as_of")
        listed = days if isinstance(days, list) else [] if days is None else [days]
        named = [self._day({"as_of": d}, "as_of", at, None) for d in listed]
        self.as_of = tuple(d for d in named if d is not None) or self.as_of
        self.known_at = self._moment(dict(part), "known_at", at) or self.known_at
        peers = part.get("peers") or {}
        if not isinstance(peers, Mapping):
            self._wrong("FACT-101", "peers 应为“评价规则: {值: 统计}”的映射", (*at, "peers"))
        else:
            self.peers.update(peers)

    # ── shape ───────────────────────────────────────────────────────────────────────────────────

    def _identity(self, one: Row, at: Place) -> str | None:
        if one.get("id") is None:
            self._wrong("FACT-111", "主体缺少 id", at)
            return None
        return str(one["id"])

    def _list(self, part: Mapping[str, Any], key: str, at: Place) -> Iterable[tuple[int, Row]]:
        value = part.get(key)
        if value is None:
            return
        if not isinstance(value, (list, tuple)):
            self._wrong("FACT-101", f"“{key}”应为列表", (*at, key))
            return
        for index, one in enumerate(value):
            if isinstance(one, Mapping):
                yield index, dict(one)
            else:
                self._wrong("FACT-101", f"“{key}”的第 {index + 1} 项应为“键: 值”的映射", (*at, key, index))

    def _keys(self, one: Mapping[str, Any], known: Iterable[str], at: Place, code: str = "FACT-102") -> None:
        allowed = tuple(known)
        for key in one:
            if key not in allowed:
                hint = suggestion(str(key), allowed)
                what = "数据项或角色" if code == "FACT-107" else "键"
                self._wrong(code, f"不认识的{what}“{key}”{hint}", (*at, str(key)))

    def _unknown(self, code: str, what: str, name: object, known: Iterable[str], at: Place) -> None:
        self._wrong(code, f"没有{what}“{name}”{suggestion(str(name), known)}", at)

    def _wrong(self, code: str, sentence: str, at: Place) -> None:
        file = self.marks.file if self.marks else ""
        line = self.marks.line(at) if self.marks else None
        self.problems.append(problem(code, sentence, file=file, line=line))

    def _tables(self) -> dict[str, pa.Table]:
        found = empty_tables(self.catalogue)
        return {name: _table(empty, self.rows[name]) if name in self.rows else empty for name, empty in found.items()}


class _WrongValue(ValueError):
    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def _table(empty: pa.Table, rows: Sequence[Row]) -> pa.Table:
    if not rows:
        return empty
    schema = empty.schema
    columns = [pa.array([row.get(f.name) for row in rows], type=f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _number(one: Field, value: object) -> Decimal:
    if isinstance(value, (bool, float)):
        raise _WrongValue("FACT-108", f"应为十进制数，写的是“{value}”")
    try:
        number = Decimal(value) if isinstance(value, (Decimal, int)) else Decimal(str(value))
    except InvalidOperation:
        raise _WrongValue("FACT-108", f"应为数，写的是“{value}”") from None
    if not number.is_finite():
        raise _WrongValue("FACT-108", f"应为数，写的是“{value}”")
    digits, scale = one.digits or NUMBER_DIGITS, one.scale
    whole, fraction = _sizes(number)
    if fraction > scale:
        raise _WrongValue("FACT-109", f"最多 {scale} 位小数，写的是“{value}”")
    if whole > digits - scale:
        raise _WrongValue("FACT-109", f"整数最多 {digits - scale} 位，写的是“{value}”")
    return number


def _sizes(number: Decimal) -> tuple[int, int]:
    """Digits that are needed before and behind the point; zeros at the end of a fraction count for nothing."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).rstrip("0")
    exponent += len(digits) - len(text)
    return (max(len(text) + exponent, 0), max(-exponent, 0)) if text else (0, 0)


def _known_together(a: Row, b: Row) -> bool:
    """Whether there is a moment at which both rows are known."""
    a_end, b_end = a["superseded_at"], b["superseded_at"]
    starts_before_end = b_end is None or a["recorded_at"] < b_end
    return starts_before_end and (a_end is None or b["recorded_at"] < a_end)
