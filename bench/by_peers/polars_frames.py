"""The scorecard in Polars, as one lazy query with floats: ``python polars_frames.py JOB.json``."""

import json
import sys
import time
from datetime import date, datetime
from pathlib import Path

import polars as pl


def run(job):
    """Read, reckon, write scores and levels."""
    known_at, as_of = datetime.fromisoformat(job["known_at"]), date.fromisoformat(job["as_of"])
    clauses = pl.LazyFrame(job["clauses"]).with_columns(pl.col("points", "cap").cast(pl.Float64))
    weight = pl.lit(None, dtype=pl.Float64)
    for one in reversed(job["ages"]):
        begins = date.fromisoformat(one["from"])
        weight = pl.when(pl.col("occurred_on") >= begins).then(float(one["weight"])).otherwise(weight)
    rows = (
        pl.scan_parquet(job["records"])
        .filter(
            (pl.col("recorded_at") <= known_at)
            & (pl.col("superseded_at").is_null() | (pl.col("superseded_at") > known_at))
            & (pl.col("occurred_on") <= as_of)
        )
        .join(clauses, on="code")
        .with_columns(weight=weight)
        .filter(pl.col("weight").is_not_null())
        .with_columns(
            taken=((pl.col("points") * pl.col("severity").cast(pl.Float64) * 100 + 0.5).floor() / 100)
            * pl.col("weight")
        )
        .group_by("role_subject", "dimension", "code")
        .agg(pl.col("taken").sum(), pl.col("cap").first())
        .with_columns(taken=pl.min_horizontal("taken", "cap"))
        .group_by("role_subject")
        .agg(*(pl.col("taken").filter(pl.col("dimension") == name).sum().alias(name) for name in job["shares"]))
    )
    left = [
        (100 - pl.col(name).fill_null(0)).clip(lower_bound=0) * float(share) for name, share in job["shares"].items()
    ]
    level = pl.lit(None, dtype=pl.String)
    for one in reversed(job["cuts"]):
        level = pl.when(pl.col("score") >= float(one["least"])).then(pl.lit(one["level"])).otherwise(level)
    (
        pl.scan_parquet(job["subjects"])
        .select(unit="subject")
        .join(rows, left_on="unit", right_on="role_subject", how="left")
        .with_columns(score=sum(left[1:], left[0]))
        .select("unit", "score", level=level)
        .collect()
        .write_parquet(job["out"])
    )


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    run(told)
    print(json.dumps({"seconds": time.perf_counter() - begin}))
