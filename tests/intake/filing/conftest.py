"""A construction firm that files, its offices, and what it fills in."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from PIL import Image
from tests.province import ACTOR, officer, organs

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.intake.filing import queries
from xinlu.intake.filing.content import row_digest, row_in
from xinlu.intake.filing.draft import remove_row, save_row, start
from xinlu.intake.models import Filing
from xinlu.law.identifiers import make_id_number, make_uscc
from xinlu.registry.enrol import NewSubject, enrol_many
from xinlu.registry.relate import NewRelation, relate_many

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
FORM = "engineering-firm"
USCC, OTHER_USCC = make_uscc(61, region="330106"), make_uscc(62, region="330106")
ENGINEER, MANAGER, KNOWN = (make_id_number(n, region="330106") for n in (71, 72, 73))
UNIT = {
    "legal_representative": "钱示例",
    "registered_capital": "8000",
    "address": "浙江省杭州市西湖区示例路1号",
    "phone": "13800000000",
    "qualification_grade": "first",
}
PERSON = {"name": "孙示例", "id_number": ENGINEER, "categories": ["project_manager"], "valid_from": "2024-05-01"}
PROJECT = {"code": "SLXM-2026-01", "name": "示例一级公路改建工程", "project_kind": "highway", "road_class": "class_1"}
SECTION = {
    "code": "SLXM-2026-01-TJ1",
    "name": "土建第一合同段",
    "project": "SLXM-2026-01",
    "section_kind": "construction",
    "contract_price": "12500.5",
    "started_on": "2025-03-01",
}
WORKS = {
    "section": "SLXM-2026-01-TJ1",
    "works_name": "示例一级公路改建工程土建第一合同段",
    "contracted_on": "2025-02-10",
    "contract_price": "12500.5",
}


@dataclass
class Desk:
    """A firm at its desk; each act comes a minute after the one before."""

    firm: Scope
    other: Scope
    county: Scope
    city: Scope
    second: Scope
    elsewhere: Scope
    province: Scope
    number: int
    known: dict[str, int]
    at: datetime = AT

    def tick(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at

    def start(self, year: int = 2026, **more) -> Filing:
        return start(self.firm, form=FORM, year=year, at=self.tick(), **more)

    def save(self, filing: Filing, part: str, row: str = "", **values) -> str:
        """Save a row as it is now; gives its name."""
        content = queries.draft(self.firm, filing.pk)
        seen = row_digest(row_in(content, part, row)) if row else ""
        return save_row(self.firm, filing.pk, part, row, values, seen=seen, at=self.tick())["row"]

    def remove(self, filing: Filing, part: str, row: str) -> None:
        content = queries.draft(self.firm, filing.pk)
        remove_row(self.firm, filing.pk, part, row, seen=row_digest(row_in(content, part, row)), at=self.tick())

    def fill(self, filing: Filing) -> dict[str, str]:
        """A whole filing in order: part → name of its row."""
        names = {"unit": self.save(filing, "unit", "unit", **UNIT)}
        for part, values in (("persons", PERSON), ("projects", PROJECT), ("sections", SECTION), ("performance", WORKS)):
            names[part] = self.save(filing, part, **values)
        return names


@pytest.fixture
def desk(db, settings, tmp_path) -> Desk:
    """A firm in 西湖, another one, their county and city, another city."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "files"},
        },
    }
    organs()
    since = date(2020, 1, 1)
    business = {"businesses": ["highway_construction"], "address": "浙江省杭州市西湖区示例路1号"}
    freight = {"businesses": ["road_freight"]}
    section = {"project": "SLXM-2020-07", "section_kind": "construction", "contract_price": "900.000000"}
    section["started_on"] = "2020-01-01"
    road = {"project_kind": "highway"}
    subjects = [
        NewSubject("enterprise", "示例路桥有限公司", "330106", {"uscc": USCC}, since, attributes=business),
        NewSubject("enterprise", "示例货运有限公司", "330106", {"uscc": OTHER_USCC}, since, attributes=freight),
        NewSubject("practitioner", "李示例", "330106", {"id_number": KNOWN}, since, natural_person=True),
        NewSubject("project", "旧示例公路工程", "330106", {"code": "SLXM-2020-07"}, since, attributes=road),
        NewSubject(
            "contract_section", "旧工程路面标", "330106", {"code": "SLXM-2020-07-LM"}, since, attributes=section
        ),
    ]
    names = ("firm", "freight", "person", "project", "section")
    known = dict(zip(names, enrol_many(subjects, actor=ACTOR, at=AT - timedelta(days=900)), strict=True))
    relations = [
        NewRelation("performs", known["firm"], known["section"], since),
        NewRelation("employs", known["firm"], known["person"], since),
        NewRelation("part_of", known["section"], known["project"], since),
    ]
    relate_many(relations, actor=ACTOR, at=AT - timedelta(days=899))

    def subject(name: str, number: int) -> Scope:
        return Scope.of(Person.objects.create(username=name, role="subject", subject=number))

    return Desk(
        firm=subject("firm", known["firm"]),
        other=subject("freight", known["freight"]),
        county=Scope.of(officer("county", "jt-330106")),
        city=Scope.of(officer("city", "jt-330100", role="reviewer")),
        second=Scope.of(officer("second", "jt-330100", role="officer")),
        elsewhere=Scope.of(officer("elsewhere", "jt-330200", role="chief")),
        province=Scope.of(officer("province", "zj", role="chief")),
        number=known["firm"],
        known=known,
    )


def scan(colour: int = 60) -> bytes:
    """A small scanned paper."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (colour, 90, 120)).save(out, "PNG")
    return out.getvalue()
