"""A small site to look at: two firms, a driver, their records, relations and standings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from tests.province import ACTOR, deliver, driver, organs, penalty, source

from xinlu.access.models import Organ, Person
from xinlu.assessment.publish import publish
from xinlu.assessment.run import run_books
from xinlu.ledger.models import Record, Standing
from xinlu.ledger.standing import NewStanding, publish_standings
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.relate import NewRelation, relate

AT = datetime(2026, 3, 10, 2, tzinfo=UTC)
PASSWORD = "xinlu-demo-2026"
FIRM = "示例江南勘察设计有限公司"
CLEAN = "示例东海航运有限公司"


@dataclass(frozen=True)
class Site:
    """Numbers of what stands in the small site."""

    firm: int
    clean: int
    driver: int
    standing: int
    officer: Person


def people() -> Person:
    """An officer of the province and one of a city; who writes law, and who publishes it."""
    law = Organ.objects.get(code="zj-law")
    for name, role, words in (("maker", "rule_maker", "示例起草"), ("chief", "chief", "示例负责")):
        Person.objects.create_user(name, password=PASSWORD, role=role, data_level="L3", first_name=words, organ=law)
    Person.objects.create_user(
        "city", password=PASSWORD, role="officer", data_level="L2", organ=Organ.objects.get(code="jt-330200")
    )
    return Person.objects.create_user(
        "province",
        password=PASSWORD,
        role="officer",
        data_level="L3",
        first_name="示例经办",
        organ=Organ.objects.get(code="zj"),
    )


def build() -> Site:
    """Everything, with records of 2025 and the rating published in March 2026."""
    organs()
    officer = people()
    firm = _firm(
        FIRM,
        "330106",
        "91330106MA2SAMP015",
        businesses=["highway_design"],
        status="active",
        legal_representative="陈示例",
        registered_capital="3000",
        address="浙江省杭州市西湖区示例路 18 号",
        founded_on="2011-05-18",
        qualification_grade="grade_a",
    )
    clean = _firm(CLEAN, "330212", "91330212MA2SAMP02X", businesses=["water_transport"], status="active")
    person = driver()
    relate(NewRelation("employs", firm, person, date(2022, 7, 1)), actor=ACTOR, at=AT)
    relate(NewRelation("parent_of", firm, clean, date(2023, 1, 1)), actor=ACTOR, at=AT)
    _records(firm)
    return Site(firm, clean, person, _rating(firm, clean), officer)


def _firm(name: str, region: str, uscc: str, **attributes: object) -> int:
    return enrol(
        NewSubject("enterprise", name, region, {"uscc": uscc}, date(2011, 5, 18), attributes=attributes),  # type: ignore[arg-type]
        actor=ACTOR,
        at=AT,
    )


def _records(firm: int) -> None:
    works = source("works", "zj-road-centre")
    who = {"subject": (firm,)}
    common = {"business": "highway_design", "area": "330000"}
    deliver(
        works,
        "section_evaluation",
        [
            {
                "payload": {
                    "evaluation_no": f"S{n}",
                    "evaluated_on": f"2025-11-{n:02}",
                    "contract_price": price,
                    **common,
                },
                "roles": who,
            }
            for n, price in ((1, "3200.00"), (2, "1500.00"))
        ],
        when=AT,
    )
    parents = {row.key: row.record for row in Record._base_manager.filter(item="section_evaluation")}
    deliver(
        works,
        "section_behaviour",
        [
            {
                "payload": {
                    "evaluation_no": key,
                    "line_no": str(n),
                    "found_on": f"2025-0{n}-12",
                    "behaviour_code": f"LY-{n}",
                    "points": points,
                    "description": words,
                },
                "roles": who,
                "parent": parents[key],
            }
            for key, n, points, words in (
                ("S1", 3, "5.00", "设计变更未按时提交"),
                ("S1", 6, "3.00", "设计代表未按合同到岗"),
                ("S2", 8, "2.00", "图纸会审意见逾期答复"),
            )
        ],
        when=AT,
    )
    deliver(
        works,
        "other_behaviour",
        [
            {
                "payload": {
                    "behaviour_no": f"Q{n}",
                    "found_on": f"2025-0{n}-20",
                    "behaviour_code": f"QT-{n}",
                    "points": "1.50",
                    "description": words,
                    **common,
                },
                "roles": who,
            }
            for n, words in ((4, "信用信息填报不及时"), (9, "人员变更未备案"))
        ],
        when=AT,
    )
    deliver(
        source("penalties", "jt-330100"),
        "administrative_penalty",
        [
            penalty(
                firm,
                "示交罚〔2026〕第 18 号",
                decided_on="2026-01-06",
                party_name=FIRM,
                penalty_kinds=["fine"],
                content="罚款 2000 元",
                facts="未按规定报送质量责任登记",
            ),
        ],
        when=AT,
    )
    deliver(
        source("honours", "zj"),
        "honour",
        [
            {
                "payload": {"honour_name": "示例优秀勘察设计奖", "granted_on": "2025-12-01", "grantor": "示例行业协会"},
                "roles": who,
            },
        ],
        when=AT,
    )


def _rating(firm: int, clean: int) -> int:
    runs = source("xinlu", "zj")
    common = {
        "book": "highway-design-firm",
        "book_version": "2013",
        "jurisdiction": "zj",
        "status": "rated",
        "grade": "unverified",
    }
    for year, level, score in ((2024, "A", "88.4"), (2025, "AA", "96.1")):
        publish_standings(
            [
                NewStanding(
                    subject=firm,
                    output=output,
                    as_of=date(year, 3, 1),
                    effective_from=date(year, 3, 31),
                    level=level if output == "level" else None,
                    score=Decimal(score) if output == "score" else None,
                    period_from=date(year - 1, 1, 1),
                    period_until=date(year, 1, 1),
                    effective_until=date(year + 1, 3, 31),
                    **common,
                )
                for output in ("score", "level")
            ],
            source=runs,
            actor=ACTOR,
            at=AT.replace(day=10 + year - 2020),
        )
    made = run_books(["highway-design-firm"], as_of=date(2026, 3, 1), actor=ACTOR, at=AT.replace(day=20))
    for run in made:
        publish(
            run, source=runs, actor=ACTOR, at=AT.replace(day=21), effective_from=date(2026, 3, 31), jurisdiction="zj"
        )
    publish_standings(
        [
            NewStanding(
                subject=clean,
                output="level",
                as_of=date(2026, 3, 1),
                effective_from=date(2026, 3, 31),
                level="B",
                kind="imported",
                **{**common, "book": "highway-construction-firm", "book_version": "2009"},
            )
        ],
        source=source("neighbours", "zj"),
        actor=ACTOR,
        at=AT.replace(day=22),
    )
    return (
        Standing._base_manager.filter(subject=firm, output="level", version__superseded_at__isnull=True)
        .latest("as_of")
        .pk
    )
