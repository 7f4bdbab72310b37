"""The catalogue plane (信用信息目录): what is collected, by whom, for which uses, who may see it.

One YAML file per item under ``standards/catalogue/items/``, one file ``subjects.yaml`` with the kinds
of subject and their attributes, one ``relations.yaml``, and code lists under ``standards/catalogue/codes/``.
The engine's tables have exactly these columns (see ``docs/architecture.md``, "Tables").
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StrictBool, StringConstraints

from xinlu.law.source import Document, Grade, InForce, LawModel

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""A name of the catalogue becomes a column, a table and a folder of the columnar copy: letters, digits, underscores."""


class FieldType(StrEnum):
    """Type of a data item (数据项)."""

    TEXT = "text"
    CODE = "code"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"
    LEVEL = "level"
    """A level of some level set, kept as its code (AA, 蓝 …); a rulebook says of which set it is."""


class Field(LawModel):
    """One data item: a typed column of an item or an attribute of a subject kind."""

    name: Name
    """Lower-case English identifier, the column name; may not be a reserved column name."""
    title: str
    type: FieldType
    digits: int | None = None
    """Of a number: total decimal digits (precision), at most 38."""
    scale: int = 0
    """Of a number: digits behind the point."""
    unit: str = ""
    length: int | None = None
    codes: str | None = None
    """Of a code: id of the code list."""
    required: StrictBool = False
    many: StrictBool = False
    """Several values: a list column."""
    aliases: tuple[str, ...] = ()
    """Names under which deliveries may carry the field: official field codes and older names."""
    level: Literal["L1", "L2", "L3", "L4"] = "L1"
    """Data level (数据分级). L3 and up is personal data and is masked."""
    mask: Literal["none", "name", "id_number", "phone", "plate", "address", "account"] = "none"
    note: str = ""


class Role(LawModel):
    """A role in which a record names a subject (相对人, vehicle, driver, operator …)."""

    name: Name
    title: str
    kinds: tuple[str, ...]
    """Subject kinds that may stand in the role."""
    required: StrictBool = False
    many: StrictBool = False
    """Several subjects (convoy members): the column is a list."""


class Disclosure(StrEnum):
    """Disclosure class (披露方式): 主动公开, 依授权查询, 政务共享, 内部使用."""

    PUBLIC = "public"
    AUTHORISED = "authorised"
    SHARED = "shared"
    INTERNAL = "internal"


class Publicity(LawModel):
    """How long a record may be shown to the public, from ``start``."""

    start: str = "occurred_on"
    """Date column at which publicity starts."""
    months: int | None = None
    """Fixed period; None when ``rulebook`` gives it or when there is no publicity."""
    until: str | None = None
    """Date field that names the last day shown (公示截止期), earlier than the period if both are given;
    or the column ``effective_until``, which is exclusive."""
    rulebook: str | None = None
    """Id of the book whose date output ``publish_until`` ends the publicity."""
    grade: Grade = Grade.SAMPLE
    note: str = ""


class Item(LawModel):
    """One catalogue item (信息项)."""

    item: Name
    """Identity, e.g. ``administrative_penalty``; the engine's table is ``item_<item>``."""
    title: str
    national_class: str
    """One of the 13 classes of the national basic catalogue."""
    nature: Literal["basic", "good", "bad", "rating", "commitment", "other"]
    sector: str
    """Business field (业务领域), a code of list ``sectors``."""
    provider: tuple[str, ...]
    """Codes of the organs that supply it."""
    cadence: Literal["realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "event"]
    uses: tuple[Literal["rating", "publicity", "sharing", "inspection", "third_party"], ...]
    disclosure: Disclosure
    level: Literal["L1", "L2", "L3", "L4"]
    severity: Literal["none", "minor", "general", "serious", "by_book"] = "none"
    publicity: Publicity | None = None
    retention_months: int | None = None
    """Months kept from ``occurred_on``; None: as long as the subject."""
    legal_basis: str
    source: Document
    in_force: InForce
    roles: tuple[Role, ...]
    """The first role is the main one (相对人): ``subject`` unless named otherwise."""
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    """Business key: names of fields and roles (``role:subject``) that identify a record of one source."""
    occurred_on: str
    """The date field that says when the fact was true; copied to the column ``occurred_on``."""
    effective_from: str | None = None
    """Date field where the effective period starts; ``occurred_on`` when None."""
    effective_until: str | None = None
    """Date field that ends the effective period (exclusive); open when None or missing."""
    parent: str | None = None
    """Item of the parent record (violation → inspection)."""
    parent_key: tuple[str, ...] = ()
    """Fields of this item that carry the parent's business key, in its order."""
    checks: tuple[str, ...] = ()
    """Row checks as expressions over the fields that must hold, e.g. ``decided_on <= valid_until``."""

    def field(self, name: str) -> Field | None:
        """The field called ``name``, or None."""
        return next((f for f in self.fields if f.name == name), None)

    def role(self, name: str) -> Role | None:
        """The role called ``name``, or None."""
        return next((r for r in self.roles if r.name == name), None)


class SubjectKind(LawModel):
    """A kind of subject: enterprise, sole_trader, practitioner, vehicle, vessel, project, contract_section …"""

    kind: Name
    title: str
    natural_person: StrictBool = False
    identifiers: tuple[str, ...]
    """Identifier types, the first is the main one: uscc, organisation_code, id_number, plate, vessel_id,
    certificate_no, code."""
    attributes: tuple[Field, ...]


class RelationKind(LawModel):
    """A dated relation between two kinds: ``from`` operates ``to``."""

    relation: Name
    title: str
    from_kinds: tuple[str, ...]
    to_kinds: tuple[str, ...]
    inverse: str
    """Chinese title read from the other end."""


class CodeList(LawModel):
    """Values a code field may take."""

    codes: Name
    title: str
    source: Document | None = None
    values: dict[str, str]
    """Code → Chinese name."""
    aliases: dict[str, str] = {}
    """Other spellings met in deliveries → code."""


class Catalogue(LawModel):
    """All items, subject kinds, relations and code lists in one edition."""

    edition: str
    title: str
    source: Document
    items: dict[str, Item]
    kinds: dict[str, SubjectKind]
    relations: dict[str, RelationKind]
    code_lists: dict[str, CodeList]
