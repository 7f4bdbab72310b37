"""Read a table or view of another database, piece by piece, from where the last pull ended.

1. Rows come in the order of the watermark column, then of the key columns, a piece (``chunk``) at a time; each piece
   is one delivery. Values are bound, names are quoted, and the session is read-only by the database's own means.
2. The mark that is kept after each piece says how far the watermark got. The next pull begins ``overlap`` before it,
   because a row may be written under an older time than one that was there before it.
3. With the mark go the digests of the rows in the overlap, so that only late and changed rows are handed over. Should
   a row come twice all the same, it is a duplicate in the ledger.
4. Rows without a watermark cannot be reached: they are counted and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from sqlalchemy import ColumnElement, Connection, Engine, and_, column, create_engine, func, or_, select, table, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import Select

from xinlu.exchange.connectors.contract import (
    Mark,
    Memory,
    Parcel,
    Postponed,
    Reached,
    SecretName,
    Secrets,
    Settings,
)
from xinlu.exchange.connectors.trouble import trouble
from xinlu.intake.sheet import Cell, Sheet
from xinlu.journal.digest import canonical, sm3

CHINA = ZoneInfo("Asia/Shanghai")
MOST_REMEMBERED = 20_000
"""Digests kept with a mark; older ones of a wider overlap are let go, and their rows come as duplicates."""

READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "START TRANSACTION READ ONLY",
    "mariadb": "START TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
"""Dialect → the statement that keeps a session from writing."""


class SqlSettings(Settings):
    """Keys of a connection to a database."""

    url: str
    """As of SQLAlchemy, without a password: ``postgresql+psycopg://reader@cases.example/cases``."""
    password: SecretName | None = None
    schema_name: str | None = Field(default=None, alias="schema")
    table: str
    """A table or a view."""
    columns: dict[str, str]
    """Column there → column name of the catalogue: ``{case_no: CF_WSH}``."""
    watermark: str
    """A column that grows with each change: a time of change, a serial number. Indexed, never empty."""
    key: tuple[str, ...] = Field(min_length=1)
    """Columns that tell rows apart where several have one watermark."""
    overlap_seconds: int = Field(default=600, ge=0)
    """Of a watermark of time: how far before the mark the next pull begins; longer than any transaction there."""
    overlap_steps: int = Field(default=1000, ge=0)
    """The same for a watermark that is a number."""
    chunk: int = Field(default=5000, ge=1, le=50_000)
    """Rows of one delivery."""

    @field_validator("url")
    @classmethod
    def _holds_no_password(cls, value: str) -> str:
        try:
            found = make_url(value)
        except ArgumentError:
            raise ValueError("url 不是 SQLAlchemy 的数据库地址") from None
        if found.password:
            raise ValueError("url 里写了口令；口令另放，用 password: {secret: 名称}")
        return value


class Sql:
    """A table or view of another database."""

    title: ClassVar[str] = "数据库表"
    Settings: ClassVar[type[SqlSettings]] = SqlSettings

    @staticmethod
    @contextmanager
    def reach(settings: SqlSettings, secrets: Secrets) -> Iterator[Reached]:
        """Connect and shut the session against writing.

        Raises:
            Trouble: PU-003, PU-004, PU-005, PU-010.
        """
        url = make_url(settings.url)
        if settings.password is not None:
            url = url.set(password=secrets(settings.password))
        engine = _engine(url)
        try:
            with _session(engine, url) as session:
                yield _Rows(session, settings)
        finally:
            engine.dispose()


def _engine(url: URL) -> Engine:
    if url.get_backend_name() not in READ_ONLY:
        raise trouble("PU-010", f"数据库“{url.get_backend_name()}”不在能只读打开的几种之内")
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        # Otherwise a file that is not there would be made.
        url = url.set(database=f"file:{quote(url.database)}", query={"mode": "ro", "uri": "true"})
    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (NoSuchModuleError, ImportError):
        raise trouble("PU-010", f"没有装“{url.drivername}”的驱动程序") from None


@contextmanager
def _session(engine: Engine, url: URL) -> Iterator[Connection]:
    try:
        session = engine.connect()
    except DBAPIError as error:
        text_of = str(error.orig).lower()
        refused = any(word in text_of for word in ("password", "authentication", "access denied", "ora-01017"))
        where = url.host or url.get_backend_name()
        raise trouble("PU-005" if refused else "PU-004", f"连不上数据库“{where}”（{type(error).__name__}）") from None
    try:
        session.execute(text(READ_ONLY[engine.dialect.name]))
        yield session
    finally:
        session.rollback()
        session.close()


@dataclass
class _Rows:
    """A table that can be asked what waits."""

    session: Connection
    settings: SqlSettings

    def waiting(self, memory: Memory, *, start: str | None = None) -> Iterator[Parcel | Postponed]:
        """Pieces of rows after the mark, and of late rows in the overlap."""
        s = self.settings
        mark = memory.mark if start is None else None
        if (lost := self._without_watermark()) > 0:
            yield Postponed(s.table, "PU-011", f"{lost} 行的“{s.watermark}”为空")
        newest = _read_mark(mark["at"]) if mark else None
        known = set(mark["rows"]) if mark else set()
        remembered: list[tuple[Any, str]] = [(newest, one) for one in mark["rows"]] if mark else []
        first: Any = self._before(newest) if mark else (None if start is None else _started(start))
        place: tuple[Any, ...] | None = None
        while rows := self._piece(first, place):
            place = tuple(rows[-1][-len(s.key) - 1 :])
            fresh = [(row, digest) for row in rows if (digest := _digest(row)) not in known]
            newest = place[0] if newest is None else max(newest, place[0])
            remembered += [(row[-len(s.key) - 1], digest) for row, digest in fresh]
            remembered = self._still_near(remembered, newest)
            if fresh:
                yield self._parcel([row for row, _ in fresh], newest, [digest for _, digest in remembered])

    def _parcel(self, rows: Sequence[Sequence[Any]], newest: Any, digests: list[str]) -> Parcel:
        s = self.settings
        width, first, last = len(s.columns), rows[0], rows[-1]
        lines: list[tuple[int, list[Cell]]] = [
            (number, [self._cell(value, name) for value, name in zip(row[:width], s.columns, strict=True)])
            for number, row in enumerate(rows, 1)
        ]
        span = [_write_mark(one[-len(s.key) - 1]) for one in (first, last)]
        name = f"{s.table} {span[0]['value']} – {span[1]['value']}"
        sheet = Sheet(name=name, form="sql", encoding="", lines=lines, headers=tuple(s.columns.values()))
        fingerprint = sm3(canonical({"table": s.table, "span": span, "rows": [_digest(row) for row in rows]}))[:40]
        mark: Mark = {"at": _write_mark(newest), "rows": digests}
        return Parcel(name, fingerprint, sheet=sheet, rows=len(rows), mark=mark, in_order=True)

    # ── questions ──

    def _select(self) -> Select[Any]:
        s = self.settings
        names = [*s.columns, s.watermark, *s.key]
        # A label for each, as one column may be asked for twice.
        asked: list[Any] = [column(name).label(f"c{number}") for number, name in enumerate(names)]
        return select(*asked).select_from(self._table())

    def _table(self) -> Any:
        return table(self.settings.table, schema=self.settings.schema_name)

    def _piece(self, first: Any, place: tuple[Any, ...] | None) -> list[Sequence[Any]]:
        s = self.settings
        order: list[ColumnElement[Any]] = [column(name) for name in (s.watermark, *s.key)]
        asked = self._select().where(column(s.watermark).is_not(None)).order_by(*order).limit(s.chunk)
        if place is not None:
            asked = asked.where(_after(order, place))
        elif first is not None:
            asked = asked.where(column(s.watermark) >= first)
        return [tuple(row) for row in self._ask(asked)]

    def _without_watermark(self) -> int:
        asked = select(func.count()).select_from(self._table()).where(column(self.settings.watermark).is_(None))
        return int(self._ask(asked)[0][0])

    def _ask(self, asked: Select[Any]) -> Sequence[Any]:
        try:
            return self.session.execute(asked).fetchall()
        except DBAPIError as error:
            code = "PU-012" if error.connection_invalidated else "PU-007"
            said = "读到一半断了" if code == "PU-012" else "没有这个表或列，或不许读"
            raise trouble(code, f"{self.settings.table}：{said}（{type(error).__name__}）") from None
        except SQLAlchemyError as error:
            raise trouble("PU-007", f"{self.settings.table} 读不了（{type(error).__name__}）") from None

    # ── watermarks ──

    def _before(self, mark: Any) -> Any:
        """Where the overlap before ``mark`` begins."""
        wide = timedelta(seconds=self.settings.overlap_seconds)
        match mark:
            case datetime():
                return mark - wide
            case date():
                return mark - max(wide, timedelta(days=1))
            case int() | float() | Decimal():
                return mark - self.settings.overlap_steps
            case str() if (moment := _moment(mark)) is not None:
                # Cut to seconds, a text comes before every finer one of the same second.
                return (moment - wide).isoformat(sep=mark[10:11] or "T", timespec="seconds").removesuffix("+00:00")
        return mark

    def _still_near(self, remembered: list[tuple[Any, str]], newest: Any) -> list[tuple[Any, str]]:
        near = self._before(newest)
        return [(at, digest) for at, digest in remembered if at >= near][-MOST_REMEMBERED:]

    def _cell(self, value: Any, name: str) -> Cell:
        match value:
            case str():
                return value if value.strip() else None
            case None | bool() | int() | Decimal():
                return value
            case float():
                return Decimal(repr(value))
            case datetime():
                return (value.astimezone(CHINA) if value.tzinfo else value).date()
            case date():
                return value
        raise trouble("PU-014", f"列“{name}”里是 {type(value).__name__}，不是文字、数或日期")


def _after(order: Sequence[ColumnElement[Any]], place: Sequence[Any]) -> ColumnElement[bool]:
    """Rows that come after ``place`` in the order, in terms that every database knows."""
    steps = []
    for depth in range(len(order)):
        same = [one == value for one, value in zip(order[:depth], place[:depth], strict=True)]
        steps.append(and_(*same, order[depth] > place[depth]))
    return or_(*steps)


def _digest(row: Sequence[Any]) -> str:
    return sm3("\x1f".join(f"{type(value).__name__}:{value!s}" for value in row))[:16]


def _moment(text_: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text_)
    except ValueError:
        return None


def _started(text_: str) -> Any:
    """What a person wrote as the place to begin at: a number or a moment."""
    return int(text_) if text_.isdecimal() and len(text_) != 8 else text_


def _write_mark(value: Any) -> dict[str, str]:
    """A watermark as JSON, with its kind, so that it is bound again as what it was."""
    match value:
        case datetime():
            return {"kind": "moment", "value": value.isoformat()}
        case date():
            return {"kind": "day", "value": value.isoformat()}
        case int():
            return {"kind": "whole", "value": str(value)}
        case Decimal():
            return {"kind": "number", "value": str(value)}
        case float():
            return {"kind": "float", "value": repr(value)}
        case str():
            return {"kind": "text", "value": value}
    raise trouble("PU-014", f"增量列是 {type(value).__name__}，不能比较先后")


def _read_mark(told: dict[str, str]) -> Any:
    value = told["value"]
    match told["kind"]:
        case "moment":
            return datetime.fromisoformat(value)
        case "day":
            return date.fromisoformat(value)
        case "whole":
            return int(value)
        case "number":
            return Decimal(value)
        case "float":
            return float(value)
    return value
