"""``xinlu feed``: what machines send, by the million."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import err, out, show_problems

app = typer.Typer(help="感知数据流：称重检测、车辆报警等设备数据。", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="交付批次编号")]


@app.command("take")
def take_file(
    file: Annotated[Path, typer.Argument(help="NDJSON、CSV 或 Parquet 文件")],
    source: Annotated[str, typer.Option("--source", "-s", help="数据源代码")],
    item: Annotated[str, typer.Option("--item", help="信息项")],
    received_at: Annotated[datetime | None, typer.Option("--received-at", help="收到时间（UTC），默认现在")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """收入 FILE。整个文件不收时退出码为 2，有疑问行时为 1。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.intake.feed import take_feed
    from xinlu.intake.problems import CODES, Refused
    from xinlu.journal.actor import Actor

    try:
        done = take_feed(
            file,
            source=source,
            item=item,
            received_at=received_at.replace(tzinfo=UTC) if received_at else datetime.now(UTC),
            actor=Actor.system("xinlu feed"),
            scope=Scope.system("xinlu feed"),
        )
    except Refused as refused:
        show_problems(refused.problems, err)
        err.print("整个文件没有收入")
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(asdict(done), ensure_ascii=False, indent=2))
    else:
        for code, number in done.codes.items():
            out.print(f"  {code} {CODES[code].title if code in CODES else ''}：{number:,} 行")
        out.print(
            f"批次 {done.delivery}，{done.title}：共 {done.delivered:,} 行，入库 {done.accepted:,}"
            f"（更正 {done.corrected:,}，撤回 {done.withdrawn:,}），疑问 {done.queried:,}，重复 {done.duplicate:,}"
        )
    raise typer.Exit(1 if done.queried else 0)


@app.command("queried")
def show_queried(delivery: Number, most: Annotated[int, typer.Option("--most", help="最多列几行", min=1)] = 20) -> None:
    """列出一个批次的疑问行及原因。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.ledger import observations

    found = observations.queried_rows(Scope.system("xinlu feed"), delivery, most=most)
    for one in found:
        out.print(f"第 {one.number} 行  {one.code}  {one.sentence}")
    if not found:
        out.print("没有疑问行")


@app.command("withdraw")
def withdraw(delivery: Number, reason: Annotated[str, typer.Option("--reason", help="事由")]) -> None:
    """撤回一个批次收入而仍有效的全部记录；过去的评价仍可重算。"""
    start_django()
    from xinlu.journal.actor import Actor
    from xinlu.ledger import observations

    gone = observations.withdraw_delivery(
        observations.delivery_of(delivery), reason=reason, actor=Actor.system("xinlu feed"), at=datetime.now(UTC)
    )
    out.print(f"批次 {delivery}：撤回 {gone:,} 条记录")


@app.command("trace")
def trace(record: Annotated[int, typer.Argument(help="记录编号")]) -> None:
    """一条感知记录来自哪个文件的哪一行。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.ledger import observations

    found = observations.lineage(Scope.system("xinlu feed"), record)
    for one in found:
        what = "撤回" if one.withdrawn else "报送"
        out.print(f"批次 {one.delivery}  {one.source}  {one.file_name} 第 {one.row} 行  {what}  文件摘要 {one.digest}")
    if not found:
        out.print("没有这条感知记录")
        raise typer.Exit(1)


@app.command("check")
def check() -> None:
    """核对文件与其名称中的摘要。不符时以 1 结束。"""
    start_django()
    from xinlu.ledger import observations

    found = observations.broken()
    for name in found:
        out.print(f"文件缺失或内容已变：{name}；请从备份恢复")
    if found:
        raise typer.Exit(1)
    out.print("观测文件齐全，内容未变")
