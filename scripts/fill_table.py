"""Put the rows of a CSV file in place of the rows of a table in a rulebook; every other character of the book stays.

``python scripts/fill_table.py standards/foreign/fmcsa-sms-hos/3.yaml severity severities.csv``

The file has a heading: the keys of the table by their names, then ``value``. Each line after it is one row:

    section_code,value
    395.8(e),7

For long tables that come from an authority as a list, such as severities of violations. The book then says what the
list says, and has one text with one digest: change the title, the source grade and the cases in the same version.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from xinlu.law.marks import parse
from xinlu.law.rulebook import Rulebook, Table
from xinlu.law.shape import shape


def filled(text: str, table: str, listed: str) -> str:
    """``text`` of a rulebook with the rows of ``listed`` (CSV) in ``table``, which has ``keys`` and rows already.

    Keys that are texts today are quoted, so that ``392.16`` stays a section; values must be numbers.

    Raises:
        ValueError: no such table, another heading, a line of another length, a key twice, a value that is no number.
        LawError: ``text`` is no rulebook.
    """
    book = shape(Rulebook, parse(text, file=""))
    if table not in book.tables or book.tables[table].by != "keys":
        raise ValueError(f"the book has no table “{table}” with keys")
    rows = [f"- {{when: [{', '.join(keys)}], value: {value}}}" for keys, value in _rows(book.tables[table], listed)]
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in ("tables", table, "rows"):
        assert isinstance(node, yaml.MappingNode)
        node = next(value for name, value in node.value if name.value == key)
    assert isinstance(node, yaml.SequenceNode)
    if node.flow_style:
        raise ValueError("the rows of the table stand in one line; write each on a line of its own")
    start, end = node.start_mark, node.value[-1].end_mark
    return text[: start.index] + f"\n{' ' * start.column}".join(rows) + text[end.index :]


def _rows(table: Table, listed: str) -> Iterator[tuple[list[str], str]]:
    lines = csv.reader(io.StringIO(listed))
    heading = [*table.keys, "value"]
    if next(lines, None) != heading:
        raise ValueError(f"the heading must be {','.join(heading)}")
    plain = [not isinstance(key, str) for key in table.rows[0].when]
    seen: set[tuple[str, ...]] = set()
    for number, line in enumerate(lines, start=2):
        if len(line) != len(heading):
            raise ValueError(f"line {number} has {len(line)} columns instead of {len(heading)}")
        *keys, value = (cell.strip() for cell in line)
        if tuple(keys) in seen:
            raise ValueError(f"line {number} says {', '.join(keys)} a second time")
        seen.add(tuple(keys))
        try:
            Decimal(value)
        except InvalidOperation:
            raise ValueError(f"line {number}: “{value}” is no number") from None
        yield [key if bare else json.dumps(key) for key, bare in zip(keys, plain, strict=True)], value
    if not seen:
        raise ValueError("the file has no rows")


def main() -> None:
    """Change the file that is named."""
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    path = Path(sys.argv[1])
    listed = Path(sys.argv[3]).read_text(encoding="utf-8-sig")
    try:
        text = filled(path.read_text(encoding="utf-8"), sys.argv[2], listed)
    except ValueError as error:
        raise SystemExit(f"{sys.argv[3]}: {error}") from None
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
