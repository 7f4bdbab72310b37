"""``xinlu client``: systems that call the open interface, from the command line of the server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import err, out, show_problems

if TYPE_CHECKING:
    from xinlu.exchange.clients import Secrets
    from xinlu.exchange.models import Client
    from xinlu.exchange.refusal import Refused

app = typer.Typer(help="经开放接口报送的客户端：登记、更换密钥、停用、恢复。", no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="客户端编号")]


@app.command("list")
def list_clients() -> None:
    """列出客户端：状态、生效协议的信息项数、昨日报送与最近错误。"""
    start_django()
    from django.utils import timezone

    from xinlu.access.scope import Scope
    from xinlu.exchange.queries import client_rows

    rows = client_rows(Scope.system("xinlu client list"), on=timezone.localdate())
    table = Table(box=None, header_style="bold")
    for head in ("客户端", "系统", "数据源", "状态", "信息项", "昨日行数", "入库率", "最近错误"):
        table.add_column(head)
    for one in rows:
        state = "已停用" if one.suspended else "可报送" if one.items else "没有生效协议"
        kept = "—" if one.yesterday.kept is None else f"{one.yesterday.kept}%"
        wrong = f"{one.last_error.code} {one.last_error.sentence}" if one.last_error else "—"
        table.add_row(
            one.client.code,
            one.client.title,
            one.client.source.code,
            state,
            str(one.items),
            str(one.yesterday.delivered),
            kept,
            wrong,
        )
    out.print(table if rows else "还没有客户端")


@app.command()
def register(
    code: Annotated[str, typer.Argument(help="客户端编号：小写字母、数字、连字符，登记后不能改")],
    source: Annotated[str, typer.Option("--source", "-s", help="数据源代码")],
    title: Annotated[str, typer.Option("--title", help="系统名称")],
    contact: Annotated[str, typer.Option("--contact", help="对方的责任人或处室")] = "",
) -> None:
    """为数据源登记一个客户端；密钥只显示这一次。协议由两人在页面上提出、批准。"""
    start_django()
    from xinlu.exchange import clients
    from xinlu.exchange.refusal import Refused
    from xinlu.journal.actor import Actor
    from xinlu.ledger.models import Source

    found = Source.objects.filter(code=source).first()
    try:
        if found is None:
            raise Refused("EX-110", f"没有数据源“{source}”")
        _, made = clients.register(
            source=found, code=code, title=title, contact=contact, actor=Actor.system("client"), at=datetime.now(UTC)
        )
    except Refused as refused:
        _end(refused)
    _show(made)


@app.command()
def rotate(
    code: Code,
    at_once: Annotated[bool, typer.Option("--at-once", help="旧密钥立即作废（疑似泄露）；默认再用七天")] = False,
) -> None:
    """更换密钥；新密钥只显示这一次。"""
    client = _known(code)
    from xinlu.exchange import clients
    from xinlu.journal.actor import Actor

    _show(clients.rotate(client, actor=Actor.system("client"), at=datetime.now(UTC), at_once=at_once))


@app.command()
def suspend(code: Code, reason: Annotated[str, typer.Option("--reason", help="停用的理由")]) -> None:
    """停用：不再发令牌，已发的令牌立即失效。"""
    client = _known(code)
    from xinlu.exchange import clients
    from xinlu.exchange.refusal import Refused
    from xinlu.journal.actor import Actor

    try:
        clients.suspend(client, reason=reason, actor=Actor.system("client"), at=datetime.now(UTC))
    except Refused as refused:
        _end(refused)
    out.print(f"已停用 {client.title}（{client.code}）")


@app.command()
def resume(code: Code) -> None:
    """恢复停用的客户端。"""
    client = _known(code)
    from xinlu.exchange import clients
    from xinlu.exchange.refusal import Refused
    from xinlu.journal.actor import Actor

    try:
        clients.resume(client, actor=Actor.system("client"), at=datetime.now(UTC))
    except Refused as refused:
        _end(refused)
    out.print(f"已恢复 {client.title}（{client.code}）")


def _known(code: str) -> Client:
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.exchange.queries import clients
    from xinlu.exchange.refusal import Refused

    found = clients(Scope.system("xinlu client")).filter(code=code).first()
    if found is None:
        _end(Refused("EX-035", f"没有客户端“{code}”"))
    return found


def _show(made: Secrets) -> None:
    out.print("下面三样交给对方；密钥只显示这一次，丢失了只能更换。", style="yellow")
    for name, value in (("客户端编号", made.client), ("客户端密钥", made.secret), ("签名密钥", made.signing_key)):
        typer.echo(f"{name}\t{value}")


def _end(refused: Refused) -> NoReturn:
    show_problems((refused.problem,), err)
    raise typer.Exit(2)
