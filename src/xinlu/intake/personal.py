"""Personal data in rows as they were delivered: which columns hold it, and the rows with it masked.

A raw row is text under the column names of a file, before any rule of the catalogue was applied to it. Pages and
papers show it masked; in clear it goes back only to the organ that delivered it (:mod:`xinlu.intake.error_file`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xinlu.access import masking
from xinlu.gazette import current
from xinlu.intake.columns import NAME, TYPE_WORDS, plain
from xinlu.law.catalogue import Catalogue, Field

PERSONAL = ("L3", "L4")
HIDDEN = "hidden"
"""A mask for fields that name none: nothing of the value is shown."""
TYPES = {"id_number": "id_number", "certificate_no": "id_number"}
"""Types of identifier that lead to a person → mask."""


def masks_of(carries: str, catalogue: Catalogue) -> dict[str, str]:
    """Column name as compared → mask, for what a delivery ``carries``: an item, ``kind:…`` or ``relation:…``."""
    kind = catalogue.kinds.get(carries.removeprefix("kind:"))
    item = catalogue.items.get(carries)
    fields = item.fields if item else kind.attributes if kind else ()
    found = {plain(word): TYPES[type_] for word, type_ in TYPE_WORDS.items() if type_ in TYPES}
    for role in item.roles if item else ():
        found |= {plain(f"{role.title}{word}"): TYPES[t] for word, t in TYPE_WORDS.items() if t in TYPES}
    if kind is not None and kind.natural_person:
        found |= {plain(name): "name" for name in NAME}
    for field in fields:
        if field.level in PERSONAL:
            found |= dict.fromkeys(_names(field), field.mask if field.mask != "none" else HIDDEN)
    return found


def _names(field: Field) -> Iterator[str]:
    yield from map(plain, (field.name, field.title, *field.aliases))


def masked(carries: str, raw: Mapping[str, object] | None) -> dict[str, str]:
    """A row as people may read it: personal columns masked, numbers of persons masked wherever they stand."""
    masks = masks_of(carries, current.catalogue())
    return {name: _cell(masks.get(plain(name)), str(value)) for name, value in (raw or {}).items()}


def _cell(mask: str | None, text: str) -> str:
    return masking.within(text) if mask is None else masking.mask(mask, text)


def masked_sentence(carries: str, sentence: str, raw: Mapping[str, object] | None) -> str:
    """What is told of a row, with the personal data that it repeats masked, as :func:`masked` does."""
    told = masked(carries, raw)
    for name, value in (raw or {}).items():
        if (clear := str(value)) and told[name] != clear:
            sentence = sentence.replace(clear, told[name])
    return masking.within(sentence)
