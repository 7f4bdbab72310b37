"""``xinlu publish``: turn a run into standings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="发布评价批次。")
CHINA = ZoneInfo("Asia/Shanghai")


@app.command("publish")
def publish_run(
    run: Annotated[str, typer.Argument(help="批次编号，见 xinlu run 的输出")],
    effective_from: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="结果生效日，默认今天")
    ] = None,
    organ: Annotated[str, typer.Option("--organ", help="以哪个机关的名义，机构代码")] = "zj",
) -> None:
    """发布批次 RUN：结果成为评价结果，公众只看得到评价结果。"""
    start_django()
    from xinlu.access.models import Organ
    from xinlu.access.scope import Scope
    from xinlu.assessment.publish import NotPublishable, publish
    from xinlu.assessment.queries import run as find
    from xinlu.journal.actor import Actor
    from xinlu.ledger.deliver import register_source

    now = datetime.now(UTC)
    found = find(Scope.system("xinlu publish"), run)
    if found is None:
        out.print(f"没有编号为 {run} 的批次；先用 xinlu run 试算")
        raise typer.Exit(2)
    if found.published_at is not None:
        out.print(f"{run} 已于 {found.published_at.astimezone(CHINA):%Y-%m-%d %H:%M} 发布，写入 0 条，没有改动")
        return
    if not Organ.objects.filter(code=organ).exists():
        out.print(f"没有代码为 {organ} 的机构；代码见 standards/organs.yaml")
        raise typer.Exit(2)
    actor = Actor.system("xinlu publish")
    source = register_source(code="xinlu", title="信路评价", organ=organ, kind="xinlu", actor=actor, at=now)
    day = effective_from.date() if effective_from else now.astimezone(CHINA).date()
    try:
        done = publish(found, source=source, actor=actor, at=now, effective_from=day, jurisdiction=organ)
    except NotPublishable as error:
        out.print(str(error))
        raise typer.Exit(2) from None
    out.print(f"{found.code}：{done.standings} 个评价结果，写入 {done.written} 条，自 {day} 起生效")
