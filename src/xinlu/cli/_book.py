"""A rulebook as people read it, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table

from xinlu.cli._screen import out
from xinlu.engine.cases import plain_number
from xinlu.law.rulebook import Clause, Output, Rulebook
from xinlu.law.source import Grade

GRADES = {
    Grade.OFFICIAL: "条文",
    Grade.SECONDARY: "转引",
    Grade.UNVERIFIED: "待核",
    Grade.SAMPLE: "示例",
}


def show_rulebook(book: Rulebook, versions: Sequence[Rulebook]) -> None:
    """Print head, clauses, parameters, outputs and open points."""
    _head(book, versions)
    _clauses(book)
    _parameters(book)
    for name, output in book.outputs.items():
        _output(book, name, output)
    if book.open_points:
        out.print("\n[bold]读法与缺项[/]")
        for point in book.open_points:
            out.print(f"· {escape(point)}")


def _head(book: Rulebook, versions: Sequence[Rulebook]) -> None:
    until = f"，至 {book.in_force.until}（不含）" if book.in_force.until else ""
    out.print(f"[bold]{escape(book.title)}[/]  {book.rulebook} {escape(book.version)}")
    out.print(f"{escape(book.source.document)} · {escape(book.source.issuer)} · 来源等级：{GRADES[book.source.grade]}")
    out.print(f"自 {book.in_force.from_} 起施行{until}")
    if others := [v.version for v in versions if v.version != book.version]:
        out.print(f"其他版本：{escape('、'.join(others))}")
    if book.summary:
        out.print(escape(book.summary))


def _clauses(book: Rulebook) -> None:
    if not book.clauses:
        return
    table = Table(title="条款", title_justify="left", expand=False)
    for heading in ("条款", "条文", "内容", "分值", "来源等级"):
        table.add_column(heading, overflow="fold")
    for name, clause in book.clauses.items():
        title = clause.title if not clause.text else f"{clause.title}：{clause.text}"
        row = (name, clause.clause, title, _points(clause), GRADES[book.grade_of(clause)])
        table.add_row(*map(escape, row))
    out.print(table)


def _points(clause: Clause) -> str:
    amount = f"−{clause.minus}" if clause.minus else f"+{clause.plus}" if clause.plus else ""
    if clause.per:
        amount += f" × {clause.per}"
    if clause.at_most:
        amount += f"，单次至多 {clause.at_most}"
    return amount + (f"，合计至多 {clause.cap.limit}" if clause.cap else "")


def _parameters(book: Rulebook) -> None:
    if not book.parameters:
        return
    table = Table(title="参数", title_justify="left")
    for heading in ("参数", "说明", "值", "条文", "来源等级"):
        table.add_column(heading, overflow="fold")
    for name, one in book.parameters.items():
        row = (name, one.title, f"{one.value} {one.unit}".strip(), one.clause, GRADES[book.grade_of(one)])
        table.add_row(*map(escape, row))
    out.print(table)


def _output(book: Rulebook, name: str, output: Output) -> None:
    out.print(f"\n[bold]{escape(output.title)}[/]  {name}")
    titles = {level.level: level.title for level in output.levels or book.levels}
    if output.value is not None:
        full = f"（满分 {plain_number(output.out_of)}）" if output.out_of else ""
        out.print(escape(f"  = {output.value}{full}"))
    if output.partial:
        out.print(escape(f"  只有部分得分：{output.partial}"))
    if output.bands is not None:
        for level, interval in output.bands.cut.items():
            out.print(escape(f"  {titles.get(level, level)}（{level}）：{output.bands.of} 在 {interval}"))
    for line in _decisions(output):
        out.print(escape(f"  {line}"))


def _decisions(output: Output) -> Iterable[str]:
    for one in output.conditions:
        then = one.then or f"待人工：{one.ask}"
        yield f"{one.when} → {then}  {one.clause}".rstrip()
    if output.otherwise is not None:
        yield f"其余 → {output.otherwise}"
    for move in output.moves:
        verb, level = next(
            (chinese, getattr(move, key))
            for key, chinese in (("set", "定为"), ("at_most", "不高于"), ("at_least", "不低于"))
            if getattr(move, key) is not None
        )
        when = " 且 ".join(p for p in ("、".join(move.by), move.when or "") if p)
        yield f"调整：{f'{when} → ' if when else ''}{verb} {level}  {move.clause}{move.title}".rstrip()
