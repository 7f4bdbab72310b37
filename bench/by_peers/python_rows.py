"""The scorecard in plain Python, record by record, with exact decimals: ``python python_rows.py JOB.json``."""

from __future__ import annotations

import json
import sys
import time
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def run(job: dict[str, Any]) -> None:
    """Read, reckon subject by subject, write scores and levels."""
    known_at = datetime.fromisoformat(job["known_at"])
    clauses = {one["code"]: (Decimal(one["points"]), Decimal(one["cap"]), one["dimension"]) for one in job["clauses"]}
    ages = [(date.fromisoformat(one["from"]), Decimal(one["weight"])) for one in job["ages"]]
    as_of, shares = date.fromisoformat(job["as_of"]), {name: Decimal(one) for name, one in job["shares"].items()}
    cuts = [(Decimal(one["least"]), one["level"]) for one in job["cuts"]]
    cent = Decimal("0.01")
    taken: dict[int, dict[str, Decimal]] = {}
    for file in job["records"]:
        for batch in pq.ParquetFile(file).iter_batches(
            columns=["role_subject", "occurred_on", "code", "severity", "recorded_at", "superseded_at"]
        ):
            for row in batch.to_pylist():
                ended = row["superseded_at"]
                if row["recorded_at"] > known_at or (ended is not None and ended <= known_at):
                    continue
                found = clauses.get(row["code"])
                day = row["occurred_on"]
                if found is None or day > as_of:
                    continue
                weight = next((one for begins, one in ages if day >= begins), None)
                if weight is None:
                    continue
                points = (found[0] * row["severity"]).quantize(cent, ROUND_HALF_UP) * weight
                own = taken.setdefault(row["role_subject"], {})
                own[row["code"]] = own.get(row["code"], Decimal(0)) + points
    units, totals, levels = [], [], []
    for file in job["subjects"]:
        for unit in pq.read_table(file, columns=["subject"]).column("subject").to_pylist():
            left = dict.fromkeys(shares, Decimal(100))
            for code, points in taken.get(unit, {}).items():
                _, cap, dimension = clauses[code]
                left[dimension] -= min(points, cap)
            total = sum((shares[name] * max(one, Decimal(0)) for name, one in left.items()), Decimal(0))
            units.append(unit)
            totals.append(float(total))
            levels.append(next(level for least, level in cuts if total >= least))
    pq.write_table(pa.table({"unit": units, "score": totals, "level": levels}), job["out"])


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    run(told)
    print(json.dumps({"seconds": time.perf_counter() - begin}))
