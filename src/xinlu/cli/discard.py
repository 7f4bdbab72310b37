"""``xinlu discard``: let go of old runs that nobody published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="清理试算批次。")


@app.command("discard")
def discard(
    days: Annotated[
        int | None, typer.Option("--days", help="试算满多少天后清理；默认见 XINLU_TRIAL_DAYS", min=0)
    ] = None,
    keep: Annotated[list[str] | None, typer.Option("--keep", help="保留这个批次，可多次给出")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说会清理什么，不改动")] = False,
) -> None:
    """清理没有发布、也没有被引用的试算批次及其文件；已发布的批次始终保留。"""
    start_django()
    from xinlu.assessment.discard import discard_trials
    from xinlu.journal.actor import Actor

    found = discard_trials(
        actor=Actor.system("xinlu discard"), at=datetime.now(UTC), days=days, keep=keep or (), dry_run=dry_run
    )
    for code in found.runs:
        out.print(f"  {code}")
    for code in found.kept:
        out.print(f"  {code}：有引用，保留")
    for name in found.orphans:
        out.print(f"  {name}：没有对应的批次")
    verb = "将清理" if dry_run else "已清理"
    out.print(
        f"{verb} {len(found.runs)} 个试算批次、{len(found.orphans)} 个无主文件夹，共 {found.bytes / 1e6:.1f} MB；"
        f"保留 {len(found.kept)} 个有引用的"
    )
