"""Subjects of the reference province, who belongs to whom, and their hidden risk.

Temporary tables made here: ``subject_<kind>`` as the engine reads it, ``relation``, ``cast_all`` with kind, firm and
risk of every subject, and ``cast_firm`` with the numbers of each firm's vehicles, vessels and practitioners: one block
of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from xinlu.demo.reference import shape
from xinlu.demo.reference.asked import Asked
from xinlu.demo.reference.cells import Cells, below, draw, one_of
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.law.catalogue import Catalogue, Field, SubjectKind
from xinlu.law.regions import Regions

OWNED = ("vehicle", "vessel", "practitioner")
"""Kinds of which a firm has a block of neighbouring numbers."""


@dataclass(frozen=True)
class Numbers:
    """Subject numbers: each kind has the numbers from ``first[kind]`` on."""

    first: Mapping[str, int]
    many: Mapping[str, int]

    @classmethod
    def of(cls, catalogue: Catalogue, records: int) -> Numbers:
        """Numbers of all kinds of the catalogue in a province of so many records."""
        many = {
            kind: max(
                shape.FEWEST_SUBJECTS.get(kind, shape.FEWEST_OTHERS),
                shape.SUBJECTS.get(kind, shape.OTHER_SUBJECTS) * records // shape.RECORDS,
            )
            for kind in catalogue.kinds
        }
        first, next_one = {}, 1
        for kind, count in many.items():
            first[kind] = next_one
            next_one += count
        return cls(first, many)

    def range(self, kind: str) -> str:
        """SQL arguments of ``range`` for the subjects of a kind."""
        return f"{self.first[kind]}, {self.first[kind] + self.many[kind]}"


@dataclass(frozen=True)
class People:
    """Writes subjects and relations into ``duck``."""

    duck: duckdb.DuckDBPyConnection
    catalogue: Catalogue
    asked: Asked
    numbers: Numbers
    regions: Regions
    seed: int

    def make(self) -> None:
        """All tables of this module."""
        for kind in self.catalogue.kinds.values():
            self.duck.execute(f"CREATE OR REPLACE TEMP VIEW {identifier('subject_' + kind.kind)} AS {self.rows(kind)}")
        self.make_cast()
        self.duck.execute(f"CREATE OR REPLACE TEMP TABLE relation AS {self.relations()}")

    # ── attributes ──────────────────────────────────────────────────────────────────────────────

    def attribute(self, kind: str, field: Field, subject: str = "subject") -> str:
        """SQL of an attribute of a subject, worked out from its number alone."""
        cells = Cells(f"subject_{kind}", self.catalogue, self.asked, steady="h")
        return cells.cell(field).replace("hash(h, ", f"hash(hash({subject}, {self.seed}), ")

    def rows(self, kind: SubjectKind) -> str:
        """SELECT of ``subject_<kind>``: one row a subject; one in forty has moved, and so has two."""
        leaves = [text_literal(one.code) for one in self.regions.leaves]
        # The first counties of the list are those of the large cities.
        placed = [leaf for place, leaf in enumerate(leaves) for _ in range(3 if place < 25 else 1)]
        home, moved = (one_of(f"region {time}", placed) for time in ("now", "once"))
        columns = ", ".join(f"{self.attribute(kind.kind, one)} AS {identifier(one.name)}" for one in kind.attributes)
        return (
            "SELECT subject, "
            f"{text_literal('示例' + kind.title)} || subject AS name, "
            f"CASE WHEN part = 0 THEN {moved} ELSE {home} END AS region, "
            "CASE WHEN part = 2 THEN DATE '2023-07-01' ELSE DATE '2000-01-01' END AS valid_from, "
            "CASE WHEN part = 0 THEN DATE '2023-07-01' END AS valid_until, "
            "TIMESTAMP '2020-06-01 00:00:00' AS recorded_at, CAST(NULL AS TIMESTAMP) AS superseded_at, "
            f"{columns} FROM (SELECT subject, h, "
            f"unnest(CASE WHEN {below('moved', 40)} = 0 THEN [0, 2] ELSE [1] END) AS part "
            f"FROM (SELECT CAST(range AS BIGINT) AS subject, hash(range, {self.seed}) AS h "
            f"FROM range({self.numbers.range(kind.kind)})))"
        )

    # ── firms and what they have ────────────────────────────────────────────────────────────────

    def business(self, kind: str, subject: str) -> str:
        """SQL of the first business of a firm, or '' for kinds without."""
        field = next((one for one in self.catalogue.kinds[kind].attributes if one.name == "businesses"), None)
        return f"coalesce({self.attribute(kind, field, subject)}[1], '')" if field is not None else "''"

    def firm_kinds(self) -> list[str]:
        """Kinds that operate and employ."""
        return [kind for kind in ("enterprise", "sole_trader") if kind in self.numbers.many]

    def make_cast(self) -> None:
        firms = " UNION ALL ".join(
            f"SELECT CAST(range AS BIGINT) AS subject, {self.business(kind, 'range')} AS business, "
            f"{1 if kind == 'enterprise' else 6} AS small FROM range({self.numbers.range(kind)})"
            for kind in self.firm_kinds()
        )
        self.duck.execute(f"CREATE OR REPLACE TEMP TABLE firms AS {firms}")
        for kind in OWNED:
            self.duck.execute(f"CREATE OR REPLACE TEMP TABLE has_{kind} AS {self.blocks(kind)}")
        joined = " ".join(f"LEFT JOIN has_{kind} ON has_{kind}.subject = f.subject" for kind in OWNED)
        columns = ", ".join(
            f"coalesce(has_{kind}.first, 0) AS first_{kind}, coalesce(has_{kind}.many, 0) AS many_{kind}"
            for kind in OWNED
        )
        self.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE cast_firm AS SELECT f.subject AS firm, {columns} FROM firms f {joined}"
        )
        belongs = " UNION ALL ".join(
            f"SELECT {text_literal(kind)} AS kind, subject AS firm, "
            "CAST(unnest(range(first, first + many)) AS BIGINT) AS subject "
            f"FROM has_{kind}"
            for kind in OWNED
        )
        others = " UNION ALL ".join(
            f"SELECT {text_literal(kind)}, CAST(range AS BIGINT), CAST(range AS BIGINT) "
            f"FROM range({self.numbers.range(kind)})"
            for kind in self.numbers.many
            if kind not in OWNED
        )
        percentile = f"hash(c.subject, {self.seed}, 77) % 100"
        risk = " ".join(f"WHEN {percentile} < {limit} THEN {value}" for limit, value in shape.RISKS)
        self.duck.execute(
            "CREATE OR REPLACE TEMP TABLE cast_all AS "
            f"SELECT c.kind, c.subject, c.firm, CAST(CASE {risk} END AS INTEGER) AS risk "
            f"FROM ({belongs} UNION ALL {others}) c ORDER BY c.subject"
        )

    def blocks(self, kind: str) -> str:
        """SELECT of each firm's block of subjects of a kind: ``subject, first, many``; all of them are given out."""
        weights = shape.FLEETS[kind]
        lines = " ".join(f"WHEN {text_literal(code)} THEN {weight}" for code, weight in weights.items())
        uneven = f"1000000 // (hash(subject, {self.seed}, {len(kind)}) % 1000000 + 3000)"
        weight = f"CASE business {lines} ELSE {shape.ANY_BUSINESS.get(kind, 0)} END * ({uneven}) // small"
        return shared(
            f"SELECT subject, CAST({weight} AS HUGEINT) AS w FROM firms",
            self.numbers.many[kind],
            self.numbers.first[kind],
        )

    # ── relations ───────────────────────────────────────────────────────────────────────────────

    def relations(self) -> str:
        """SELECT of the table ``relation``; one in sixteen of those of firms replaced one with another firm."""
        parts = []
        for one in self.catalogue.relations.values():
            for to in one.to_kinds:
                if to in OWNED and set(one.from_kinds) & set(self.firm_kinds()):
                    parts.append(self.of_firms(one.relation, to))
                elif to in self.numbers.many and one.from_kinds[0] in self.numbers.many:
                    parts.append(self.of_any(one.relation, one.from_kinds[0], to))
        return " UNION ALL ".join(f"({part})" for part in parts)

    def of_firms(self, relation: str, to: str) -> str:
        label = f"{relation} {to}"
        firms = self.numbers.many["enterprise"]
        former = f"{self.numbers.first['enterprise']} + {below(label + ' former', firms)}"
        changed = f"DATE '2022-01-01' + {below(label + ' changed', 1200)}"
        return (
            f"SELECT {text_literal(relation)} AS relation, "
            f"CAST(CASE WHEN part = 0 THEN {former} ELSE firm END AS BIGINT) AS from_subject, subject AS to_subject, "
            f"CASE WHEN part = 2 THEN {changed} ELSE DATE '2015-01-01' + {below(label, 1500)} END AS valid_from, "
            f"CASE WHEN part = 0 THEN {changed} END AS valid_until, "
            "TIMESTAMP '2020-06-01 00:00:00' AS recorded_at, CAST(NULL AS TIMESTAMP) AS superseded_at "
            f"FROM (SELECT subject, firm, hash(subject, {self.seed}) AS h, "
            f"unnest(CASE WHEN hash(subject, {self.seed}, 16) % 16 = 0 THEN [0, 2] ELSE [1] END) AS part "
            f"FROM cast_all WHERE kind = {text_literal(to)})"
        )

    def of_any(self, relation: str, start: str, to: str) -> str:
        """One relation for each subject at the far end."""
        label = f"{relation} {to}"
        near = f"{self.numbers.first[start]} + CAST({draw(label + ' near')} % {self.numbers.many[start]} AS BIGINT)"
        subjects = f"SELECT CAST(range AS BIGINT) AS subject, hash(range, {self.seed}) AS h FROM range"
        others = f"({subjects}({self.numbers.range(to)})) t"
        if relation in shape.RELATION_OF:
            near, others = "n.subject", f"{others} JOIN {self.chosen(relation, start, label)}"
        return (
            f"SELECT {text_literal(relation)}, CAST({near} AS BIGINT), t.subject, "
            f"DATE '2015-01-01' + {below(label, 1500)}, CAST(NULL AS DATE), "
            "TIMESTAMP '2020-06-01 00:00:00', CAST(NULL AS TIMESTAMP) "
            f"FROM {others}"
        )

    def chosen(self, relation: str, kind: str, label: str) -> str:
        """SQL of a join with those who may stand at the near end, as ``n``, drawn for each ``t``."""
        name, code = shape.RELATION_OF[relation]
        field = next(one for one in self.catalogue.kinds[kind].attributes if one.name == name)
        wanted = f"list_contains({self.attribute(kind, field, 'range')}, {text_literal(code)})"
        table = identifier(f"near {label}")
        self.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT CAST(range AS BIGINT) AS subject, "
            "row_number() OVER (ORDER BY range) - 1 AS place "
            f"FROM range({self.numbers.range(kind)}) WHERE {wanted}"
        )
        many = self.duck.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        return f"{table} n ON n.place = CAST({draw(label + ' near', 't.h')} % {many} AS BIGINT)"


def shared(weighed: str, many: int, first: int) -> str:
    """SELECT ``subject, first, many``: ``many`` numbers from ``first`` on, given out in blocks by the weights ``w`` of
    ``weighed``; exactly all of them, whatever the weights."""
    return (
        "SELECT subject, CAST(begin AS BIGINT) AS first, CAST(until - begin AS BIGINT) AS many FROM ("
        f"SELECT subject, {first} + ((total - w) * {many}) // whole AS begin, "
        f"{first} + (total * {many}) // whole AS until FROM ("
        "SELECT subject, w, sum(w) OVER (ORDER BY subject ROWS UNBOUNDED PRECEDING) AS total, sum(w) OVER () AS whole "
        f"FROM ({weighed}) WHERE w > 0)) WHERE until > begin"
    )
