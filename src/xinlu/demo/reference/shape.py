"""How the reference province is spread: sizes, weights and ranges that the catalogue does not know.

Everything here overrules a default that would do without it: a kind, item, field or relation that is not named
here gets rows all the same. Sizes are those of the whole province; a fraction of it shrinks all alike.
"""

from __future__ import annotations

from datetime import date
from typing import Final

RECORDS: Final = 50_000_000
"""Records of the whole reference province."""
AS_OF: Final = date(2025, 12, 31)
"""The day on which the province is rated; records begin five years before."""
BEGIN: Final = date(2021, 1, 1)
OUTCOME_UNTIL: Final = date(2027, 1, 1)
"""The year after ``AS_OF`` is the outcome year: accidents happen in it, and nothing else."""

SUBJECTS: Final = {
    "enterprise": 300_000,
    "sole_trader": 200_000,
    "practitioner": 2_500_000,
    "vehicle": 600_000,
    "vessel": 20_000,
    "project": 3_000,
    "contract_section": 12_000,
    "site_laboratory": 3_000,
}
OTHER_SUBJECTS: Final = 2_000
FEWEST_SUBJECTS: Final = {"enterprise": 1_500, "practitioner": 900}
"""So many at least however small the fraction, so that every trade has somebody."""
FEWEST_OTHERS: Final = 200

ITEMS: Final = {
    "driver_points": 12_500_000,
    "speeding_alarm": 9_500_000,
    "fatigue_alarm": 5_500_000,
    "transport_violation": 6_000_000,
    "weighing": 3_000_000,
    "overlimit_act": 3_000_000,
    "taxi_driver_act": 2_000_000,
    "rating_result": 2_000_000,
    "complaint": 1_500_000,
    "taxi_enterprise_score": 350_000,
    "lock_event": 1_500_000,
    "inspection": 700_000,
    "inspection_problem": 400_000,
    "lock_passage": 500_000,
    "administrative_permit": 300_000,
    "administrative_penalty": 300_000,
    "penalty_classification": 300_000,
    "accident": 300_000,
    "insurance_gap": 200_000,
    "testing_behaviour": 150_000,
    "us_inspection": 60_000,
    "us_violation": 240_000,
    "heavy_permit_application": 100_000,
    "commitment": 100_000,
    "bid_evaluation": 60_000,
    "bid_behaviour": 90_000,
    "section_evaluation": 60_000,
    "section_behaviour": 90_000,
}
OTHER_RECORDS: Final = 25_000
FEWEST_RECORDS: Final = {"rating_result": 6_000, "us_inspection": 1_500, "us_violation": 6_000, "us_crash": 600}
FEWEST_OTHER_RECORDS: Final = 150

TAILS: Final = {"transport_violation": 200, "lock_event": 500}
"""How uneven records lie: weight of a subject = 1,000,000 // (draw of a million + tail). The smaller, the steeper."""
TAIL: Final = 4_000
HEAVIEST: Final = {"transport_violation": 0.05}
"""Share of an item's records that one subject has: 300,000 of the whole province's violations are of one firm."""

OUTCOME: Final = {"accident": 40}
"""Per cent of an item's records that happen in the year after ``AS_OF``."""

TODAY: Final = {"lock_passage": 4}
"""Per cent of an item's records that happen on ``AS_OF`` itself: books that look at one day find somebody there."""

EVEN: Final = ("rating_result",)
"""Items of which every subject has about as many; subjects that are no persons six times as many as persons."""

PANELS: Final = {"taxi_enterprise_score": "score_group"}
"""Items given whole: one record for each subject, year end and code of the named field."""
YEARS: Final = 5

FORMULAS: Final = {
    ("taxi_enterprise_score", "points"): "CASE code WHEN 'bonus' THEN h % 90 ELSE 130 + h % 121 END",
}
"""SQL of fields that hang on each other; ``h`` is the draw of the row, ``code`` the code of a panel."""

RISKS: Final = ((50, 1), (75, 3), (90, 8), (97, 20), (100, 40))
"""Hidden risk by percentile of the subjects. Records of bad things and accidents are as many as the risk."""

CODES: Final = {
    "businesses": {
        "road_freight": 45, "road_passenger": 8, "dangerous_goods": 5, "heavy_haul": 2, "taxi_company": 3,
        "taxi_platform": 1, "highway_construction": 3, "highway_design": 2, "supervision": 2,
        "testing_institution": 2, "ship_operator": 4,
    },
    "practitioner_categories": {
        "freight_driver": 60, "passenger_driver": 9, "dangerous_goods_driver": 5, "cruise_taxi_driver": 6,
        "ride_hailing_driver": 4, "testing_engineer": 2, "testing_assistant": 1,
    },
    "vehicle_classes": {"goods": 40, "tractor": 20, "trailer": 12, "dangerous_goods": 6, "coach": 4, "taxi": 6},
    "registration_status": {"active": 95},
    "certificate_status": {"valid": 95},
    "provinces": {"330000": 180},
    "organ_levels": {"city": 5},
}  # fmt: skip
"""Code list → weights of codes; codes that are not named weigh 1."""

FLEETS: Final = {
    "vehicle": {"road_freight": 8, "dangerous_goods": 10, "heavy_haul": 5, "road_passenger": 10, "taxi_company": 30,
                "bus": 30},
    "vessel": {"ship_operator": 5},
    "practitioner": {"taxi_company": 60, "taxi_platform": 60, "road_passenger": 10, "bus": 30},
}  # fmt: skip
"""Kind that firms have → weights by business; ``practitioner``: beside weight 4 for every other business."""
ANY_BUSINESS: Final = {"practitioner": 4}

PRESENT: Final = {("subject_enterprise", "foreign_regime"): 4, ("subject_vessel", "foreign_regime"): 8}
"""Per cent of subjects or rows that have an optional field; 100 for fields that a book or a check asks for, else 80."""

RANGES: Final = {
    "axles": (2, 6),
    "drive_axles": (1, 2),
    "single_tyre_axles": (0, 1),
    "total_mass": (12_000, 75_000),
    "registered_mass": (18_000, 49_000),
    "axle_limits_sum": (20_000, 60_000),
    "mass_limit": (18_000, 49_000),
    "height": (2_500, 4_600),
    "width": (2_000, 3_200),
    "length": (6_000, 22_000),
    "gross_tonnage": (50, 5_000),
    "deadweight": (80, 8_000),
    "seats": (2, 55),
    "score_year": (2021, 2025),
    "deaths": (0, 3),
    "deficiencies": (0, 9),
    "ism_deficiencies": (0, 2),
    "inspections": (20, 900),
    "detentions": (0, 60),
    "power_units": (1, 80),
    "combination_units": (1, 40),
    "annual_miles": (20_000, 4_000_000),
    "registered_capital": (10, 5_000),
}
"""Field → smallest and largest number, ends included."""
RANGES_BY_UNIT: Final = {"分": (0, 12), "人": (0, 4), "万元": (1, 300), "月": (3, 48), "秒": (5, 400), "分钟": (5, 400)}
RANGE: Final = (1, 30)

ENDED: Final = ("closed_on", "ended_on", "completed_on", "delivered_on", "removed_on", "replaced_on", "set_aside_on")
"""Dates that most subjects and records do not have yet."""

RELATION_OF: Final = {
    "parent_of": ("businesses", "testing_institution"),
    "performs": ("businesses", "highway_construction"),
}
"""Relation → attribute and code that the subject at its near end has."""
