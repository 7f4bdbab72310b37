"""The JSON Schema of a catalogue item: what a row of it looks like on a wire, worked out from the item alone.

A row is an object whose keys are the names of fields and roles. Whoever stands in a role is given by an identifier
(USCC, plate, ID number …). What the schema cannot say – check digits, checks over several fields, whether a subject
is known – is told when the row is judged (:mod:`xinlu.intake`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from xinlu.law.catalogue import Catalogue, CodeList, Field, FieldType, Item, Role

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_SIGNS = 4000
"""Signs of a text whose item names no length."""
IDENTIFIER_SIGNS = 64
STANDS_FOR_SUBJECT = ("uscc", "organisation_code", "person_id_no")
"""Fields of an item that say who stands in its first role, where the row does not name the role."""
OPERATIONS = {"upsert": "报送（新增或更正）", "withdraw": "撤销"}


def item_schema(item: Item, *, catalogue: Catalogue) -> dict[str, Any]:
    """A JSON Schema (2020-12) that a row of ``item`` must meet, with Chinese titles.

    Numbers are decimals: as text (``"12.50"``, no digit is lost) or as a JSON number. Days are ``2024-01-31``.
    A field that may be missing may also be null. Codes are codes; spellings that files may use are not taken here.
    ``op`` ``withdraw`` takes a record back: then only the business key must be there.

    Keys that begin with ``x-`` say what is law and no form: grade of the source, data level, unit.
    """
    key = [part for part in item.key if not part.startswith("role:")]
    required = [one.name for one in item.fields if one.required]
    rules: list[dict[str, Any]] = [
        {"if": {"properties": {"op": {"const": "withdraw"}}, "required": ["op"]}, "else": {"required": required}}
    ]
    rules += [_somebody(role, item) for role in item.roles if role.required]
    return {
        "$schema": DIALECT,
        "$id": f"urn:xinlu:catalogue:{catalogue.edition}:{item.item}",
        "title": item.title,
        "description": f"{item.legal_basis}；业务主键：{_key_words(item)}",
        "x-grade": item.source.grade.value,
        "x-disclosure": item.disclosure.value,
        "x-level": item.level,
        "type": "object",
        "properties": {
            "op": {"title": "操作", "oneOf": [{"const": code, "title": name} for code, name in OPERATIONS.items()]},
            **{role.name: _role(role, catalogue) for role in item.roles},
            **{one.name: _field(one, catalogue.code_lists) for one in item.fields},
        },
        "required": key,
        "allOf": rules,
        "additionalProperties": False,
    }


def item_digest(item: Item, *, catalogue: Catalogue) -> str:
    """SHA-256 (hexadecimal) of what a sender must know of ``item``: its schema without the name of the edition.

    Another digest means that a template, a client or a mapping made for the older one may be wrong. Words that
    change no row – source, basis, disclosure, checks on arrival – leave it as it is.
    """
    form = item_schema(item, catalogue=catalogue)
    kept = {name: form[name] for name in ("title", "properties", "required", "allOf")}
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _key_words(item: Item) -> str:
    titles = {one.name: one.title for one in item.fields} | {f"role:{one.name}": one.title for one in item.roles}
    return "、".join(titles.get(part, part) for part in item.key)


def _somebody(role: Role, item: Item) -> dict[str, Any]:
    """A required role: named itself or, the first one, by a field that identifies its subject."""
    names = [role.name]
    if role == item.roles[0]:
        names += [name for name in STANDS_FOR_SUBJECT if item.field(name) is not None]
    return {"anyOf": [{"required": [name]} for name in names]}


def _role(role: Role, catalogue: Catalogue) -> dict[str, Any]:
    titles = [catalogue.kinds[kind].title for kind in role.kinds if kind in catalogue.kinds]
    one: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": IDENTIFIER_SIGNS}
    words = {"title": role.title, "description": f"标识码；可为{'、'.join(titles)}"}
    if role.many:
        return {**words, "type": "array", "items": one, **({"minItems": 1} if role.required else {})}
    return {**words, **one}


def _field(one: Field, code_lists: dict[str, CodeList]) -> dict[str, Any]:
    words: dict[str, Any] = {"title": one.title}
    if one.note:
        words["description"] = one.note
    if one.unit:
        words["x-unit"] = one.unit
    if one.level != "L1":
        words["x-level"] = one.level
    value = _value(one, code_lists)
    if one.many:
        value = {"type": "array", "items": value, **({"minItems": 1} if one.required else {})}
    if one.required:
        return {**words, **value}
    return {**words, "anyOf": [value, {"type": "null"}]}


def _value(one: Field, code_lists: dict[str, CodeList]) -> dict[str, Any]:
    match one.type:
        case FieldType.NUMBER:
            return _number(one)
        case FieldType.DATE:
            return {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
        case FieldType.YES_NO:
            return {"type": "boolean"}
        case FieldType.CODE if one.codes in code_lists:
            values = code_lists[str(one.codes)].values
            return {"oneOf": [{"const": code, "title": title} for code, title in values.items()]}
        case _:
            return {"type": "string", "minLength": 1, "maxLength": one.length or MOST_SIGNS}


def _number(one: Field) -> dict[str, Any]:
    """A decimal as text, or a JSON number within the same bounds."""
    whole = (one.digits or 38) - one.scale
    before = rf"[0-9]{{1,{whole}}}" if whole > 0 else "0"
    pattern = rf"^-?{before}(\.[0-9]{{1,{one.scale}}})?$" if one.scale else rf"^-?{before}$"
    bound = 10 ** max(whole, 0)
    plain = {"type": "number" if one.scale else "integer", "exclusiveMinimum": -bound, "exclusiveMaximum": bound}
    return {"anyOf": [{"type": "string", "pattern": pattern}, plain]}
