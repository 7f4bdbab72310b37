"""ClickHouse: the same steps, in process (chdb) or on a server by its address.

How it keeps what DuckDB gives: every decimal is 128 bits wide and keeps its scale (ClickHouse would multiply narrow
ones in 32 bits); casts round half away from zero (its own would cut); quotients, steps and roots are whole numbers of
256 bits; every column may be missing, and sums of nothing are missing. A list that may be missing is kept as a tuple
of one list, because ClickHouse has no missing lists: its reader of Parquet gives an empty list for a missing one, so
**an empty list counts as missing here** (the ledger writes no empty lists).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from xinlu.engine.backends.translation import Rewrite, Translator, arguments, ordering, picking, raw
from xinlu.engine.compile.draft import Step
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import TableLike
from xinlu.engine.shelves import Shelved

SETTINGS: Final[Mapping[str, int | str]] = {
    "join_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "aggregate_functions_null_for_empty": 1,
    "cast_keep_nullable": 1,
    # multiIf takes branches of different scales, if does not.
    "optimize_multiif_to_if": 0,
    "session_timezone": "UTC",
    "output_format_json_escape_forward_slashes": 0,
    "output_format_decimal_trailing_zeros": 1,
    "input_format_parquet_allow_missing_columns": 1,
    "s3_throw_on_zero_files_match": 1,
    "max_query_size": 64 * 1024 * 1024,
    "max_ast_elements": 10_000_000,
    "max_expanded_ast_elements": 10_000_000,
    "max_ast_depth": 100_000,
    "max_parser_depth": 100_000,
}

_TYPES: Final = {
    "TINYINT": "Int8",
    "SMALLINT": "Int16",
    "INT": "Int32",
    "INTEGER": "Int32",
    "BIGINT": "Int64",
    "DOUBLE": "Float64",
    "TEXT": "String",
    "VARCHAR": "String",
    "DATE": "Date32",
    "TIMESTAMP": "DateTime64(6, 'UTC')",
    "BOOLEAN": "Bool",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+), (\d+)\)")
_REMOTE: Final = ("s3", "gs", "http", "https")


# ── types ───────────────────────────────────────────────────────────────────────────────────────


def sql_type(duck: str) -> str:
    """The ClickHouse type of a DuckDB type.

    >>> sql_type("DECIMAL(9, 2)"), sql_type("DATE")
    ('Nullable(Decimal(38, 2))', 'Nullable(Date32)')
    """
    decimal = _DECIMAL.fullmatch(duck)
    return f"Nullable({f'Decimal(38, {decimal[2]})' if decimal else _TYPES[duck]})"


def stored_type(found: pa.DataType) -> str:
    """The ClickHouse type in which a column of this Arrow type is read from Parquet."""
    if pa.types.is_list(found):
        return f"Array({stored_type(found.value_type)})"
    if pa.types.is_decimal(found):
        return f"Nullable(Decimal(38, {found.scale}))"
    plain = {
        pa.string(): "String",
        pa.int64(): "Int64",
        pa.date32(): "Date32",
        pa.bool_(): "Bool",
        pa.timestamp("us"): "DateTime64(6, 'UTC')",
    }
    return f"Nullable({plain[found]})"


# ── primitives ──────────────────────────────────────────────────────────────────────────────────


def _whole(sql: str, scale: str | int) -> str:
    """The digits of a number at a scale, as an integer of 256 bits."""
    return f"reinterpretAsInt256(toDecimal256({sql}, {scale}))"


def _power(exponent: int) -> str:
    return f"toInt256('1{'0' * exponent}')"


def _decimal(integer: str, scale: int) -> str:
    """An integer of 256 bits read as a decimal with ``scale`` digits behind the point."""
    return f"CAST(reinterpret({integer}, 'Decimal(76, {scale})'), 'Nullable(Decimal(38, {scale}))')"


def quotient(a: str, a_scale: str, b: str, b_scale: str, scale: str) -> str:
    """a ÷ b, half away from zero: (2·|a| + |b|) div 2·|b| in whole numbers."""
    shift = int(scale) + int(b_scale) - int(a_scale)
    top, bottom = f"abs({_whole(a, a_scale)})", f"abs({_whole(b, b_scale)})"
    top = f"({top} * {_power(shift)})" if shift > 0 else top
    bottom = f"({bottom} * {_power(-shift)})" if shift < 0 else bottom
    whole = f"intDiv({top} * 2 + {bottom}, nullIf({bottom} * 2, 0))"
    return _decimal(f"if((({a}) < 0) != (({b}) < 0), -{whole}, {whole})", int(scale))


def steps(a: str, a_scale: str, b: str, b_scale: str) -> str:
    """Whole steps of b in a, down to the floor."""
    scale = max(int(a_scale), int(b_scale))
    top, bottom = _whole(a, scale), f"nullIf({_whole(b, scale)}, 0)"
    cut = f"intDiv({top}, {bottom})"
    lower = f"if({cut} * {bottom} != {top} AND ({top} < 0) != ({bottom} < 0), 1, 0)"
    return _decimal(f"({cut} - {lower})", 0)


def root(a: str, scale: str, to: str) -> str:
    """Square root, half up: a float as first guess, three steps of Newton and a correction by one, in 256 bits."""
    number = f"({_whole(a, scale)} * {_power(2 * int(to) - int(scale))})"
    nearer = "intDiv(g + intDiv(n, greatest(g, toInt256(1))), 2)"
    guess = "toInt256(sqrt(toFloat64(n)))"
    for _ in range(3):
        guess = f"arrayMap(g -> {nearer}, [{guess}])[1]"
    below = f"arrayMap(r -> multiIf(r * r > n, r - 1, (r + 1) * (r + 1) <= n, r + 1, r), [{guess}])[1]"
    half_up = f"arrayMap(r -> if(n - r * r > r, r + 1, r), [{below}])[1]"
    positive = f"if({number} >= 0, {number}, NULL)"
    return _decimal(f"arrayMap(n -> if(isNull(n), NULL, {half_up}), [{positive}])[1]", int(to))


def rounded(a: str, _digits: str, _scale: str, to: str) -> str:
    """Half away from zero."""
    return f"CAST(round({a}, {to}), 'Nullable(Decimal(38, {to}))')"


def add_months(day: str, months: str) -> str:
    """Calendar months later, clamped at the end of the month."""
    return f"addMonths({day}, CAST({months}, 'Nullable(Int32)'))"


def add_days(day: str, days: str) -> str:
    """Days later."""
    return f"addDays({day}, CAST({days}, 'Nullable(Int32)'))"


def days_between(a: str, b: str) -> str:
    """b − a in days."""
    return f"CAST(dateDiff('day', {a}, {b}), 'Nullable(Decimal(38, 0))')"


def months_between(a: str, b: str) -> str:
    """Completed months."""
    months = f"(CAST(toYear({b}), 'Nullable(Int32)') - toYear({a})) * 12 + toMonth({b}) - toMonth({a})"
    count = f"CAST({months}, 'Nullable(Int32)')"
    return f"CAST({count} - if({add_months(a, count)} > ({b}), 1, 0), 'Nullable(Decimal(38, 0))')"


def clamped(start: str, amounts: str, low: str, high: str, kind: str) -> str:
    """States of a run between two bounds."""
    found = sql_type(kind)
    after = f"CAST(least({high}, greatest({low}, s[-1] + a)), '{found}')"
    return f"arrayFold((s, a) -> arrayPushBack(s, {after}), {amounts}, CAST([{start}], 'Array({found})'))"


PRIMITIVES: Final[dict[str, Callable[..., str]]] = {
    "quotient": quotient,
    "steps": steps,
    "root": root,
    "rounded": rounded,
    "floored": lambda a, scale: f"CAST(floor({a}), 'Nullable(Decimal(38, 0))')",
    "ceiled": lambda a, scale: f"CAST(ceil({a}), 'Nullable(Decimal(38, 0))')",
    "add_months": add_months,
    "add_days": add_days,
    "days_between": days_between,
    "months_between": months_between,
    "clamped": clamped,
}
FUNCTIONS: Final[dict[str, Callable[..., str]]] = {
    "list_extract": lambda items, index: f"arrayElement({items}, {index})",
    "to_json": lambda items: f"if(isNull({items}), NULL, toJSONString(tupleElement({items}, 1)))",
}


# ── rewrites ────────────────────────────────────────────────────────────────────────────────────


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="clickhouse")


def _cast(node: exp.Expr) -> exp.Expr:
    duck = node.args["to"].sql(dialect="duckdb")
    value, found = _text(node.this), sql_type(duck)
    literal = isinstance(node.this, (exp.Literal, exp.Null))
    if duck == "TIMESTAMP":
        return raw(f"toDateTime64({value}, 6, 'UTC')")
    decimal = _DECIMAL.fullmatch(duck)
    if decimal and not literal:
        value = f"round({value}, {decimal[2]})"
    return raw(f"CAST({value}, {text_literal(found)})")


def _picked(node: exp.Expr, keep: str) -> exp.Expr:
    """``first(x ORDER BY …)``, ``last(…)``: the x of the row with the smallest (greatest) keys.

    Keys are packed in one tuple. Where the first goes down and the others up (``max`` folds: size, then day and
    key), the others are turned round.
    """
    order = node.this
    value, keys = _text(order.this), [(_text(key), down) for key, down in ordering(order)]
    last = isinstance(node, exp.Last)
    downwards = keys[0][1] != last
    parts = []
    for text, down in keys:
        if (down != last) == downwards:
            parts.append(text)
        else:
            parts.append(f"-toInt64({text})")
    function = "argMax" if downwards else "argMin"
    return raw(f"tupleElement({function}(tuple(toNullable({value})), tuple({arguments(parts)})){keep}, 1)")


def _gathered(node: exp.Expr) -> exp.Expr:
    if isinstance(node.this, exp.Order):
        keys = arguments(_text(key) for key, _ in ordering(node.this))
        pairs = f"arraySort(t -> tupleElement(t, 1), groupArray(tuple(tuple({keys}), {_text(node.this.this)})))"
        return raw(f"arrayMap(t -> tupleElement(t, 2), {pairs})")
    return raw(f"groupArray({_text(node.this)})")


def _sorted(node: exp.Expr) -> exp.Expr:
    upwards = node.args.get("asc")
    function = "arraySort" if upwards is None or upwards.this else "arrayReverseSort"
    return raw(f"arrayMap(x -> toNullable(x), {function}({_text(node.this)}))")


def _contains(node: exp.Expr) -> exp.Expr:
    items, one = _text(node.this), _text(node.expression)
    return raw(f"if(isNull({items}) OR isNull({one}), NULL, has(tupleElement({items}, 1), {one}))")


def _size(node: exp.Expr) -> exp.Expr:
    items = _text(node.this)
    return raw(f"if(isNull({items}), NULL, toInt64(length(tupleElement({items}, 1))))")


def _joined(node: exp.Expr) -> exp.Expr:
    between, *parts = (_text(one.this if isinstance(one, exp.Coalesce) else one) for one in node.expressions)
    there = f"arrayFilter(x -> isNotNull(x), [{arguments(parts)}])"
    return raw(f"arrayStringConcat(arrayMap(x -> assumeNotNull(x), {there}), {between})")


def _in(node: exp.Expr) -> exp.Expr | None:
    """A number in a list of numbers of other scales: compared one by one, since a set would cut digits."""
    options = node.expressions
    if not options or all(isinstance(one, exp.Literal) for one in options):
        return None
    return raw(f"({' OR '.join(f'{_text(node.this)} = {_text(one)}' for one in options)})")


REWRITES: dict[type[exp.Expr], Rewrite] = {
    exp.Cast: _cast,
    **picking(_picked, _text),
    exp.ArrayAgg: _gathered,
    exp.ArraySort: _sorted,
    exp.ArrayContains: _contains,
    exp.Length: _size,
    exp.ConcatWs: _joined,
    exp.Explode: lambda node: raw(f"arrayJoin(tupleElement({_text(node.this)}, 1))"),
    exp.IntDiv: lambda node: raw(f"intDiv({_text(node.this)}, {_text(node.expression)})"),
    exp.In: _in,
    # A tree counts from 0, whatever the dialect it was read from.
    exp.Bracket: lambda node: raw(f"arrayElement({_text(node.this)}, ({_text(node.expressions[0])}) + 1)"),
}


# ── connections ─────────────────────────────────────────────────────────────────────────────────


class _Inside:
    """ClickHouse in this process. One at a time: chdb has one engine for a process."""

    kind = "Memory"

    def __init__(self) -> None:
        from chdb.session import Session

        self.session = Session()
        for name, value in SETTINGS.items():
            self.session.query(f"SET {name} = {value!r}")

    def command(self, sql: str) -> None:
        self.session.query(sql)

    def arrow(self, sql: str) -> pa.Table:
        found = self.session.query(sql, "ArrowStream").bytes()
        return pa.ipc.open_stream(found).read_all()

    def load(self, _name: str, table: pa.Table, folder: Path) -> str:
        file = folder / f"{uuid4().hex}.parquet"
        pq.write_table(table, file)
        return str(file)

    def close(self) -> None:
        self.session.close()


class _Server:
    """A ClickHouse server by its address; what the steps make lies in a database of its own, dropped at the end."""

    kind = "MergeTree ORDER BY tuple()"

    def __init__(self, url: str) -> None:
        import clickhouse_connect

        self.database = f"xinlu_{uuid4().hex[:12]}"
        self.client = clickhouse_connect.get_client(dsn=url, settings=dict(SETTINGS))
        self.client.command(f"CREATE DATABASE {self.database}")
        self.client.database = self.database

    def command(self, sql: str) -> None:
        self.client.command(sql)

    def arrow(self, sql: str) -> pa.Table:
        return self.client.query_arrow(sql, use_strings=True)

    def load(self, name: str, table: pa.Table, _folder: Path) -> None:
        held = identifier(f"rows of {name}")
        self.command(f"CREATE OR REPLACE TABLE {held} ({_structure(table.schema)}) ENGINE = {self.kind}")
        self.client.insert_arrow(f"rows of {name}", table)

    def close(self) -> None:
        self.client.command(f"DROP DATABASE IF EXISTS {self.database}")
        self.client.close()


class ClickHouse:
    """The backend ``clickhouse``. ``url``: the address of a server; None runs in this process."""

    name = "clickhouse"
    portable = True

    def __init__(self, url: str | None = None) -> None:
        self.engine: Any = _Server(url) if url else _Inside()
        self.translator = Translator("clickhouse", REWRITES, PRIMITIVES, FUNCTIONS)
        self.folder = tempfile.TemporaryDirectory(prefix="xinlu-clickhouse-")
        self.made: dict[str, bool] = {}
        """Tables (False) and views (True), in order."""

    # tables

    def register(self, name: str, table: TableLike, schema: pa.Schema) -> None:
        """Show a table under ``name``: a view over its files."""
        if isinstance(table, pa.Table):
            schema = table.schema
            rows = self._loaded(name, table)
        elif isinstance(table, Shelved):
            rows = self._shelved(table, schema)
        else:
            rows = self._files([str(one) for one in table], schema)
        columns = arguments(_read(one) for one in schema)
        self._view(name, f"SELECT {columns} FROM ({rows})")
        self.translator.know(name, schema.names)

    def _loaded(self, name: str, table: pa.Table) -> str:
        """Rows in memory: a file of their own in this process, a table on a server."""
        if not table.num_rows:
            return f"SELECT * FROM null({text_literal(_structure(table.schema))})"
        file = self.engine.load(name, table, Path(self.folder.name))
        return self._files([file], table.schema) if file else f"SELECT * FROM {identifier(f'rows of {name}')}"

    def _files(self, files: list[str], schema: pa.Schema) -> str:
        """Rows of files, all read with the columns of ``schema``."""
        structure = text_literal(_structure(schema))
        listed = _listed(files)
        if files[0].partition("://")[0] in _REMOTE:
            function = "s3" if files[0].startswith("s3") or ".s3" in files[0] else "url"
            return f"SELECT * FROM {function}({text_literal(listed)}, 'Parquet', {structure})"
        return f"SELECT * FROM file({text_literal(listed)}, 'Parquet', {structure})"

    def _shelved(self, table: Shelved, schema: pa.Schema) -> str:
        """Base files and later files, without the rows for which a later file has another."""
        base = [str(one) for shelf in sorted(table.base) for one in table.base[shelf]]
        parts = [(base, list(table.later))] if base else []
        parts += [([str(one)], list(table.later[index + 1 :])) for index, one in enumerate(table.later)]
        if not parts:
            return f"SELECT * FROM null({text_literal(_structure(schema))})"
        selects = []
        for files, newer in parts:
            rows = self._files(files, schema)
            if newer:
                keys = pa.schema([schema.field(one) for one in table.key])
                matches = " AND ".join(f"n.{identifier(one)} = r.{identifier(one)}" for one in table.key)
                listed = arguments(f"r.{identifier(one)} AS {identifier(one)}" for one in schema.names)
                newest = self._files([str(one) for one in newer], keys)
                rows = f"SELECT {listed} FROM ({rows}) r LEFT ANTI JOIN ({newest}) n ON {matches}"
            selects.append(rows)
        return " UNION ALL ".join(selects)

    def _view(self, name: str, sql: str) -> None:
        self._forget(name)
        self.engine.command(f"CREATE VIEW {identifier(name)} AS {sql}")
        self.made[name] = True

    def _forget(self, name: str) -> None:
        if name in self.made:
            kind = "VIEW" if self.made.pop(name) else "TABLE"
            self.engine.command(f"DROP {kind} IF EXISTS {identifier(name)} SYNC")

    def union(self, name: str, tables: Mapping[str, Iterable[str]]) -> None:
        """Rows of several tables as one."""
        everything = list(dict.fromkeys(column for columns in tables.values() for column in columns))
        selects = []
        for table, columns in tables.items():
            own = set(columns)
            listed = arguments(identifier(c) if c in own else f"NULL AS {identifier(c)}" for c in everything)
            selects.append(f"SELECT {listed} FROM {identifier(table)}")
        self._view(name, " UNION ALL ".join(selects))
        self.translator.know(name, everything)

    def columns(self, table: str) -> list[str]:
        """Columns of a table or step."""
        return list(self.translator.columns[table])

    # steps

    def run(self, steps: Iterable[Step]) -> None:
        """Run steps in order."""
        for step in steps:
            sql = self.translator.translated(step.sql, step.name)
            if step.view:
                self._view(step.name, sql)
            else:
                self._forget(step.name)
                self.engine.command(f"CREATE TABLE {identifier(step.name)} ENGINE = {self.engine.kind} AS {sql}")
                self.made[step.name] = False

    def arrow(self, query: str) -> pa.Table:
        """Rows of a query."""
        found: pa.Table = self.engine.arrow(self.translator.translated(query))
        return found

    def write(self, query: str, target: str) -> None:
        """Write Parquet to a file or an address in an object store."""
        sql = self.translator.translated(query)
        function = "s3" if target.partition("://")[0] in _REMOTE else "file"
        file = f"{target.rstrip('/')}/part-0.parquet"
        if function == "file":
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        self.engine.command(f"INSERT INTO FUNCTION {function}({text_literal(file)}, 'Parquet') {sql}")

    def drop(self) -> None:
        """Forget every table and step."""
        for name in reversed(list(self.made)):
            self._forget(name)

    def close(self) -> None:
        """End the session and remove what was written for it."""
        self.drop()
        self.engine.close()
        self.folder.cleanup()


def _listed(files: list[str]) -> str:
    """Several files as one pattern. Braces at its beginning would match nothing, without a word.

    >>> _listed(["/copy/t/a.parquet", "/copy/t/b.parquet"])
    '/copy/t/{a.parquet,b.parquet}'
    """
    if len(files) == 1:
        return files[0]
    folder = os.path.commonprefix(files).rpartition("/")[0] + "/"  # noqa: RUF071 cut at a slash; addresses are no paths
    return f"{folder}{{{','.join(one[len(folder) :] for one in files)}}}"


def _structure(schema: pa.Schema) -> str:
    return arguments(f"{identifier(one.name)} {stored_type(one.type)}" for one in schema)


def _read(field: pa.Field) -> str:
    """A column as the steps see it: a list that may be missing is a tuple of one list."""
    name = identifier(field.name)
    if not pa.types.is_list(field.type):
        return name
    return f"if(empty({name}), NULL, tuple({name})) AS {name}"


__all__ = ["PRIMITIVES", "REWRITES", "ClickHouse", "sql_type", "stored_type"]
