"""``xinlu compare``: the impact statement of one book against another."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out

if TYPE_CHECKING:
    from xinlu.assessment.compare import Statement
    from xinlu.engine.compare import Impact

app = typer.Typer(help="影响评估。")


@app.command("compare")
def compare_two(
    before: Annotated[str, typer.Argument(help="现行：办法标识、办法@版本、draft:编号，或文件路径")],
    after: Annotated[str, typer.Argument(help="拟行：办法标识、办法@版本、draft:编号，或文件路径")],
    as_of: Annotated[datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="评价日")],
    most: Annotated[int, typer.Option("--most", help="最多列出多少个变动主体")] = 20,
    workbook: Annotated[Path | None, typer.Option("--xlsx", help="另存为工作簿")] = None,
) -> None:
    """在全部主体上比较 BEFORE 与 AFTER：谁从哪一级变到哪一级，因为哪一条。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.assessment import statement_file
    from xinlu.assessment.compare import compare_books

    found = compare_books(before, after, as_of=as_of.date())
    scope = Scope.system("xinlu compare")
    out.print(
        f"[bold]影响评估[/] {escape(found.before.title)} "
        f"{escape(found.before.version)} → {escape(found.after.version)} · 评价日 {found.as_of}"
    )
    for output in found.outputs:
        impact = found.impact(scope, output)
        _show(found, impact)
        for one in islice(found.movers(scope, output, most=most), most):
            places = (statement_file.place_title(found.after, output, p) for p in (one.shift.before, one.shift.after))
            out.print(
                f"  {escape(one.name)}：{' → '.join(places)}（{escape(statement_file.causes_of(found, one.shift))}）"
            )
        if impact.moved > most:
            out.print(f"  另有 {impact.moved - most} 个，用 --most 列出更多，或用 --xlsx 全部列出")
    if workbook is not None:
        workbook.write_bytes(statement_file.workbook(scope, found))
        out.print(f"\n已写入 {escape(str(workbook))}")


def _show(found: Statement, impact: Impact) -> None:
    title = found.after.outputs[impact.output].title
    out.print(
        f"\n[bold]{escape(title)}[/]：全体 {impact.population} = 不变 {impact.unchanged} + 变动 {impact.moved}，"
        f"未交代 {impact.unaccounted}；结论不变而数值不同 {impact.numbers_changed}"
    )
    out.print(_matrix(found, impact))
    if impact.moved:
        out.print(_clauses(found, impact))
    if impact.moved or impact.numbers_changed:
        for table in _groups(found, impact):
            out.print(table)


def _matrix(found: Statement, impact: Impact) -> Table:
    """The migration matrix: rows before, columns after."""
    from xinlu.assessment.statement_file import place_title

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("现行＼拟行")
    for place in impact.places:
        table.add_column(escape(place_title(found.after, impact.output, place)), justify="right")
    for row in impact.places:
        numbers = [impact.matrix.get((row, column), 0) for column in impact.places]
        words = escape(place_title(found.after, impact.output, row))
        table.add_row(words, *(str(number) if number else "·" for number in numbers))
    return table


def _clauses(found: Statement, impact: Impact) -> Table:
    from xinlu.assessment.statement_file import clause_title

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("条款")
    table.add_column("涉及的变动主体", justify="right")
    for clause, number in sorted(impact.by_clause.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(escape(clause_title(found, clause)), str(number))
    return table


def _groups(found: Statement, impact: Impact) -> list[Table]:
    from xinlu.assessment.groups import in_order

    tables = []
    for grouping in found.groupings:
        own = {one.group: one for one in impact.groups if one.kind == grouping.name}
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column(grouping.title)
        for title in ("主体", "变动", "变好", "变差"):
            table.add_column(title, justify="right")
        for code in in_order(grouping, own):
            one = own[code]
            numbers = (one.units, one.changed, one.better, one.worse)
            table.add_row(escape(grouping.title_of(code)), *map(str, numbers))
        tables.append(table)
    return tables
