"""The answers of a trial, on a terminal: per unit each output, and under it every line of why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby

from rich import box
from rich.markup import escape
from rich.table import Table

from xinlu.cli._book import GRADES
from xinlu.cli._screen import out
from xinlu.engine.cases import plain_number, said
from xinlu.engine.facts import Facts
from xinlu.engine.provenance import CLAUSES, RATED_WHEN
from xinlu.engine.result import Entry
from xinlu.engine.trial import Answer, cited
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import Grade

_STATUS = {"rated": "green", "not_rated": "dim", "open": "yellow"}
_KINDS = {
    "start": "起评",
    "hit": "计入",
    "lost": "不重复计",
    "excluded": "排除",
    "cap": "条款上限",
    "ceiling": "上限",
    "floor": "下限",
    "clamp": "逐次限定",
    "rounding": "舍入",
    "row": "一行",
    "read": "统计",
    "fact": "情况",
    "value": "数值",
    "band": "分档",
    "condition": "条件",
    "move": "调整",
    "status": "状态",
    "output": "答案",
}


_STEPS = {CLAUSES: "条款", RATED_WHEN: "是否参评"}


def show_answers(answers: Sequence[Answer], book: Rulebook, facts: Facts) -> None:
    """Print the answers of one day, unit by unit."""
    if not answers:
        out.print("没有评价对象")
        return
    out.print(f"[bold]{escape(book.title)}[/] {escape(book.version)} · 评价基准日 {answers[0].as_of}")
    for unit, group in groupby(answers, key=lambda a: a.unit):
        _unit(unit, list(group), book, facts)


def _unit(unit: str, answers: Sequence[Answer], book: Rulebook, facts: Facts) -> None:
    table = Table(title=f"[bold]{escape(unit)}[/]", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("输出", "答案", "数值", "来源等级", "自行变化"):
        table.add_column(heading, overflow="fold")
    for one in answers:
        style = _STATUS[one.finding.status]
        grade = GRADES[Grade(one.finding.grade)] if one.finding.grade else ""
        table.add_row(
            escape(f"{one.title}（{one.output}）"),
            f"[{style}]{escape(_answer(one, book))}[/]",
            plain_number(one.value) if one.value is not None else "",
            grade,
            str(one.next_change_on or "—"),
        )
    out.print(table)
    lines = dict.fromkeys(e for a in answers for e in a.entries if e.kind != "output")
    if lines:
        out.print(_why(lines, book, facts))


def _answer(one: Answer, book: Rulebook) -> str:
    output = book.outputs[one.output]
    text = said(one.finding).strip("“”")
    if one.finding.level is not None:
        titles = {level.level: level.title for level in output.levels or book.levels}
        title = titles.get(one.finding.level, "")
        text = text if title in ("", one.finding.level) else f"{text}（{title}）"
    return f"{text}／{plain_number(output.out_of)}" if output.out_of and one.value is not None else text


def _why(entries: Iterable[Entry], book: Rulebook, facts: Facts) -> Table:
    table = Table(title="积分明细", title_justify="left", box=box.SIMPLE)
    for heading in ("步骤", "种类", "条款", "记录", "日期", "算式"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        row = (
            _step(entry, book),
            _KINDS.get(entry.kind, entry.kind),
            _clause(entry, book),
            cited(entry, book, facts),
            str(entry.day or ""),
            arithmetic(entry, facts),
        )
        table.add_row(*map(escape, row))
    return table


def _step(entry: Entry, book: Rulebook) -> str:
    part = book.folds.get(entry.step) or book.values.get(entry.step) or book.outputs.get(entry.step)
    return (part.title if part else _STEPS.get(entry.step, "")) or entry.step


def _clause(entry: Entry, book: Rulebook) -> str:
    clause = book.clauses.get(entry.clause or "")
    if clause is None:
        return entry.clause or ""
    return " ".join(p for p in (clause.clause, clause.title) if p)


def arithmetic(entry: Entry, facts: Facts) -> str:
    """The numbers of one line as people write them.

    >>> line = Entry(1, "T", "hit", raw=Decimal(-5), weight=Decimal("0.5"), share=Decimal("-2.5"))
    >>> arithmetic(line, Facts({}, {}, {}))
    '-5 × 0.5 = -2.5'
    """
    if entry.lost_to is not None:
        return f"{_number(entry.raw)} 不计，已按 {facts.record_name(entry.lost_to)} 计"
    numbers = _number(entry.raw)
    if entry.weight is not None and entry.weight != 1:
        numbers += f" × {_number(entry.weight)}"
    if entry.share is not None and (entry.raw is None or entry.share != entry.raw):
        numbers = f"{numbers} = {_number(entry.share)}" if numbers else _number(entry.share)
    if entry.kind == "move":
        return f"→ {entry.text}"
    text = f"{numbers} {entry.text or ''}".strip()
    return "缺失" if not text and entry.kind in ("read", "value", "fact") and entry.day is None else text


def _number(value: Decimal | None) -> str:
    return "" if value is None else plain_number(value)
