"""``xinlu publicity``: 双公示 to the provincial platform – what is due, the file for it, and its receipts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import err, out, show_problems

app = typer.Typer(help="双公示上报。", no_args_is_help=True)
_ITEMS = {"permit": "administrative_permit", "penalty": "administrative_penalty"}
What = Annotated[Literal["permit", "penalty"], typer.Argument(help="permit 许可，penalty 处罚")]


def _now() -> datetime:
    return datetime.now(UTC)


@app.command("list")
def list_states(as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:
    """各状态的条数：待报、已报、退回、成功、撤销，以及逾期和将到期的。有逾期的退出码为 1。"""
    start_django()
    from rich.table import Table

    from xinlu.access.scope import Scope
    from xinlu.exchange import publicity
    from xinlu.exchange.publicity_problems import NotReported
    from xinlu.intake.deliver import CHINA

    scope, today = Scope.system("xinlu publicity list"), _now().astimezone(CHINA).date()
    rule = publicity.rule_on(today)
    if rule is None:
        show_problems([NotReported("DP-001", "没有生效的双公示报送规定").problem], err)
        raise typer.Exit(2)
    told = {
        table.short: {
            **publicity.counts(scope, table),
            **publicity.overdue(scope, table, on=today, rule=rule),
        }
        for table in rule.tables
    }
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        shown = Table()
        for heading in ("", *publicity.STATES.values(), "逾期", "将到期"):
            shown.add_column(heading)
        for name, numbers in told.items():
            shown.add_row(name, *(str(one) for one in numbers.values()))
        out.print(shown)
    raise typer.Exit(1 if any(one["overdue"] for one in told.values()) else 0)


@app.command("submit")
def make_submission(
    what: What,
    most: Annotated[int, typer.Option("--most", help="一个文件至多几行")] = 5000,
) -> None:
    """把待报的生成一个上报批次（撤销在前，再按决定日期）；随后用 xinlu publicity file 取文件。"""
    start_django()
    from xinlu.exchange.publicity_problems import NotReported
    from xinlu.exchange.submit import submit
    from xinlu.journal.actor import Actor

    try:
        made = submit(_ITEMS[what], actor=Actor.system("publicity"), at=_now(), most=most)
    except NotReported as refused:
        show_problems([refused.problem], err)
        raise typer.Exit(2) from None
    out.print(f"批次 {made.pk}，共 {made.rows.count()} 行" if made else "没有待报的")


@app.command("file")
def write_file(
    number: Annotated[int, typer.Argument(help="上报批次")],
    to: Annotated[Path, typer.Option("--to", help="写到这个文件；后缀 .xlsx 或 .csv 决定格式")],
) -> None:
    """把一个批次写成平台的文件。文件里有自然人的证件号码，只交给平台。"""
    start_django()
    from xinlu.exchange.outgoing import hand_out
    from xinlu.exchange.publicity_models import Submission
    from xinlu.exchange.publicity_problems import NotReported
    from xinlu.journal.actor import Actor

    form = to.suffix.lower().removeprefix(".")
    if form not in ("xlsx", "csv"):
        err.print("后缀应为 .xlsx 或 .csv")
        raise typer.Exit(2)
    try:
        found = Submission.objects.filter(pk=number).first()
        if found is None:
            raise NotReported("DP-003", f"没有上报批次 {number}")
        data = hand_out(found, form, actor=Actor.system("publicity"), at=_now())  # type: ignore[arg-type]
    except NotReported as refused:
        show_problems([refused.problem], err)
        raise typer.Exit(2) from None
    draft = to.with_name(f"{to.name}.part")
    draft.touch(mode=0o600)
    draft.write_bytes(data)
    draft.replace(to)
    out.print(f"已写 {to.name}")


@app.command("receipt")
def read_answers(
    file: Annotated[Path, typer.Argument(help="平台回执文件")],
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """读平台的回执。有对不上的行时退出码为 1，整个文件读不了时为 2。"""
    start_django()
    from xinlu.exchange.publicity_problems import NotReported
    from xinlu.exchange.receipt import read_receipt
    from xinlu.intake.problems import Refused
    from xinlu.journal.actor import Actor

    try:
        data = file.read_bytes()
        result = read_receipt(data, name=file.name, actor=Actor.system("publicity"), at=_now())
    except OSError as error:
        err.print(f"{file.name} 打不开（{error.strerror}）")
        raise typer.Exit(2) from None
    except Refused as refused:
        show_problems(refused.problems, err)
        raise typer.Exit(2) from None
    except NotReported as refused:
        show_problems([refused.problem], err)
        raise typer.Exit(2) from None
    if as_json:
        facts = {name: getattr(result, name) for name in ("receipt", "rows", "accepted", "returned", "known")}
        typer.echo(json.dumps({**facts, "problems": [one.code for one in result.problems]}, ensure_ascii=False))
    else:
        show_problems(result.problems)
        out.print(
            f"共 {result.rows} 行：成功 {result.accepted}，退回 {result.returned}，"
            f"已知 {result.known}，对不上 {len(result.problems)}"
        )
    raise typer.Exit(1 if result.problems else 0)


@app.command("again")
def tell_again(
    records: Annotated[list[int], typer.Argument(help="记录编号")],
    reason: Annotated[str, typer.Option("--reason", help="为什么再报")],
) -> None:
    """让已报未回执的、被退回的再报一次。"""
    start_django()
    from xinlu.exchange.publicity_problems import NotReported
    from xinlu.exchange.submit import send_again
    from xinlu.journal.actor import Actor

    try:
        count = send_again(records, reason=reason, actor=Actor.system("publicity"), at=_now())
    except NotReported as refused:
        show_problems([refused.problem], err)
        raise typer.Exit(2) from None
    out.print(f"{count} 条列为待报")
