"""What is wrong with a draft, found beside the field while it is written: form, check digits, codes, repetition.

The checks of deliveries come on top when it is submitted (:func:`xinlu.intake.filing.take.rehearse`).
"""

from __future__ import annotations

from collections.abc import Iterable

from xinlu.intake.cells import reader
from xinlu.intake.filing import content as said
from xinlu.intake.filing.content import Content, Resolved, Row
from xinlu.intake.filing.refusal import Found, Place
from xinlu.intake.people import identifier_fault
from xinlu.intake.problems import Fault
from xinlu.intake.rows import code_spellings
from xinlu.law.catalogue import FieldType
from xinlu.law.filing import Form, Part
from xinlu.law.identifiers import TITLES


def faults(form: Form, content: Content) -> list[Found]:
    """Every fault of a filing, in its order."""
    found: list[Found] = []
    for name, part in form.parts.items():
        rows = content.get(name, [])
        for row in rows:
            found += row_faults(name, part, row)
        found += _repeated(name, part, rows)
    return found


def row_faults(name: str, part: Part, row: Row) -> list[Found]:
    """Faults of one row by itself."""
    found = []
    for field in said.fields_of(part):
        value = said.clear(row["values"].get(field.name, ""))
        fault = _missing(field) if not value else _wrong(part, field, value)
        if fault is not None:
            sentence = said.hidden(row, fault.sentence)
            found.append(Found(Place(name, row["row"], field.name), fault.code, sentence))
    return found


def _missing(field: Resolved) -> Fault | None:
    return Fault("E01", f"{field.title}为空", field.title) if field.asked.required else None


def _wrong(part: Part, field: Resolved, value: str | list[str]) -> Fault | None:
    codes = code_spellings(field.codes) if field.codes else None
    read = reader(field.known, header=field.title, codes=codes)(value)
    if isinstance(read, Fault):
        return read
    is_identifier = part.kind is not None and field.name in TITLES and field.known.type is FieldType.TEXT
    if is_identifier and isinstance(value, str):
        return identifier_fault(field.name, value, column=field.title)
    return None


def _repeated(name: str, part: Part, rows: Iterable[Row]) -> list[Found]:
    if part.once is None:
        return []
    field = next(one for one in said.fields_of(part) if one.name == part.once)
    seen: dict[object, int] = {}
    found = []
    for place, row in enumerate(rows, 1):
        value = row["values"].get(part.once, "")
        if not value:
            continue
        first = seen.setdefault(said.compared(value), place)
        if first != place:
            sentence = f"{field.title}与第 {first} 行相同，同一{part.title}只填一次"
            found.append(Found(Place(name, row["row"], part.once), "E07", sentence))
    return found
