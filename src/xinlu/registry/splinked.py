"""A second opinion on who may be one subject: a probabilistic model over the whole registry, by Splink.

Optional (``pip install xinlu[matching]``) and never needed: nothing in Xinlu calls it. Somebody who doubts the points
of :mod:`xinlu.registry.likeness`, or looks for duplicates that they do not see, asks it from a shell and compares. It
learns from the registry itself how much each agreement says (Fellegi and Sunter), where the points were set by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from xinlu.registry.firm_name import folded, sound
from xinlu.registry.likeness import Known
from xinlu.registry.match_keys import places

Pair = tuple[int, int, float]
"""Two subjects, the lower number first, and the probability that they are one."""


class NotInstalled(RuntimeError):
    """Splink is not there."""

    def __init__(self) -> None:
        super().__init__("没有安装 Splink：请先安装可选组件 xinlu[matching]")


def table_of(subjects: Sequence[Known]) -> pa.Table:
    """What the model compares: one row for each subject, in one spelling; what is not known is missing."""
    rows = []
    for one in sorted(subjects, key=lambda known: known.number):
        parts = places().parts(one.names[0].name)
        address = places().of_address(one.address)[1]
        rows.append(
            {
                "unique_id": one.number,
                "core": parts.core or None,
                "sound": sound(parts.core) or None,
                "branch": parts.branch or "-",
                "region": one.region or None,
                "owner": folded(one.owner) or None,
                "address": address or None,
                "uscc": next((value for type_, value in one.codes if type_ == "uscc"), None),
            }
        )
    text = {name: pa.string() for name in ("core", "sound", "branch", "region", "owner", "address", "uscc")}
    return pa.Table.from_pylist(rows, schema=pa.schema({"unique_id": pa.int64(), **text}))


def pairs(subjects: Sequence[Known], *, least: float = 0.9) -> list[Pair]:
    """Pairs that are one subject with a probability of at least ``least``, most probable first.

    Pairs that share the core of the name, its sound, or the owner and the county are compared. Two with different
    codes are two subjects whatever the model says, and are left out. The model is trained on ``subjects`` and
    needs some thousands of them. Raises :class:`NotInstalled`.
    """
    try:
        import splink.comparison_library as compare
        from splink import Linker, SettingsCreator
        from splink.backends.duckdb import DuckDBAPI
    except ImportError:
        raise NotInstalled from None
    comparisons = [
        compare.JaroWinklerAtThresholds("core", [0.92, 0.8]),
        compare.ExactMatch("branch"),
        compare.ExactMatch("region"),
        compare.ExactMatch("owner"),
        compare.LevenshteinAtThresholds("address", [2]),
    ]
    blocks = ["l.core = r.core", "l.sound = r.sound", "l.owner = r.owner AND l.region = r.region"]
    rules = [{"blocking_rule": one, "sql_dialect": "duckdb"} for one in blocks]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=rules,
        additional_columns_to_retain=["uscc"],
    )
    linker = Linker(DuckDBAPI().register(table_of(subjects)), settings, log_level=None)
    sure = "l.core = r.core AND l.region = r.region AND l.branch = r.branch"
    linker.training.estimate_probability_two_random_records_match([sure], recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in ("l.address = r.address AND l.owner = r.owner", "l.core = r.core"):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=least).as_record_list()
    return sorted(
        (
            (*sorted((one["unique_id_l"], one["unique_id_r"])), one["match_probability"])
            for one in found
            if one["uscc_l"] is None or one["uscc_r"] is None or one["uscc_l"] == one["uscc_r"]
        ),
        key=lambda pair: (-pair[2], pair[0], pair[1]),
    )
