"""Snapshots of peers: the numbers that were ranked, frozen, so that one unit can be placed without the others.

A snapshot of one value is the statistic itself, or the list of the ranked numbers; with ``within`` a mapping from
the texts of the ``within`` values, joined by ``|``, to either (the same form as in a facts file).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from xinlu.law.rulebook import Peer

Snapshot = Any
Peers = Mapping[str, Mapping[str, Snapshot]]
"""Book → value → snapshot."""

SCHEMA = pa.schema(
    [
        ("g", pa.string()),
        ("x", pa.decimal128(38, 12)),
        ("before", pa.int64()),
        ("upto", pa.int64()),
        ("n", pa.int64()),
        ("given", pa.decimal128(38, 12)),
    ]
)


def ranked(peer: Peer, snapshot: Snapshot) -> pa.Table:
    """A snapshot as the table that compiled steps read: each different number with how many stand before and up to it.

    Descending statistics keep the numbers with the other sign, so that the order is always upwards.

    >>> ranked(Peer(stat="rank", of="x"), [Decimal(3), Decimal(1), Decimal(3)]).column("upto").to_pylist()
    [1, 3]
    """
    groups = snapshot if isinstance(snapshot, Mapping) else {"": snapshot}
    rows: list[dict[str, Any]] = []
    for group, numbers in groups.items():
        rows += _group(peer, str(group), numbers)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _group(peer: Peer, group: str, numbers: Any) -> list[dict[str, Any]]:
    if not isinstance(numbers, Sequence) or isinstance(numbers, str):
        given = _twelve(Decimal(numbers))
        return [{"g": group, "x": None, "before": 0, "upto": 0, "n": 0, "given": given}]
    sign = -1 if peer.order == "descending" else 1
    counted = Counter(_twelve(Decimal(one)) * sign for one in numbers)
    before, rows = 0, []
    for number in sorted(counted):
        upto = before + counted[number]
        rows.append({"g": group, "x": number, "before": before, "upto": upto, "n": len(numbers), "given": None})
        before = upto
    return rows


def _twelve(number: Decimal) -> Decimal:
    return number.quantize(Decimal("1e-12"))
