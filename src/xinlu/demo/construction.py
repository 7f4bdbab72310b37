"""Construction market: construction and design firms, the national rating, joint bids.

Thresholds: AA from 95, A from 85, B from 75, C from 60, else D; bids weigh 0.2 and work 0.8, weighted by price; a
missing part gives its weight to the other; other behaviour is taken off the total. A year's level rises by one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.demo import penalties
from xinlu.demo.chance import Chance
from xinlu.demo.plan import NOT_RATED, OPEN
from xinlu.demo.world import Row, Subject, World

HERE, ELSEWHERE = "330000", "320000"
LEVELS = ("D", "C", "B", "A", "AA")
FIRM, NATIONAL, DESIGN, JOINT = (
    "highway-construction-firm",
    "highway-construction-firm-national",
    "highway-design-firm",
    "highway-joint-bid",
)


@dataclass(frozen=True)
class Year:
    """What happens to a firm in one year, and what it is worth.

    ``bids``: deductions of each evaluated bid; ``sections``: price in 万元 and deductions; ``score`` and ``level``
    None: nothing to rate.
    """

    bids: tuple[tuple[str, ...], ...] = ()
    sections: tuple[tuple[int, tuple[str, ...]], ...] = ()
    other: tuple[str, ...] = ()
    score: str | None = None
    level: str | None = None
    area: str = HERE


YEARS: dict[str, Year] = {
    "clean": Year(sections=((6000, ()), (4000, ())), score="100", level="AA"),
    "exactly_95": Year(sections=((5000, ("5",)),), score="95", level="AA"),
    "under_95": Year(sections=((5000, ("5.01",)),), score="94.99", level="A"),
    # T = 90, L = 95: 0.2 × 90 + 0.8 × 95
    "bid_and_work": Year(bids=(("10",),), sections=((5000, ("3", "2")),), score="94", level="A"),
    # (6000 × 80 + 4000 × 100) ÷ 10000
    "by_price": Year(sections=((6000, ("20",)), (4000, ())), score="88", level="A"),
    "exactly_85": Year(sections=((5000, ("10", "5")),), score="85", level="A"),
    "under_85": Year(sections=((5000, ("15.01",)),), score="84.99", level="B"),
    "other_acts": Year(sections=((8000, ("8",)),), other=("6", "4"), score="82", level="B"),
    "exactly_75": Year(sections=((5000, ("25",)),), score="75", level="B"),
    # only bids: (65 + 65) ÷ 2
    "bids_only": Year(bids=(("20", "15"), ("35",)), score="65", level="C"),
    "exactly_60": Year(sections=((5000, ("40",)),), score="60", level="C"),
    "under_60": Year(sections=((5000, ("40.01",)),), score="59.99", level="D"),
    # (3000 × 10 + 1000 × −10) ÷ 4000: no floor below a section
    "below_zero": Year(sections=((3000, ("60", "30")), (1000, ("110",))), score="5", level="D"),
    "nothing": Year(),
    "other_only": Year(other=("3",)),
    "elsewhere": Year(sections=((5000, ("5",)),), area=ELSEWHERE),
}

DESIGN_WEIGHTS = [
    ("clean", 30), ("exactly_95", 3), ("under_95", 3), ("bid_and_work", 12), ("by_price", 10), ("exactly_85", 3),
    ("under_85", 3), ("other_acts", 8), ("exactly_75", 2), ("bids_only", 4), ("exactly_60", 1), ("under_60", 1),
    ("below_zero", 1), ("nothing", 6), ("other_only", 2), ("elsewhere", 3),
]  # fmt: skip


@dataclass(frozen=True)
class Story:
    """Four years of a construction firm and the level at each round; ``…:carried`` says where it comes from.

    ``since`` is when the subject is first there; ``entered`` when it entered the province's market.
    """

    years: tuple[str, str, str, str]
    levels: tuple[str | None, str | None, str | None, str | None]
    licensor: str | None = None
    since: date | None = None
    entered: date | None = None
    extra: str = ""
    weight: int = 1


STORIES: dict[str, Story] = {
    "steady_aa": Story(("clean", "exactly_95", "clean", "clean"), ("AA", "AA", "AA", "AA"), weight=14),
    "steady_a": Story(("bid_and_work", "by_price", "exactly_85", "under_95"), ("A", "A", "A", "A"), weight=18),
    "steady_b": Story(("under_85", "other_acts", "exactly_75", "other_acts"), ("B", "B", "B", "B"), weight=10),
    "steady_c": Story(("bids_only", "exactly_60", "bids_only", "exactly_60"), ("C", "C", "C", "C"), weight=4),
    "steady_d": Story(("under_60", "below_zero", "under_60", "below_zero"), ("D", "D", "D", "D"), weight=2),
    "one_step_a_year": Story(("exactly_60", "clean", "clean", "clean"), ("C", "B", "A", "AA"), weight=4),
    "up_from_d": Story(("under_60", "exactly_85", "exactly_85", "exactly_85"), ("D", "C", "B", "A"), weight=2),
    "fall_and_climb": Story(("clean", "under_60", "clean", "clean"), ("AA", "D", "C", "B"), weight=2),
    "carried_a_year": Story(("exactly_85", "by_price", "nothing", "clean"), ("A", "A", "A:carried", "AA"), weight=4),
    "carried_then_none": Story(
        ("exactly_75", "nothing", "nothing", "nothing"), ("B", "B:carried", NOT_RATED, NOT_RATED), weight=2
    ),
    "expired_as_newcomer": Story(
        ("exactly_75", "nothing", "nothing", "nothing"), ("B", "B:carried", "A", "A:carried"), "state"
    ),
    "newcomer_state": Story(
        ("nothing", "nothing", "nothing", "clean"), (None, None, "A", "AA"), "state",
        date(2025, 2, 10), date(2025, 2, 10), weight=2,
    ),
    "newcomer_home_level": Story(
        ("nothing", "nothing", "nothing", "nothing"), (None, None, "B", "B:carried"), "province",
        date(2025, 2, 10), date(2025, 2, 10), "home_b", weight=2,
    ),
    "newcomer_national_level": Story(
        ("nothing", "nothing", "nothing", "exactly_85"), (None, NOT_RATED, "B", "A"), "state",
        date(2024, 3, 1), date(2025, 3, 1), "national_b",
    ),
    "newcomer_with_bad_record": Story(
        ("nothing", "nothing", "nothing", "exactly_75"), (None, None, OPEN, "B"), "state",
        date(2025, 1, 15), date(2025, 1, 15), "bad_elsewhere",
    ),
    "direct_d": Story(
        ("exactly_85", "exactly_85", "exactly_85", "exactly_85"), ("A", "A", "D", "C"), extra="direct_d_2025"
    ),
    "one_level_down": Story(
        ("bid_and_work", "bid_and_work", "by_price", "by_price"), ("A", "A", "A", "B"), extra="one_down_2026"
    ),
    "other_acts_only": Story(("other_only",) * 4, (NOT_RATED,) * 4),
    "works_elsewhere": Story(("elsewhere",) * 4, (NOT_RATED,) * 4),
    "never_active": Story(("nothing",) * 4, (NOT_RATED,) * 4),
}  # fmt: skip

ORDINARY = ("steady_aa", "steady_a", "steady_b", "steady_c", "one_step_a_year")
"""Stories whose firms may hold a state licence, and with it a national rating."""


@dataclass(frozen=True)
class National:
    """One year of the national rating: score, provinces with a direct D, a penalty of the ministry."""

    score: str | None
    level: str | None
    provinces: tuple[str, ...] = ()
    ministry: bool = False


NATIONAL_YEARS: list[tuple[tuple[str, National], int]] = [
    (("aa", National("96.5", "AA")), 8),
    (("exactly_95", National("95", "AA")), 2),
    (("a", National("88.25", "A")), 8),
    (("b", National("80", "B")), 5),
    (("exactly_60", National("60", "C")), 2),
    (("d", National("59.9999", "D")), 1),
    (("no_score", National(None, None)), 2),
    (("one_direct_d", National("90", "C", ("340000",))), 1),
    (("one_direct_d_stays_d", National("50", "D", ("340000",))), 1),
    (("one_direct_d_no_score", National(None, "C", ("350000",))), 1),
    (("two_direct_d", National("90", "D", ("340000", "360000"))), 1),
    (("ministry_penalty", National("90", "D", ministry=True)), 1),
]


def populate(world: World) -> None:
    """Make the firms, what happens to them, and what must come of it."""
    chance = world.chance("construction")
    _design(world, chance)
    firms = list(_construction(world, chance))
    _reorganisations(world, chance)
    _national(world, chance, firms)
    _joint_bids(world, chance)


# ── a year of a firm ────────────────────────────────────────────────────────────────────────────


def happen(world: World, chance: Chance, firm: Subject, business: str, year: int, what: Year) -> None:
    """Write the records of one year of a firm."""
    common = {"business": business, "area": what.area, "evaluator": "示例建设单位"}
    for points in what.bids:
        bid = _evaluation(world, chance, "bid_evaluation", firm, year, common | {"tender_no": f"ZB{year}"})
        _acts(world, chance, "bid_behaviour", firm, bid, points)
    for price, points in what.sections:
        fields = common | {"contract_price": Decimal(price)}
        _acts(
            world, chance, "section_behaviour", firm,
            _evaluation(world, chance, "section_evaluation", firm, year, fields), points,
        )  # fmt: skip
    for one in what.other:
        day = chance.day(date(year, 3, 1), date(year, 11, 30))
        other_act(world, firm, business, day, one, area=what.area)


def other_act(world: World, firm: Subject, business: str, day: date, points: str, *, area: str) -> None:
    """Another behaviour that an authority noted."""
    fields = {
        "behaviour_no": world.next("QTXW", day),
        "found_on": day,
        "business": business,
        "area": area,
        "behaviour_code": "示例-其他",
        "points": Decimal(points),
        "description": "示例：主管部门认定的其他不良行为",
    }
    world.add("other_behaviour", fields, subject=firm)


def _evaluation(world: World, chance: Chance, item: str, firm: Subject, year: int, fields: dict[str, Any]) -> Row:
    day = chance.day(date(year, 10, 1), date(year, 12, 20))
    number = world.next("TBPJ" if item == "bid_evaluation" else "LYPJ", day)
    return world.add(item, {"evaluation_no": number, "evaluated_on": day, **fields}, subject=firm)


def _acts(world: World, chance: Chance, item: str, firm: Subject, parent: Row, points: tuple[str, ...]) -> None:
    for number, one in enumerate(points, start=1):
        fields = {
            "evaluation_no": parent.fields["evaluation_no"],
            "line_no": str(number),
            "found_on": chance.day(date(parent.occurred_on.year, 1, 5), parent.occurred_on),
            "behaviour_code": "示例-投标" if item == "bid_behaviour" else "示例-履约",
            "points": Decimal(one),
            "description": "示例不良行为",
        }
        world.add(item, fields, parent=parent, subject=firm)


# ── design ──────────────────────────────────────────────────────────────────────────────────────


def _design(world: World, chance: Chance) -> None:
    firms = [
        world.enterprise("交通设计", ["highway_design"], qualification_grade="class_a")
        for _ in range(world.count(40, 6))
    ]
    for as_of in world.rounds:
        year = as_of.year - 1
        for firm, name in zip(firms, chance.spread(DESIGN_WEIGHTS, len(firms)), strict=True):
            happened = YEARS[name]
            happen(world, chance, firm, "highway_design", year, happened)
            score = None if happened.score is None else Decimal(happened.score)
            world.plan.expect(DESIGN, as_of, firm.key, name, score=score, level=happened.level)


# ── construction ────────────────────────────────────────────────────────────────────────────────


def _construction(world: World, chance: Chance) -> Iterator[tuple[str, Subject]]:
    table = [(name, story.weight) for name, story in STORIES.items()]
    for name in chance.spread(table, world.count(90, len(table))):
        story = STORIES[name]
        firm = _firm(world, story, licensor="state" if name in ORDINARY and chance.holds(0.4) else story.licensor)
        _live(world, chance, name, story, firm)
        yield name, firm


def _firm(world: World, story: Story, *, licensor: str | None) -> Subject:
    optional: dict[str, Any] = {"qualification_licensor": licensor, "entered_on": story.entered}
    return world.enterprise(
        "路桥工程",
        ["highway_construction"],
        since=story.since or date(2020, 1, 1),
        qualification_grade="first",
        **{name: value for name, value in optional.items() if value is not None},
    )


def _live(world: World, chance: Chance, name: str, story: Story, firm: Subject) -> None:
    for as_of, year_name, level in zip(world.rounds, story.years, story.levels, strict=True):
        what = YEARS[year_name]
        happen(world, chance, firm, "highway_construction", as_of.year - 1, what)
        if level is None:
            continue
        code, _, kind = level.partition(":")
        kind = "published" if what.score is not None else kind or "inherited"
        score = Decimal(what.score) if what.score is not None else OPEN if code == OPEN else None
        world.plan.expect(FIRM, as_of, firm.key, name, score=score, level=code, standing_kind=kind)
    if story.extra:
        _EXTRAS[story.extra](world, firm)


def _home_b(world: World, firm: Subject) -> None:
    fields = {
        "book": FIRM, "book_version": "2009", "output": "level", "level": "B", "status": "rated",
        "jurisdiction": "js", "kind": "imported", "as_of_day": date(2024, 12, 31), "published_on": date(2025, 1, 10),
        "ends_on": date(2027, 1, 10), "grade": "sample", "reason": "示例：注册地省份公布的等级",
    }  # fmt: skip
    world.add("rating_result", fields, subject=firm)


def _national_b(world: World, firm: Subject) -> None:
    for year in (2023, 2024, 2025):
        _score(world, firm, year, "80")


def _bad_elsewhere(world: World, firm: Subject) -> None:
    other_act(world, firm, "highway_construction", date(2025, 3, 3), "2", area=ELSEWHERE)


def direct_finding(world: World, firm: Subject, day: date, effect: str, *, area: str = HERE) -> None:
    """A direct level that a provincial department found."""
    fields = {
        "finding_no": world.next("ZJRD", day),
        "confirmed_on": day,
        "business": "highway_construction",
        "area": area,
        "effect": effect,
        "behaviour_code": "示例-直接定级",
        "facts": "示例：认定的直接定级情形",
    }
    world.add("direct_level_finding", fields, subject=firm)


_EXTRAS: dict[str, Callable[[World, Subject], None]] = {
    "home_b": _home_b,
    "national_b": _national_b,
    "bad_elsewhere": _bad_elsewhere,
    "direct_d_2025": lambda world, firm: direct_finding(world, firm, date(2025, 3, 1), "direct_d"),
    "one_down_2026": lambda world, firm: direct_finding(world, firm, date(2026, 2, 15), "one_down"),
}


# ── mergers and splits ──────────────────────────────────────────────────────────────────────────

BEFORE_MERGER_A = Story(("by_price", "exactly_85", "exactly_85", "nothing"), ("A", "A", "A", "A:carried"))
BEFORE_MERGER_C = Story(("exactly_60", "exactly_60", "exactly_60", "nothing"), ("C", "C", "C", "C:carried"))
MERGED = Story(
    ("nothing", "nothing", "nothing", "clean"), (None, None, "C", "B"), since=date(2025, 4, 1), entered=date(2025, 4, 1)
)
BEFORE_SPLIT = Story(("exactly_75",) * 4, ("B", "B", "B", "B"))
SPLIT_ACTIVE = Story(("nothing", "nothing", "nothing", "clean"), (None, None, "B", "A"), "state", date(2025, 3, 15))
SPLIT_QUIET = Story(("nothing",) * 4, (None, None, "B", "B:carried"), "state", date(2025, 3, 15))


def _reorganisations(world: World, chance: Chance) -> None:
    for _ in range(world.count(3)):
        parts = [_told(world, chance, "before_merger", story) for story in (BEFORE_MERGER_A, BEFORE_MERGER_C)]
        for part in parts:
            part.changes.append((date(2025, 4, 1), {"status": "cancelled"}))
        whole = _told(world, chance, "merged", MERGED)
        _event(world, whole, "merger", date(2025, 4, 1), parts)
    for _ in range(world.count(2)):
        old = _told(world, chance, "before_split", BEFORE_SPLIT)
        for name, story in (("split_off_active", SPLIT_ACTIVE), ("split_off_quiet", SPLIT_QUIET)):
            _event(world, _told(world, chance, name, story), "split", date(2025, 3, 15), [old])


def _told(world: World, chance: Chance, name: str, story: Story) -> Subject:
    firm = _firm(world, story, licensor=story.licensor)
    _live(world, chance, name, story, firm)
    return firm


def _event(world: World, firm: Subject, kind: str, day: date, before: list[Subject]) -> None:
    fields = {"event_kind": kind, "happened_on": day, "new_name": firm.name, "document_no": world.next("CZ", day)}
    world.add("corporate_event", fields, subject=firm, predecessor=before)


# ── national ────────────────────────────────────────────────────────────────────────────────────


def _score(world: World, firm: Subject, year: int, points: str) -> None:
    fields = {
        "business": "highway_construction", "score_year": Decimal(year), "score_day": date(year, 12, 31),
        "points": Decimal(points),
    }  # fmt: skip
    world.add("national_score", fields, subject=firm)


def _national(world: World, chance: Chance, firms: list[tuple[str, Subject]]) -> None:
    licensed = [(name, firm) for name, firm in firms if firm.attributes.get("qualification_licensor") == "state"]
    ordinary = [firm for name, firm in licensed if name in ORDINARY]
    for as_of in world.rounds:
        year = as_of.year - 1
        for firm, (name, what) in zip(ordinary, chance.spread(NATIONAL_YEARS, len(ordinary)), strict=True):
            if what.score is not None:
                _score(world, firm, year, what.score)
            for area in what.provinces:
                direct_finding(world, firm, chance.day(date(year, 2, 1), date(year, 11, 30)), "direct_d", area=area)
            if what.ministry:
                _ministry_penalty(world, firm, chance.day(date(year, 2, 1), date(year, 11, 30)))
            score = None if what.score is None else Decimal(what.score)
            world.plan.expect(NATIONAL, as_of, firm.key, name, score=score, level=what.level)
    for as_of in world.rounds:
        for name, firm in licensed:
            if name == "newcomer_national_level" and firm.valid_from <= as_of:
                world.plan.expect(NATIONAL, as_of, firm.key, "newcomer_b", score=Decimal(80), level="B")
        for firm in world.of_kind("enterprise"):
            ours = "highway_construction" in firm.attributes.get("businesses", ())
            state = firm.attributes.get("qualification_licensor") == "state"
            if ours and state and firm.valid_from <= as_of:
                world.plan.rest(NATIONAL, as_of, firm.key, "no_score", score=None, level=None)


def _ministry_penalty(world: World, firm: Subject, day: date) -> None:
    organ, day = world.organs.get("mot"), day.replace(day=min(day.day, 28))
    penalty = penalties.penalise(world, firm, day, organ=organ, content="警告", kinds=["warning"])
    penalties.classified(world, penalty, "warning_only" if day >= penalties.FROM_2023 else "general")


# ── joint bids ──────────────────────────────────────────────────────────────────────────────────


def _joint_bids(world: World, chance: Chance) -> None:
    """A joint bid has the lowest level that its members hold on the day, and none when one of them has none."""
    for as_of in world.rounds[:-1]:
        answers = world.plan.answers(FIRM, as_of)
        by_key = {one.key: one for one in world.of_kind("enterprise")}
        levels = {key: dict(said)["level"] for key, said in answers.items()}
        rated = [key for key in levels if levels[key] in LEVELS]
        unrated = [key for key in levels if levels[key] == NOT_RATED]
        for number in range(world.count(15, 3)):
            members = [chance.pick(rated)]
            while len(members) < 2 + number % 2:
                one = chance.pick(unrated if number % 5 == 2 and len(members) == 1 else rated)
                if one not in members:
                    members.append(one)
            day = chance.day(date(as_of.year, 8, 1), date(as_of.year + 1, 5, 31))
            number_of_bid = world.next("LHT", day)
            fields = {"bid_no": number_of_bid, "bid_on": day, "business": "highway_construction"}
            world.add("joint_bid", fields, members=[by_key[one] for one in members])
            held = [levels[one] for one in members if levels[one] in LEVELS]
            whole = len(held) == len(members)
            world.plan.expect(
                JOINT, world.today, number_of_bid, "joint_bid" if whole else "member_without_level",
                level=min(held, key=LEVELS.index) if whole else None,
                lowest_members=Decimal(len(members)) if whole else None,
            )  # fmt: skip
