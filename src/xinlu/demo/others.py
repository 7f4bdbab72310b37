"""Who else is there: repair shops, source units, schools, ports, owners; heavy loads; what is noted of all."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xinlu.demo.plan import said
from xinlu.demo.world import FIRST_DAY, World

GATE = "heavy-transport-gate"
CODE_SINCE = date(2024, 11, 15)

APPLICATIONS: list[tuple[tuple[str, str | None, str, str, date | None, str], int]] = [
    # name, code held, class, tonnes, day (None: any), way
    (("green_class_1", "green", "class1", "55", None, "instant"), 8),
    (("green_class_2_exactly_70", "green", "class2", "70", None, "instant"), 4),
    (("green_class_2_above_70", "green", "class2", "70.001", None, "normal"), 4),
    (("green_class_3", "green", "class3", "120", None, "normal"), 4),
    (("yellow_class_1", "yellow", "class1", "55", None, "normal"), 4),
    (("red_class_1", "red", "class1", "55", None, "strict"), 2),
    (("no_code", None, "class1", "55", None, "normal"), 4),
    (("before_the_code", "green", "class1", "55", date(2024, 3, 4), "normal"), 1),
]  # fmt: skip


def make_firms(world: World) -> None:
    """Firms without a rulebook of their own; conduct of some is on the over-limit lists."""
    for business, what, full, least in (
        ("repair_shop", "汽车维修", 130, 7),
        ("source_unit", "矿业", 60, 7),
        ("driving_school", "驾驶培训", 25, 1),
        ("port_operator", "港务", 12, 1),
        ("project_owner", "交通投资", 12, 1),
        ("bus", "公共交通", 12, 1),
    ):
        for _ in range(world.count(full, least)):
            world.enterprise(what, [business])
    chance = world.chance("people")
    for category, full in (("repair_technician", 180), ("driving_instructor", 160), ("supervision_engineer", 120)):
        for _ in range(world.count(full)):
            certified = date(chance.between(2008, 2019), chance.between(1, 12), chance.between(1, 28))
            world.practitioner([category], certified=certified)


def populate(world: World) -> None:
    """Heavy loads; projects; inspections, honours, commitments, public scores."""
    _heavy(world)
    _projects(world)
    _noted(world)


def _heavy(world: World) -> None:
    chance = world.chance("heavy")
    firms: dict[str | None, list[Any]] = {}
    for code, full in (("green", 8), ("yellow", 3), ("red", 2), (None, 3)):
        for _ in range(world.count(full)):
            firm = world.enterprise("大件物流", ["source_unit"])
            firms.setdefault(code, []).append(firm)
            if code is None:
                continue
            fields = {
                "book": "heavy-transport-code", "book_version": "示例", "output": "code", "level": code,
                "status": "rated", "jurisdiction": "zj", "kind": "imported", "as_of_day": CODE_SINCE,
                "published_on": CODE_SINCE, "ends_on": date(2027, 11, 15), "grade": "sample",
                "reason": "示例：外部业务信用码",
            }  # fmt: skip
            world.add("rating_result", fields, subject=firm)
    for name, code, permit, tonnes, fixed, way in chance.spread(APPLICATIONS, world.count(300, len(APPLICATIONS))):
        day = fixed or chance.day(date(2024, 12, 1), world.today)
        number = world.next("DJ", day)
        fields = {
            "application_no": number, "applied_on": day, "permit_class": permit, "gross_tonnes": Decimal(tonnes),
            "route": "示例路线",
        }  # fmt: skip
        world.add("heavy_permit_application", fields, subject=chance.pick(firms[code]))
        world.plan.expect(GATE, world.today, number, name, way=said(way))


def _projects(world: World) -> None:
    chance = world.chance("projects")
    for _ in range(world.count(60)):
        project = world.coded(
            "project", "SLXM", "示例公路工程", project_kind="highway", road_class="class_1",
            investment=Decimal(chance.between(3000, 90000)), started_on=date(2022, 3, 1),
        )  # fmt: skip
        for _ in range(2):
            section = world.coded(
                "contract_section", "SLHT", "示例合同段", section_kind="construction",
                contract_price=Decimal(chance.between(2000, 30000)), project=project.key, started_on=date(2022, 6, 1),
            )  # fmt: skip
            world.relate("part_of", section, project)


def _noted(world: World) -> None:
    """Records that no shipped rulebook reads: they fill dossiers."""
    chance = world.chance("noted")
    firms = [
        one
        for one in (*world.of_kind("enterprise"), *world.of_kind("sole_trader"))
        if "foreign_regime" not in one.attributes and one.valid_from == date(2020, 1, 1)
    ]
    for _ in range(world.count(1500, 10)):
        who, day = chance.pick(firms), chance.day(FIRST_DAY, world.today - timedelta(days=40))
        bad = chance.holds(0.2)
        fields: dict[str, Any] = {
            "inspection_no": world.next("JCJL", day), "inspection_kind": chance.pick(("random", "routine", "special")),
            "matter": "示例：经营资质与安全管理", "inspected_on": day, "result": "rectify" if bad else "passed",
            "problems": Decimal(1 if bad else 0), "organ_name": world.organ_of(who.region, "all").name,
        }  # fmt: skip
        if bad:
            fields |= {"rectify_by": day + timedelta(days=30), "rectified_on": day + timedelta(days=20)}
        parent = world.add("inspection", fields, subject=who)
        if bad:
            problem = {
                "inspection_no": fields["inspection_no"], "problem_no": "1", "content": "示例问题", "found_on": day,
                "severity_class": "minor", "rectified_on": day + timedelta(days=20),
            }  # fmt: skip
            world.add("inspection_problem", problem, parent=parent, subject=who)
    for number in range(world.count(240, 3)):
        who, day = firms[number * 7 % len(firms)], chance.day(FIRST_DAY, world.today)
        honour = {
            "honour_name": f"示例诚信单位（{day.year}）", "honour_level": "city", "granted_on": day,
            "organ_name": "示例评选机构", "document_no": world.next("RY", day),
        }  # fmt: skip
        world.add("honour", honour, subject=who)
    for _ in range(world.count(700, 5)):
        who, day = chance.pick(firms), chance.day(FIRST_DAY, world.today)
        promise = {
            "commitment_no": world.next("CN", day), "commitment_kind": chance.pick(("approval", "public", "tolerance")),
            "matter": "示例事项", "content": "示例承诺", "committed_on": day, "performance": "performed",
        }  # fmt: skip
        world.add("commitment", promise, subject=who)
    for who in firms:
        day = date(2026, 3, 31)
        score = {"score": Decimal(chance.between(600, 950)), "level": chance.pick(("A", "B", "C")), "scored_on": day}
        world.add("public_credit_score", score, subject=who)
