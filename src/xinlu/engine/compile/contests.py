"""Contests: one act hits once, and the hits that lost name their winner."""

from __future__ import annotations

from xinlu.engine.compile.draft import Draft
from xinlu.engine.compile.hits import Hits, hit_column


def add_contest(draft: Draft, name: str, settled: dict[str, Hits]) -> None:
    """Mark the losers of one contest. ``settled``: group → table of hits, replaced by one that knows them.

    Losers of an earlier contest take no part in a later one.
    """
    contest = draft.meaning.book.contests[name]
    groups = list(dict.fromkeys(draft.group[one] for one in contest.among))
    same = [one for one in contest.same if one != "unit"]
    parts = []
    for index, group in enumerate(groups):
        keys = "".join(f", CAST({hit_column(one)} AS VARCHAR) AS k{i}" for i, one in enumerate(same))
        # A hit that lacks one of the columns agrees with nobody: its own number keeps it apart.
        lacking = " OR ".join(f"{hit_column(one)} IS NULL" for one in same) or "FALSE"
        keys += f", CASE WHEN {lacking} THEN {index} END AS alone_in, CASE WHEN {lacking} THEN h.hid END AS alone"
        chosen = draft.numbers(one for one in contest.among if draft.group[one] == group)
        parts.append(
            f"SELECT {index} AS src, h.hid, h.unit, h.key, h.clause, h._day, abs(h.points) AS size{keys} "
            f"FROM {settled[group].table} h WHERE h.clause IN ({chosen}) AND {settled[group].alive}"
        )
    together = ", ".join(["unit", *(f"k{i}" for i in range(len(same))), "alone_in", "alone"])
    order = {
        "most_severe": "size DESC, _day, key, clause",
        "first": "_day, key, clause",
        "last": "_day DESC, key DESC, clause",
    }[contest.keep]
    ranked = (
        f"SELECT *, row_number() OVER w AS place, first_value(key) OVER w AS winner, "
        f"first_value(clause) OVER w AS winning "
        f"FROM ({' UNION ALL '.join(parts)}) WINDOW w AS (PARTITION BY {together} ORDER BY {order})"
    )
    lost = draft.add(f"contest_{name}", f"SELECT src, hid, winner, winning FROM ({ranked}) WHERE place > 1")
    for index, group in enumerate(groups):
        settled[group] = _with_losers(draft, name, group, settled[group], f"l.src = {index}", lost)


def _with_losers(draft: Draft, contest: str, group: str, before: Hits, own: str, lost: str) -> Hits:
    """The hits of one group with ``lost_to`` and ``lost_clause`` after one more contest."""
    kept = "* EXCLUDE (lost_to, lost_clause)" if before.contested else "*"
    to = "coalesce(h.lost_to, l.winner)" if before.contested else "l.winner"
    by = "coalesce(h.lost_clause, l.winning)" if before.contested else "l.winning"
    sql = (
        f"SELECT h.{kept}, {to} AS lost_to, {by} AS lost_clause "
        f"FROM {before.table} h LEFT JOIN {lost} l ON {own} AND l.hid = h.hid"
    )
    return Hits(draft.add(f"settled_{contest}_{group}", sql), contested=True)
