"""``xinlu indicators``: the indicators of the plan, in all and by city."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated

import typer
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="工作计划的数据指标。")


@app.command("indicators")
def indicators(
    month: Annotated[
        datetime | None, typer.Option("--month", formats=["%Y-%m"], help="只看这个月；默认截至今天所在月的十二个月")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="city（各市）或 item（信息项）")] = "city",
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """指标利用率、自动化归集率、及时率、合规率、有效入库率：分子、分母和占比。"""
    start_django()
    from django.conf import settings
    from django.utils import timezone

    from xinlu.access.scope import Scope
    from xinlu.assessment import clause_use
    from xinlu.gazette.current import library
    from xinlu.intake import quantities
    from xinlu.ledger.cuts import Cut, city_titles, month_after, months_back

    scope, today = Scope.system("xinlu indicators"), settings.TODAY or timezone.localdate()
    first = month.date() if month else months_back(today, 11)
    cut = Cut(first, month_after(month.date() if month else today))
    cells, clauses = quantities.cube(scope, since=cut.since, until=cut.until), clause_use.clauses(scope, cut)

    def counted(code: str | None) -> dict[str, int]:
        if code is None:
            return quantities.total(cells) | clause_use.quantities(clauses)
        if by == "item":
            of_item = clause_use.quantities(one for one in clauses if one.item == code)
            return quantities.total(one for one in cells if one.item == code) | of_item
        return quantities.total(one for one in cells if one.city == code) | clause_use.quantities(clauses, code)

    named = {one.item for one in cells} | {one.item for one in clauses if one.item}
    places = dict.fromkeys(sorted(named)) if by == "item" else city_titles()
    order = sorted(library().indicators.values(), key=lambda one: one.place)
    told = {one.indicator: {code or "all": one.of(counted(code)) for code in (None, *places)} for one in order}
    if as_json:
        said = {
            name: {code: {"numerator": s.part, "denominator": s.whole, "share": s.value} for code, s in shares.items()}
            for name, shares in told.items()
        }
        typer.echo(json.dumps({"since": cut.since, "until": cut.until, "indicators": said}, default=_text, indent=1))
        return
    table = Table(title=f"{cut.since} 至 {cut.until - date.resolution}", title_justify="left")
    table.add_column("信息项" if by == "item" else "地区")
    for one in order:
        table.add_column(one.title, justify="right")
    for code in (None, *places):
        shares = [told[one.indicator][code or "all"] for one in order]
        cells_of = [f"{s.percent} [dim]{s.part}/{s.whole}[/]" if s.whole else "—" for s in shares]
        table.add_row("全部" if code is None else (places[code] or code), *cells_of)
    out.print(table)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
