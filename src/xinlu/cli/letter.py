"""``xinlu letter``: the quality letter of a source and month as papers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="数据质量函。")


@app.command("letter")
def write_letter(
    source: Annotated[str, typer.Argument(help="数据源代码")],
    month: Annotated[datetime, typer.Argument(formats=["%Y-%m"], help="哪个月收到的，如 2026-06")],
    to: Annotated[Path, typer.Option("--to", help="写到哪个文件夹")] = Path(),
) -> None:
    """写出 SOURCE 在 MONTH 的质量函：PDF 和工作簿；个人信息已遮盖。"""
    start_django()
    from django.conf import settings

    from xinlu.access.scope import Scope
    from xinlu.intake.letter import letter
    from xinlu.intake.letter_file import hand_out

    scope = Scope.system("xinlu letter")
    found = letter(scope, source, month.date())
    if found is None:
        out.print(f"数据源“{source}”在 {month:%Y-%m} 没有交付")
        raise typer.Exit(2)
    sample = (Path(settings.VAR) / "demo" / "built.json").exists()
    to.mkdir(parents=True, exist_ok=True)
    for form in ("pdf", "xlsx"):
        path = to / f"{'示例省-' if sample else ''}数据质量函-{found.reference}.{form}"
        path.write_bytes(hand_out(scope, found, form, sample=sample, at=datetime.now(UTC)))
        out.print(str(path))
    out.print(f"退回 {found.refused} 行，已重报 {found.answered} 行")
