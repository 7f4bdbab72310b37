"""Spark: the same steps on a cluster, or in local mode; PySpark and Java 17, no jar of our own.

How it keeps what DuckDB gives: ANSI mode, so that what does not fit fails instead of turning into something else;
decimals that need more than 38 digits keep those behind the point; casts round half away from zero. Spark's own
division loses digits, so a quotient is made like on paper: the whole part, then six digits at a time from what is left
over, each a division without rest. All of it is Spark SQL that the optimizer reads; no function runs in Python.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from xinlu.engine.backends.translation import Rewrite, Translator, arguments, ordering, picking, raw
from xinlu.engine.compile.draft import Step
from xinlu.engine.duck import TableLike
from xinlu.engine.shelves import Shelved

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OPTIONS: Final[Mapping[str, str]] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.legacy.decimal.retainFractionDigitsOnTruncate": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    # A book may have a hundred layers on top of each other in one statement.
    "spark.sql.analyzer.maxIterations": "1000",
    "spark.sql.optimizer.maxIterations": "1000",
}
LOCAL: Final[Mapping[str, str]] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.memory": "2g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
"""What local mode has in addition: no page of its own, few and small tasks."""


# ── primitives ──────────────────────────────────────────────────────────────────────────────────


def _let(name: str, value: str, body: str) -> str:
    """``body`` with a value under a name, worked out once."""
    return f"get(transform(array({value}), {name} -> {body}), 0)"


def _divided(a: str, b: str) -> str:
    """The whole part of a ÷ b: first the rest is taken away, so that nothing is left to round."""
    return f"CAST(({a} - {a} % {b}) / {b} AS DECIMAL(38, 0))"


def _power(exponent: int) -> str:
    return f"CAST('1{'0' * exponent}' AS DECIMAL({exponent + 1}, 0))"


def _pair(a: str, b: str, scale: int) -> str:
    kind = f"DECIMAL(38, {scale})"
    return f"named_struct('a', CAST({a} AS {kind}), 'b', nullif(CAST({b} AS {kind}), 0))"


def quotient(a: str, a_scale: str, b: str, b_scale: str, scale: str) -> str:
    """a ÷ b, half away from zero: division by hand."""
    common, left = max(int(a_scale), int(b_scale)), int(scale)
    kind = f"DECIMAL(38, {common})"
    made = f"named_struct('q', {_divided('abs(v.a)', 'abs(v.b)')}, 'r', CAST(abs(v.a) % abs(v.b) AS {kind}))"
    while left > 0:
        block = min(6, left)
        left -= block
        power = "1" + "0" * block
        more = f"CAST({_divided('x', 'abs(v.b)')} AS DECIMAL(7, 0))"
        rest = f"CAST(x % abs(v.b) AS {kind})"
        next_digits = f"named_struct('q', CAST(s.q * {power} + {more} AS DECIMAL(38, 0)), 'r', {rest})"
        made = _let("s", made, _let("x", f"CAST(s.r * {power} AS {kind})", next_digits))
    size = _let("s", made, "s.q + CASE WHEN s.r * 2 >= abs(v.b) THEN 1 ELSE 0 END")
    signed = _let("q", size, "CASE WHEN (v.a < 0) <> (v.b < 0) THEN -q ELSE q END")
    return _let("v", _pair(a, b, common), _pointed(signed, int(scale)))


def _pointed(whole: str, scale: int) -> str:
    """A whole number read as a decimal with ``scale`` digits behind the point."""
    if scale == 0:
        return f"CAST({whole} AS DECIMAL(38, 0))"
    unit = f"CAST('0.{'0' * (scale - 1)}1' AS DECIMAL({scale + 1}, {scale}))"
    return f"CAST(CAST({whole} AS DECIMAL(38, 0)) * {unit} AS DECIMAL(38, {scale}))"


def steps(a: str, a_scale: str, b: str, b_scale: str) -> str:
    """Whole steps of b in a, down to the floor."""
    lower = "CASE WHEN v.a % v.b <> 0 AND (v.a < 0) <> (v.b < 0) THEN 1 ELSE 0 END"
    floor = f"CAST({_divided('v.a', 'v.b')} - {lower} AS DECIMAL(38, 0))"
    return _let("v", _pair(a, b, max(int(a_scale), int(b_scale))), floor)


def root(a: str, scale: str, to: str) -> str:
    """Square root, half up: a float as first guess, three steps of Newton and a correction by one."""
    # First all digits before the point, then the shift: a product with digits behind it would outgrow 38.
    whole = f"CAST(CAST({a} AS DECIMAL(38, {scale})) * {_power(int(scale))} AS DECIMAL(38, 0))"
    number = f"CAST({whole} * {_power(2 * int(to) - int(scale))} AS DECIMAL(38, 0))"
    one = "CAST(1 AS DECIMAL(38, 0))"
    guess = "CAST(sqrt(CAST(n AS DOUBLE)) AS DECIMAL(38, 0))"
    for _ in range(3):
        inner = _let("g", f"greatest(g, {one})", _divided("n", "g"))
        nearer = _let("t", f"CAST(g + {inner} AS DECIMAL(38, 0))", _divided("t", "CAST(2 AS DECIMAL(38, 0))"))
        guess = _let("g", guess, nearer)
    corrected = "CASE WHEN r * r > n THEN r - 1 WHEN (r + 1) * (r + 1) <= n THEN r + 1 ELSE r END"
    below = _let("r", guess, f"CAST({corrected} AS DECIMAL(38, 0))")
    half_up = _let("r", below, "CASE WHEN n - r * r > r THEN r + 1 ELSE r END")
    return _let("n", number, f"CASE WHEN n >= 0 THEN {_pointed(half_up, int(to))} END")


def rounded(a: str, _digits: str, _scale: str, to: str) -> str:
    """Half away from zero."""
    return f"CAST({a} AS DECIMAL(38, {to}))"


def add_months(day: str, months: str) -> str:
    """Calendar months later, clamped at the end of the month."""
    return f"add_months({day}, CAST({months} AS INT))"


def months_between(a: str, b: str) -> str:
    """Completed months."""
    count = "((year(v.b) - year(v.a)) * 12 + month(v.b) - month(v.a))"
    completed = f"CAST({count} - CASE WHEN add_months(v.a, {count}) > v.b THEN 1 ELSE 0 END AS DECIMAL(7, 0))"
    return _let("v", f"named_struct('a', {a}, 'b', {b})", completed)


def clamped(start: str, amounts: str, low: str, high: str, kind: str) -> str:
    """States of a run between two bounds."""
    after = f"CAST(least({high}, greatest({low}, get(s, size(s) - 1) + a)) AS {kind})"
    return f"aggregate({amounts}, array(CAST({start} AS {kind})), (s, a) -> concat(s, array({after})))"


PRIMITIVES: Final[dict[str, Callable[..., str]]] = {
    "quotient": quotient,
    "steps": steps,
    "root": root,
    "rounded": rounded,
    "floored": lambda a, scale: f"CAST(floor({a}) AS DECIMAL(38, 0))",
    "ceiled": lambda a, scale: f"CAST(ceil({a}) AS DECIMAL(38, 0))",
    "add_months": add_months,
    "add_days": lambda day, days: f"date_add({day}, CAST({days} AS INT))",
    "days_between": lambda a, b: f"CAST(datediff({b}, {a}) AS DECIMAL(7, 0))",
    "months_between": months_between,
    "clamped": clamped,
}
FUNCTIONS: Final[dict[str, Callable[..., str]]] = {
    "list_extract": lambda items, index: f"get({items}, CAST({index} AS INT) - 1)",
    "to_json": lambda items: f"to_json({items})",
}


# ── rewrites ────────────────────────────────────────────────────────────────────────────────────


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="spark")


def _picked(node: exp.Expr, keep: str) -> exp.Expr:
    """``first(x ORDER BY …)``, ``last(…)``: the x of the row with the smallest (greatest) keys, packed in one struct.

    Where the first key goes down and the others up (``max`` folds: size, then day and key), the others are turned
    round.
    """
    order = node.this
    last, keys = isinstance(node, exp.Last), ordering(order)
    downwards = keys[0][1] != last
    parts = []
    for index, (key, down) in enumerate(keys):
        text = _text(key)
        if (down != last) != downwards:
            text = f"-unix_date({text})" if key.name == "_day" else f"-({text})"
        parts.append(f"{text} AS k{index}")
    function = "max_by" if downwards else "min_by"
    return raw(f"{function}({_text(order.this)}, struct({arguments(parts)})){keep}")


def _gathered(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node.this, exp.Order):
        return None
    keys = arguments(f"{_text(key)} AS k{index}" for index, (key, _) in enumerate(ordering(node.this)))
    return raw(f"transform(array_sort(collect_list(struct({keys}, {_text(node.this.this)} AS v))), t -> t.v)")


def _window(node: exp.Expr) -> exp.Expr | None:
    """A number for each row where order says nothing, and ``lag`` whose default is not a constant."""
    if isinstance(node.this, exp.RowNumber) and not any(
        node.args.get(one) for one in ("partition_by", "order", "alias")
    ):
        return raw("monotonically_increasing_id()")
    if isinstance(node.this, exp.Lag) and node.this.args.get("default") is not None:
        default = _text(node.this.args["default"])
        node.this.set("default", None)
        return raw(f"coalesce({_text(node)}, {default})")
    return None


REWRITES: dict[type[exp.Expr], Rewrite] = {
    **picking(_picked, _text),
    exp.ArrayAgg: _gathered,
    exp.Window: _window,
    exp.Length: lambda node: raw(f"size({_text(node.this)})"),
    exp.IntDiv: lambda node: raw(f"({_text(node.this)} div {_text(node.expression)})"),
    # A tree counts from 0, as Spark does; get() is missing beyond the end.
    exp.Bracket: lambda node: raw(f"get({_text(node.this)}, CAST({_text(node.expressions[0])} AS INT))"),
}


# ── tables ──────────────────────────────────────────────────────────────────────────────────────


def stored_type(found: pa.DataType) -> str:
    """The Spark type in which a column of this Arrow type is read from Parquet."""
    if pa.types.is_list(found):
        return f"ARRAY<{stored_type(found.value_type)}>"
    if pa.types.is_decimal(found):
        return f"DECIMAL({found.precision}, {found.scale})"
    plain = {
        pa.string(): "STRING",
        pa.int64(): "BIGINT",
        pa.date32(): "DATE",
        pa.bool_(): "BOOLEAN",
        pa.timestamp("us"): "TIMESTAMP_NTZ",
    }
    return plain[found]


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


class Spark:
    """The backend ``spark``.

    ``master``: ``local[2]``, or the address of a cluster. ``options``: settings of the session. ``scratch``: a folder
    that all machines reach, where kept steps are checkpointed; without one they are kept by the executors, and a lost
    executor fails the run. ``partitions``: the most in which a kept step lies (unions of many selects have many).
    """

    name = "spark"
    portable = True

    def __init__(
        self,
        master: str = "local[*]",
        *,
        options: Mapping[str, str] | None = None,
        scratch: str | None = None,
        partitions: int | None = None,
    ) -> None:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master(master).appName("xinlu")
        local = LOCAL if master.startswith("local") else {}
        for key, value in {**local, **OPTIONS, **(options or {})}.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")
        self.scratch = scratch
        self.partitions = partitions
        if scratch is not None:
            self.session.sparkContext.setCheckpointDir(scratch)
        self.translator = Translator("spark", REWRITES, PRIMITIVES, FUNCTIONS)
        self.folder = tempfile.TemporaryDirectory(prefix="xinlu-spark-")
        self.made: list[str] = []

    def register(self, name: str, table: TableLike, schema: pa.Schema) -> None:
        """Show a table under ``name``; files are listed by name, so no table format and no jar is needed."""
        if isinstance(table, pa.Table):
            schema = table.schema
            frame = self._loaded(table)
        elif isinstance(table, Shelved):
            frame = self._shelved(table, schema)
        else:
            frame = self._files([str(one) for one in table], schema)
        self._show(name, frame)
        self.translator.know(name, schema.names)

    def _show(self, name: str, frame: DataFrame) -> None:
        frame.createOrReplaceTempView(_name(name))
        self.made.append(name)

    def _loaded(self, table: pa.Table) -> DataFrame:
        if not table.num_rows:
            return self.session.createDataFrame([], _ddl(table.schema))
        file = Path(self.folder.name) / f"{uuid4().hex}.parquet"
        pq.write_table(table, file)
        return self._files([str(file)], table.schema)

    def _files(self, files: Sequence[str], schema: pa.Schema) -> DataFrame:
        return self.session.read.schema(_ddl(schema)).parquet(*files)

    def _shelved(self, table: Shelved, schema: pa.Schema) -> DataFrame:
        """Base files and later files, without the rows for which a later file has another."""
        base = [str(one) for shelf in sorted(table.base) for one in table.base[shelf]]
        parts = [(base, list(table.later))] if base else []
        parts += [([str(one)], list(table.later[index + 1 :])) for index, one in enumerate(table.later)]
        whole = None
        for files, newer in parts:
            frame = self._files(files, schema)
            if newer:
                keys = self._files([str(one) for one in newer], pa.schema([schema.field(one) for one in table.key]))
                frame = frame.join(keys, list(table.key), "left_anti").select(*(_name(one) for one in schema.names))
            whole = frame if whole is None else whole.unionByName(frame)
        return whole if whole is not None else self._loaded(schema.empty_table())

    def union(self, name: str, tables: Mapping[str, Iterable[str]]) -> None:
        """Rows of several tables as one."""
        whole = None
        for table in tables:
            frame = self.session.table(_name(table))
            whole = frame if whole is None else whole.unionByName(frame, allowMissingColumns=True)
        assert whole is not None
        self._show(name, whole)
        self.translator.know(name, dict.fromkeys(column for columns in tables.values() for column in columns))

    def columns(self, table: str) -> list[str]:
        """Columns of a table or step."""
        return list(self.translator.columns[table])

    def run(self, steps: Iterable[Step]) -> None:
        """Run steps in order: views stay views, tables are worked out when they are first read, and then kept."""
        for step in steps:
            frame = self.session.sql(self.translator.translated(step.sql, step.name))
            if not step.view:
                frame = frame if self.partitions is None else frame.coalesce(self.partitions)
                frame = frame.localCheckpoint(eager=False) if self.scratch is None else frame.checkpoint()
            self._show(step.name, frame)

    def arrow(self, query: str) -> pa.Table:
        """Rows of a query."""
        return self.session.sql(self.translator.translated(query)).toArrow()

    def write(self, query: str, target: str) -> None:
        """Write Parquet files into the folder or address ``target``."""
        frame: Any = self.session.sql(self.translator.translated(query))
        frame.write.mode("overwrite").option("compression", "zstd").parquet(target)

    def drop(self) -> None:
        """Forget every table and step."""
        for name in self.made:
            self.session.catalog.dropTempView(name)
        self.made = []

    def close(self) -> None:
        """End the session."""
        self.session.stop()
        self.folder.cleanup()


def _ddl(schema: pa.Schema) -> str:
    return arguments(f"{_name(one.name)} {stored_type(one.type)}" for one in schema)


__all__ = ["PRIMITIVES", "REWRITES", "Spark", "stored_type"]
