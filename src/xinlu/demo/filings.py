"""A handful of filings in different states, so that the pages of self-filing and of cases have something to show.

All firms stand in one county, that with the most construction and design firms, so that two accounts – its county's and
its city's – see every step. Days count back from the demo's own day. Everything is made up and says 示例.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from PIL import Image, ImageDraw

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.casework import filing as way
from xinlu.casework.act import Point, Reason, act
from xinlu.demo import names
from xinlu.demo.world import Subject, World
from xinlu.intake.filing import queries
from xinlu.intake.filing.content import row_digest, row_in
from xinlu.intake.filing.draft import save_row, start
from xinlu.intake.filing.paper import hand_in
from xinlu.intake.models import Filing
from xinlu.law.identifiers import make_id_number
from xinlu.registry.queries import numbers_by_identifier

FORM = "engineering-firm"
BUSINESSES = {"highway_construction", "highway_design"}
FIRST_SERIAL = 14_100
"""Numbers of the persons named here; those of the province end below."""
SYSTEM = Scope.system("demo filings")
UNLOCK_WORDS = "上年度漏填一份补充协议，需要更正土建标段的合同价后重新提交审核"
RETURNED = (
    (
        "sections",
        "contract_price",
        "标段 · 合同价",
        "填报表单：数据项与所附材料应当一致",
        "合同价与所附合同协议书不一致，请按协议书第三页的金额改正",
    ),
    (
        "persons",
        "certificate_valid_until",
        "人员 · 从业资格证有效期止",
        "填报表单：应附的材料没有附或看不清",
        "资格证书看不清有效期，请重新扫描后上传，并补填有效期止",
    ),
)
"""What the county returns: part, field, title, rule, what to do."""


@dataclass
class _Desk:
    """One firm that files, and the two who review."""

    world: World
    firm: Subject
    number: int
    serial: int
    first: Scope
    second: Scope

    @property
    def scope(self) -> Scope:
        """The firm itself; the system where no person signs in for it."""
        person = Person.objects.filter(subject=self.number).first()
        return Scope.of(person) if person is not None else Scope(kind="subject", key="demo", subject=self.number)

    def at(self, days: int, hour: int = 2) -> datetime:
        """So many days before the demo's own day."""
        return datetime.combine(self.world.today - timedelta(days=days), time(hour), tzinfo=UTC)

    def begin(self, year: int, days: int) -> Filing:
        return start(self.scope, form=FORM, year=year, at=self.at(days))

    def save(self, filing: Filing, part: str, row: str, days: int, **values: str | list[str]) -> str:
        content = queries.draft(self.scope, filing.pk)
        assert content is not None
        seen = row_digest(row_in(content, part, row)) if row else ""
        return str(save_row(self.scope, filing.pk, part, row, values, seen=seen, at=self.at(days))["row"])

    def fill(self, filing: Filing, days: int) -> dict[str, str]:
        """Unit, two persons, a project, a section and its performance; part → name of its last row."""
        region, year = self.firm.region, filing.year
        code = f"SLXM-{region}-{self.serial}"
        self.save(
            filing, "unit", "unit", days, legal_representative=names.person(self.serial), registered_capital="6000",
            address=f"示例路 {self.serial} 号", phone="13800000000",
        )  # fmt: skip
        for n, (category, since) in enumerate((("project_manager", 2022), ("testing_engineer", 2023))):
            self.save(
                filing, "persons", "", days, name=names.person(self.serial * 2 + n), valid_from=f"{since}-03-01",
                id_number=make_id_number(FIRST_SERIAL + self.serial * 2 + n, region=region), categories=[category],
                certificate_no=f"SL{region}{self.serial:03}{n}", first_certified_on=f"{since - 4}-06-01",
            )  # fmt: skip
        self.save(
            filing, "projects", "", days, code=code, name=f"示例{names.word(self.serial)}公路改建工程",
            project_kind="highway", road_class="class_1", investment="42000", started_on=f"{year - 1}-02-20",
        )  # fmt: skip
        rows = {"persons": "persons-2"}
        rows["sections"] = self.save(
            filing, "sections", "", days, code=f"{code}-TJ1", name="土建第一合同段", project=code,
            section_kind="construction", contract_price="12500", started_on=f"{year - 1}-03-15",
        )  # fmt: skip
        self.save(
            filing, "performance", "", days, section=f"{code}-TJ1", works_name="示例公路改建工程土建第一合同段",
            contracted_on=f"{year - 1}-03-01", contract_price="12500", road_class="class_1", stakes="K0+000～K8+600",
            quantities="路基土石方 86 万方，桥梁 3 座，涵洞 21 道",
        )  # fmt: skip
        titles = (("sections", rows["sections"], "合同协议书"), ("persons", "persons-1", "从业资格证书"))
        for n, (part, row, title) in enumerate(titles):
            hand_in(self.scope, filing.pk, part, row, title, scan(self.serial * 2 + n), at=self.at(days))
        return rows

    def submit(self, filing: Filing, days: int) -> int:
        return way.submit(self.scope, filing.pk, at=self.at(days)).number

    def step(self, who: Scope, case: int, action: str, days: int, seen: int, **more: Any) -> None:
        act(who, case, action, seen=seen, at=self.at(days, hour=6), **more)

    def approve(self, case: int, days: int, version: int = 1) -> None:
        self.step(self.first, case, "pass", days, 0)
        self.step(self.second, case, "approve", days - 2, 1, facts={"version": version})


def make(world: World) -> int:
    """Make the filings that there are firms for; gives how many. The accounts must be there."""
    first, second = (Person.objects.get(username=name) for name in ("demo-first", "demo-second"))
    firms = firms_of(world)
    numbers = numbers_by_identifier(SYSTEM, [one.key for one in firms])
    made = 0
    for serial, (firm, story) in enumerate(zip(firms, STORIES, strict=False), 1):
        desk = _Desk(world, firm, numbers[firm.key], serial, Scope.of(first), Scope.of(second))
        story(desk)
        made += 1
    return made


def county(world: World) -> str:
    """The region with the most firms that build or design roads, the first of several."""
    counted = Counter(one.region for one in world.of_kind("enterprise") if _files(one))
    return min(counted, key=lambda region: (-counted[region], region))


def firms_of(world: World) -> list[Subject]:
    """The firms of that county in their order."""
    here = county(world)
    return [one for one in world.of_kind("enterprise") if one.region == here and _files(one)]


def _files(firm: Subject) -> bool:
    return bool(BUSINESSES & set(firm.attributes["businesses"])) and firm.attributes.get("status", "active") == "active"


# ── states ──────────────────────────────────────────────────────────────────────────────────────


def _returned(desk: _Desk) -> None:
    """Approved last year; this year changed, submitted and returned by field."""
    before = desk.begin(2025, 420)
    rows = desk.fill(before, 418)
    desk.approve(desk.submit(before, 417), 414)
    filing = desk.begin(2026, 20)
    desk.save(filing, "sections", rows["sections"], 19, contract_price="13250")
    desk.save(filing, "persons", rows["persons"], 19, certificate_valid_until="2026-12-31")
    case = desk.submit(filing, 8)
    points = [Point(f"{part}/{rows[part]}/{name}", title, rule, words) for part, name, title, rule, words in RETURNED]
    desk.step(desk.first, case, "return", 5, 0, reason=Reason(points=tuple(points)))


def _waiting(desk: _Desk) -> None:
    """Submitted yesterday."""
    filing = desk.begin(2026, 6)
    desk.fill(filing, 5)
    desk.submit(filing, 1)


def _overdue(desk: _Desk) -> None:
    """Submitted long ago and forgotten."""
    filing = desk.begin(2026, 20)
    desk.fill(filing, 18)
    desk.submit(filing, 15)


def _passed(desk: _Desk) -> None:
    """Passed by the county, waiting for the city."""
    filing = desk.begin(2026, 14)
    desk.fill(filing, 13)
    desk.step(desk.first, desk.submit(filing, 12), "pass", 7, 0)


def _unlocking(desk: _Desk) -> None:
    """Approved last year, locked, and asked to be opened again."""
    filing = desk.begin(2025, 420)
    desk.fill(filing, 418)
    desk.approve(desk.submit(filing, 417), 414)
    way.ask_unlock(desk.scope, filing.pk, words=UNLOCK_WORDS, at=desk.at(1))


def _draft(desk: _Desk) -> None:
    """Begun, and not yet right."""
    filing = desk.begin(2026, 3)
    desk.save(filing, "unit", "unit", 2, legal_representative="", phone="待补", registered_capital="六千万")


STORIES: tuple[Callable[[_Desk], None], ...] = (_returned, _waiting, _overdue, _passed, _unlocking, _draft)


def scan(serial: int) -> bytes:
    """A paper that shows lines and the word SAMPLE, the same bytes for the same ``serial``."""
    page = Image.new("RGB", (620, 420), (252, 251, 246))
    pen = ImageDraw.Draw(page)
    pen.rectangle((20, 20, 600, 400), outline=(120, 130, 150), width=2)
    for line in range(7):
        width = 200 + (serial * 97 + line * 61) % 320
        pen.rectangle((60, 110 + line * 38, 60 + width, 122 + line * 38), fill=(196, 202, 212))
    pen.text((60, 50), f"SAMPLE {serial:03}", fill=(166, 27, 18), font_size=36)
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()
