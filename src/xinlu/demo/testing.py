"""Testing institutions, their site laboratories and their people; supervision firms.

Site laboratories start at 100 and lose what each clause says, some with a limit per occasion; of two clauses for one
act the higher counts. An institution with a laboratory at 0 is D. People: poor from 20 points a year, bad from 40, bad
when poor twice running, bad with a forged certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.demo.chance import Chance
from xinlu.demo.world import Subject, World

INSTITUTION, PERSON, LABORATORY = "testing-institution", "testing-person", "testing-site-laboratory"
SUPERVISION = "supervision-firm-zhejiang-2014"
Acts = tuple[tuple[str, int, int], ...]
"""Code after the stem, quantity, occasion; acts of occasion 9 are one and the same act."""

LABORATORY_YEARS: list[tuple[tuple[str, Acts, int], int]] = [
    (("clean", (), 100), 40),
    (("two_false_reports", (("002", 2, 1),), 80), 4),
    (("limit_of_an_occasion", (("002", 5, 1),), 70), 3),
    (("two_occasions", (("002", 4, 1), ("002", 3, 2)), 40), 2),
    (("not_authorised", (("004", 1, 1),), 80), 3),
    (("unfit_people", (("003", 2, 1),), 80), 3),
    (("beyond_scope", (("006", 3, 1),), 85), 3),
    (("too_few_people", (("007A", 1, 1), ("007B", 1, 1)), 92), 3),
    (("instruments_limit", (("008", 15, 1),), 80), 2),
    (("instruments_below_limit", (("008", 9, 1),), 82), 2),
    (("surroundings_limit", (("009", 6, 1),), 90), 2),
    (("signatures", (("010", 2, 1),), 96), 3),
    (("one_act_two_clauses", (("002", 1, 9), ("006", 1, 9)), 90), 3),
    (("clause_not_read", (("015", 2, 1),), 100), 2),
]
ZERO_YEAR: Acts = (("001", 1, 1),)

INSTITUTION_YEARS: list[tuple[tuple[str, Acts, int, str | None], int]] = [
    (("clean", (), 100, None), 40),
    (("false_reports", (("005", 2, 1),), 80, None), 4),
    (("false_reports_limit", (("005", 5, 1),), 70, None), 3),
    (("beyond_grade", (("006", 3, 1),), 85, None), 3),
    (("lent_certificate", (("001", 1, 1),), 100, "D"), 1),
    (("false_and_harmful", (("003", 1, 1), ("005", 1, 2)), 90, "D"), 1),
    (("laboratory_at_0", (), 100, "D"), 1),
    (("clause_not_read", (("007", 1, 1),), 100, None), 2),
]


@dataclass(frozen=True)
class Career:
    """Points of the acts of each year (None: none), and level and deduction at each round."""

    years: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    levels: tuple[str | None, str | None, str | None, str | None]
    deducted: tuple[str | None, str | None, str | None, str | None]
    blacklisted: tuple[bool, bool, bool, bool] = (False, False, False, False)
    employed: bool = True
    mark: str = ""
    weight: int = 1


OK4 = ("ok",) * 4
CAREERS: dict[str, Career] = {
    "clean": Career(((), (), (), ()), OK4, ("0", "0", "0", "0"), weight=60),
    "some_points": Career(((), ("5",), (), ("10", "9.5")), OK4, ("0", "5", "0", "19.5"), weight=8),
    "exactly_20": Career(((), (), (), ("15", "5")), ("ok", "ok", "ok", "poor"), ("0", "0", "0", "20"), weight=3),
    "under_40": Career(((), (), (), ("20", "19.99")), ("ok", "ok", "ok", "poor"), ("0", "0", "0", "39.99"), weight=2),
    "exactly_40": Career(
        ((), (), (), ("20", "20")), ("ok", "ok", "ok", "bad"), ("0", "0", "0", "40"), (False, False, False, True),
        weight=2
    ),
    "poor_twice": Career(
        ((), ("20",), ("25",), ("20",)), ("ok", "poor", "bad", "poor"), ("0", "20", "25", "20"),
        (False, False, True, False), weight=2,
    ),
    "forged": Career(
        ((), (), (), ("5",)), ("ok", "ok", "ok", "bad"), ("0", "0", "0", "5"), (False, False, False, True),
        mark="forged",
    ),
    "one_act_two_lines": Career(
        ((), (), (), ("10", "15")), OK4, ("0", "0", "0", "15"), mark="same_act", weight=2
    ),
    "employed_nowhere": Career(((), (), (), ()), (None,) * 4, (None,) * 4, employed=False, weight=3),
}  # fmt: skip

SupervisionYear = tuple[str, Acts, int, int | None, int, int, str | None]
SUPERVISION_YEARS: list[tuple[SupervisionYear, int]] = [
    # name, acts (code, quantity, project; project 0: none), projects, lowest project, off projects, off the firm, level
    (("clean", (), 1, 100, 0, 0, None), 20),
    (("works_signed_off", (("008", 1, 1),), 1, 85, 15, 0, None), 3),
    (("materials_signed_off", (("009", 2, 1),), 1, 80, 20, 0, None), 3),
    (("two_projects", (("008", 1, 1), ("007", 1, 2)), 2, 80, 35, 0, None), 2),
    (("gave_up_a_tender", (("003", 2, 0),), 1, 100, 0, 10, None), 2),
    (("lent_qualification", (("001", 1, 0),), 1, 100, 0, 0, "D"), 1),
    (("rigged_a_bid_no_project", (("002", 1, 0),), 0, None, 0, 0, "D"), 1),
    (("clause_not_read", (("050", 3, 1),), 1, 100, 0, 0, None), 1),
]  # fmt: skip


def populate(world: World) -> None:
    """Institutions with laboratories and people, and supervision firms, over four years."""
    chance = world.chance("testing")
    institutions = []
    for number in range(world.count(40, len(INSTITUTION_YEARS))):
        firm = world.enterprise("检测技术", ["testing_institution"], qualification_grade="class_a")
        institutions.append((firm, [_laboratory(world, chance, firm) for _ in range(1 + number % 4)]))
    late = _laboratory(world, chance, institutions[0][0], opened=date(2026, 3, 1))
    laboratories = [one for _, several in institutions for one in several]
    for as_of in world.rounds:
        zeros = _institutions(world, chance, institutions, as_of)
        _laboratories(world, chance, laboratories, zeros, as_of)
        world.plan.expect(LABORATORY, as_of, late.key, "not_yet_open", score=None, zero=None)
    _persons(world, chance, [firm for firm, _ in institutions])
    _supervision(world, chance)


def _laboratory(world: World, chance: Chance, firm: Subject, *, opened: date = date(2021, 3, 1)) -> Subject:
    kind = chance.pick(("site_laboratory", "field_project"))
    made = world.coded("site_laboratory", "SLSY", "示例工地试验室", laboratory_kind=kind, opened_on=opened)
    world.relate("parent_of", firm, made)
    return made


def _behaviour(world: World, chance: Chance, who: Subject, year: int, stem: str, acts: Acts, **more: Any) -> None:
    occasions: dict[int, tuple[date, str]] = {}
    for code, quantity, occasion in acts:
        if occasion not in occasions:
            day = chance.day(date(year, 2, 1), date(year, 11, 30))
            occasions[occasion] = (day, world.next("JC", day))
        day, inspection = occasions[occasion]
        fields = {
            "behaviour_no": world.next("SYXW", day),
            "occasion": inspection,
            "found_on": day,
            "behaviour_code": stem + code,
            "quantity": Decimal(quantity),
            "description": "示例不良行为",
            **more,
        }
        if occasion == 9:
            fields["act_no"] = f"{inspection}-行为"
        world.add("testing_behaviour", fields, subject=who)


def _institutions(
    world: World, chance: Chance, institutions: Sequence[tuple[Subject, list[Subject]]], as_of: date
) -> set[int]:
    """Plant the year; gives the laboratories that are to come out at 0."""
    zeros = set()
    for (firm, laboratories), (name, acts, score, level) in zip(
        institutions, chance.spread(INSTITUTION_YEARS, len(institutions)), strict=True
    ):
        _behaviour(world, chance, firm, as_of.year - 1, "JJC201", acts)
        if name == "laboratory_at_0":
            zeros.add(laboratories[0].number)
        world.plan.expect(INSTITUTION, as_of, firm.key, name, own_score=Decimal(score), level=level)
    return zeros


def _laboratories(world: World, chance: Chance, several: Sequence[Subject], zeros: set[int], as_of: date) -> None:
    for one, (name, acts, score) in zip(several, chance.spread(LABORATORY_YEARS, len(several)), strict=True):
        if one.number in zeros:
            name, acts, score = "false_report_with_accident", ZERO_YEAR, 0
        _behaviour(world, chance, one, as_of.year - 1, "JJC202", acts)
        world.plan.expect(LABORATORY, as_of, one.key, name, score=Decimal(score), zero=score == 0)


def _persons(world: World, chance: Chance, institutions: Sequence[Subject]) -> None:
    table = [(name, career.weight) for name, career in CAREERS.items()]
    for number, name in enumerate(chance.spread(table, world.count(300, len(table)))):
        career = CAREERS[name]
        certified = date(chance.between(2008, 2019), chance.between(1, 12), chance.between(1, 28))
        category = "testing_assistant" if number % 3 else "testing_engineer"
        person = world.practitioner([category], certified=certified)
        if career.employed:
            world.relate("employs", institutions[number % len(institutions)], person)
        for place, as_of in enumerate(world.rounds):
            for one in career.years[place]:
                more: dict[str, Any] = {"points": Decimal(one)}
                if career.mark == "forged":
                    more["forged_certificate"] = True
                occasion = 9 if career.mark == "same_act" else 1
                if career.mark == "same_act":
                    more["act_no"] = f"XW-{person.identifiers['certificate_no']}"
                _behaviour(world, chance, person, as_of.year - 1, "示例-人员", (("", 1, occasion % 9 or 1),), **more)
            deducted = career.deducted[place]
            world.plan.expect(
                PERSON, as_of, person.key, name,
                level=career.levels[place],
                deduction=None if deducted is None else Decimal(deducted),
                blacklist=None if deducted is None else career.blacklisted[place],
            )  # fmt: skip


def _supervision(world: World, chance: Chance) -> None:
    firms = [world.enterprise("工程监理", ["supervision"]) for _ in range(world.count(30, len(SUPERVISION_YEARS)))]
    idle = world.enterprise("工程监理", ["supervision"])
    for as_of in world.rounds:
        year = as_of.year - 1
        for firm, (name, acts, projects, lowest, off_projects, off_firm, level) in zip(
            firms, chance.spread(SUPERVISION_YEARS, len(firms)), strict=True
        ):
            made = []
            for _ in range(projects):
                day = date(year, 12, chance.between(1, 20))
                fields = {
                    "evaluation_no": world.next("JLPJ", day), "evaluated_on": day, "contract_amount": Decimal(300),
                }  # fmt: skip
                made.append(world.add("supervision_evaluation", fields, subject=firm))
            for code, quantity, project in acts:
                day = chance.day(date(year, 3, 1), date(year, 11, 30))
                said: dict[str, Any] = {
                    "behaviour_no": world.next("JLXW", day), "found_on": day, "behaviour_code": f"JJX101{code}",
                    "quantity": Decimal(quantity), "description": "示例不良行为",
                }  # fmt: skip
                parent = made[project - 1] if project else None
                if parent is not None:
                    said["evaluation_no"] = parent.fields["evaluation_no"]
                world.add("supervision_behaviour", said, parent=parent, subject=firm)
            world.plan.expect(
                SUPERVISION, as_of, firm.key, name,
                lowest_project_score=None if lowest is None else Decimal(lowest),
                project_deduction=Decimal(off_projects), firm_deduction=Decimal(off_firm), level=level,
            )  # fmt: skip
        world.plan.expect(SUPERVISION, as_of, idle.key, "nothing_to_rate", level=None, firm_deduction=None)
