"""``xinlu lineage``: from the line of a file to the entries of a rating, and back."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="记录的来龙去脉。")


@app.command("lineage")
def lineage(
    record: Annotated[int | None, typer.Argument(help="记录编号；积分明细里写着它，见 xinlu explain")] = None,
    delivery: Annotated[int | None, typer.Option("--delivery", help="从交付批次的一行出发：批次号")] = None,
    line: Annotated[int | None, typer.Option("--line", help="从交付批次的一行出发：来源文件的行号")] = None,
) -> None:
    """RECORD 从哪个文件的哪一行来，到哪些积分明细去。"""
    start_django()
    from django.conf import settings
    from django.utils import timezone

    from xinlu.access.scope import Scope
    from xinlu.assessment.lineage import effects
    from xinlu.ledger.lineage import origins, record_of_line

    scope, today = Scope.system("xinlu lineage"), settings.TODAY or timezone.localdate()
    if record is None and delivery is not None and line is not None:
        record = record_of_line(scope, delivery, line)
        if record is None:
            out.print(f"批次 {delivery} 第 {line} 行没有成为记录")
            raise typer.Exit(1)
    if record is None:
        out.print("请写记录编号，或同时写 --delivery 和 --line")
        raise typer.Exit(2)
    found = origins(scope, record, on=today)
    if not found:
        out.print(f"没有记录 {record}")
        raise typer.Exit(1)
    newest = found[-1].version
    tree = Tree(f"[bold]记录 {record}[/]　{newest.item}　发生于 {newest.occurred_on}")
    came = tree.add("来")
    for one in found:
        file = one.delivery.file_name if one.delivery else ""
        where = f"批次 {one.delivery.pk}　{escape(file)} 第 {one.line} 行" if one.delivery else "没有经过交付批次"
        until = f"，{one.known_until:%Y-%m-%d} 止" if one.known_until else ""
        came.add(f"{where}　{escape(one.source)}　{one.known_from:%Y-%m-%d} 起{until}")
    went = tree.add("去")
    for used in effects(scope, record, since=newest.occurred_on):
        share = "" if used.share is None else f"{used.share.normalize():f}"
        unit = f"记录 {used.unit}" if used.rates_records else f"主体 {used.unit}"
        went.add(f"{used.run.code}　{escape(used.clause_title or used.clause or used.kind)}　{unit}　{share}")
    if not went.children:
        went.add("没有已发布的积分明细依据它")
    out.print(tree)
