"""Rows of an item: from cells to checked drafts that the ledger can accept, or to what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from xinlu.intake.cells import Value, lost_digits, plain_text, reader, shown
from xinlu.intake.columns import Column, ItemLayout
from xinlu.intake.conditions import Condition, conditions, typed
from xinlu.intake.double_publicity import PublicityRows
from xinlu.intake.people import People, Person, Reference, identifier_fault, tidy, unknown_subject
from xinlu.intake.problems import Fault
from xinlu.intake.sheet import Cell, Line
from xinlu.law.catalogue import Catalogue, CodeList, Field, FieldType, Item, Role
from xinlu.law.identifiers import half_width, is_valid
from xinlu.ledger.draft import Draft, KeyIncomplete, draft, key_of, parent_key_of
from xinlu.ledger.models import Record

BATCH = 2000
REMEMBERED = 4000
Typing = tuple[str, Callable[[Any], Any]]
"""Name of a field, and what makes its text the value that a condition compares."""
Said = tuple[str | tuple[str, ...] | None, ...]
"""What a row says in the fields of a condition."""
RATING = "rating_result"
WITHDRAW = frozenset({"撤销", "撤回", "withdraw", "delete", "d"})
DELIVER = frozenset({"", "报送", "新增", "更正", "修改", "upsert", "insert", "update", "i", "u"})
OLD = timedelta(days=5 * 365 + 1)

SEVERAL = re.compile(r"[;；、,，|]")
_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{9}[\dXx](?![0-9A-Za-z])")


@dataclass(slots=True)
class Parsed:
    """One row on its way. ``references``: role → identifiers that the row gives, strongest first."""

    number: int
    cells: list[Cell]
    payload: dict[str, Value] = field(default_factory=dict)
    references: dict[str, list[tuple[Reference, Column]]] = field(default_factory=dict)
    withdraws: bool = False
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    roles: dict[str, tuple[int, ...]] = field(default_factory=dict)
    draft: Draft | None = None


class RecordRows:
    """Reads and checks the rows of one delivery of one item."""

    def __init__(self, layout: ItemLayout, catalogue: Catalogue, *, source: int, received_on: date) -> None:
        self.layout = layout
        self.item = layout.item
        self.source = source
        self.received_on = received_on
        self.catalogue = catalogue
        self.people = People()
        self.fields = {one.name: one for one in self.item.fields}
        self.readers = [
            (column.place, name, reader(self.fields[name], header=column.header, codes=self._codes(name)))
            for name, column in (*layout.fields.items(), *layout.further)
        ]
        self.required = [one.name for one in self.item.fields if one.required]
        self.key_fields = [name for name in self.item.key if not name.startswith("role:")]
        self.conditions: list[tuple[Condition, list[Typing], dict[Said, bool]]] = [
            (one, _typing(one, self.fields), {}) for one in conditions(self.item, catalogue)
        ]
        self.identifiers = _identifier_fields(self.item)
        self.free_texts = _public_texts(self.item)
        self.types_of = {role.name: self._types(role) for role in self.item.roles}
        self.publicity = PublicityRows.of(
            self.item, received_on=received_on, header=self._header, procedure=layout.procedure
        )

    def read(self, lines: Sequence[Line]) -> list[Parsed]:
        """The rows of ``lines`` in order, each with a draft or with faults. Looks up the database by the batch."""
        rows = [self._parsed(number, cells) for number, cells in lines]
        self.people.load(one for row in rows for found in row.references.values() for one, _ in found)
        for row in rows:
            self._match(row)
        parents = self._parents(rows)
        for row in rows:
            self._finish(row, parents)
        if self.publicity is not None:
            self.publicity.note_late(rows)
        return rows

    def raw(self, cells: Sequence[Cell], headers: Sequence[str]) -> dict[str, str]:
        """The row as it was delivered, by column name."""
        return raw_row(cells, headers)

    # ── cells ──

    def _parsed(self, number: int, cells: list[Cell]) -> Parsed:
        row = Parsed(number, cells)
        self._operation(row)
        payload, width = row.payload, len(cells)
        for place, name, read in self.readers:
            cell = cells[place] if place < width else None
            if cell is None:
                continue
            value = read(cell)
            if isinstance(value, Fault):
                row.faults.append(value)
            elif value and isinstance(value, list):
                payload[name] = list(dict.fromkeys([*payload.get(name, ()), *value]))
            elif value:
                payload[name] = value
        self._references(row)
        if row.withdraws:
            # Only the key matters of a row that takes a record back.
            row.faults = [one for one in row.faults if one.field in self.key_fields]
            self._require(row, self.key_fields)
            return row
        self._require(row, self.required)
        self._identifiers(row)
        self._checks(row)
        self._contents(row)
        return row

    def _operation(self, row: Parsed) -> None:
        column = self.layout.operation
        if column is None or column.place >= len(row.cells):
            return
        word = half_width(plain_text(row.cells[column.place])).lower()
        if word in WITHDRAW:
            row.withdraws = True
        elif word not in DELIVER:
            row.faults.append(Fault("E23", f"操作“{shown(word)}”不认识", column.header, "op"))

    def _require(self, row: Parsed, names: Iterable[str]) -> None:
        wrong = {one.field for one in row.faults}
        for name in names:
            if name not in row.payload and name not in wrong:
                title = self.fields[name].title
                column = self.layout.fields.get(name)
                row.faults.append(Fault("E01", f"{title}为空", column.header if column else title, name))

    def _references(self, row: Parsed) -> None:
        for role, columns in self.layout.roles.items():
            several = self.item.role(role)
            found = []
            for column, type_ in columns:
                cell = row.cells[column.place] if column.place < len(row.cells) else None
                if cell is None:
                    continue
                if lost_digits(cell):
                    row.faults.append(
                        Fault(
                            "E17",
                            f"{column.header}“{shown(cell)}”成了科学计数法，后面的位数已丢失",
                            column.header,
                            role,
                        )
                    )
                    continue
                if several is not None and several.many:
                    parts = cell if isinstance(cell, list) else SEVERAL.split(plain_text(cell))
                else:
                    parts = [plain_text(cell)]
                found += [((type_, part.strip()), column) for part in parts if part.strip()]
            if found:
                row.references[role] = found

    def _identifiers(self, row: Parsed) -> None:
        for name, type_, type_field in self.identifiers:
            value = row.payload.get(name)
            if not isinstance(value, str) or row.payload.get(type_field, "id_card") != "id_card":
                continue
            row.payload[name] = tidy(type_, value)
            if fault := identifier_fault(type_, value, column=self.layout.fields[name].header, field=name):
                row.faults.append(fault)

    def _checks(self, row: Parsed) -> None:
        wrong = {one.field for one in row.faults}
        payload = row.payload
        for condition, types, known in self.conditions:
            if not wrong.isdisjoint(condition.columns):
                continue
            # Days, amounts and codes come again and again: what they come to is remembered.
            said = tuple([_hashable(payload.get(name)) for name, _ in types])
            fails = known.get(said)
            if fails is None:
                fails = condition.fails({name: make(payload[name]) for name, make in types if name in payload})
                if len(known) < REMEMBERED:
                    known[said] = fails
            if fails:
                row.faults.append(self._failed(condition, row))

    def _failed(self, condition: Condition, row: Parsed) -> Fault:
        code, name = "E16", condition.columns[-1]
        blank = next((one for one in condition.needed if one not in row.payload), None)
        if blank is not None:
            code, name = "E01", blank
        elif "publicity_until" in condition.columns:
            code, name = "E10", "publicity_until"
        return Fault(code, f"应满足：{condition.sentence}", self._header(name), name)

    def _contents(self, row: Parsed) -> None:
        if self.free_texts:
            self._personal_information(row)
        if self.publicity is not None:
            self.publicity.judge(row)
        if self.item.item == RATING and row.payload.get("kind") not in (None, "imported"):
            row.faults.append(Fault("E30", "文件只能报送引入的评价结果", self._header("kind"), "kind"))
        occurred = row.payload.get(self.item.occurred_on)
        if isinstance(occurred, str):
            day = date.fromisoformat(occurred)
            if day > self.received_on and self.item.nature == "bad":
                title = self.fields[self.item.occurred_on].title
                sentence = f"{title} {occurred} 晚于收到日期 {self.received_on.isoformat()}"
                row.faults.append(Fault("E28", sentence, self._header(self.item.occurred_on), self.item.occurred_on))
            elif self.received_on - day > OLD:
                row.warnings.append(Fault("W02", f"{occurred} 距今超过五年", self._header(self.item.occurred_on)))

    def _personal_information(self, row: Parsed) -> None:
        for name in self.free_texts:
            text = row.payload.get(name)
            if not isinstance(text, str) or len(text) < 18:
                continue
            if any(is_valid("id_number", found) for found in _ID_NUMBER.findall(text)):
                sentence = f"{self.fields[name].title}会公开，其中疑似有公民身份号码"
                row.faults.append(Fault("E12", sentence, self._header(name), name))

    def _header(self, name: str) -> str:
        column = self.layout.fields.get(name)
        return column.header if column else self.fields[name].title

    # ── subjects ──

    def _match(self, row: Parsed) -> None:
        wrong = {one.field for one in row.faults}
        for role in self.item.roles:
            found = row.references.get(role.name)
            if found:
                self._match_role(row, role, found, wrong)
            elif role.required and role.name not in wrong and not (row.withdraws and not self._in_key(role)):
                columns = self.layout.roles.get(role.name)
                header = columns[0][0].header if columns else role.title
                if not wrong & self._identity_fields(role):
                    row.faults.append(Fault("E01", f"{role.title}的标识为空", header, role.name))

    def _in_key(self, role: Role) -> bool:
        return f"role:{role.name}" in self.item.key

    def _identity_fields(self, role: Role) -> set[str]:
        places = {column.place for column, _ in self.layout.roles.get(role.name, ())}
        return {name for name, column in self.layout.fields.items() if column.place in places}

    def _match_role(self, row: Parsed, role: Role, found: list[tuple[Reference, Column]], wrong: set[str]) -> None:
        if role.many:
            persons = [self._person(row, role, reference, column) for reference, column in found]
            numbers = tuple(dict.fromkeys(one.number for one in persons if one is not None))
            if len(numbers) == len({r for r, _ in found}) or None not in persons:
                row.roles[role.name] = numbers
            return
        if wrong & self._identity_fields(role):
            return
        person = self._person(row, role, *found[0])
        if person is None:
            return
        for reference, column in found[1:]:
            other = self.people.find(reference)
            if other is not None and other.number != person.number:
                sentence = f"{column.header}与{found[0][1].header}指向不同主体"
                row.faults.append(Fault("E22", sentence, column.header, role.name))
        row.roles[role.name] = (person.number,)
        if role == self.item.roles[0] and not row.withdraws:
            self._named(row, person)

    def _person(self, row: Parsed, role: Role, reference: Reference, column: Column) -> Person | None:
        person = self.people.find(reference)
        if person is None:
            row.faults.append(
                unknown_subject(
                    reference, types=self.types_of[role.name], column=column.header, title=role.title, field=role.name
                )
            )
            return None
        if person.kind not in role.kinds:
            titles = "、".join(self.catalogue.kinds[k].title for k in role.kinds if k in self.catalogue.kinds)
            kind = self.catalogue.kinds[person.kind].title if person.kind in self.catalogue.kinds else person.kind
            sentence = f"{role.title}应为{titles}，“{shown(reference[1])}”登记为{kind}"
            row.faults.append(Fault("E18", sentence, column.header, role.name))
            return None
        return person

    def _named(self, row: Parsed, person: Person) -> None:
        name = row.payload.get("party_name")
        if isinstance(name, str) and not self.people.is_called(person, name):
            sentence = f"“{shown(name)}”不是该标识登记过的名称"
            row.faults.append(Fault("E26", sentence, self._header("party_name"), "party_name"))

    def _types(self, role: Role) -> tuple[str, ...]:
        kinds = [self.catalogue.kinds[kind] for kind in role.kinds if kind in self.catalogue.kinds]
        return tuple(dict.fromkeys(type_ for kind in kinds for type_ in kind.identifiers))

    # ── parents, keys, drafts ──

    def _parents(self, rows: Sequence[Parsed]) -> dict[str, int]:
        """Key of the parent record → its number; this source's own where two have one."""
        if self.item.parent is None:
            return {}
        keys = sorted({key for row in rows if (key := self._parent_key(row))})
        found: dict[str, int] = {}
        for start in range(0, len(keys), BATCH):
            known = Record._base_manager.filter(
                item=self.item.parent, key__in=keys[start : start + BATCH], superseded_at__isnull=True
            ).values_list("key", "record", "source_id")
            for key, number, source in known:
                if key not in found or source == self.source:
                    found[key] = number
        return found

    def _parent_key(self, row: Parsed) -> str | None:
        try:
            return parent_key_of(self.item, payload=row.payload, roles=row.roles)
        except KeyIncomplete:
            return None

    def _finish(self, row: Parsed, parents: Mapping[str, int]) -> None:
        if row.faults:
            return
        if row.withdraws:
            try:
                key = key_of(self.item, payload=row.payload, roles=row.roles)
            except KeyIncomplete:
                row.faults.append(self._incomplete(row))
                return
            day = row.payload.get(self.item.occurred_on)
            on = date.fromisoformat(day) if isinstance(day, str) else self.received_on
            row.draft = Draft(
                number=row.number,
                key=key,
                occurred_on=on,
                effective_from=on,
                payload=row.payload,
                roles=row.roles,
                withdraws=True,
            )
            return
        parent = None
        if self.item.parent is not None and (key_of_parent := self._parent_key(row)):
            parent = parents.get(key_of_parent)
            if parent is None:
                title = self.catalogue.items[self.item.parent].title
                row.faults.append(Fault("E19", f"没有编号相同的{title}记录", self._header_of(self.item.parent_key[0])))
                return
        try:
            made = draft(self.item, number=row.number, payload=row.payload, roles=row.roles, parent=parent)
        except KeyIncomplete:
            row.faults.append(self._incomplete(row))
            return
        if made.effective_until is not None and made.effective_until < made.effective_from:
            name = self.item.effective_until or ""
            row.faults.append(Fault("E25", f"{self.fields[name].title}早于起期", self._header(name), name))
            return
        row.draft = made

    def _incomplete(self, row: Parsed) -> Fault:
        missing = [self._title(part) for part in self.item.key if not self._has(row, part)]
        return Fault("E01", f"业务主键不全：{'、'.join(missing)}为空", missing[0] if missing else "")

    def _has(self, row: Parsed, part: str) -> bool:
        return bool(row.roles.get(part.removeprefix("role:")) if part.startswith("role:") else row.payload.get(part))

    def _title(self, part: str) -> str:
        role = self.item.role(part.removeprefix("role:"))
        return role.title if role is not None and part.startswith("role:") else self.fields[part].title

    def _header_of(self, part: str) -> str:
        return self._title(part) if part.startswith("role:") else self._header(part)

    def _codes(self, name: str) -> Mapping[str, str] | None:
        listed = self.fields[name].codes
        return code_spellings(self.catalogue.code_lists[listed]) if listed in self.catalogue.code_lists else None


def code_spellings(listed: CodeList) -> dict[str, str]:
    """Every spelling of a code list → code; the code itself is the strongest."""
    found: dict[str, str] = {}
    for alias, code in listed.aliases.items():
        found[alias] = found[half_width(alias).lower()] = code
    for code, title in listed.values.items():
        found[title] = found[half_width(title).lower()] = code
    for code in listed.values:
        found[code] = found[code.lower()] = code
    return found


def raw_row(cells: Sequence[Cell], headers: Sequence[str]) -> dict[str, str]:
    """The row as it was delivered: column name → text, blank ones left out."""
    found = {}
    for place, cell in enumerate(cells):
        if cell is not None:
            header = headers[place] if place < len(headers) and headers[place] else f"第{place + 1}列"
            found[header] = plain_text(cell)
    return found


def _hashable(value: Value | None) -> str | tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) else value


def _typing(condition: Condition, fields: Mapping[str, Field]) -> list[Typing]:
    return [(name, typed(fields[name])) for name in condition.columns]


def _identifier_fields(item: Item) -> list[tuple[str, str, str]]:
    """(field, type of identifier, field that names the type of paper) for fields that hold identifiers."""
    found = []
    for one in item.fields:
        if one.type is not FieldType.TEXT:
            continue
        if one.name == "uscc" or one.name.endswith("_uscc"):
            found.append((one.name, "uscc", ""))
        elif one.name == "organisation_code":
            found.append((one.name, "organisation_code", ""))
        elif one.mask == "id_number":
            found.append((one.name, "id_number", f"{one.name.removesuffix('_no')}_type"))
        elif one.mask == "plate":
            found.append((one.name, "plate", ""))
    return found


def _public_texts(item: Item) -> list[str]:
    if item.disclosure != "public":
        return []
    return [
        one.name
        for one in item.fields
        if one.type is FieldType.TEXT and one.level == "L1" and one.mask == "none" and (one.length or 0) >= 500
    ]
