"""What the plan's sample books say on the last round: told from the rows that other stories made, with a few more.

Vessels: 100 points, less 20 for a serious problem, 6 for a general one, half after six months, less at most 10 for the
locks; green from 80. Firms of coaches and dangerous goods: 30 + 30 + 30 + 10 points for the quarter before. Sole
traders: from three vehicles on. Inspection: 5 % for firms without a level. A warning adds up 90 days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from xinlu.demo.world import Relation, Row, Subject, World

VESSEL, WARNING, FIRM = "vessel-safety-grade", "maritime-warning", "safety-code-firm"
TRADER, INSPECTION, DRIVER = "sole-trader-freight", "random-inspection-tier", "safety-code-driver"
LEVELS = ("highway-construction-firm", "highway-design-firm", "supervision-firm-zhejiang-2014", "testing-institution")
KEY_TYPES = {"passenger": 2, "dangerous_goods": 2, "liquefiable_bulk": 1, "sand_gravel": 1}
PROBLEMS: dict[str, tuple[tuple[str, int, bool], ...]] = {
    # severity, days before the round, put right
    "no_problem": (),
    "general": (("general", 20, True),),
    "serious_put_right": (("serious", 30, True),),
    "serious_open": (("serious", 10, False),),
    "grave": (("serious", 10, True), ("serious", 20, True), ("general", 30, True)),
    "long_past": (("serious", 400, True),),
}
POINTS = {"minor": 2, "general": 6, "serious": 20}
RISK = {"minor": 1, "general": 4, "serious": 10}
Hits = dict[int, list[Row]]


def populate(world: World) -> None:
    """Problems found on vessels, then what the five books say of everybody."""
    _inspect_vessels(world)
    found = _by_subject(world)
    _vessels(world, found)
    _firms(world, found)
    _traders(world, found)
    _inspections(world)


def _inspect_vessels(world: World) -> None:
    chance = world.chance("vessel problems")
    vessels = [one for one in world.of_kind("vessel") if "foreign_regime" not in one.attributes]
    for vessel, name in zip(vessels, chance.spread([(one, 1) for one in PROBLEMS], len(vessels)), strict=True):
        for severity, ago, mended in PROBLEMS[name]:
            day = world.today - timedelta(days=ago)
            fields = {
                "inspection_no": world.next("CBJC", day), "inspection_kind": "key", "inspected_on": day,
                "matter": "示例：船舶安全检查", "result": "rectify", "problems": Decimal(1),
            }  # fmt: skip
            parent = world.add("inspection", fields, subject=vessel)
            problem = {
                "inspection_no": fields["inspection_no"], "problem_no": "1", "content": "示例问题", "found_on": day,
                "severity_class": severity,
            }  # fmt: skip
            if mended:
                problem["rectified_on"] = day + timedelta(days=5)
            world.add("inspection_problem", problem, parent=parent, subject=vessel)


def _by_subject(world: World) -> dict[tuple[str, str], Hits]:
    """(item, role) → number of the subject → rows."""
    found: dict[tuple[str, str], Hits] = defaultdict(lambda: defaultdict(list))
    for row in world.rows:
        for role, who in row.roles.items():
            for one in who if isinstance(who, list) else [who]:
                found[row.item, role][one.number].append(row)
    return found


def _since(rows: Iterable[Row], first: date, after: date) -> list[Row]:
    return [one for one in rows if first <= one.occurred_on < after]


def _vessels(world: World, found: dict[tuple[str, str], Hits]) -> None:
    after = world.today + timedelta(days=1)
    year, half = world.today.replace(year=world.today.year - 1), date(world.today.year - 1, 12, 30)
    now, before = after - timedelta(days=90), after - timedelta(days=180)
    for vessel in world.of_kind("vessel"):
        if "foreign_regime" in vessel.attributes:
            continue
        problems = found["inspection_problem", "subject"].get(vessel.number, [])
        locks = [
            one for one in found["lock_event", "subject"].get(vessel.number, []) if one.fields["effect"] == "minus"
        ]

        def risk(
            rows: Callable[[list[Row]], list[Row]], problems: list[Row] = problems, locks: list[Row] = locks
        ) -> Decimal:
            told = sum(RISK[one.fields["severity_class"]] for one in rows(problems))
            return sum((min(one.fields["points"], Decimal(5)) for one in rows(locks)), Decimal(told))

        new, old = risk(lambda rows: _since(rows, now, after)), risk(lambda rows: _since(rows, before, now))
        world.plan.expect(WARNING, world.today, vessel.key, "told", points=new, trend=new - old)
        kind = vessel.attributes["vessel_type"]
        if kind not in KEY_TYPES:
            continue
        left = Decimal(100)
        for one in _since(problems, year + timedelta(days=1), after):
            left -= POINTS[one.fields["severity_class"]] * (Decimal(1) if one.occurred_on > half else Decimal("0.5"))
        left -= min(
            sum((one.fields["points"] for one in _since(locks, year + timedelta(days=1), after)), Decimal(0)), 10
        )
        left = max(left, Decimal(0))
        closer = 4 if left < 60 else 2 if left < 80 else 1
        is_open = any(
            one.fields["severity_class"] == "serious" and "rectified_on" not in one.fields for one in problems
        )
        grade = "red" if left < 60 else "yellow" if left < 80 or is_open else "green"
        checks = Decimal(KEY_TYPES[kind] * closer)
        world.plan.expect(VESSEL, world.today, vessel.key, grade, score=left, grade=grade, checks=checks)


def _firms(world: World, found: dict[tuple[str, str], Hits]) -> None:
    """The quarter before a round on 30 June is January to March."""
    first, after = date(world.today.year, 1, 1), date(world.today.year, 4, 1)
    codes = {unit: dict(told)["code"] for unit, told in world.plan.answers(DRIVER, world.today).items()}
    employed: dict[int, list[str]] = defaultdict(list)
    for one in _standing(world, "employs"):
        employed[one.start.number].append(one.end.key)
    for firm in _in_business(world, "enterprise", "road_passenger", "dangerous_goods"):

        def rows(item: str, role: str = "subject", firm: Subject = firm) -> list[Row]:
            return _since(found[item, role].get(firm.number, []), first, after)

        colours = [codes[key] for key in employed[firm.number] if codes.get(key) in ("blue", "yellow", "red")]
        share = Decimal(15 * colours.count("blue")) / len(colours) if colours else Decimal(0)
        total = Decimal(5 if firm.attributes.get("registered_capital", 0) >= 300 else 0)
        total += 10 if firm.attributes.get("licence_valid_until", date.min) >= after else 0
        total += share.quantize(Decimal("0.1"), ROUND_HALF_UP)
        costs = {"minor": 1, "general": 3, "serious": 10}
        total += max(30 - sum(costs[one.fields["severity_class"]] for one in rows("inspection_problem")), 0)
        alarms = min(len(rows("fatigue_alarm", "operator")), 15)
        total += max(30 - alarms - 2 * len(rows("transport_violation")), 0)
        guilty = [
            one
            for one in rows("accident")
            if one.fields["accident_kind"] == "road_traffic"
            and one.fields.get("responsibility") in ("full", "main", "equal")
        ]
        total += max(5 - 5 * len(guilty), 0)
        scored = [
            one for one in found["public_credit_score", "subject"].get(firm.number, []) if one.occurred_on < after
        ]
        public = max(scored, key=lambda one: one.occurred_on).fields["score"] if scored else None
        total += 3 if public is None else 5 if public >= 800 else 3 if public >= 600 else 0
        code = "blue" if total >= 80 else "yellow" if total >= 60 else "orange"
        care = "tightened" if code == "orange" else "normal"
        world.plan.expect(FIRM, world.today, firm.key, code, score=total, code=code, care=care)


def _traders(world: World, found: dict[tuple[str, str], Hits]) -> None:
    """Traders with fewer than three vehicles are not rated; of the others the plan tells the vehicles' acts alone."""
    fleets: dict[int, set[int]] = defaultdict(set)
    for one in _standing(world, "operates"):
        fleets[one.start.number].add(one.end.number)
    touched = {
        number
        for item in ("overlimit_act", "transport_violation", "complaint", "honour", "serious_list_entry")
        for hits in (found[key] for key in list(found) if key[0] == item)
        for number in hits
    }
    for trader in _in_business(world, "sole_trader", "road_freight"):
        fleet = fleets[trader.number]
        if len(fleet) < 3:
            world.plan.expect(TRADER, world.today, trader.key, "too_few_vehicles", score=None, level=None)
        elif not touched & {trader.number, *fleet}:
            world.plan.expect(TRADER, world.today, trader.key, "clean", score=Decimal(100), level="AAA")
        else:
            world.plan.expect(TRADER, world.today, trader.key, "told_by_others")


def _inspections(world: World) -> None:
    """Firms that no book rates are drawn at the base rate; of those that are rated or listed others tell."""
    rated = {unit for book in LEVELS for day in world.rounds for unit in world.plan.answers(book, day)}
    listed = {
        who.number
        for row in world.rows
        if row.item in ("serious_list_entry", "watch_list_entry", "rating_result")
        for who in row.roles.values()
        if isinstance(who, Subject)
    }
    for firm in world.of_kind("enterprise"):
        if "foreign_regime" in firm.attributes or not firm.attributes.get("businesses"):
            continue
        if firm.key in rated or firm.number in listed:
            world.plan.expect(INSPECTION, world.today, firm.key, "told_by_others")
        else:
            world.plan.expect(INSPECTION, world.today, firm.key, "base", tier="base", rate=Decimal("0.05"))


def _standing(world: World, relation: str) -> list[Relation]:
    """Relations that hold on the last round."""
    return [
        one
        for one in world.relations
        if one.relation == relation
        and one.valid_from <= world.today
        and not (one.valid_until and one.valid_until <= world.today)
    ]


def _in_business(world: World, kind: str, *businesses: str) -> list[Subject]:
    return [
        one
        for one in world.of_kind(kind)
        if "foreign_regime" not in one.attributes and set(businesses) & set(one.attributes.get("businesses", ()))
    ]
