"""``xinlu undo``: take a whole delivery back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import err, out, show_problems

app = typer.Typer(help="撤销或撤回一个交付批次。")


@app.command("undo")
def undo_delivery(
    delivery: Annotated[int, typer.Argument(help="交付批次的编号")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="理由，至少十个字")],
    withdraw: Annotated[bool, typer.Option("--withdraw", help="撤回：已过时限，或已有发布的评价结果用过它")] = False,
) -> None:
    """撤销批次 DELIVERY：原有的数据恢复原样。不能撤销时退出码为 2，数据没有任何改动。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.intake import undo
    from xinlu.intake.problems import Refused

    verb, said = (undo.withdraw, "撤回") if withdraw else (undo.undo, "撤销")
    try:
        done = verb(Scope.system("xinlu undo"), delivery, reason=reason, at=datetime.now(UTC))
    except Refused as refused:
        show_problems(refused.problems, err)
        raise typer.Exit(2) from None
    out.print(f"批次 {delivery} 已{said}：撤下 {done.withdrawn} 条记录，恢复原有 {done.restored} 条")
