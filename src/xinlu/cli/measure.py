"""``xinlu measure``: the model measures of one round of a book."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out

if TYPE_CHECKING:
    from xinlu.assessment.checkup import Checkup
    from xinlu.assessment.statistics import Between

app = typer.Typer(help="模型体检。")
TOO_FEW = "未足样本"


@app.command("measure")
def measure(
    book: Annotated[str, typer.Argument(help="评价办法标识")],
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="哪一天的批次；默认最近")
    ] = None,
    outcome: Annotated[str, typer.Option("--outcome", help="事后结果；不写则列出可选的")] = "",
    near: Annotated[float, typer.Option("--near", help="距分界多少分以内算临界", min=0)] = 1,
) -> None:
    """对一个批次做模型体检：条款使用、来源、与上期相比的稳定性、区分度、地区公平、临界主体。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.assessment.checkup import check_up, last_round, outcomes_of, round_of

    run = round_of(book, as_of.date() if as_of else None)
    if run is None:
        out.print(f"“{escape(book)}”没有这一天的批次。先运行 xinlu run {escape(book)} --as-of …")
        raise typer.Exit(2)
    offered = {one.name: one for one in outcomes_of(run)}
    if outcome and outcome not in offered:
        out.print(f"没有事后结果“{escape(outcome)}”。可选：{'、'.join(offered) or '无'}")
        raise typer.Exit(2)
    found = check_up(
        run,
        Scope.system("xinlu measure"),
        today=datetime.now().astimezone().date(),
        last=last_round(run),
        outcome=offered.get(outcome),
        near=Decimal(str(near)),
    )
    _head(found)
    _clauses(found)
    _levels(found)
    if found.outcome is not None:
        _discrimination(found)
    elif offered:
        out.print(f"\n区分度：用 --outcome 选择事后结果：{'、'.join(f'{k}（{v.title}）' for k, v in offered.items())}")
    _fairness(found)
    _edges(found)


def _head(found: Checkup) -> None:
    against = f"，上期 {found.last.as_of}" if found.last else "，没有上期"
    out.print(
        f"[bold]模型体检[/] {escape(found.book.title)} · 批次 {found.run.code}（评价日 {found.run.as_of}{against}）\n"
        f"评价单元 {found.units}，有结论 {found.rated}"
    )


def _clauses(found: Checkup) -> None:
    if not found.clauses:
        return
    from xinlu.ledger.models import Delivery

    table = _table("条款", "命中", "重复未计", "涉及单元", "分值合计", "数据来源")
    for one in found.clauses:
        arrived = ((Delivery.Way(way).label if way else "本平台产生", n) for way, n in sorted(one.arrivals.items()))
        ways = "、".join(f"{way} {number}" for way, number in arrived)
        hits = "只计次" if one.counted else str(one.hits)
        table.add_row(escape(one.title), hits, str(one.lost), str(one.units), f"{one.points.normalize():f}", ways)
    out.print(table)
    idle = "、".join(one.title for one in found.idle)
    out.print(f"从未命中 {len(found.idle)} 条{'：' + escape(idle) if idle else ''}")
    if found.drawn > 1:
        out.print(f"数据来源按记录编号每 {found.drawn} 条抽 1 条")


def _levels(found: Checkup) -> None:
    from xinlu.assessment.statement_file import place_title

    table = _table("等级", "本期", "上期")
    for one in found.levels:
        title = place_title(found.book, found.output, one.level) if one.level else "没有等级"
        table.add_row(escape(title), str(one.units), "—" if one.before is None else str(one.before))
    out.print(table)
    if found.last is not None:
        out.print(f"稳定性 PSI：等级 {_told(found.stability)}，数值 {_told(found.stability_of_numbers)}")


def _discrimination(found: Checkup) -> None:
    measure = found.outcome
    assert measure is not None
    out.print(
        f"\n[bold]区分度[/] {escape(measure.outcome.words)}，{measure.begins} 至 {measure.until}"
        + ("" if measure.whole else f"（数据只到 {measure.known}，观察期未满）")
    )
    table = _table("规模", "单元", "发生", "AUC（95% 区间）", "Gini", "KS")
    for one in measure.bands:
        own = one.found
        auc = TOO_FEW if own.auc is None else f"{own.auc:.3f}（{own.low:.3f}–{own.high:.3f}）"
        table.add_row(escape(one.title), str(own.units), str(own.events), auc, _told(own.gini), _told(own.ks))
    out.print(table)


def _fairness(found: Checkup) -> None:
    fair = found.fairness
    if fair is None:
        return
    from xinlu.assessment.statement_file import place_title

    names = [place_title(found.book, found.output, one.level) for one in found.levels if one.level]
    table = _table("设区市", "单元", *map(escape, names), "平均数值")
    for city in fair.cities:
        numbers = map(str, city.levels)
        table.add_row(fair.grouping.title_of(city.code), str(city.units), *numbers, _told(city.mean, 2, "—"))
    out.print(table)
    out.print(f"地区差异：等级 {_between(fair.by_level)}；数值 {_between(fair.by_number)}")


def _edges(found: Checkup) -> None:
    if not found.edges:
        return
    table = _table("分界", f"差 {found.near:f} 分以内未到", f"超出 {found.near:f} 分以内")
    for one in found.edges:
        table.add_row(f"{one.upper}／{one.lower} {one.number:f}", str(one.below), str(one.above))
    out.print(table)


def _between(found: Between | None) -> str:
    if found is None:
        return TOO_FEW
    effect = "" if found.effect is None else f"，Cramér V {found.effect:.3f}"
    return f"p = {found.p:.3g}{effect}（{found.groups} 市）"


def _told(number: float | None, places: int = 3, missing: str = TOO_FEW) -> str:
    return missing if number is None else f"{number:.{places}f}"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else "right", overflow="fold")
    return table
