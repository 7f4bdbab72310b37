"""``xinlu quality``: the six dimensions by item and source in a month."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="数据质量。")


@app.command("quality")
def quality(
    month: Annotated[
        datetime | None, typer.Option("--month", formats=["%Y-%m"], help="哪个月收到的；默认最近有数据的月")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="只看这个数据源")] = None,
    older: Annotated[bool, typer.Option("--older", help="先检查在有质量规则以前收下的批次，只补检查，不暂缓")] = False,
) -> None:
    """每个信息项、数据源的六个维度：合格占比和不合格处数；末尾列出暂缓而等待决定的批次。"""
    start_django()
    from django.conf import settings
    from django.utils import timezone

    from xinlu.access.scope import Scope
    from xinlu.intake import measures
    from xinlu.intake.hold import holds
    from xinlu.intake.judge import judge_older
    from xinlu.law.quality import Dimension
    from xinlu.ledger.cuts import Cut, month_after

    scope, today = Scope.system("xinlu quality"), settings.TODAY or timezone.localdate()
    if older:
        out.print(f"补检查 {judge_older()} 个批次")
    first = month.date() if month else measures.newest_month(scope, on=today)
    if first is None:
        out.print("还没有检查过的批次")
        raise typer.Exit(1)
    table = Table(title=f"{first:%Y-%m} 收到的数据", title_justify="left")
    for heading in ("信息项", "数据源", "行", *(one.title for one in Dimension)):
        table.add_column(heading, justify="left" if heading in ("信息项", "数据源") else "right")
    for one in measures.handed(scope, Cut(first, month_after(first), source=source)):
        found = [one.dimensions.get(dimension, measures.Measure()) for dimension in Dimension]
        cells = [f"{m.share.percent}{f' [dim]{m.failed}[/]' if m.failed else ''}" for m in found]
        table.add_row(one.item, escape(one.source), str(one.delivered), *cells)
    out.print(table)
    for held in holds(scope):
        out.print(f"[yellow]暂缓[/] 批次 {held.pk}（{escape(held.source.title)}）等待放行或作罢")
