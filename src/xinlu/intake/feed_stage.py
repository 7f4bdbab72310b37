"""Lay the rows of a feed file out as text columns, with the number of each row in the file: NDJSON, CSV, Parquet.

Nothing is judged here but whether a line is a row at all. Files of any size go through in pieces.
"""

# Names and literals are quoted.
# ruff: noqa: S608
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.intake.encoding import encoding_of
from xinlu.intake.problems import refuse

HEAD = 1024 * 1024
LOOKED_AT = 1000
"""Objects of an NDJSON file whose keys are taken for its columns."""
LONGEST = 131_072
BATCH = 200_000
WIDEST = 512


@dataclass(frozen=True)
class Staged:
    """A file as text: ``rows`` has ``number`` and the columns ``headers``; ``broken`` what is no row."""

    form: str
    encoding: str
    headers: tuple[str, ...]
    rows: str
    """SELECT."""
    broken: str
    """SELECT of ``number``, ``line``."""


def stage(duck: duckdb.DuckDBPyConnection, path: Path, work: Path, *, name: str) -> Staged:
    """The rows of ``path``, told by its first bytes.

    Raises:
        Refused: F01 empty, F02 no known encoding, F03 broken, F12 no objects.
    """
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    if not head.strip():
        raise refuse("F01", "文件是空的", file=name)
    if head[:4] == b"PAR1":
        return _parquet(path, name)
    path, encoding = _utf8(path, head, work, name)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _ndjson(duck, path, encoding, name)
    return _csv(path, work, encoding, name)


def _utf8(path: Path, head: bytes, work: Path, name: str) -> tuple[Path, str]:
    """The file in UTF-8: itself, or a copy."""
    with path.open("rb") as handle:
        encoding = encoding_of(handle, name=name)
    if encoding == "utf-8-sig" and not head.startswith(b"\xef\xbb\xbf"):
        return path, "utf-8"
    copy = work / "utf8"
    try:
        with path.open(encoding=encoding, newline="") as source, copy.open("w", encoding="utf-8", newline="") as target:
            while piece := source.read(HEAD):
                target.write(piece)
    except UnicodeDecodeError:
        raise refuse("F02", "文件前后编码不一致", file=name) from None
    return copy, encoding


def _ndjson(duck: duckdb.DuckDBPyConnection, path: Path, encoding: str, name: str) -> Staged:
    keys: dict[str, None] = {}
    with path.open("rb") as handle:
        for _ in range(LOOKED_AT):
            line = handle.readline(LONGEST + 1)
            if not line:
                break
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                keys.update(dict.fromkeys(map(str, found)))
    if not keys:
        raise refuse("F12", "前面的行里没有一个对象", file=name)
    _refuse_wide(len(keys), name)
    duck.execute(
        "CREATE OR REPLACE TABLE lines AS SELECT number, line, CASE WHEN json_valid(line) "
        "THEN json_type(line) = 'OBJECT' ELSE false END AS good FROM (SELECT row_number() OVER () AS number, line "
        f"FROM read_csv({text_literal(str(path))}, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', "
        f"escape = '', header = false, auto_detect = false, max_line_size = {8 * LONGEST}, strict_mode = false)) "
        "WHERE line IS NOT NULL AND trim(line) <> ''"
    )
    shape = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
    listed = ", ".join(f"o.{identifier(key)}" for key in keys)
    rows = (
        f"SELECT number, {listed} FROM (SELECT number, "
        f"from_json(CASE WHEN good THEN line END, {text_literal(shape)}) AS o FROM lines WHERE good)"
    )
    broken = "SELECT number, line FROM lines WHERE NOT good"
    return Staged("ndjson", encoding, tuple(keys), rows, broken)


def _csv(path: Path, work: Path, encoding: str, name: str) -> Staged:
    first, _, _ = path.open("rb").readline(LONGEST).decode("utf-8-sig", "replace").partition("\n")
    delimiter = max(",\t;", key=first.count)
    headers = tuple(one.strip().strip('"') for one in first.rstrip("\r").split(delimiter))
    _refuse_wide(len(headers), name)
    bad: list[tuple[int, str]] = []

    def invalid(row: pcsv.InvalidRow) -> str:
        bad.append((int(row.number), str(row.text)))
        return "skip"

    slots = [f"c{place}" for place in range(len(headers))]
    target, seen = work / "rows.parquet", 0
    schema = pa.schema([("number", pa.int64()), *((slot, pa.string()) for slot in slots)])
    try:
        reader = pcsv.open_csv(
            path,
            # One thread: only then the number of a line that is no row is known.
            read_options=pcsv.ReadOptions(use_threads=False, column_names=slots, skip_rows=1, block_size=16 * HEAD),
            parse_options=pcsv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=invalid),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(slots, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
        with pq.ParquetWriter(target, schema, compression="lz4") as writer:
            for batch in reader:
                numbers = pa.array(np.arange(seen, seen + batch.num_rows))
                writer.write_batch(pa.RecordBatch.from_arrays([numbers, *batch.columns], schema=schema))
                seen += batch.num_rows
    except pa.ArrowInvalid as error:
        raise refuse("F03", f"文件读不了：{str(error).splitlines()[0][:120]}", file=name) from None
    _renumber(work, [number for number, _ in bad], seen)
    pq.write_table(
        pa.table(
            {"number": pa.array([n for n, _ in bad], pa.int64()), "line": pa.array([t for _, t in bad], pa.string())}
        ),
        work / "broken.parquet",
    )
    listed = ", ".join(f"{slot} AS {identifier(header)}" for slot, header in zip(slots, headers, strict=True) if header)
    filled = " OR ".join(f"{slot} IS NOT NULL" for slot in slots)
    rows = (
        f"SELECT l.number, {listed} FROM read_parquet({text_literal(str(target))}) r "
        f"JOIN read_parquet({text_literal(str(work / 'numbers.parquet'))}) l ON l.place = r.number WHERE {filled}"
        if bad
        # The first line names the columns.
        else f"SELECT r.number + 2 AS number, {listed} FROM read_parquet({text_literal(str(target))}) r WHERE {filled}"
    )
    return Staged(
        "csv", encoding, headers, rows, f"SELECT * FROM read_parquet({text_literal(str(work / 'broken.parquet'))})"
    )


def _renumber(work: Path, bad: list[int], rows: int) -> None:
    """Place among the rows → line of the file, where some lines are no rows."""
    if bad:
        lines = np.setdiff1d(np.arange(2, rows + len(bad) + 2), np.array(bad))[:rows]
        pq.write_table(pa.table({"place": np.arange(rows), "number": lines}), work / "numbers.parquet")


def _parquet(path: Path, name: str) -> Staged:
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise refuse("F03", f"文件读不了：{str(error).splitlines()[0][:120]}", file=name) from None
    _refuse_wide(len(schema.names), name)
    listed = ", ".join(f"CAST({identifier(one)} AS VARCHAR) AS {identifier(one)}" for one in schema.names)
    rows = (
        f"SELECT file_row_number + 1 AS number, {listed} "
        f"FROM read_parquet({text_literal(str(path))}, file_row_number = true)"
    )
    return Staged("parquet", "", tuple(schema.names), rows, "SELECT 0 AS number, '' AS line WHERE false")


def _refuse_wide(columns: int, name: str) -> None:
    if columns > WIDEST:
        raise refuse("F03", f"有 {columns} 列，超过上限 {WIDEST} 列", file=name)
