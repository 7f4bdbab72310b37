"""双公示: penalties and permits, and until when each penalty is shown.

Decided before May 2023: a general one is repairable from 3 months and shown 12, a serious one 6 and 36; before
April 2026: 3 months, in safety fields 12, shown 36 in all cases, warnings of firms not at all; since then: minor not
shown, general 3 and 12, serious 12 and 36.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xinlu.demo.chance import Chance
from xinlu.demo.plan import OPEN
from xinlu.demo.world import FIRST_DAY, Row, Subject, World
from xinlu.law.organs import Organ

BOOK = "credit-repair-period"
FROM_2023, FROM_2026 = date(2023, 5, 1), date(2026, 4, 1)

KINDS_2019 = [("general", 60), ("serious", 25), ("especially_serious", 5), ("minor_as_general", 6), ("unclassified", 4)]
KINDS_2023 = [
    ("ordinary_done", 45), ("ordinary_not_done", 20), ("safety_area_done", 12), ("safety_area_not_done", 6),
    ("warning_only", 8), ("simple_procedure", 4), ("unclassified", 5),
]  # fmt: skip
KINDS_2026 = [("minor", 25), ("minor_fulfilled", 15), ("general", 40), ("serious", 15), ("unclassified", 5)]

MATTERS = (
    ("未按规定的周期检测车辆", "《道路运输车辆技术管理规定》", "road_transport"),
    ("车辆违法超限运输", "《公路安全保护条例》第六十四条", "overlimit"),
    ("未按许可事项从事道路货物运输", "《道路运输条例》第六十三条", "road_transport"),
    ("未落实车辆动态监控", "《道路运输车辆动态监督管理办法》", "safety"),
    ("未建立机动车维修档案", "《机动车维修管理规定》", "repair"),
    ("不按批准的线路运营", "《道路运输条例》第六十九条", "road_transport"),
)


def months_on(day: date, months: int) -> date:
    """The day of the same number so many months on; of days up to the 28th only."""
    turn, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + turn, month=month + 1)


def populate(world: World) -> None:
    """Penalties and permits of all who run a business, and of some drivers."""
    chance = world.chance("penalties")
    firms = [
        one
        for kind in ("enterprise", "sole_trader")
        for one in world.of_kind(kind)
        if "foreign_regime" not in one.attributes and one.valid_from == date(2020, 1, 1)
    ]
    persons = [one for one in world.of_kind("practitioner") if "freight_driver" in one.attributes.get("categories", ())]
    spans = (
        (FIRST_DAY, date(2023, 4, 28), KINDS_2019, world.count(700, len(KINDS_2019))),
        (FROM_2023, date(2026, 3, 28), KINDS_2023, world.count(1500, len(KINDS_2023))),
        (FROM_2026, date(2026, 6, 28), KINDS_2026, world.count(200, len(KINDS_2026))),
    )
    for first, last, table, count in spans:
        for kind in chance.spread(table, count):
            to_person = kind != "warning_only" and chance.holds(0.25) and persons
            who = chance.pick(persons if to_person else firms)
            if kind == "warning_only":
                who = chance.pick([one for one in firms if one.kind == "enterprise"])
            _penalty(world, chance, who, _day(chance, first, last), kind)
    _permits(world, chance, firms)


def _day(chance: Chance, first: date, last: date) -> date:
    day = chance.day(first, last)
    return day if day.day <= 28 else day - timedelta(days=4)


def _penalty(world: World, chance: Chance, who: Subject, day: date, kind: str) -> None:
    matter, ground, sector = chance.pick(MATTERS)
    organ = world.organ_of(who.region, sector)
    light = kind == "warning_only"
    fine = None if light else Decimal(chance.between(1, 60)) / 20
    kinds = ["warning"] if light else ["fine"] if chance.holds(0.8) else ["warning", "fine"]
    content = "警告" if light else f"罚款{int(fine * 10000) if fine else 0}元"
    row = penalise(world, who, day, organ=organ, content=content, kinds=kinds, fine=fine, matter=matter, ground=ground)
    classified(world, row, kind)


def penalise(
    world: World,
    who: Subject,
    day: date,
    *,
    organ: Organ,
    content: str,
    kinds: Sequence[str],
    fine: Decimal | None = None,
    matter: str = "示例违法行为",
    ground: str = "示例依据",
) -> Row:
    """A penalty of an organ with the fields of the standard."""
    uscc = world.organ_uscc(organ)
    fields: dict[str, Any] = {
        **_party(who),
        "decision_no": f"示{organ.short[:2]}交罚字〔{day.year}〕{world.next(f'CF{organ.short[:2]}', day)[-5:]}号",
        "violation_type": matter,
        "facts": f"示例：经查，当事人{matter}。",
        "legal_ground": ground,
        "penalty_kinds": list(kinds),
        "content": content,
        "decided_on": day,
        "organ_name": organ.name,
        "organ_uscc": uscc,
        "source_unit": organ.name,
        "source_unit_uscc": uscc,
    }
    if fine is not None:
        fields["fine_amount"] = fine
    return world.add("administrative_penalty", fields, subject=who)


def _party(who: Subject) -> dict[str, Any]:
    if who.kind == "practitioner":
        kind = {"party_kind": "natural_person", "person_id_type": "id_card", "person_id_no": who.key}
    elif who.kind == "sole_trader":
        kind = {"party_kind": "sole_trader", "uscc": who.key}
    else:
        legal = who.attributes.get("legal_representative", "")
        kind = {"party_kind": "organisation", "uscc": who.key, "legal_representative": legal}
    return {"party_name": who.name, **kind}


# ── classification and what follows ─────────────────────────────────────────────────────────────


def classified(world: World, penalty: Row, kind: str) -> None:
    """Add what the organ says of a penalty, and plant the periods that follow."""
    day, today = penalty.occurred_on, world.today
    done = {
        name: day + timedelta(days=20 + n)
        for n, name in enumerate(("duties_fulfilled_on", "corrected_on", "committed_on"))
    }
    said: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    if day < FROM_2023:
        shortest, longest = (6, 36) if "serious" in kind else (3, 12)
        said = {
            "severity_class": "serious" if "serious" in kind else "minor" if "minor" in kind else "general",
            "especially_serious": kind == "especially_serious",
            **done,
        }
        answers = {
            "repair_from": None if kind == "especially_serious" else months_on(day, shortest),
            "publish_until": months_on(day, longest),
            "may_apply": False,
        }
    elif day < FROM_2026:
        unpublished = kind in ("warning_only", "simple_procedure")
        shortest = 12 if "safety" in kind else 3
        begins, ends = months_on(day, shortest), months_on(day, 36)
        said = {
            "severity_class": "minor" if unpublished else "general",
            "safety_area": "safety" in kind,
            "simple_procedure": kind == "simple_procedure",
            **(done if kind.endswith("_done") and not kind.endswith("not_done") else {}),
        }
        ready = "duties_fulfilled_on" in said and done["committed_on"] <= today
        answers = {
            "published": not unpublished,
            "repair_from": None if unpublished else begins,
            "publish_until": day if unpublished else ends,
            "may_apply": not unpublished and begins <= today < ends and ready,
        }
    else:
        fulfilled = kind != "minor"
        serious = kind == "serious"
        said = {"severity_class": kind.partition("_")[0], **(done if fulfilled else {})}
        begins = months_on(day, 12 if serious else 3)
        answers = {
            "published": "minor" not in kind,
            "repair_from": (done["duties_fulfilled_on"] if fulfilled else None) if "minor" in kind else begins,
            "publish_until": day if "minor" in kind else months_on(day, 36 if serious else 12),
            "may_apply": False,
        }
    if kind == "unclassified":
        answers = dict.fromkeys(answers, OPEN)
    else:
        fields = {"decision_no": penalty.fields["decision_no"], "decided_on": day, **said}
        world.add("penalty_classification", fields, parent=penalty, subject=penalty.roles["subject"])
    version = "2019" if day < FROM_2023 else "2023" if day < FROM_2026 else "2026"
    unit = penalty.fields["decision_no"]
    world.plan.expect(BOOK, today, unit, f"{version}_{kind}", **answers)


# ── permits ─────────────────────────────────────────────────────────────────────────────────────


def _permits(world: World, chance: Chance, firms: Sequence[Subject]) -> None:
    for _ in range(world.count(1600, 20)):
        who = chance.pick(firms)
        day = chance.day(FIRST_DAY, date(2026, 6, 20))
        organ = world.organ_of(who.region, "road_transport")
        uscc = world.organ_uscc(organ)
        number = world.next(f"XK{organ.short[:2]}", day)[-5:]
        fields = {
            **_party(who),
            "document_name": "准予行政许可决定书",
            "decision_no": f"示{organ.short[:2]}交许字〔{day.year}〕{number}号",
            "permit_kind": "ordinary",
            "certificate_name": "道路运输经营许可证",
            "content": "示例：准予从事许可范围内的经营",
            "decided_on": day,
            "starts_on": day,
            "expires_on": day.replace(year=day.year + 4, day=min(day.day, 28)),
            "organ_name": organ.name,
            "organ_uscc": uscc,
            "permit_state": "1",
            "source_unit": organ.name,
            "source_unit_uscc": uscc,
        }
        world.add("administrative_permit", fields, subject=who)
