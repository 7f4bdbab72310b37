"""Foreign conformity examples: a few carriers, companies and ships, of the same number at every scale.

Europe: weighted infringements by vehicles of each check, mean of all checks; green to 100, amber to 200, red above.
America: five carriers of one group rank 0, 25, 50, 75, 100; general carriers alert from 65, passenger ones from 50.
Paris: a company two points above or below the region in detentions and deficiencies; a ship high from 5 points.
Tokyo: the same shape; a ship high from 4 points, a company that nobody inspected counts. Flags by binomial limits.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.demo.plan import OPEN
from xinlu.demo.world import Subject, World

US_BOOKS: list[tuple[str, str, int, int]] = [
    # book, category, relevant inspections that it asks for, level of an inspection that is relevant
    ("fmcsa-sms-hos", "hos", 3, 3),
    ("fmcsa-sms-vehicle-maintenance", "vehicle_maintenance", 5, 5),
    ("fmcsa-sms-driver-fitness", "driver_fitness", 5, 3),
    ("fmcsa-sms-controlled-substances", "controlled_substances", 1, 3),
    ("fmcsa-sms-hm-compliance", "hm", 5, 5),
]
CRASHES = "fmcsa-sms-crash-indicator"
EU, US, COMPANY, SHIP = "eu-2022-695", "fmcsa-sms-unsafe-driving", "paris-mou-company", "paris-mou-ship"
TOKYO_COMPANY, TOKYO_SHIP = "tokyo-mou-company", "tokyo-mou-ship"

EU_FIRMS: list[tuple[str, list[tuple[int, str, bool | None]], str | None, str]] = [
    # name, checks (vehicles, infringements, premises with a smart fleet), R, band
    ("clean_check", [(1, "", None)], "0", "green"),
    ("exactly_100", [(1, "MSI SI", None)], "100", "green"),
    ("just_101", [(1, "MSI SI MI", None)], "101", "amber"),
    ("exactly_200", [(1, "MSI MSI SI SI", None)], "200", "amber"),
    ("just_201", [(1, "MSI MSI SI SI MI", None)], "201", "red"),
    ("mean_of_two", [(1, "MSI SI", None), (2, "", None)], "50", "green"),
    ("by_vehicles", [(4, "MSI VSI", None)], "30", "green"),
    ("smart_fleet", [(1, "MSI SI", True)], "90", "green"),
    ("fleet_not_smart", [(1, "MSI VSI", False)], "120", "amber"),
    ("never_checked", [], None, "grey"),
]


def populate(world: World) -> None:
    """All of them."""
    _europe(world)
    _america(world)
    flags = _flags(world)
    _paris(world, flags)
    _tokyo(world, flags)


def _europe(world: World) -> None:
    for name, checks, risk, band in EU_FIRMS:
        firm = world.foreign("EU-", "eu", [], "示例欧洲承运人")
        for number, (vehicles, gravities, smart) in enumerate(checks):
            day = date(2025, 3 + number, 12)
            fields: dict[str, Any] = {
                "check_no": world.next("EUC", day), "checked_on": day, "vehicles": Decimal(vehicles),
                "check_place": "roadside" if smart is None else "premises",
            }  # fmt: skip
            if smart is not None:
                fields["smart_fleet"] = smart
            check = world.add("eu_check", fields, subject=firm)
            for gravity in gravities.split():
                infringement = {
                    "infringement_no": world.next("EUI", day), "check_no": fields["check_no"], "found_on": day,
                    "gravity": gravity,
                }  # fmt: skip
                world.add("eu_infringement", infringement, parent=check, subject=firm)
        world.plan.expect(EU, world.today, firm.key, name, risk=None if risk is None else Decimal(risk), band=band)


US_CARRIERS: list[tuple[str, int, int, str, int | None, str | None]] = [
    # name, severity of each of three inspections, units, type, percentile, alert
    ("lowest", 1, 10, "general", 0, "none"),
    ("quarter", 2, 10, "hm", 25, "none"),
    ("half_passenger", 3, 10, "passenger", 50, "alert"),
    ("three_quarters", 4, 10, "general", 75, "alert"),
    ("highest", 5, 10, "general", 100, "alert"),
]


def _america(world: World) -> None:
    _unsafe_driving(world)
    # Three carriers of one group rank 0, 50, 100: only the last is past every threshold.
    places = ((3, 0, "none"), (6, 50, "none"), (9, 100, "alert"))
    for book, basic, number, level in US_BOOKS:
        for severity, percentile, alert in places:
            firm = _carrier(world, 10, "general")
            for place in range(number):
                found = severity if place == 0 else None
                _us_inspection(world, firm, date(2026, 2, 3 + place), found, basic=basic, level=level)
            # all within 6 months: the weights of the mean are equal
            answers = {"measure": Decimal(severity) / number, "percentile": Decimal(percentile), "alert": alert}
            _told(world, firm, book, f"severity_{severity}", **answers)
    for (hurt, released), (_, percentile, alert) in zip(((0, 0), (1, 0), (1, 1)), places, strict=True):
        firm = _carrier(world, 10, "general")
        _us_crash(world, firm, 0, released=False)
        _us_crash(world, firm, hurt, released=bool(released))
        # severity 1 and 1, 2 or 3, weight 3, by ten units
        answers = {"measure": Decimal(3 * (2 + hurt + released)) / 10, "percentile": Decimal(percentile)}
        _told(world, firm, CRASHES, f"hurt_{hurt}_released_{released}", **answers, alert=alert)


def _unsafe_driving(world: World) -> None:
    recent = (date(2026, 2, 3), date(2026, 3, 4), date(2026, 4, 5))
    for name, severity, units, kind, percentile, alert in US_CARRIERS:
        firm = _carrier(world, units, kind)
        for day in recent:
            _us_inspection(world, firm, day, severity)
        # three inspections within 6 months, weight 3 each, by average units and utilisation 1
        measure = Decimal(9 * severity) / units
        percentage = None if percentile is None else Decimal(percentile)
        _told(world, firm, US, name, measure=measure, percentile=percentage, alert=alert)
    few = _carrier(world, 10, "general")
    for day in recent[:2]:
        _us_inspection(world, few, day, 8)
    _told(world, few, US, "two_inspections", measure=None, percentile=None, alert=None)
    grave = _carrier(world, 10, "general")
    day = date(2026, 1, 15)
    said = {
        "investigation_no": world.next("USI", day), "closed_on": day, "basic": "unsafe_driving",
        "acute_or_critical": True,
    }  # fmt: skip
    world.add("us_investigation", said, subject=grave)
    _told(world, grave, US, "acute_violation", measure=None, percentile=None, alert="alert")


def _told(world: World, firm: Subject, book: str, archetype: str, **answers: Any) -> None:
    """What one book says of a carrier; the other books of the system have too little to say anything."""
    world.plan.expect(book, world.today, firm.key, archetype, **answers)
    for other in (US, CRASHES, *(name for name, *_ in US_BOOKS)):
        if other != book:
            world.plan.expect(other, world.today, firm.key, "too_little", measure=None, percentile=None, alert=None)


def _carrier(world: World, units: int, kind: str) -> Subject:
    firm = world.foreign("US-", "us", [], "示例美国承运人")
    fields = {
        "taken_on": date(2023, 1, 10), "power_units": Decimal(units), "combination_units": Decimal(0),
        "annual_miles": Decimal(10_000 * units), "carrier_type": kind,
    }  # fmt: skip
    world.add("us_fleet_census", fields, subject=firm)
    return firm


def _us_inspection(
    world: World, firm: Subject, day: date, severity: int | None, *, basic: str = "unsafe_driving", level: int = 1
) -> None:
    """An inspection with one violation, or a clean one when no severity is given."""
    number = world.next("USR", day)
    report: dict[str, Any] = {"report_no": number, "inspected_on": day, "inspection_level": Decimal(level)}
    if basic == "hm":
        report["placardable_hm"] = True
    parent = world.add("us_inspection", report, subject=firm)
    if severity is None:
        return
    violation = {
        "violation_no": world.next("USV", day), "report_no": number, "found_on": day, "section_code": "999",
        "basic": basic, "severity": Decimal(severity),
    }  # fmt: skip
    world.add("us_violation", violation, parent=parent, subject=firm)


def _us_crash(world: World, firm: Subject, injuries: int, *, released: bool) -> None:
    day = date(2026, 4, 5)
    fields = {
        "report_no": world.next("USC", day), "crashed_on": day, "fatalities": Decimal(0), "injuries": Decimal(injuries),
        "hm_released": released,
    }  # fmt: skip
    world.add("us_crash", fields, subject=firm)


FLAGS: list[tuple[str, int, int, dict[str, Any]]] = [
    # name, inspections, detentions of the last year, answers: limits 31.22 and 52.78 for 600, 0.45 and 7.95 for 60
    ("white", 600, 5, {"listing": "white", "excess": None, "risk": None}),
    ("grey", 60, 1, {"listing": "grey", "excess": None, "risk": None}),
    ("black_very_high", 60, 15, {"listing": "black", "excess": Decimal("4.11"), "risk": "very_high"}),
    ("29_inspections", 29, 9, {"listing": None, "excess": None, "risk": None}),
]


def _flags(world: World) -> dict[str, Subject]:
    """Flag states; each has the same count in both regions."""
    flags = {}
    for name, inspections, detentions, answers in FLAGS:
        flag = world.coded("flag_state", "FLAG-", "示例船旗国", foreign_regime="psc", flag="other")
        for region, book in (("paris", "paris-mou-flag"), ("tokyo", "tokyo-mou-flag")):
            fields = {
                "mou": region, "counted_on": date(2025, 12, 31), "inspections": Decimal(inspections),
                "detentions": Decimal(detentions),
            }  # fmt: skip
            world.add("psc_flag_count", fields, subject=flag)
            world.plan.expect(book, world.today, flag.key, name, **answers)
        flags[name] = flag
    return flags


UNKNOWN = {"points": None, "profile": None, "priority": None, "window_opens": None, "window_closes": None}


def _paris(world: World, flags: dict[str, Subject]) -> None:
    # Ten inspections each: detentions 0, 1, 5 (region 20 %), deficiencies 0, 3, 9 an inspection (region 4).
    good, middling, poor, idle = (world.foreign("PM-", "psc", [], "示例航运公司") for _ in range(4))
    for firm, level in ((good, "high"), (middling, "medium"), (poor, "very_low"), (idle, "medium")):
        world.plan.expect(COMPANY, world.today, firm.key, level, performance=level)
        world.plan.expect(TOKYO_COMPANY, world.today, firm.key, "not_inspected", performance="not_inspected")
    ships: list[tuple[str, Subject, bool, bool, int, int, date | None, dict[str, Any]]] = [
        # name, company, white and high standard, risky type, deficiencies each, detentions, last inspection, answers
        ("low_risk", good, True, False, 0, 0, date(2026, 3, 10), {
            "points": Decimal(0), "profile": "low", "priority": "none",
            "window_opens": date(2028, 3, 10), "window_closes": date(2029, 3, 10)}),
        ("low_risk_too", good, True, False, 0, 0, date(2023, 11, 10), {
            "points": Decimal(0), "profile": "low", "priority": "II",
            "window_opens": date(2025, 11, 10), "window_closes": date(2026, 11, 10)}),
        ("standard_in_window", middling, False, True, 3, 1, date(2025, 8, 10), {
            "points": Decimal(2), "profile": "standard", "priority": "II",
            "window_opens": date(2026, 6, 10), "window_closes": date(2026, 8, 10)}),
        ("standard_overdue", middling, False, False, 3, 0, date(2025, 5, 10), {
            "points": Decimal(0), "profile": "standard", "priority": "I",
            "window_opens": date(2026, 3, 10), "window_closes": date(2026, 5, 10)}),
        ("high_risk", poor, False, True, 9, 3, date(2026, 1, 10), {
            "points": Decimal(5), "profile": "high", "priority": "II",
            "window_opens": date(2026, 6, 10), "window_closes": date(2026, 7, 10)}),
        ("three_points", poor, False, False, 9, 2, date(2026, 5, 10), {
            "points": Decimal(3), "profile": "standard", "priority": "none",
            "window_opens": date(2027, 3, 10), "window_closes": date(2027, 5, 10)}),
        ("never_inspected", idle, False, True, 0, 0, None, {
            "points": Decimal(2), "profile": "standard", "priority": OPEN,
            "window_opens": None, "window_closes": None}),
    ]  # fmt: skip
    for name, firm, fine, risky, deficiencies, detentions, last, answers in ships:
        ship = _ship(world, firm, flags["white" if fine else "grey"])
        _particulars(world, ship, "paris", fine=fine, ship_type="bulk_carrier" if risky else "general_cargo")
        if last is not None:
            _port_states(world, ship, firm, "paris", deficiencies, detentions, last)
        world.plan.expect(SHIP, world.today, ship.key, name, **answers)
        world.plan.expect(TOKYO_SHIP, world.today, ship.key, "no_particulars", **UNKNOWN)


def _tokyo(world: World, flags: dict[str, Subject]) -> None:
    # Five inspections each: detentions 0 and 4 (region 40 %), deficiencies 0 and 10 an inspection (region 5).
    good, poor, idle = (world.foreign("TM-", "psc", [], "示例航运公司") for _ in range(3))
    for firm, level in ((good, "high"), (poor, "very_low"), (idle, "not_inspected")):
        world.plan.expect(TOKYO_COMPANY, world.today, firm.key, level, performance=level)
        world.plan.expect(COMPANY, world.today, firm.key, "not_inspected", performance="medium")
    ships: list[tuple[str, Subject, str, str, int, int, date | None, dict[str, Any]]] = [
        # name, company, flag, type, deficiencies each, detentions, last inspection, answers
        ("low_risk", good, "white", "general_cargo", 0, 0, date(2025, 10, 10), {
            "points": Decimal(0), "profile": "low", "priority": "none",
            "window_opens": date(2026, 7, 10), "window_closes": date(2027, 4, 10)}),
        # type 2, flag 1, company 2, five inspections with more than five deficiencies 5, four detentions 1
        ("high_risk", poor, "black_very_high", "container", 10, 4, date(2026, 2, 28), {
            "points": Decimal(11), "profile": "high", "priority": "I",
            "window_opens": date(2026, 4, 28), "window_closes": date(2026, 6, 28)}),
        ("never_inspected", idle, "29_inspections", "other", 0, 0, None, {
            "points": Decimal(2), "profile": "standard", "priority": OPEN,
            "window_opens": None, "window_closes": None}),
    ]  # fmt: skip
    for name, firm, flag, ship_type, deficiencies, detentions, last, answers in ships:
        ship = _ship(world, firm, flags[flag])
        _particulars(world, ship, "tokyo", fine=flag == "white", ship_type=ship_type)
        if last is not None:
            _port_states(world, ship, firm, "tokyo", deficiencies, detentions, last)
        world.plan.expect(TOKYO_SHIP, world.today, ship.key, name, **answers)
        world.plan.expect(SHIP, world.today, ship.key, "no_particulars", **UNKNOWN)


def _ship(world: World, firm: Subject, flag: Subject) -> Subject:
    ship = world.vessel("dry_bulk", word="外", foreign_regime="psc", flag="other")
    world.relate("manages", firm, ship)
    world.relate("registers", flag, ship)
    for as_of in world.rounds:
        world.plan.expect("lock-credit", as_of, ship.key, "not_registered", score=None, star=None)
    return ship


def _particulars(world: World, ship: Subject, region: str, *, fine: bool, ship_type: str) -> None:
    fields = {
        "mou": region, "noted_on": date(2022, 2, 2), "ship_type": ship_type, "flag_audited": fine,
        "ro_performance": "high" if fine else "medium", "ro_recognised": fine,
    }  # fmt: skip
    world.add("psc_ship_particulars", fields, subject=ship)


def _port_states(
    world: World, ship: Subject, firm: Subject, region: str, deficiencies: int, detentions: int, last: date
) -> None:
    """Five inspections, the last on ``last``, all within the 36 months."""
    earlier = [date(2023, 7 + number, 20) for number in range(4)]
    for number, day in enumerate([*earlier, last]):
        fields = {
            "report_no": world.next("PSC", day), "mou": region, "inspected_on": day,
            "deficiencies": Decimal(deficiencies), "ism_deficiencies": Decimal(0), "detained": number < detentions,
        }  # fmt: skip
        world.add("psc_inspection", fields, subject=ship, company=firm)
