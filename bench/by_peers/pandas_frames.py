"""The scorecard in pandas, whole columns at a time, with floats: ``python pandas_frames.py JOB.json``."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd


def run(job):
    """Read, reckon, write scores and levels."""
    known_at, as_of = pd.Timestamp(job["known_at"]), pd.Timestamp(job["as_of"]).date()
    columns = ["role_subject", "occurred_on", "code", "severity", "recorded_at", "superseded_at"]
    rows = pd.concat([pd.read_parquet(file, columns=columns) for file in job["records"]])
    rows = rows[(rows.recorded_at <= known_at) & (rows.superseded_at.isna() | (rows.superseded_at > known_at))]
    rows = rows[rows.occurred_on <= as_of].merge(pd.DataFrame(job["clauses"]), on="code")
    days = pd.to_datetime(rows.occurred_on)
    within = [days >= pd.Timestamp(one["from"]) for one in job["ages"]]
    rows["weight"] = np.select(within, [float(one["weight"]) for one in job["ages"]], default=np.nan)
    rows = rows[rows.weight.notna()]
    raw = np.floor(rows.points.astype(float) * rows.severity.astype(float) * 100 + 0.5) / 100
    rows["taken"] = raw * rows.weight
    by_clause = rows.groupby(["role_subject", "dimension", "code"], as_index=False).agg(
        taken=("taken", "sum"), cap=("cap", "first")
    )
    by_clause["taken"] = np.minimum(by_clause.taken, by_clause.cap.astype(float))
    wide = by_clause.pivot_table(index="role_subject", columns="dimension", values="taken", aggfunc="sum", fill_value=0)
    units = pd.concat([pd.read_parquet(file, columns=["subject"]) for file in job["subjects"]]).subject
    wide = wide.reindex(units, fill_value=0)
    total = sum(float(share) * np.maximum(100 - wide.get(name, 0), 0) for name, share in job["shares"].items())
    level = np.select(
        [total >= float(one["least"]) for one in job["cuts"]], [one["level"] for one in job["cuts"]], default=""
    )
    pd.DataFrame({"unit": units.to_numpy(), "score": total.to_numpy(), "level": level}).to_parquet(job["out"])


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    run(told)
    print(json.dumps({"seconds": time.perf_counter() - begin}))
