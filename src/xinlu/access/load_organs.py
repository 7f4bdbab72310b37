"""Read the organs of ``standards/organs.yaml`` into the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from xinlu.access.models import Organ


@transaction.atomic
def load_organs(path: Path) -> int:
    """Create or refresh every organ that the file names, parents first by reference; gives how many there are.

    An organ that the file no longer names stays: people and sources may belong to it.
    """
    rows = _rows(yaml.safe_load(path.read_text(encoding="utf-8")))
    for row in rows:
        Organ.objects.update_or_create(code=row["code"], defaults=_columns(row))
    ids = dict(Organ.objects.values_list("code", "pk"))
    for row in rows:
        parent = row.get("parent")
        if parent and parent not in ids:
            raise ValueError(f"{path.name}: organ {row['code']!r} names the unknown parent {parent!r}")
        Organ.objects.filter(code=row["code"]).update(parent=ids[parent] if parent else None)
    return len(rows)


def _rows(content: Any) -> list[dict[str, Any]]:
    organs = content["organs"] if isinstance(content, dict) else content
    if isinstance(organs, dict):
        return [{"code": code, **row} for code, row in organs.items()]
    return [{**row, "code": row.get("code", row.get("organ"))} for row in organs]


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    regions = [str(one) for one in row.get("regions", [])]
    return {
        "name": row["name"] if "name" in row else row["title"],
        "kind": row["kind"],
        "region": str(row.get("region", regions[0] if regions else "")),
        "regions": regions,
        "sectors": list(row.get("sectors", [])),
    }
