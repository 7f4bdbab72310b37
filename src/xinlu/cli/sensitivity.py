"""``xinlu sensitivity``: the numbers of a book, and what follows when one of them is changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out

if TYPE_CHECKING:
    from xinlu.assessment.sensitivity import Sensitivity
    from xinlu.engine.compare import Impact
    from xinlu.law.rulebook import Rulebook

app = typer.Typer(help="敏感性。")


@app.command("sensitivity")
def sensitivity(
    book: Annotated[str, typer.Argument(help="办法标识、办法@版本、draft:编号，或文件路径")],
    place: Annotated[str, typer.Argument(help="要改的数在哪里；不写则列出全部可改的数")] = "",
    number: Annotated[str, typer.Argument(help="改成多少")] = "",
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="评价日；默认今天")] = None,
) -> None:
    """改动一个数，看全体的分布怎样变化；不写 PLACE 和 NUMBER 时列出这部办法里可以改的数。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.assessment import sensitivity as turning
    from xinlu.assessment.compare import chosen
    from xinlu.gazette import current

    day = as_of.date() if as_of else datetime.now().astimezone().date()
    found = chosen(current.library(), book, day)
    if not place or not number:
        _list(found)
        return
    _tell(turning.sensitivity(found, place, number, as_of=day, scope=Scope.system("xinlu sensitivity")))


def _list(book: Rulebook) -> None:
    from xinlu.assessment.sensitivity import knobs

    table = Table(title=f"{escape(book.title)} {escape(book.version)}", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("位置", "说明", "现值"):
        table.add_column(heading, overflow="fold")
    for knob in knobs(book):
        table.add_row(escape(knob.place), escape(knob.title), f"{knob.number:f}")
    out.print(table)


def _tell(found: Sensitivity) -> None:
    out.print(
        f"[bold]{escape(found.book.title)}[/] {escape(found.book.version)} · 评价日 {found.as_of}\n"
        f"{escape(found.knob.title)}：{found.knob.number:f} → {found.number:f}（{found.seconds:.1f} 秒）"
    )
    for impact in found.impacts:
        title = found.book.outputs[impact.output].title
        out.print(
            f"\n[bold]{escape(title)}[/]：全体 {impact.population} = 不变 {impact.unchanged} + 变动 {impact.moved}"
            f"（变好 {impact.better}，变差 {impact.worse}）；数值不同 {impact.numbers_changed}"
        )
        if impact.moved:
            out.print(_distribution(found, impact))


def _distribution(found: Sensitivity, impact: Impact) -> Table:
    from xinlu.assessment.statement_file import place_title

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("结论", "改前", "改后", "增减"):
        table.add_column(heading, justify="left" if heading == "结论" else "right")
    for place, before, after in impact.sides:
        words = escape(place_title(found.book, impact.output, place))
        table.add_row(words, str(before), str(after), f"{after - before:+d}" if after != before else "·")
    return table
