"""``xinlu pull``: fetch what waits at the systems that this one is connected to."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import err, out, show_problems

if TYPE_CHECKING:
    from xinlu.exchange.pull import PullResult

app = typer.Typer(help="从数据连接抽取。", no_args_is_help=True)


def _now() -> datetime:
    return datetime.now(UTC)


@app.command("run")
def run(
    names: Annotated[list[str] | None, typer.Argument(help="连接的名称")] = None,
    due: Annotated[bool, typer.Option("--due", help="所有到了时间或有人要求重试的连接")] = False,
    start: Annotated[str | None, typer.Option("--from", help="从这一天或这个增量值起再取一遍")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """抽取 NAMES 所指的连接。中断时退出码为 2，有整件退回或疑问行时为 1。"""
    start_django()
    from xinlu.exchange import pulls
    from xinlu.exchange.connections import connection, read_connections
    from xinlu.exchange.connectors.trouble import Trouble
    from xinlu.exchange.pull import pull
    from xinlu.intake.problems import Refused
    from xinlu.journal.actor import Actor

    if bool(names) == due or (start is not None and len(names or ()) != 1):
        err.print("请写连接的名称，或用 --due；--from 只能用于一个连接")
        raise typer.Exit(2)
    told: list[dict[str, Any]] = []
    worst = 0
    try:
        wanted = [connection(one) for one in names or ()] if not due else pulls.due(at=_now())
    except Trouble as trouble:
        show_problems([trouble.problem], err)
        raise typer.Exit(2) from None
    if due and (wrong := read_connections().problems):
        show_problems(wrong, err)
        worst = 2
    for one in wanted:
        try:
            result = pull(one, actor=Actor.system(f"pull {one.name}"), clock=_now, start=start)
        except (Trouble, Refused) as refused:
            problems = [refused.problem] if isinstance(refused, Trouble) else list(refused.problems)
            show_problems(problems, err)
            told.append({"connection": one.name, "trouble": problems[0].code})
            worst = 2
            continue
        told.append(_facts(result))
        worst = max(worst, 2 if result.trouble else 1 if result.refused or result.count("queried") else 0)
        if not as_json:
            _show(one.title, result)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    elif due and not wanted:
        out.print("没有到时间的连接")
    raise typer.Exit(worst)


def _facts(result: PullResult) -> dict[str, Any]:
    return {
        "connection": result.connection,
        "pull": result.number,
        "deliveries": [one.delivery for one in result.taken],
        **{name: result.count(name) for name in ("delivered", "accepted", "queried", "duplicate")},
        "postponed": [one.file for one in result.postponed],
        "refused": [one.code for one in result.refused],
        "trouble": result.trouble.code if result.trouble else None,
    }


def _show(title: str, result: PullResult) -> None:
    show_problems([*result.postponed, *result.refused])
    if result.trouble:
        show_problems([result.trouble], err)
    out.print(
        f"{title}：{len(result.taken)} 件，共 {result.count('delivered')} 行，入库 {result.count('accepted')}，"
        f"疑问 {result.count('queried')}，重复 {result.count('duplicate')}；"
        f"留待下次 {len(result.postponed)} 件，退回 {len(result.refused)} 件"
    )


@app.command("list")
def list_connections() -> None:
    """列出数据连接：上次抽取、结果和下次时间。配置有误时退出码为 1。"""
    start_django()
    from rich.table import Table

    from xinlu.access.scope import Scope
    from xinlu.exchange import pulls
    from xinlu.exchange.connections import place, read_connections

    rows = pulls.connections(Scope.system("xinlu pull list"), at=_now())
    problems = read_connections().problems
    show_problems(problems, err)
    if not rows and not problems:
        out.print(f"还没有数据连接；请写在 {place().name}（XINLU_CONNECTIONS）里")
    if rows:
        table = Table()
        for heading in ("连接", "名称", "方式", "上次", "结果", "行", "下次"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            last = row.last
            table.add_row(
                row.connection.name,
                row.connection.title,
                row.connection.kind_of_system.title,
                f"{last.pull.started_at:%Y-%m-%d %H:%M}" if last else "—",
                pulls.STATES[row.state],
                str(last.rows()) if last else "—",
                "即刻" if row.asked else f"{row.due_at:%Y-%m-%d %H:%M}" if row.due_at else "手动",
            )
        out.print(table)
    raise typer.Exit(1 if problems else 0)


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="连接的名称")],
    most: Annotated[int, typer.Option("--most", help="至多看几件")] = 20,
) -> None:
    """连上看看有什么等着取；不入库，也不留下任何记录。连不上时退出码为 2。"""
    start_django()
    from xinlu.exchange.connections import connection
    from xinlu.exchange.connectors.contract import Parcel
    from xinlu.exchange.connectors.trouble import Trouble, pull_problem
    from xinlu.exchange.pull import waiting

    try:
        count = 0
        for found in waiting(connection(name), most=most):
            count += 1
            if isinstance(found, Parcel):
                size = f"{found.rows} 行" if found.rows is not None else f"{len(found.data or b'')} 字节"
                out.print(f"{found.name}  {size}")
            else:
                show_problems([pull_problem(found.code, found.sentence, file=found.name)])
    except Trouble as trouble:
        show_problems([trouble.problem], err)
        raise typer.Exit(2) from None
    out.print(f"共 {count} 件" if count else "没有要取的")


@app.command("seal")
def seal(name: Annotated[str, typer.Argument(help="口令的名称，如 hz-cases")]) -> None:
    """封存一个口令：从终端读入（不回显），或从标准输入读入；用字段密钥加密后存放。"""
    start_django()
    from xinlu.exchange.connections import seal_secret
    from xinlu.exchange.connectors.trouble import Trouble

    if sys.stdin.isatty():
        clear = typer.prompt("口令", hide_input=True, confirmation_prompt=True)
    else:
        clear = sys.stdin.read().rstrip("\r\n")
    try:
        seal_secret(name, clear)
    except Trouble as trouble:
        show_problems([trouble.problem], err)
        raise typer.Exit(2) from None
    out.print(f"已封存“{name}”")
