"""``xinlu compare``: the impact statement of one book against another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out
from xinlu.engine.compare import Impact

app = typer.Typer(help="影响评估。")
_PLACES = {"rated": "已评", "not_rated": "未评", "open": "待人工", "absent": "不在范围"}


@app.command("compare")
def compare_two(
    before: Annotated[str, typer.Argument(help="现行：办法标识、办法@版本，或文件路径")],
    after: Annotated[str, typer.Argument(help="拟行：办法标识、办法@版本，或文件路径")],
    as_of: Annotated[datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="评价日")],
    most: Annotated[int, typer.Option("--most", help="最多列出多少个变动主体")] = 20,
) -> None:
    """在全部主体上比较 BEFORE 与 AFTER：谁从哪一级变到哪一级，因为哪一条。"""
    start_django()
    from xinlu.assessment.compare import compare_books

    found = compare_books(before, after, as_of=as_of.date(), known_at=datetime.now(UTC))
    out.print(
        f"[bold]影响评估[/] {escape(found.before.title)} "
        f"{found.before.version} → {found.after.version} · 评价日 {found.as_of}"
    )
    for impact in found.impacts:
        title = found.after.outputs[impact.output].title
        out.print(
            f"\n[bold]{escape(title)}[/]：全体 {impact.population}，不变 {impact.unchanged}，"
            f"变动 {len(impact.shifts)}，未交代 {impact.unaccounted}；结论不变而数值不同 {impact.numbers_changed}"
        )
        out.print(matrix_of(impact))
        for shift in impact.shifts[:most]:
            name = found.names.get(shift.unit, f"主体 {shift.unit}")
            causes = "、".join([one.clause for one in shift.clauses] + list(shift.moves)) or "算法不同"
            out.print(f"  {escape(name)}：{_place(shift.before)} → {_place(shift.after)}（{escape(causes)}）")
        if len(impact.shifts) > most:
            out.print(f"  另有 {len(impact.shifts) - most} 个，用 --most 列出更多")


def matrix_of(impact: Impact) -> Table:
    """The migration matrix: rows before, columns after."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("现行＼拟行")
    for place in impact.places:
        table.add_column(_place(place), justify="right")
    for row in impact.places:
        numbers = [impact.matrix.get((row, column), 0) for column in impact.places]
        table.add_row(_place(row), *(str(number) if number else "·" for number in numbers))
    return table


def _place(place: str) -> str:
    return _PLACES.get(place, place)
