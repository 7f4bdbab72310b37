"""Rows of the items of the catalogue: how many each subject has, and the SELECT that makes them.

An item's records are numbered by *place*, subject after subject; everything of a record follows from its place. Where
an item has a parent, its records follow from the parent's, so that a child needs no look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import duckdb

from xinlu.demo.reference import shape
from xinlu.demo.reference.asked import Asked
from xinlu.demo.reference.cells import Cells, Rules, below, draw, one_of
from xinlu.demo.reference.people import OWNED, Numbers, People, shared
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.law.catalogue import Catalogue, FieldType, Item, Role
from xinlu.law.catalogue import Field as CatalogueField

STIR = 2_654_435_761
"""A prime that stirs places into record numbers, so that neighbours in a file are not neighbours in number."""
PER_PARENT = 8
"""Most children of one parent record."""


@dataclass(frozen=True)
class Standing:
    """Standings that some book reads: results of ``book`` for ``output``, with the levels they may have."""

    book: str
    output: str
    kinds: tuple[str, ...]
    levels: tuple[str, ...]
    told: tuple[str, ...]
    """Other values of ``kind`` (imported) that readers ask for."""


@dataclass
class Plan:
    """What is made of one item: its number of records and the first record number."""

    item: Item
    records: int
    first: int
    standings: tuple[Standing, ...] = ()
    few: int = 0
    """Of an item with a parent: children of a thousand parents."""


@dataclass
class Rows:
    """Writes the rows of items, from the tables of :class:`~xinlu.demo.reference.people.People`.

    ``eligible``: for each item SELECTs ``subject, stratum`` of who may be the main subject.
    """

    duck: duckdb.DuckDBPyConnection
    catalogue: Catalogue
    asked: Asked
    people: People
    numbers: Numbers
    seed: int
    shelves: int
    plans: Mapping[str, Plan]
    eligible: Mapping[str, str]
    made: dict[str, int] = field(default_factory=dict)
    """Items that are counted → how many subjects may be the main one."""

    # ── how many ────────────────────────────────────────────────────────────────────────────────

    def count(self, plan: Plan) -> None:
        """Make ``counts_<item>`` (subject → places) or, for items kept by record, ``eligible_<item>``."""
        item = plan.item
        if item.item in self.made or item.parent is not None:
            return
        base = self.eligible[item.item]
        self.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {self.name('eligible', item)} AS "
            f"SELECT *, row_number() OVER (ORDER BY subject, stratum) - 1 AS place FROM ({base})"
        )
        found = self.duck.execute(f"SELECT count(*) FROM {self.name('eligible', item)}").fetchall()
        self.made[item.item] = found[0][0]
        if item.roles[0].many:
            return
        if item.item in shape.PANELS:
            many = shape.YEARS * len(self.panel(item))
            self.duck.execute(
                f"CREATE OR REPLACE TEMP TABLE {self.name('counts', item)} AS "
                f"SELECT subject, CAST(stratum AS INTEGER) AS stratum, place * {many} AS first, {many} AS many, "
                f"subject % {self.shelves} AS shelf FROM {self.name('eligible', item)} "
                f"WHERE place < {max(1, plan.records // many)} ORDER BY shelf, subject"
            )
            return
        tail = shape.TAILS.get(item.item, shape.TAIL)
        uneven = f"1000000 // (hash(e.subject, e.stratum, {self.salt(item)}) % 1000000 + {tail})"
        risky = item.nature == "bad" or item.item in shape.OUTCOME
        weight = f"CAST({uneven} * {'c.risk' if risky else '10'} AS HUGEINT)"
        if item.item in shape.EVEN:
            weight = "CAST(CASE WHEN c.kind = 'practitioner' THEN 1 ELSE 6 END AS HUGEINT)"
        weighed = (
            f"SELECT e.subject * 16 + e.stratum AS subject, {weight} AS w FROM {self.name('eligible', item)} e "
            "JOIN cast_all c USING (subject)"
        )
        heaviest = shape.HEAVIEST.get(item.item)
        if heaviest is not None:
            part = int(heaviest * 1000)
            weighed = (
                "SELECT subject, CASE WHEN subject = min(subject) OVER () "
                f"THEN CAST(sum(w) OVER () * {part} // {1000 - part} AS HUGEINT) ELSE w END AS w FROM ({weighed})"
            )
        self.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {self.name('counts', item)} AS "
            f"SELECT *, subject % {self.shelves} AS shelf FROM ("
            f"SELECT subject // 16 AS subject, CAST(subject % 16 AS INTEGER) AS stratum, first, many "
            f"FROM ({shared(weighed, plan.records, 0)})) ORDER BY shelf, subject, stratum"
        )

    def panel(self, item: Item) -> list[str]:
        """The codes of which a panel has one record each."""
        one = item.field(shape.PANELS[item.item])
        assert one is not None
        return list(self.catalogue.code_lists[str(one.codes)].values)

    def forget(self, item: Item) -> None:
        """Drop what :meth:`count` made."""
        for part in ("counts", "eligible"):
            self.duck.execute(f"DROP TABLE IF EXISTS {self.name(part, item)}")
        self.made.pop(item.item, None)

    @staticmethod
    def name(part: str, item: Item) -> str:
        return identifier(f"{part}_{item.item}")

    def salt(self, item: Item) -> int:
        """A number of the item's own, from its name and the seed."""
        return crc32(f"{self.seed} {item.item}".encode())

    # ── the heads of rows ───────────────────────────────────────────────────────────────────────

    def heads(self, item: Item, shelf: int | None) -> str:
        """SELECT ``place, subject, stratum, h`` (own draw), ``record, day, parent`` of a shelf's records, or of all."""
        plan = self.plans[item.item]
        if item.parent is not None:
            return self.children(plan, shelf)
        if item.roles[0].many:
            drawn = (
                "SELECT CAST(range AS BIGINT) AS place, "
                f"CAST(hash(range, {self.salt(item)}, 5) % {self.made[item.item]} AS BIGINT) AS chosen "
                f"FROM range({plan.records}) WHERE {self.on(shelf, f'(range + {plan.first})')}"
            )
            placed = (
                "SELECT d.place, e.subject, e.stratum, 0 AS at FROM "
                f"({drawn}) d JOIN {self.name('eligible', item)} e ON e.place = d.chosen"
            )
            record = f"{plan.first} + place"
        else:
            placed = (
                "SELECT first + unnest(range(many)) AS place, subject, stratum "
                f"FROM {self.name('counts', item)} WHERE {self.on(shelf, 'shelf')}"
            )
            record = f"{plan.first} + (place * {STIR}) % {plan.records}"
        own = f"SELECT *, hash(place, {self.salt(item)}) AS h FROM ({placed})"
        return (
            f"SELECT place, subject, stratum, h, CAST({record} AS BIGINT) AS record, {self.day(item)} AS day, "
            f"CAST(NULL AS BIGINT) AS parent FROM ({own})"
        )

    def on(self, shelf: int | None, number: str) -> str:
        """SQL: whether a number lies on the shelf."""
        return "true" if shelf is None else f"{number} % {self.shelves} = {shelf}"

    def children(self, plan: Plan, shelf: int | None) -> str:
        """Heads of records that follow from their parent's; a parent has none, one or several."""
        item = plan.item
        parent = self.catalogue.items[str(item.parent)]
        self.count(self.plans[parent.item])
        # On average ``few`` of a thousand parents' children, at most PER_PARENT of one.
        whole, rest = divmod(plan.few, 1000)
        many = f"{whole} + CASE WHEN hash(p.h, {self.salt(item)}) % 1000 < {rest} THEN 1 ELSE 0 END"
        lined = (
            f"SELECT p.*, unnest(range(CAST(least({many}, {PER_PARENT}) AS BIGINT))) AS number "
            f"FROM ({self.heads(parent, shelf)}) p"
        )
        return (
            f"SELECT place * {PER_PARENT} + number AS place, subject, stratum, "
            f"hash(h, {self.salt(item)}, number) AS h, "
            f"{plan.first} + (record - {self.plans[parent.item].first}) * {PER_PARENT} + number AS record, "
            f"day + CAST(hash(h, number) % 4 AS INTEGER) AS day, record AS parent "
            f"FROM ({lined})"
        )

    def day(self, item: Item) -> str:
        """SQL of the day a record happens: five years up to the day of rating, later days more often."""
        days = (shape.AS_OF - shape.BEGIN).days + 1
        within = f"greatest({below('day one', days)}, {below('day two', days)})"
        usual = f"DATE '{shape.BEGIN}' + {within}"
        if item.item in shape.PANELS:
            codes = len(self.panel(item))
            return f"make_date({shape.BEGIN.year} + CAST(place // {codes} % {shape.YEARS} AS INTEGER), 12, 31)"
        if item.item in shape.TODAY:
            usual = (
                f"CASE WHEN {below('today', 100)} < {shape.TODAY[item.item]} THEN DATE '{shape.AS_OF}' ELSE {usual} END"
            )
        later = shape.OUTCOME.get(item.item)
        if later is None:
            return usual
        year = (shape.OUTCOME_UNTIL - shape.AS_OF).days - 1
        after = f"DATE '{shape.AS_OF}' + 1 + {below('day after', year)}"
        return f"CASE WHEN {below('after', 100)} < {later} THEN {after} ELSE {usual} END"

    # ── whole rows ──────────────────────────────────────────────────────────────────────────────

    def rows(self, item: Item, shelf: int | None) -> str:
        """SELECT of ``item_<item>`` of one shelf (None: of all), sorted as base files are.

        One record in a hundred was corrected (two rows), one in two hundred withdrawn (one row that ended).
        """
        heads = self.heads(item, shelf)
        versions = (
            f"SELECT r.*, f.*, unnest(CASE WHEN {below('corrected', 1000, 'r.h')} < 10 THEN [0, 1] "
            f"WHEN {below('corrected', 1000, 'r.h')} < 15 THEN [2] ELSE [3] END) AS version "
            f"FROM ({heads}) r JOIN cast_all c USING (subject) LEFT JOIN cast_firm f ON f.firm = c.firm"
        )
        drawn = (
            f"SELECT * EXCLUDE (h), h AS s, CASE WHEN version = 0 THEN hash(h, 1) ELSE h END AS h, "
            f"CAST(day AS TIMESTAMP) + INTERVAL (1 + {below('told', 12)}) DAY "
            f"+ INTERVAL ({below('hour', 36000)}) SECOND AS told, "
            f"INTERVAL (20 + {below('mended', 60)}) DAY AS after FROM ({versions})"
        )
        columns = [f"{sql} AS {identifier(name)}" for name, sql in self.columns(item).items()]
        picked = self.joined(item)
        order = identifier("role_" + item.roles[0].name) if not item.roles[0].many else "record"
        return (
            f"SELECT {', '.join(columns)} FROM ({drawn}) d {picked} ORDER BY {order}, occurred_on, record, recorded_at"
        )

    def columns(self, item: Item) -> dict[str, str]:
        """SQL of every column of the item's table, by name."""
        known = "CASE WHEN version = 1 THEN told + after ELSE told END"
        ended = "CASE WHEN version IN (0, 2) THEN told + after END"
        cells = self.cells(item)
        fields = {one.name: cells.cell(one) for one in item.fields}
        return {
            "record": "record",
            "parent": "parent",
            **{f"role_{role.name}": self.role(item, role) for role in item.roles},
            "occurred_on": "day",
            "effective_from": fields[item.effective_from] if item.effective_from else "day",
            "effective_until": fields[item.effective_until] if item.effective_until else "CAST(NULL AS DATE)",
            "recorded_at": known,
            "superseded_at": f"CAST({ended} AS TIMESTAMP)",
            **fields,
        }

    def cells(self, item: Item) -> Cells:
        return Cells(
            f"item_{item.item}",
            self.catalogue,
            self.asked,
            Rules(item.checks),
            given=self.given(item),
            day="day",
            anchor=item.occurred_on,
            steady="s",
        )

    def given(self, item: Item) -> dict[str, str]:
        """Fields that follow from something else: day, keys, the subject, the standing."""
        found = {item.occurred_on: "day"}
        numbered = self.numbering(item)
        if numbered is not None:
            found[numbered] = f"{text_literal(_initials(item.item))} || record"
        if item.parent is not None:
            parent = self.catalogue.items[item.parent]
            number = self.numbering(parent)
            for own, theirs in zip(item.parent_key, parent.key, strict=False):
                if theirs == number and item.parent_key:
                    found[own] = f"{text_literal(_initials(parent.item))} || parent"
        found |= {name: sql for name, sql in self.copied(item).items() if name not in found}
        if item.item in shape.PANELS:
            codes = [text_literal(code) for code in self.panel(item)]
            found[shape.PANELS[item.item]] = f"([{', '.join(codes)}])[1 + CAST(place % {len(codes)} AS INTEGER)]"
        for (table, name), sql in shape.FORMULAS.items():
            if table == item.item:
                found[name] = sql.replace("code", found[shape.PANELS[table]]) if table in shape.PANELS else sql
        if item.item == "rating_result":
            found |= self.standing_fields(self.plans[item.item].standings)
        return found

    def numbering(self, item: Item) -> str | None:
        """The field that carries the number of a record: the first text of its key that is not the parent's."""
        for name in item.key:
            one = item.field(name)
            if one is not None and one.type is FieldType.TEXT and name not in item.parent_key:
                return name
        return None

    def copied(self, item: Item) -> dict[str, str]:
        """Fields that say the same as an attribute of the main subject: a lorry's axles, a firm's business."""
        kinds = item.roles[0].kinds
        if len(kinds) != 1 or item.roles[0].many:
            return {}
        found = {}
        for one in item.fields:
            for attribute in self.catalogue.kinds[kinds[0]].attributes:
                same = attribute.name == one.name or (
                    attribute.many and attribute.codes and attribute.codes == one.codes
                )
                if same and attribute.type is one.type and not one.many:
                    value = self.people.attribute(kinds[0], attribute)
                    found[one.name] = self.guarded(item, one, f"{value}[1]" if attribute.many else value)
        return found

    def guarded(self, item: Item, one: CatalogueField, value: str) -> str:
        """A copied value, or one made up where the subject has none and the field must be there."""
        if not one.required:
            return value
        plain = Cells(f"item_{item.item}", self.catalogue, self.asked, Rules(item.checks), day="day", steady="s")
        return f"coalesce({value}, {plain.made(one)})"

    # ── roles ───────────────────────────────────────────────────────────────────────────────────

    def others(self, item: Item) -> list[Role]:
        """Roles for which somebody of the main subject's like is drawn: members of a convoy, merged firms."""
        main = set(item.roles[0].kinds)
        return [
            role
            for place, role in enumerate(item.roles)
            if role.many or (place > 0 and main == set(role.kinds) and item.parent is None)
        ]

    def joined(self, item: Item) -> str:
        """Joins that draw two more subjects of those who may be the main one, where a role wants them."""
        if not self.others(item):
            return ""
        table = self.name("eligible", item)
        return " ".join(
            f"LEFT JOIN {table} e{place} ON e{place}.place = "
            f"CAST({draw(f'member {place}', 's')} % {self.made[item.item]} AS BIGINT)"
            for place in (1, 2)
        )

    def role(self, item: Item, role: Role) -> str:
        """SQL of a role's column."""
        if role is item.roles[0] and not role.many:
            return "d.subject"
        if role in self.others(item):
            if not role.many:
                return f"CASE WHEN {below(role.name, 100, 's')} < 25 THEN e1.subject END"
            several = "[d.subject, e1.subject, e2.subject]" if role is item.roles[0] else "[e1.subject]"
            return f"list_sort(list_distinct({several}))"
        return f"CAST({self.somebody(role)} AS BIGINT)"

    def somebody(self, role: Role) -> str:
        """SQL of one subject of the kinds of a role: the main subject's firm, or one that the firm has."""
        if set(role.kinds) & set(self.people.firm_kinds()):
            ends = [
                self.numbers.first[kind] + self.numbers.many[kind] for kind in role.kinds if kind in self.numbers.first
            ]
            begins = [self.numbers.first[kind] for kind in role.kinds if kind in self.numbers.first]
            return f"CASE WHEN d.firm >= {min(begins)} AND d.firm < {max(ends)} THEN d.firm END"
        kind = next((one for one in role.kinds if one in OWNED), None)
        if kind is not None:
            drawn = f"CAST({draw(role.name, 's')} % greatest(d.many_{kind}, 1) AS BIGINT)"
            return f"CASE WHEN d.many_{kind} > 0 THEN d.first_{kind} + {drawn} END"
        kind = role.kinds[0]
        return f"{self.numbers.first[kind]} + {below(role.name, self.numbers.many[kind], 's')}"

    # ── standings ───────────────────────────────────────────────────────────────────────────────

    def standing_fields(self, standings: Sequence[Standing]) -> dict[str, str]:
        """Fields of a standing by stratum: which book spoke, what, and until when."""

        def by_stratum(values: Iterable[str]) -> str:
            lines = " ".join(f"WHEN {place} THEN {value}" for place, value in enumerate(values))
            return f"CASE stratum {lines} END"

        kinds = ["published"] * 8
        return {
            "book": by_stratum(text_literal(one.book) for one in standings),
            "output": by_stratum(text_literal(one.output) for one in standings),
            "level": by_stratum(
                one_of("level", [text_literal(level) for level in one.levels], "s") for one in standings
            ),
            "kind": by_stratum(
                one_of("kind", [text_literal(kind) for kind in [*kinds, *one.told]], "s") for one in standings
            ),
            "status": "'rated'",
            "jurisdiction": "'zj'",
            "published_on": "day + 20",
            "ends_on": f"day + 20 + 365 + {below('ends', 300, 's')}",
            "rated_from": "day - 364",
            "rated_until": "day + 1",
            "grade": "'sample'",
            "run": "NULL",
        }


def _initials(item: str) -> str:
    """The head of record numbers of an item.

    >>> _initials("driver_points")
    'DP'
    """
    return "".join(part[0] for part in item.split("_")).upper()
