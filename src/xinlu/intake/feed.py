"""Take in what machines send: weigh-in-motion records and vehicle alarms, by the million, as observations.

The rules are those of every delivery (``docs/deliveries.md``), worked out over whole columns in DuckDB: accepted +
queried + duplicate = delivered, with the same codes and sentences. What is peculiar to feeds stands in
``docs/observations.md``.
"""

# Names of the catalogue are quoted, texts are literals.
# ruff: noqa: S608
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
from cryptography.hazmat.primitives import hashes
from django.db import transaction

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.pack import connect
from xinlu.gazette import current
from xinlu.intake.columns import ItemLayout, Wanted, layout_of
from xinlu.intake.deliver import known_source
from xinlu.intake.feed_sql import broken_check, cell, sql_type, text_of
from xinlu.intake.feed_stage import Staged, stage
from xinlu.intake.people import unknown_subject
from xinlu.intake.problems import Fault, refuse
from xinlu.intake.rows import OLD, Parsed, RecordRows
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change, next_change, take
from xinlu.law.catalogue import Item, Role
from xinlu.law.feed import Clock, Feed, Stuck
from xinlu.ledger import columnar, observations
from xinlu.ledger.deliver import VERB_CLOSED, open_delivery
from xinlu.ledger.draft import KEY_SEPARATOR
from xinlu.ledger.models import Delivery, ObservationFile, Source
from xinlu.ledger.observations import time_literal
from xinlu.registry.naming import normalised_identifier

CHINA = ZoneInfo("Asia/Shanghai")
LONGEST_SENTENCE: Final = 600
PIECE: Final = 4 * 1024 * 1024
BATCH: Final = 50_000
Kind = ObservationFile.Kind
Progress = Callable[[str], None]
"""Called with the name of each step as it begins."""

_TEXT = "nullif(replace(upper(regexp_replace(name, '[^0-9A-Za-z\\p{Han}]', '', 'g')), ' ', ''), '')"


@dataclass(frozen=True)
class FeedResult:
    """What became of a file. ``accepted + queried + duplicate == delivered`` holds; ``codes``: of queried rows."""

    delivery: int
    item: str
    title: str
    source: str
    form: str
    delivered: int
    accepted: int
    queried: int
    duplicate: int
    corrected: int
    """Of the accepted: new versions of observations that were known."""
    withdrawn: int
    """Of the accepted: observations that were taken back."""
    codes: Mapping[str, int]
    repeated: bool


def take_feed(
    path: Path,
    *,
    source: str | Source,
    item: str,
    received_at: datetime,
    actor: Actor,
    scope: Scope,
    name: str = "",
    progress: Progress | None = None,
) -> FeedResult:
    """Take in one file of a feed of ``item``. ``received_at`` (aware) becomes the time of knowledge of all of it.

    1. Lay the rows out as text, with their number in the file; a line that is no row is queried (E24).
    2. Type the cells of all rows at once. A row with one cell out of the ordinary is read as a row of a file is.
    3. Put subjects in their roles: a plate names the vehicle that bore it on the day of the record.
    4. Ask the declared checks of the sensors.
    5. Compare keys within the file and with the observations of the same days: duplicate, correction, withdrawal.
    6. Write the files; then close the delivery and put them in force in one transaction.

    Raises:
        Refused: the file as a whole cannot be taken (codes F…); nothing is in force that was not before.
        ValueError: ``received_at`` has no zone.
    """
    if received_at.tzinfo is None:
        raise ValueError("a delivery needs a time with a zone")
    name = name or path.name
    law = current.library()
    feed = next((one for one in law.feeds.values() if one.item == item), None)
    if feed is None:
        raise refuse("F15", f"没有信息项“{item}”的感知数据流", file=name)
    origin = known_source(source, scope, file=name)
    columnar.sync()
    with observations.one_writer(item) as work:
        duck = connect(work)
        try:
            taking = _Taking(duck, work, path, name, feed, law.catalogue.items[item], origin, received_at)
            taking.progress = progress or (lambda _: None)
            return taking.take(actor)
        finally:
            duck.close()


@dataclass
class _Taking:
    """One file being taken in."""

    duck: duckdb.DuckDBPyConnection
    work: Path
    path: Path
    name: str
    feed: Feed
    item: Item
    source: Source
    at: datetime
    progress: Progress = field(default=lambda _: None)
    layout: ItemLayout = field(init=False)
    staged: Staged = field(init=False)

    def take(self, actor: Actor) -> FeedResult:
        self.progress("read")
        digest = _digest(self.path)
        before = Delivery._base_manager.filter(source=self.source, digest=digest, closed_at__isnull=False)
        self.repeated = before.filter(item=self.item.item).exists()
        self.catalogue = current.catalogue()
        self.staged = stage(self.duck, self.path, self.work, name=self.name)
        found = layout_of(
            self.staged.headers, wanted=Wanted(item=self.item.item), catalogue=self.catalogue, file=self.name
        )
        assert isinstance(found, ItemLayout)
        self.layout = found
        self.rows = RecordRows(found, self.catalogue, source=self.source.pk, received_on=self.day)
        self.duck.execute(
            "CREATE TABLE faults (number BIGINT, place INTEGER, code VARCHAR, sentence VARCHAR, field VARCHAR)"
        )
        self.progress("type")
        self._type()
        self._odd()
        self.progress("subjects")
        self._roles()
        self.progress("sensors")
        self._sensors()
        self.progress("compare")
        self._compare()
        self.progress("write")
        return self._write(digest, actor)

    @property
    def day(self) -> date:
        """The day of receipt in China."""
        return self.at.astimezone(CHINA).date()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.duck.execute(query).fetchall()

    def number(self, query: str) -> int:
        """The one number that a query gives."""
        return int(self.ask(query)[0][0] or 0)

    # ── cells ──

    def _type(self) -> None:
        """``typed``: every row with typed values; ``plain`` tells whether they can be trusted."""
        headers = self.staged.headers
        texts, values, plains = [], [], []
        for place, header in enumerate(headers):
            texts.append(f"{text_of(identifier(header))} AS t{place}")
        for one in self.item.fields:
            column = self.layout.fields.get(one.name)
            if column is None:
                values.append(f"CAST(NULL AS {sql_type(one)}) AS {identifier(one.name)}")
                continue
            read = cell(one, f"t{column.place}", self.catalogue)
            values.append(f"{read.value} AS {identifier(one.name)}")
            plains.append(read.plain)
            if one.required:
                plains.append(f"t{column.place} IS NOT NULL")
        for role in self.item.roles:
            said = [f"t{column.place}" for column, _ in self.layout.roles.get(role.name, ())]
            # Two cells that name somebody may contradict each other: the ordinary way looks at both.
            plains += [f"{one} IS NULL" for one in said[1:]]
            if role.many:
                plains += [f"{one} IS NULL" for one in said]
            values.append(f"{said[0] if said else 'CAST(NULL AS VARCHAR)'} AS {identifier('said_' + role.name)}")
        if self.layout.operation is not None:
            plains.append(f"t{self.layout.operation.place} IS NULL")
        self.duck.execute(
            f"CREATE TABLE typed AS SELECT number, {', '.join(values)}, false AS withdraws, "
            f"{' AND '.join(plains) or 'true'} AS plain "
            f"FROM (SELECT number, {', '.join(texts)} FROM ({self.staged.rows}))"
        )
        wrong = [broken_check(self.item, text) for text in self.item.checks]
        occurred = identifier(self.item.occurred_on)
        wrong += [f"{occurred} > DATE '{self.day}'", f"{occurred} < DATE '{self.day - OLD}'", f"{occurred} IS NULL"]
        if self.item.effective_until:
            begin = identifier(self.item.effective_from or self.item.occurred_on)
            wrong.append(f"{identifier(self.item.effective_until)} < {begin}")
        self.duck.execute(f"UPDATE typed SET plain = false WHERE plain AND ({' OR '.join(wrong)})")
        # A value that is not plain is looked at again below.
        self.delivered = self.number("SELECT count(*) FROM typed")
        broken = self.ask(f"SELECT number, line FROM ({self.staged.broken}) ORDER BY number")
        self.broken = {int(number): str(line) for number, line in broken}
        self.delivered += len(self.broken)
        if not self.delivered:
            raise refuse("F01", "没有数据行", file=self.name)
        what = "不是一个 JSON 对象" if self.staged.form == "ndjson" else "列数与列名不符"
        self._fault([(number, Fault("E24", what)) for number in self.broken])

    def _odd(self) -> None:
        """Rows with a cell out of the ordinary, read one by one as rows of a file are; good ones take their place."""
        names = ", ".join(identifier(one) for one in self.staged.headers)
        self.duck.execute("CREATE TABLE odd AS SELECT number FROM typed WHERE NOT plain")
        reader = self.duck.execute(
            f"SELECT number, {names} FROM ({self.staged.rows}) SEMI JOIN odd USING (number) ORDER BY number"
        )
        good: list[Parsed] = []
        while batch := reader.fetchmany(BATCH):
            wrong: list[tuple[int, Fault]] = []
            for number, *cells in batch:
                row = self.rows._parsed(int(number), [one if one not in (None, "") else None for one in cells])
                if row.faults:
                    wrong += [(row.number, one) for one in row.faults]
                else:
                    good.append(row)
            # A cursor is asked again after other statements only on a connection of its own.
            self._later(wrong)
        self._flush()
        self.duck.execute("DELETE FROM typed WHERE NOT plain")
        if good:
            self._insert(good)

    def _later(self, wrong: list[tuple[int, Fault]]) -> None:
        self._kept = [*getattr(self, "_kept", []), *wrong]

    def _flush(self) -> None:
        self._fault(getattr(self, "_kept", []))
        self._kept = []

    def _insert(self, good: Sequence[Parsed]) -> None:
        columns: dict[str, list[Any]] = {"number": [row.number for row in good]}
        for one in self.item.fields:
            columns[one.name] = [row.payload.get(one.name) for row in good]
        for role in self.item.roles:
            given = [row.references.get(role.name) for row in good]
            columns[f"said_{role.name}"] = [found[0][0][1] if found else None for found in given]
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        self.duck.register("good", table)
        values = ", ".join(f"CAST({identifier(one.name)} AS {sql_type(one)})" for one in self.item.fields)
        said = ", ".join(identifier(f"said_{role.name}") for role in self.item.roles)
        self.duck.execute(f"INSERT INTO typed SELECT number, {values}, {said}, false, true FROM good")
        self.duck.unregister("good")
        gone = [(row.number,) for row in good if row.withdraws]
        if gone:
            self.duck.executemany("UPDATE typed SET withdraws = true WHERE number = ?", gone)

    def _fault(self, faults: Sequence[tuple[int, Fault]]) -> None:
        if not faults:
            return
        table = pa.table(
            {
                "number": pa.array([number for number, _ in faults], pa.int64()),
                "place": pa.array(range(len(faults)), pa.int32()),
                "code": pa.array([one.code for _, one in faults], pa.string()),
                "sentence": pa.array([one.sentence for _, one in faults], pa.string()),
                "field": pa.array([one.column for _, one in faults], pa.string()),
            }
        )
        self.duck.register("told", table)
        self.duck.execute("INSERT INTO faults SELECT * FROM told")
        self.duck.unregister("told")

    # ── subjects ──

    def _roles(self) -> None:
        """``named``: number of the row and the subjects in its roles."""
        for role in self.item.roles:
            self._resolve(role)
        joins = " ".join(
            f"LEFT JOIN {identifier('of_' + role.name)} o{place} ON o{place}.said = t.{identifier('said_' + role.name)}"
            + (f" AND o{place}.on_day = t.{identifier(self.item.occurred_on)}" if self._dated(role) else "")
            for place, role in enumerate(self.item.roles)
        )
        listed = ", ".join(
            f"{'CAST(NULL AS BIGINT[])' if role.many else f'o{place}.subject'} AS {identifier('role_' + role.name)}"
            for place, role in enumerate(self.item.roles)
        )
        for place, role in enumerate(self.item.roles):
            said = f"t.{identifier('said_' + role.name)}"
            self.duck.execute(
                f"INSERT INTO faults SELECT t.number, 1000 + {place}, o{place}.code, o{place}.sentence, "
                f"o{place}.header FROM typed t {joins} WHERE {said} IS NOT NULL AND o{place}.code IS NOT NULL"
            )
            if role.required:
                columns = self.layout.roles.get(role.name)
                header = columns[0][0].header if columns else role.title
                excused = "" if f"role:{role.name}" in self.item.key else " AND NOT t.withdraws"
                sentence = text_literal(f"{role.title}的标识为空")
                self.duck.execute(
                    f"INSERT INTO faults SELECT number, 1000 + {place}, 'E01', {sentence}, {text_literal(header)} "
                    f"FROM typed t WHERE {said} IS NULL{excused}"
                )
        self.duck.execute(f"CREATE TABLE named AS SELECT t.*, {listed} FROM typed t {joins}")
        self.duck.execute("DROP TABLE typed")

    def _dated(self, role: Role) -> bool:
        return role.name in self.feed.plates

    def _resolve(self, role: Role) -> None:
        """``of_<role>``: what is said → the subject, or what is wrong; of a plate, on each day on which it is said."""
        said = identifier("said_" + role.name)
        texts = [str(one[0]) for one in self.ask(f"SELECT DISTINCT {said} FROM typed WHERE {said} IS NOT NULL")]
        columns = self.layout.roles.get(role.name)
        header = columns[0][0].header if columns else role.title
        if self._dated(role):
            self._plates(role, sorted(texts), header)
            return
        found: list[tuple[str, int | None, str | None, str | None]] = []
        type_ = columns[0][1] if columns else ""
        self.rows.people.load((type_, text) for text in texts)
        for text in sorted(texts):
            row = Parsed(0, [])
            if columns:
                self.rows._match_role(row, role, [((type_, text), columns[0][0])], set())
            fault = row.faults[0] if row.faults else None
            subject = row.roles.get(role.name, (None,))[0]
            found.append((text, subject, fault.code if fault else None, fault.sentence if fault else None))
        self._table(f"of_{role.name}", found, header)

    def _plates(self, role: Role, texts: Sequence[str], header: str) -> None:
        """The vehicle that bore a plate on a day: by the dated names of vehicles, as known when the file came."""
        self._table("plates", [(text, None, normalised_identifier(text), None) for text in texts], header)
        vehicles = columnar.tables()["subject_vehicle"].query()
        now = time_literal(self.at)
        self.duck.execute(
            f"CREATE OR REPLACE TABLE bore AS SELECT {_TEXT} AS plate, subject, valid_from, valid_until "
            f"FROM ({vehicles}) WHERE recorded_at <= {now} AND (superseded_at IS NULL OR superseded_at > {now}) "
            f"AND {_TEXT} IN (SELECT code FROM plates)"
        )
        said, occurred = identifier("said_" + role.name), identifier(self.item.occurred_on)
        called = f"{text_literal(role.title)} || '“' || said || '”在 ' || on_day"
        self.duck.execute(
            f"CREATE TABLE {identifier('of_' + role.name)} AS WITH days AS (SELECT DISTINCT {said} AS said, "
            f"{occurred} AS on_day FROM typed WHERE {said} IS NOT NULL), found AS ("
            "SELECT d.said, d.on_day, count(DISTINCT b.subject) AS many, min(b.subject) AS subject, p.code AS plate "
            "FROM days d JOIN plates p ON p.said = d.said LEFT JOIN bore b ON b.plate = p.code "
            "AND b.valid_from <= d.on_day AND (b.valid_until IS NULL OR b.valid_until > d.on_day) GROUP BY ALL) "
            "SELECT said, on_day, CASE WHEN many = 1 THEN subject END AS subject, "
            "CASE WHEN many > 1 THEN 'O02' WHEN many = 0 AND plate IN (SELECT plate FROM bore) THEN 'O01' END AS code, "
            f"CASE WHEN many > 1 THEN {called} || ' 登记在 ' || many || ' 辆车名下' "
            f"WHEN many = 0 THEN {called} || ' 没有登记的车辆' END AS sentence, "
            f"{text_literal(header)} AS header, many = 0 AS nobody FROM found"
        )
        table = identifier("of_" + role.name)
        nobody = self.ask(f"SELECT DISTINCT said FROM {table} WHERE nobody AND code IS NULL")
        faults = []
        for (text,) in sorted(nobody):
            fault = unknown_subject(
                ("plate", str(text)), types=self.rows.types_of[role.name], column=header, title=role.title
            )
            faults.append((str(text), None, fault.code, fault.sentence))
        self._table("strangers", faults, header)
        self.duck.execute(
            f"UPDATE {table} SET code = s.code, sentence = s.sentence FROM strangers s "
            f"WHERE {table}.said = s.said AND {table}.nobody AND {table}.code IS NULL"
        )

    def _table(self, name: str, rows: Sequence[tuple[str, int | None, str | None, str | None]], header: str) -> None:
        table = pa.table(
            {
                "said": pa.array([one[0] for one in rows], pa.string()),
                "subject": pa.array([one[1] for one in rows], pa.int64()),
                "code": pa.array([one[2] for one in rows], pa.string()),
                "sentence": pa.array([one[3] for one in rows], pa.string()),
            }
        )
        self.duck.register("rows_of_it", table)
        self.duck.execute(
            f"CREATE OR REPLACE TABLE {identifier(name)} AS SELECT *, {text_literal(header)} AS header FROM rows_of_it"
        )
        self.duck.unregister("rows_of_it")

    # ── sensors ──

    def _sensors(self) -> None:
        occurred = self.item.occurred_on
        title = next(one.title for one in self.item.fields if one.name == occurred)
        for place, check in enumerate(self.feed.checks):
            match check:
                case Clock():
                    earliest = self.day - timedelta(days=check.earliest_days)
                    day = identifier(occurred)
                    sentence = (
                        f"CASE WHEN {day} > DATE '{self.day}' "
                        f"THEN {text_literal(title)} || ' ' || {day} || ' 晚于收到日期 {self.day}' "
                        f"ELSE {text_literal(title)} || ' ' || {day} || ' 早于收到日期 {self.day} "
                        f"超过 {check.earliest_days} 天' END"
                    )
                    where = f"{day} > DATE '{self.day}' OR {day} < DATE '{earliest}'"
                    self._doubt(
                        place, "O03", sentence, occurred, f"SELECT * FROM named WHERE NOT withdraws AND ({where})"
                    )
                case Stuck():
                    self._stuck(place, check)

    def _stuck(self, place: int, check: Stuck) -> None:
        by = ", ".join(map(identifier, check.by))
        both = ", ".join(map(identifier, (*check.by, *check.same)))
        there = " AND ".join(f"{identifier(one)} IS NOT NULL" for one in (*check.by, *check.same))
        titles = {one.name: one.title for one in self.item.fields}
        what = "、".join(titles[one] for one in check.same)
        value = " || '、' || ".join(f"CAST({identifier(one)} AS VARCHAR)" for one in check.same)
        where = " || ' ' || ".join(f"CAST({identifier(one)} AS VARCHAR)" for one in check.by)
        sentence = f"{where} || ' 共 ' || n_all || ' 行，其中 ' || n_same || ' 行{what}同为 ' || {value}"
        rows = (
            f"SELECT n.*, s.n_same, a.n_all FROM (SELECT * FROM named WHERE NOT withdraws AND {there}) n "
            f"JOIN (SELECT {both}, count(*) AS n_same FROM named WHERE NOT withdraws AND {there} GROUP BY ALL "
            f"HAVING count(*) >= {check.at_least}) s USING ({both}) "
            f"JOIN (SELECT {by}, count(*) AS n_all FROM named WHERE NOT withdraws AND {there} GROUP BY ALL) a "
            f"USING ({by}) WHERE s.n_same > CAST({check.share} AS DECIMAL(9, 6)) * a.n_all"
        )
        self._doubt(place, "O04", sentence, check.same[-1], rows)

    def _doubt(self, place: int, code: str, sentence: str, name: str, rows: str) -> None:
        column = self.layout.fields.get(name)
        header = column.header if column else name
        self.duck.execute(
            f"INSERT INTO faults SELECT number, {2000 + place}, '{code}', {sentence}, {text_literal(header)} "
            f"FROM ({rows})"
        )

    # ── keys ──

    def _compare(self) -> None:
        """``said``: rows without a fault with key and digest; ``judged``: what becomes of each."""
        parts = []
        for part in self.item.key:
            if part.startswith("role:"):
                parts.append(f"CAST({identifier('role_' + part.removeprefix('role:'))} AS VARCHAR)")
            else:
                parts.append(f"replace(CAST({identifier(part)} AS VARCHAR), '{KEY_SEPARATOR}', '¦')")
        key = f" || '{KEY_SEPARATOR}' || ".join(parts)
        content = ", ".join(
            f"coalesce(CAST({identifier(one)} AS VARCHAR), chr(1))"
            for one in [*(f.name for f in self.item.fields), *(f"role_{r.name}" for r in self.item.roles)]
        )
        text = f"concat_ws(chr(31), {content})"
        self.duck.execute(
            f"CREATE TABLE said AS SELECT n.*, {key} AS _key, md5_number_upper({text}) AS _upper, "
            f"md5_number_lower({text}) AS _lower, {identifier(self.item.occurred_on)} AS _day FROM named n "
            "ANTI JOIN faults f ON f.number = n.number"
        )
        self.duck.execute("DROP TABLE named")
        span = self.ask("SELECT min(_day), max(_day) FROM said")[0]
        self.days: tuple[date, date] = span if span[0] is not None else (self.day, self.day)
        known = observations.index_query(self.item.item, days=self.days) or (
            "SELECT 0 AS file, 0 AS source, 0 AS record, 0 AS \"row\", '' AS key, CAST(0 AS UBIGINT) AS digest_upper, "
            "CAST(0 AS UBIGINT) AS digest_lower, CAST(NULL AS DATE) AS occurred_on, "
            "CAST(NULL AS TIMESTAMP) AS recorded_at, false AS withdrawn WHERE false"
        )
        self.duck.execute(
            f"CREATE TABLE known AS SELECT * FROM ({known}) k "
            "SEMI JOIN said s ON s._key = k.key AND s._day = k.occurred_on"
        )
        self.duck.execute(
            "CREATE TABLE newest AS SELECT *, row_number() OVER (PARTITION BY key, occurred_on ORDER BY file DESC) "
            "AS place FROM known QUALIFY place = 1"
        )
        again = (
            "EXISTS (SELECT 1 FROM known k WHERE k.key = s._key AND k.occurred_on = s._day "
            "AND k.digest_upper = s._upper AND k.digest_lower = s._lower)"
            if self.repeated
            else "false"
        )
        same = "k.digest_upper = s._upper AND k.digest_lower = s._lower"
        foreign = f"NOT k.withdrawn AND k.source <> {self.source.pk}"
        # A key within one file: the first row decides, as in every delivery.
        self.duck.execute(
            f"""CREATE TABLE judged AS
            WITH firsts AS (
                SELECT s.number, s._key, s._day, s._upper, s._lower, s.withdraws,
                    first_value(s.number) OVER w AS first_number, first_value(s._upper) OVER w AS first_upper,
                    first_value(s._lower) OVER w AS first_lower, first_value(s.withdraws) OVER w AS first_withdraws
                FROM said s WINDOW w AS (PARTITION BY s._key, s._day ORDER BY s.number)
            )
            SELECT s.number, s.first_number, k.record AS known_record, k.recorded_at AS known_at,
                CASE
                    WHEN s.first_number <> s.number AND s.withdraws = s.first_withdraws
                        AND (s.withdraws OR (s._upper = s.first_upper AND s._lower = s.first_lower)) THEN 'duplicate'
                    WHEN s.first_number <> s.number THEN 'E07'
                    WHEN {again} THEN 'duplicate'
                    WHEN k.record IS NULL AND s.withdraws THEN 'LD-003'
                    WHEN k.record IS NULL THEN 'new'
                    WHEN {foreign} AND {same} AND NOT s.withdraws THEN 'duplicate'
                    WHEN {foreign} THEN 'LD-002'
                    WHEN s.withdraws AND k.withdrawn THEN 'duplicate'
                    WHEN NOT k.withdrawn AND NOT s.withdraws AND {same} THEN 'duplicate'
                    WHEN k.recorded_at >= {time_literal(self.at)} THEN 'E11'
                    WHEN s.withdraws THEN 'withdraw'
                    WHEN k.withdrawn AND k.source = {self.source.pk} THEN 'again'
                    WHEN k.withdrawn THEN 'new'
                    ELSE 'correct'
                END AS verdict
            FROM firsts s LEFT JOIN newest k ON k.key = s._key AND k.occurred_on = s._day"""
        )
        titles = {one.name: one.title for one in self.item.fields}
        listed = " || '、' || ".join(
            f"{text_literal(titles[part])} || ' ' || coalesce(CAST(s.{identifier(part)} AS VARCHAR), '')"
            for part in self.item.key
            if not part.startswith("role:")
        ) or text_literal("主体相同")
        sentences = {
            "E07": f"'与第 ' || j.first_number || ' 行业务主键相同（' || {listed} || '），内容不同'",
            "E11": "'库中已有在本批次之后收到的版本'",
            "LD-002": "'另一数据源已报送同一业务主键的记录，且内容不一致。请与该数据源核对，由原报送方更正或撤回。'",
            "LD-003": "'要撤回的记录不存在：本数据源从未报送过同一业务主键的记录。请核对主键后重新报送。'",
        }
        for code, sentence in sentences.items():
            self.duck.execute(
                f"INSERT INTO faults SELECT j.number, 3000, '{code}', {sentence}, '' "
                f"FROM judged j JOIN said s USING (number) WHERE j.verdict = '{code}'"
            )

    # ── files ──

    def _write(self, digest: str, actor: Actor) -> FeedResult:
        counts = dict(self.ask("SELECT verdict, count(*) FROM judged GROUP BY ALL"))
        new = int(counts.get("new", 0))
        first = 0
        if new:
            with transaction.atomic():
                first = take("record", count=new)[0]
        self.duck.execute(
            f"""CREATE TABLE placed AS SELECT j.number, j.verdict, j.known_at,
            CASE WHEN j.verdict = 'new' THEN {first} - 1 + row_number() OVER (PARTITION BY j.verdict ORDER BY j.number)
                ELSE j.known_record END AS record
            FROM judged j WHERE j.verdict IN ('new', 'correct', 'again', 'withdraw')"""
        )
        now = time_literal(self.at)
        files = [
            one
            for one in (
                self._file(Kind.BASE, self._records("p.verdict IN ('new')", now)),
                self._file(Kind.LATER, self._changed(now)),
                self._file(Kind.INDEX, self._indexed(now)),
                self._file(Kind.QUERIED, self._queried()),
            )
            if one is not None
        ]
        wrong = self.number("SELECT count(DISTINCT number) FROM faults")
        accepted = sum(int(counts.get(one, 0)) for one in ("new", "correct", "again", "withdraw"))
        duplicate = int(counts.get("duplicate", 0))
        if accepted + wrong + duplicate != self.delivered:
            raise RuntimeError(f"{self.delivered} rows delivered, {accepted} + {wrong} + {duplicate} accounted for")
        codes = dict(
            self.ask(
                "SELECT code, count(*) FROM (SELECT number, arg_min(code, place) AS code FROM faults GROUP BY number) "
                "GROUP BY code ORDER BY code"
            )
        )
        delivery = self._close(digest, actor, files, accepted, wrong, duplicate)
        observations.write_manifest(self.item.item)
        return FeedResult(
            delivery=delivery.pk,
            item=self.item.item,
            title=self.item.title,
            source=self.source.code,
            form=self.staged.form,
            delivered=self.delivered,
            accepted=accepted,
            queried=wrong,
            duplicate=duplicate,
            corrected=int(counts.get("correct", 0)) + int(counts.get("again", 0)),
            withdrawn=int(counts.get("withdraw", 0)),
            codes={str(code): int(number) for code, number in codes.items()},
            repeated=self.repeated,
        )

    def _file(self, kind: ObservationFile.Kind, query: str) -> observations.Written | None:
        return observations.write_file(self.duck, self.item.item, kind, query, at=self.at)

    def _records(self, where: str, now: str) -> str:
        """Rows in the columns of the item's table."""
        start = identifier(self.item.effective_from) if self.item.effective_from else None
        until = identifier(self.item.effective_until) if self.item.effective_until else "CAST(NULL AS DATE)"
        roles = ", ".join(f"s.{identifier('role_' + role.name)}" for role in self.item.roles)
        fields = ", ".join(f"s.{identifier(one.name)}" for one in self.item.fields)
        return (
            f"SELECT p.record, CAST(NULL AS BIGINT) AS parent, {roles}, s._day AS occurred_on, "
            f"{f'coalesce(s.{start}, s._day)' if start else 's._day'} AS effective_from, "
            f"{until} AS effective_until, {now} AS recorded_at, CAST(NULL AS TIMESTAMP) AS superseded_at, {fields} "
            f"FROM placed p JOIN said s USING (number) WHERE {where}"
        )

    def _changed(self, now: str) -> str:
        """Versions that end now, and the versions after them."""
        fresh = self._records("p.verdict IN ('correct', 'again')", now)
        held = observations.table(self.item.item, days=self.days)
        if held is None:
            return fresh
        ended = (
            f"SELECT h.* REPLACE ({now} AS superseded_at) FROM ({held.query()}) h JOIN placed p "
            "ON p.record = h.record AND p.known_at = h.recorded_at "
            "WHERE p.verdict IN ('correct', 'withdraw') AND h.superseded_at IS NULL"
        )
        return f"{ended} UNION ALL BY NAME {fresh}"

    def _indexed(self, now: str) -> str:
        return (
            'SELECT p.record, p.number AS "row", s._key AS key, s._upper AS digest_upper, s._lower AS digest_lower, '
            f"s._day AS occurred_on, {now} AS recorded_at, p.verdict = 'withdraw' AS withdrawn "
            "FROM placed p JOIN said s USING (number)"
        )

    def _queried(self) -> str:
        names = ", ".join(f"{text_literal(one)}: {identifier(one)}" for one in self.staged.headers if one)
        told = (
            "SELECT number, arg_min(code, place) AS code, "
            f"left(string_agg(sentence, '；' ORDER BY place), {LONGEST_SENTENCE}) AS sentence, "
            "arg_min(field, place) AS field FROM (SELECT DISTINCT ON (number, sentence) * FROM faults "
            "ORDER BY number, sentence, place) GROUP BY number"
        )
        raw = (
            f"SELECT number, CAST(to_json({{{names}}}) AS VARCHAR) AS raw FROM ({self.staged.rows}) "
            f"UNION ALL SELECT number, line FROM ({self.staged.broken})"
        )
        return f"SELECT t.*, r.raw FROM ({told}) t JOIN ({raw}) r USING (number)"

    def _close(
        self,
        digest: str,
        actor: Actor,
        files: Sequence[observations.Written],
        accepted: int,
        wrong: int,
        duplicate: int,
    ) -> Delivery:
        with transaction.atomic():
            last_change(hold=True)
            delivery = open_delivery(
                self.source,
                digest=digest,
                delivered=self.delivered,
                actor=actor,
                at=self.at,
                item=self.item.item,
                file_name=masking.within(self.name),
                way=Delivery.Way.FEED,
            )
            delivery.accepted, delivery.queried, delivery.duplicate = accepted, wrong, duplicate
            delivery.closed_at = self.at
            delivery.save()
            observations.put_in_force(delivery, self.item.item, files, change=next_change())
            append(
                actor=actor,
                verb=VERB_CLOSED,
                obj=f"ledger.delivery:{delivery.pk}",
                facts={
                    "source": self.source.code,
                    "digest": digest,
                    "delivered": self.delivered,
                    "accepted": accepted,
                    "queried": wrong,
                    "duplicate": duplicate,
                    "files": [one.name for one in files],
                },
                at=self.at,
            )
        return delivery


def _digest(path: Path) -> str:
    """SM3 of a file of any size."""
    state = hashes.Hash(hashes.SM3())
    with path.open("rb") as handle:
        while piece := handle.read(PIECE):
            state.update(piece)
    return state.finalize().hex()
