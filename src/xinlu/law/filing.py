"""Forms of self-filing (自主填报): what a firm fills in, when, and which papers come with it.

One file ``standards/filing/<form>.yaml``. A form adds no data items of its own: each field is an identifier or
attribute of a kind of subject, or a field or role of an item, and has its title, type, codes and mask from the
catalogue.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints, model_validator

from xinlu.law.catalogue import Catalogue, FieldType, Name
from xinlu.law.catalogue import Field as CatalogueField
from xinlu.law.identifiers import TITLES
from xinlu.law.marks import read
from xinlu.law.shape import shape
from xinlu.law.source import Document, InForce, LawModel

FIRM, ROW = "firm", "row"
"""Ends of a link: who files, and the subject of the row; any other word is a field of the row."""
_OWN = {
    "name": CatalogueField(name="name", title="名称", type=FieldType.TEXT, length=200),
    "valid_from": CatalogueField(name="valid_from", title="生效日期", type=FieldType.DATE),
    "valid_until": CatalogueField(name="valid_until", title="失效日期", type=FieldType.DATE),
}
"""What every subject has beside its attributes."""


class FormField(LawModel):
    """One field of a part. ``title`` and ``hint`` are for this form; the rest is the catalogue's."""

    name: Name
    title: str = ""
    hint: str = ""
    required: StrictBool = False


class Link(LawModel):
    """A relation that a row states, ``since`` a date field of the row or, without one, the row's ``valid_from``."""

    relation: Name
    from_: str = Field(alias="from")
    to: str
    since: Name = "valid_from"


class Part(LawModel):
    """One part of a form: rows that register subjects of a ``kind``, or records of an ``item`` about the firm."""

    title: str
    kind: Name | None = None
    item: Name | None = None
    many: StrictBool = False
    """Any number of rows; else exactly one, about the firm itself."""
    once: Name | None = None
    """Field in which no two rows of a filing may agree."""
    most: int = Field(default=500, ge=1)
    fields: tuple[FormField, ...]
    links: tuple[Link, ...] = ()
    papers: tuple[str, ...] = ()
    """Titles of the papers that may come with a row."""

    @model_validator(mode="after")
    def _of_one_sort(self) -> Part:
        if (self.kind is None) == (self.item is None):
            raise ValueError("kind 与 item 只能写一个")
        names = [one.name for one in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("数据项重复")
        if self.once is not None and self.once not in names:
            raise ValueError(f"once 指的数据项“{self.once}”不在 fields 中")
        return self


class Round(LawModel):
    """One year: filled in from ``opens_on``, locked from ``locks_on`` on (the first day on which nothing changes)."""

    year: int
    opens_on: date
    locks_on: date


class PaperLimits(LawModel):
    """How large a paper may be: bytes of a file, pixels of an image, papers of a row."""

    megabytes: int = Field(ge=1, le=50)
    pixels: int = Field(ge=1)
    most: int = Field(ge=1)


class Form(LawModel):
    """One form."""

    form: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: str
    title: str
    in_force: InForce
    source: Document
    kind: Name
    """Kind of subject that files."""
    businesses: tuple[str, ...]
    """Of an enterprise: it files if it does one of these."""
    rounds: tuple[Round, ...]
    unlocked_working_days: int = Field(ge=1)
    """For how long a filing is open again after an unlock."""
    papers: PaperLimits
    parts: dict[Name, Part]

    def round(self, year: int) -> Round | None:
        """The round of a year."""
        return next((one for one in self.rounds if one.year == year), None)

    def newest(self, day: date) -> Round | None:
        """The last round that has opened by ``day``."""
        return next((one for one in reversed(self.rounds) if one.opens_on <= day), None)


def catalogue_field(part: Part, name: str, catalogue: Catalogue) -> CatalogueField | None:
    """What the catalogue says of a field of a form; None when it knows none of that name.

    Identifiers of natural persons have level L3, as everywhere.
    """
    if part.item is not None:
        item = catalogue.items.get(part.item)
        if item is None:
            return None
        role = item.role(name)
        if role is not None:
            return CatalogueField(name=name, title=role.title, type=FieldType.TEXT, length=64)
        return item.field(name)
    kind = catalogue.kinds.get(part.kind or "")
    if kind is None:
        return None
    if name in kind.identifiers:
        level, mask = ("L3", "id_number") if kind.natural_person else ("L1", "none")
        return CatalogueField.model_validate(
            {"name": name, "title": TITLES[name], "type": "text", "length": 64, "level": level, "mask": mask}
        )
    return _OWN.get(name) or next((one for one in kind.attributes if one.name == name), None)


def load_forms(root: Path) -> dict[str, Form]:
    """Every form under ``root``/filing, by its name. No folder: no form.

    Raises:
        LawError: a file cannot be used; every mistake with its line.
    """
    paths = sorted((root / "filing").glob("*.yaml"))
    forms = [shape(Form, read(path, name=f"{root.name}/filing/{path.name}")) for path in paths]
    return {one.form: one for one in forms}
