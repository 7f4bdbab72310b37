"""The file for the provincial platform: made from the versions that were told, so that it can be made again alike.

It holds numbers of natural persons, which the platform needs: it goes to the platform only, each handing-out is in the
journal, and no copy of it is kept here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import xlsxwriter
from django.db import transaction

from xinlu.exchange.publicity_models import Submission, SubmissionRow
from xinlu.exchange.publicity_problems import NotReported
from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.digest import canonical, sm3
from xinlu.law.catalogue import Field, FieldType, Item
from xinlu.law.reporting import Reporting, Table, rules_under
from xinlu.ledger.models import Record

Form = Literal["xlsx", "csv"]
NUMBER, OPERATION = "上报序号", "操作"
MADE = datetime(2000, 1, 1)  # noqa: DTZ001 the same bytes whenever it is made


def file_name(submission: Submission, form: Form) -> str:
    """A name that says nothing of persons."""
    rule_table = _table(submission)[1]
    return f"双公示-{rule_table.short}-批次{submission.pk}.{form}"


@transaction.atomic
def hand_out(submission: Submission, form: Form, *, actor: Actor, at: datetime) -> bytes:
    """The file of a submission, and a line in the journal that it was handed out.

    Raises:
        NotReported: DP-004, the versions do not say any longer what they said; DP-001, the rule is gone.
    """
    rule, table = _table(submission)
    rows = list(submission.rows.select_related("version").order_by("number"))
    if content_digest([(row.version, row.operation) for row in rows], table, rule) != submission.digest:
        raise NotReported("DP-004", f"批次 {submission.pk} 的内容与生成时不同")
    data = _written(rows, table, rule, form)
    append(
        actor=actor,
        verb="exchange.publicity.handed-out",
        obj=f"exchange.submission:{submission.pk}",
        facts={"form": form, "rows": len(rows), "digest": sm3(data)},
        at=at,
    )
    return data


def content_digest(rows: Iterable[tuple[Record, str]], table: Table, rule: Reporting) -> str:
    """Digest of what rows say, whatever the form of the file."""
    item = current.catalogue().items[table.item]
    return sm3(canonical([[operation, *values(one, item, table, rule)] for one, operation in rows]))


def values(version: Record, item: Item, table: Table, rule: Reporting) -> list[str]:
    """The cells of one row, in the order of the standard; what is missing or left out is empty."""
    fields = {one.name: one for one in item.fields}
    return [
        "" if column.left_out else written(version.payload.get(column.field), fields[column.field], rule)
        for column in table.columns
    ]


def written(value: object, field: Field, rule: Reporting) -> str:
    """One value as the platform wants it: days, amounts in 万元, codes by their names.

    >>> from xinlu.exchange.publicity import rule_on
    >>> rule = rule_on(date(2026, 1, 1))
    >>> written("0.200000", Field(name="a", title="", type="number", scale=6), rule)
    '0.2'
    >>> written("2099-12-31", Field(name="a", title="", type="date"), rule)
    '2099/12/31'
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return rule.writing.separator.join(_one(str(one), field, rule) for one in value)
    return _one(str(value), field, rule)


def _one(text: str, field: Field, rule: Reporting) -> str:
    match field.type:
        case FieldType.DATE:
            return date.fromisoformat(text).strftime(rule.writing.day)
        case FieldType.NUMBER:
            plain = f"{Decimal(text):f}"
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        case FieldType.CODE:
            listed = current.catalogue().code_lists.get(field.codes or "")
            # 当前状态 is told by its code, one sign long; other codes by their names.
            return text if listed is None or field.length == 1 else listed.values.get(text, text)
    return text


def _table(submission: Submission) -> tuple[Reporting, Table]:
    for rule in rules_under(current.library().root):
        table = rule.table(submission.item)
        if rule.version == submission.rule and table is not None:
            return rule, table
    raise NotReported("DP-001", f"报送规定 {submission.rule} 已经没有了")


def _written(rows: Sequence[SubmissionRow], table: Table, rule: Reporting, form: Form) -> bytes:
    item = current.catalogue().items[table.item]
    head = [NUMBER, OPERATION, *(one.code for one in table.columns)]
    lines = [[str(row.pk), str(row.get_operation_display()), *values(row.version, item, table, rule)] for row in rows]
    return _sheet(head, lines, table) if form == "xlsx" else _csv([head, *lines])


def _csv(lines: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(lines)
    return out.getvalue().encode("utf-8-sig")


def _sheet(head: Sequence[str], lines: Sequence[Sequence[str]], table: Table) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": MADE})
    text = book.add_format({"num_format": "@"})
    sheet = book.add_worksheet(table.title)
    for line, cells in enumerate([head, *lines]):
        for place, cell in enumerate(cells):
            # As text: no formula, and no long number that loses digits.
            sheet.write_string(line, place, cell, text)
    book.close()
    return out.getvalue()
