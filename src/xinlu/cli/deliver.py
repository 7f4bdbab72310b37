"""``xinlu deliver``: hand over a file of one source."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import err, out, show_problems

app = typer.Typer(help="报送一个文件。")


@app.command("deliver")
def deliver_file(
    file: Annotated[Path, typer.Argument(help="CSV、XLSX、JSON 或 NDJSON 文件")],
    source: Annotated[str, typer.Option("--source", "-s", help="数据源代码")],
    item: Annotated[str | None, typer.Option("--item", help="信息项；默认按列名认")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="主体登记文件的主体类别")] = None,
    relation: Annotated[str | None, typer.Option("--relation", help="主体关系文件的关系")] = None,
    check: Annotated[bool, typer.Option("--check", help="只核对，不入库")] = False,
    all_or_nothing: Annotated[bool, typer.Option("--all-or-nothing", help="有一行不合格就整批不入库")] = False,
    received_at: Annotated[datetime | None, typer.Option("--received-at", help="收到时间（UTC），默认现在")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """报送 FILE：合格的行入库，有疑问的逐行说明。整个文件不收时退出码为 2，有疑问行时为 1。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.intake.deliver import deliver
    from xinlu.intake.preview import preview
    from xinlu.intake.problems import Refused
    from xinlu.intake.sheet import COMMAND
    from xinlu.journal.actor import Actor

    at = received_at.replace(tzinfo=UTC) if received_at else datetime.now(UTC)
    scope = Scope.system("xinlu deliver")
    said = {"path": file, "source": source, "item": item, "kind": kind, "relation": relation}
    try:
        if check:
            result = preview(**said, received_at=at, scope=scope, limits=COMMAND)  # type: ignore[arg-type]
        else:
            mode = "all_or_nothing" if all_or_nothing else "accept_good"
            result = deliver(  # type: ignore[assignment]
                **said,  # type: ignore[arg-type]
                received_at=at,
                actor=Actor.system("deliver"),
                scope=scope,
                mode=mode,  # type: ignore[arg-type]
            )
    except Refused as refused:
        if as_json:
            typer.echo(json.dumps({"refused": [asdict(p) for p in refused.problems]}, ensure_ascii=False, indent=2))
        else:
            show_problems(refused.problems, err)
            err.print("整个文件没有收入，库中没有任何改动")
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(asdict(result), ensure_ascii=False, indent=2))
    else:
        show_problems((*result.warnings, *result.problems))
        verb = "可入库" if check else "入库"
        out.print(
            f"{result.title}：共 {result.delivered} 行，{verb} {result.accepted}，"
            f"疑问 {result.queried}，重复 {result.duplicate}"
        )
        if result.queried > len(result.problems):
            out.print(f"上面是前 {len(result.problems)} 行；其余见交付批次的疑问数据")
    raise typer.Exit(1 if result.queried else 0)
