"""One process of a run by hand: ``python _hand.py JOB.json``, with nothing imported but DuckDB.

The job names, for each bucket, the views to make and the statements to run; see ``by_hand`` in ``bench/engine.py``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb


def run(job: dict[str, Any]) -> None:
    """The buckets of a job, one after the other, on one connection."""
    duck = duckdb.connect()
    duck.execute(f"SET threads = {job['threads']}; SET memory_limit = '{job['memory']:.2f}GiB'")
    duck.execute("SET preserve_insertion_order = false")
    for bucket in job["buckets"]:
        for statement in bucket:
            duck.execute(statement)
    duck.close()


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
