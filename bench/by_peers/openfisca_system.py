"""The scorecard as an OpenFisca system, records as its persons and subjects as its groups.

``python openfisca_system.py JOB.json``
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from openfisca_core.entities import build_entity
from openfisca_core.periods import YEAR
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

Record = build_entity(key="record", plural="records", label="A record", is_person=True)
Subject = build_entity(
    key="subject", plural="subjects", label="A subject", roles=[{"key": "of", "plural": "ofs", "label": "its records"}]
)
EPOCH = date(1970, 1, 1)


def made(name, entity, kind, formula=None):
    """A variable of the year of rating."""
    parts = {"value_type": kind, "entity": entity, "definition_period": YEAR, "label": name}
    if formula is not None:
        parts["formula"] = formula
    return type(name, (Variable,), parts)


def system(job):
    """The scorecard: what each record takes, the capped sum of each clause, dimensions, the score."""
    points = np.array([0.0, *(float(one["points"]) for one in job["clauses"])])
    begins = [((date.fromisoformat(one["from"]) - EPOCH).days, float(one["weight"])) for one in job["ages"]]
    until = (date.fromisoformat(job["as_of"]) - EPOCH).days

    def takes(record, period):
        day = record("day", period)
        weight = np.select(
            [day > until, *(day >= one for one, _ in begins)], [0.0, *(w for _, w in begins)], default=0.0
        )
        return np.floor(points[record("code", period)] * record("severity", period) * 100 + 0.5) / 100 * weight

    def clause(number, cap):
        def formula(subject, period):
            members = subject.members("takes", period) * (subject.members("code", period) == number)
            return np.minimum(subject.sum(members), cap)

        return formula

    def dimension(names):
        return lambda subject, period: np.maximum(100 - sum(subject(name, period) for name in names), 0)

    def score(subject, period):
        return sum(float(share) * subject(name, period) for name, share in job["shares"].items())

    whole = TaxBenefitSystem([Record, Subject])
    for name, kind in (("code", int), ("day", int), ("severity", float)):
        whole.add_variable(made(name, Record, kind))
    whole.add_variable(made("takes", Record, float, takes))
    for number, one in enumerate(job["clauses"], start=1):
        whole.add_variable(made(f"clause_{one['code']}", Subject, float, clause(number, float(one["cap"]))))
    for name in job["shares"]:
        own = [f"clause_{one['code']}" for one in job["clauses"] if one["dimension"] == name]
        whole.add_variable(made(name, Subject, float, dimension(own)))
    whole.add_variable(made("score", Subject, float, score))
    return whole


def run(job):
    """Read, fill a simulation, ask for the score, cut levels, write."""
    known = pa.scalar(job["known_at"]).cast(pa.timestamp("us"))
    rows = pa.concat_tables(pq.read_table(file) for file in job["records"])
    ended = pc.fill_null(pc.greater(rows["superseded_at"], known), True)
    rows = rows.filter(pc.and_(pc.less_equal(rows["recorded_at"], known), ended))
    units = pa.concat_tables(pq.read_table(file, columns=["subject"]) for file in job["subjects"])["subject"].to_numpy()
    place = np.empty(units.max() + 1, dtype=np.int64)
    place[units] = np.arange(len(units))
    codes = pa.array([one["code"] for one in job["clauses"]])
    numbers = pc.add(pc.fill_null(pc.index_in(rows["code"], codes), -1), 1)

    builder = SimulationBuilder()
    whole = system(job)
    builder.create_entities(whole)
    builder.declare_person_entity("record", np.arange(len(rows)))
    subjects = builder.declare_entity("subject", np.arange(len(units)))
    builder.join_with_persons(subjects, place[rows["role_subject"].to_numpy()], np.array(["of"] * len(rows)))
    simulation = builder.build(whole)
    simulation.set_input("code", job["as_of"][:4], numbers.to_numpy())
    simulation.set_input("day", job["as_of"][:4], rows["occurred_on"].cast(pa.int32()).to_numpy())
    simulation.set_input("severity", job["as_of"][:4], rows["severity"].cast(pa.float64()).to_numpy())
    total = simulation.calculate("score", job["as_of"][:4]).astype(float)
    level = np.select(
        [total >= float(one["least"]) for one in job["cuts"]], [one["level"] for one in job["cuts"]], default=""
    )
    pq.write_table(pa.table({"unit": units, "score": total, "level": level}), job["out"])


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    run(told)
    print(json.dumps({"seconds": time.perf_counter() - begin}))
