"""The province as tables for the engine, without files or database: what the plan is held against in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from xinlu.demo.handovers import handed_over
from xinlu.demo.plan import said
from xinlu.demo.world import Row, Subject, World
from xinlu.engine.tables import schemas


def tables(world: World) -> dict[str, pa.Table]:
    """Every table of the catalogue; a row is known from the day on which its delivery is handed over."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for one in world.subjects:
        rows.setdefault(f"subject_{one.kind}", []).extend(_periods(one, world))
    for relation in world.relations:
        rows.setdefault("relation", []).append(
            {
                "relation": relation.relation,
                "from_subject": relation.start.number,
                "to_subject": relation.end.number,
                "valid_from": relation.valid_from,
                "valid_until": relation.valid_until,
                "recorded_at": handed_over(relation.valid_from, world.today),
            }
        )
    for row in world.rows:
        rows.setdefault(f"item_{row.item}", []).append(record(world, row))
    return {name: _table(schema, rows.get(name, [])) for name, schema in schemas(world.catalogue).items()}


def _periods(one: Subject, world: World) -> list[dict[str, Any]]:
    begins = [(one.valid_from, {}), *one.changes]
    ends = [day for day, _ in one.changes] + [None]
    made, attributes = [], dict(one.attributes)
    for (start, change), end in zip(begins, ends, strict=True):
        attributes = attributes | change
        made.append(
            {
                "subject": one.number,
                "name": attributes.get("name", one.name),
                "region": one.region,
                "valid_from": start,
                "valid_until": end,
                "recorded_at": handed_over(one.valid_from, world.today),
                **{key: value for key, value in attributes.items() if key != "name"},
            }
        )
    return made


def record(world: World, row: Row) -> dict[str, Any]:
    """One record as a row of its item's table."""
    item = world.catalogue.items[row.item]
    return {
        "record": row.number,
        "parent": row.parent.number if row.parent else None,
        "occurred_on": row.occurred_on,
        "effective_from": (row.fields.get(item.effective_from) if item.effective_from else None) or row.occurred_on,
        "effective_until": row.fields.get(item.effective_until) if item.effective_until else None,
        "recorded_at": handed_over(row.known_on, world.today),
        **{f"role_{role}": _number(who) for role, who in row.roles.items()},
        **row.fields,
    }


def _number(who: Subject | Sequence[Subject]) -> int | list[int]:
    return who.number if isinstance(who, Subject) else [one.number for one in who]


def _table(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([dict(one) for one in rows], schema=schema)


def with_standings(
    world: World, made: Mapping[str, pa.Table], standings: Sequence[Mapping[str, Any]]
) -> dict[str, pa.Table]:
    """The tables with published standings added to the item 评价结果."""
    schema = schemas(world.catalogue)["item_rating_result"]
    first = 10_000_000 + made["item_rating_result"].num_rows
    rows = [{"record": first + number, **one} for number, one in enumerate(standings)]
    added = pa.concat_tables([made["item_rating_result"], _table(schema, rows)])
    return {**made, "item_rating_result": added}


def standing(
    unit: int, book: str, output: str, as_of: date, level: str | None, kind: str = "published"
) -> dict[str, Any]:
    """A standing as publication writes it: in force for a year from the day of the round."""
    return {
        "role_subject": unit,
        "book": book,
        "output": output,
        "level": level,
        "status": "rated" if level else "not_rated",
        "jurisdiction": "zj",
        "kind": kind,
        "as_of_day": as_of,
        "occurred_on": as_of,
        "effective_from": as_of,
        "effective_until": as_of.replace(year=as_of.year + 1),
        "recorded_at": datetime.combine(as_of, time(20)) + timedelta(hours=1),
    }


def found(finding: Any) -> str:
    """A finding as text, to compare with the plan."""
    if finding.status != "rated":
        return str(finding.status)
    for value in (finding.level, finding.number, finding.day, finding.flag, finding.text):
        if value is not None:
            return said(value)
    return "rated"
