"""``xinlu explain``: why a subject stands where it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from xinlu.cli import start_django
from xinlu.cli._screen import out
from xinlu.engine.explain import Explanation, Line, Part

app = typer.Typer(help="解释评价结果。")


@app.command("explain")
def explain_subject(
    subject: Annotated[str, typer.Argument(help="主体标识：统一社会信用代码、证件号、车牌号等")],
    book: Annotated[str, typer.Argument(help="评价办法标识")],
    run: Annotated[str | None, typer.Option("--run", help="批次编号，默认最近一次发布的批次")] = None,
    before: Annotated[
        datetime | None, typer.Option("--before", formats=["%Y-%m-%d"], help="只看此日以前的批次")
    ] = None,
) -> None:
    """按 BOOK 说明 SUBJECT 的每一分从哪条记录、哪一条款来。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.assessment import queries
    from xinlu.assessment.explain import explain_unit
    from xinlu.registry.queries import find

    scope = Scope.system("xinlu explain")
    one = find(scope, value=subject)
    chosen = queries.run(scope, run) if run else queries.last_published(book, before=before.date() if before else None)
    if one is None or chosen is None:
        out.print("没有这个主体" if one is None else f"没有已发布的“{book}”批次；试算批次请用 --run 指定")
        raise typer.Exit(2)
    if queries.rates_records(chosen):
        out.print(f"“{chosen.book}”评价的是单条记录，没有主体的结果可解释")
        raise typer.Exit(2)
    explanations = explain_unit(scope, chosen, one.pk)
    if not explanations:
        out.print(f"批次 {chosen.code} 没有评价这个主体：它不在这部办法的评价范围内")
        raise typer.Exit(1)
    out.print(f"[bold]{escape(one.name)}[/] · {chosen.code}（评价基准日 {chosen.as_of}）")
    for explanation in explanations:
        out.print(tree_of(explanation))


def tree_of(explanation: Explanation) -> Tree:
    """One finding as a tree: the answer, the decisions, then every fold with its lines."""
    root = Tree(f"[bold]{escape(explanation.title)}[/]：{escape(explanation.sentence)}")
    for decision in explanation.decisions:
        root.add(escape(_line(decision)))
    for part in explanation.parts:
        _add_part(root, part)
    for title, lines in (("引用的记录", explanation.evidence), ("排除的记录", explanation.excluded)):
        if lines:
            branch = root.add(title)
            for line in lines:
                branch.add(escape(_line(line)))
    for sentence in explanation.would_change:
        root.add(f"[cyan]{escape(sentence)}[/]")
    return root


def _add_part(tree: Tree, part: Part) -> None:
    branch = tree.add(f"{escape(part.title)} = {escape(part.value)}　[dim]{escape(part.arithmetic)}[/]")
    for line in part.lines:
        branch.add(escape(_line(line)))
    for inner in part.parts:
        _add_part(branch, inner)


def _line(line: Line) -> str:
    parts = [line.title, line.article, line.text, line.arithmetic]
    if line.record is not None:
        parts.append(f"记录 {line.record}")
    if line.day is not None:
        parts.append(str(line.day))
    return "　".join(part for part in parts if part)
