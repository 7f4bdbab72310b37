"""What a filing says: parts of rows of values, as JSON.

::

    {"persons": [{"row": "p3", "values": {"name": "张示例", "id_number": {"sealed": …, "index": …, "shown": "330…3X"}},
                  "papers": ["<token>"]}]}

A row keeps its name for as long as it is carried over, from year to year too; so two versions are compared row by row.
Values are texts as typed, or lists of codes. Personal numbers (level L3) are sealed, with a blind index to compare
them by and their masked form to show; a note of that form is all that leaves the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xinlu.access import masking
from xinlu.access.sealing import blind_index, seal, unseal
from xinlu.gazette import current
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.journal.digest import canonical, sm3
from xinlu.law.catalogue import CodeList, FieldType
from xinlu.law.catalogue import Field as CatalogueField
from xinlu.law.filing import Form, FormField, Part, catalogue_field, load_forms
from xinlu.registry.naming import normalised_identifier

Content = dict[str, list[dict[str, Any]]]
Row = dict[str, Any]
Value = Any
LONGEST = 2000
"""Characters of one value, right or wrong."""


@dataclass(frozen=True)
class Resolved:
    """A field of a form with what the catalogue says of it."""

    asked: FormField
    known: CatalogueField
    codes: CodeList | None = None

    @property
    def name(self) -> str:
        return self.asked.name

    @property
    def title(self) -> str:
        return self.asked.title or self.known.title

    @property
    def sealed(self) -> bool:
        """Personal data: kept sealed, shown masked."""
        return self.known.level in ("L3", "L4")


def forms() -> dict[str, Form]:
    """The forms in use."""
    return _forms(str(current.folder()))


@lru_cache(maxsize=4)
def _forms(folder: str) -> dict[str, Form]:
    return load_forms(Path(folder))


def form_of(name: str) -> Form:
    """A form in use. Raises :class:`FilingRefused`: SF-007."""
    found = forms().get(name)
    if found is None:
        raise FilingRefused("SF-007", f"没有填报表单“{name}”")
    return found


def part_of(form: Form, name: str) -> Part:
    """A part of a form. Raises :class:`FilingRefused`: SF-007."""
    found = form.parts.get(name)
    if found is None:
        raise FilingRefused("SF-007", f"“{form.title}”没有部分“{name}”")
    return found


def fields_of(part: Part) -> list[Resolved]:
    """The fields of a part, in its order."""
    catalogue = current.catalogue()
    found = []
    for asked in part.fields:
        known = catalogue_field(part, asked.name, catalogue)
        if known is not None:
            found.append(Resolved(asked, known, catalogue.code_lists.get(known.codes or "")))
    return found


def empty(form: Form) -> Content:
    """A filing that says nothing: one empty row where there is exactly one."""
    return {name: [] if part.many else [{"row": name, "values": {}, "papers": []}] for name, part in form.parts.items()}


def row_in(content: Content, part: str, row: str) -> Row | None:
    """A row by its name."""
    return next((one for one in content.get(part, []) if one["row"] == row), None)


def rows(content: Content) -> Iterator[tuple[str, Row]]:
    """(part, row) of everything in a filing, in its order."""
    for part, several in content.items():
        for row in several:
            yield part, row


def new_row(part: str, *contents: Content) -> Row:
    """An empty row of ``part`` with a name that no row of ``contents`` has."""
    numbers = [_number(one["row"]) for content in contents for one in content.get(part, [])]
    return {"row": f"{part}-{max(numbers, default=0) + 1}", "values": {}, "papers": []}


def _number(row: str) -> int:
    last = row.rpartition("-")[2]
    return int(last) if last.isdecimal() else 0


def typed(field: Resolved, value: str | list[str], *, before: Value = "") -> Value:
    """A value to keep, from what was typed. Of a sealed field an empty text keeps what was there before."""
    if isinstance(value, list):
        return [one[:LONGEST] for one in value if one.strip()]
    text = value.strip()[:LONGEST]
    if not field.sealed:
        return text
    if not text:
        return before
    return {"sealed": seal(text), "index": blind_index(normalised_identifier(text)), "shown": _masked(field, text)}


def held(field: Resolved, value: Value) -> Value:
    """What a register holds, as one would type it: a number without idle zeros, a personal one sealed.

    >>> from xinlu.law.filing import FormField
    >>> price = CatalogueField(name="price", title="合同价", type="number", digits=18, scale=6)
    >>> held(Resolved(FormField(name="price"), price), "12500.000000")
    '12500'
    """
    if field.known.type is FieldType.NUMBER and isinstance(value, str) and "." in value:
        value = value.rstrip("0").rstrip(".")
    return typed(field, value)


def clear(value: Value) -> str | list[str]:
    """A value as it was typed; sealed ones are opened. For checks and deliveries, never for a page."""
    return unseal(value["sealed"]) if isinstance(value, dict) else value


def compared(value: Value) -> object:
    """What makes two values equal; sealed ones agree by their blind index."""
    if isinstance(value, dict):
        return value["index"]
    return tuple(sorted(value)) if isinstance(value, list) and value else value or ""


def hidden(row: Mapping[str, Any], sentence: str) -> str:
    """A sentence about a row without the sealed values that it may repeat: their masked form stands instead."""
    for value in row["values"].values():
        if isinstance(value, dict):
            sentence = sentence.replace(unseal(value["sealed"]), str(value["shown"]))
    return masking.within(sentence)


def shown(field: Resolved, value: Value) -> str:
    """A value for people: codes by their titles, sealed ones masked, numbers of persons in a text masked."""
    if not value:
        return ""
    if isinstance(value, dict):
        return str(value["shown"])
    titles = field.codes.values if field.codes else {}
    if isinstance(value, list):
        return "、".join(str(titles.get(one, one)) for one in value)
    if field.known.type is FieldType.YES_NO:
        return {"true": "是", "false": "否"}.get(str(value), str(value))
    return masking.within(str(titles.get(value, value)))


def digest(content: Content) -> str:
    """SM3 of what a filing says. Sealed values count by their index: sealing anew changes nothing."""
    return sm3(canonical({part: [row_digest(row) for row in several] for part, several in content.items()}))


def row_digest(row: Mapping[str, Any] | None) -> str:
    """SM3 of what a row says; a form carries it, so that nobody overwrites what he has not seen."""
    if row is None:
        return ""
    values = {name: compared(value) for name, value in row["values"].items() if value not in ("", [])}
    told = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return sm3(canonical({"row": row["row"], "values": told, "papers": sorted(row["papers"])}))


def row_title(part: Part, row: Row) -> str:
    """What people call a row: its first two values; the only row of a part needs no name."""
    if not part.many:
        return ""
    told = [shown(field, row["values"].get(field.name, "")) for field in fields_of(part)[:2] if not field.sealed]
    return " ".join(one for one in told if one) or "（未填）"


def _masked(field: Resolved, text: str) -> str:
    return masking.mask(field.known.mask if field.known.mask != "none" else "id_number", text)
