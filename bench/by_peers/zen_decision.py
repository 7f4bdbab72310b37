"""The scorecard as a decision of zen-engine, asked once for each subject: ``python zen_decision.py JOB.json``.

A decision table finds points, cap and weight of each record; expressions add them up, limit them and cut the level.
"""

import json
import sys
import time
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zen

EPOCH = date(1970, 1, 1)


def days(text):
    """A day as a number."""
    return (date.fromisoformat(text) - EPOCH).days


def decision(job):
    """The decision as a graph: table over records, sums, level."""
    rules = []
    for one in job["clauses"]:
        for index, age in enumerate(job["ages"]):
            until = days(job["ages"][index - 1]["from"]) - 1 if index else days(job["as_of"])
            rules.append(
                {
                    "_id": f"{one['code']}{index}",
                    "code": f'"{one["code"]}"',
                    "day": f"[{days(age['from'])}..{until}]",
                    "clause": f'"{one["code"]}"',
                    "points": f"round({one['points']} * severity, 2) * {age['weight']}",
                }
            )
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": "code", "name": "code", "field": "code"}, {"id": "day", "name": "day", "field": "day"}],
        "outputs": [
            {"id": "clause", "name": "clause", "field": "clause"},
            {"id": "points", "name": "points", "field": "points"},
        ],
        "rules": rules,
        "executionMode": "loop",
        "inputField": "records",
        "outputPath": "hits",
        "passThrough": True,
    }
    lines = [
        (one["code"], f'min([sum(map(filter(hits, #.clause == "{one["code"]}"), #.points)), {one["cap"]}])')
        for one in job["clauses"]
    ]
    for name in job["shares"]:
        of = " + ".join(f"$.{one['code']}" for one in job["clauses"] if one["dimension"] == name)
        lines.append((name, f"max([100 - ({of}), 0])"))
    lines.append(("score", " + ".join(f"{share} * $.{name}" for name, share in job["shares"].items())))
    level = "''"
    for one in reversed(job["cuts"]):
        level = f"$.score >= {one['least']} ? '{one['level']}' : ({level})"
    lines.append(("level", level))
    expressions = [{"id": f"e{place}", "key": key, "value": value} for place, (key, value) in enumerate(lines)]
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table, "position": {"x": 1, "y": 0}},
        {
            "id": "sums",
            "type": "expressionNode",
            "name": "sums",
            "content": {"expressions": expressions},
            "position": {"x": 2, "y": 0},
        },
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 3, "y": 0}},
    ]
    order = [node["id"] for node in nodes]
    edges = [{"id": f"{a}{b}", "type": "edge", "sourceId": a, "targetId": b} for a, b in pairwise(order)]
    return zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))


def run(job):
    """Group records by subject, ask the decision for each, write scores and levels."""
    asked = decision(job)
    known = pa.scalar(job["known_at"]).cast(pa.timestamp("us"))
    units, scores, levels = [], [], []
    for subjects, records in zip(job["subjects"], job["records"], strict=True):
        rows = pq.read_table(records)
        ended = pc.fill_null(pc.greater(rows["superseded_at"], known), True)
        rows = rows.filter(pc.and_(pc.less_equal(rows["recorded_at"], known), ended))
        own = defaultdict(list)
        columns = (
            rows["role_subject"].to_pylist(),
            rows["code"].to_pylist(),
            rows["occurred_on"].cast(pa.int32()).to_pylist(),
            rows["severity"].cast(pa.float64()).to_pylist(),
        )
        for subject, code, day, severity in zip(*columns, strict=True):
            own[subject].append({"code": code, "day": day, "severity": severity})
        for unit in pq.read_table(subjects, columns=["subject"])["subject"].to_pylist():
            result = asked.evaluate({"records": own.get(unit, [])})["result"]
            units.append(unit)
            scores.append(float(result["score"]))
            levels.append(result["level"])
    pq.write_table(pa.table({"unit": units, "score": scores, "level": levels}), job["out"])


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    run(told)
    print(json.dumps({"seconds": time.perf_counter() - begin}))
