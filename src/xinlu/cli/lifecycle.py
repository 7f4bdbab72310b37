"""``xinlu lifecycle``: where records stand, and the two deeds of their end."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import out

if TYPE_CHECKING:
    from xinlu.journal.actor import Actor
    from xinlu.ledger.archive import Touched

app = typer.Typer(help="生命周期：各阶段的数量、归档、销毁。", no_args_is_help=True)
CHINA = ZoneInfo("Asia/Shanghai")

On = Annotated[datetime | None, typer.Option("--on", help="日期，默认今天", formats=["%Y-%m-%d"])]
Item = Annotated[str | None, typer.Option("--item", help="只看这个信息项")]
Dry = Annotated[bool, typer.Option("--dry-run", help="只说会动到什么，不改动")]
Person = Annotated[str, typer.Option("--person", help="办理人的用户名")]


@app.command("counts")
def show_counts(on: On = None, item: Item = None) -> None:
    """各阶段的记录数。"""
    start_django()
    from xinlu.access.scope import Scope
    from xinlu.ledger import life

    found = life.counts(Scope.system("xinlu lifecycle"), on=_day(on), item=item)
    for stage, number in found.items():
        out.print(f"{stage.label:<6}{number:>12,}  {life.WORDS[stage]}")


@app.command("archive")
def archive_records(on: On = None, item: Item = None, dry_run: Dry = False) -> None:
    """归档使用期或保存期已满、决定已被撤销的记录。宜在零时后由定时任务执行。"""
    start_django()
    from xinlu.journal.actor import Actor
    from xinlu.ledger.archive import archive

    found = archive(
        on=_day(on), item=item, actor=Actor.system("xinlu lifecycle"), at=datetime.now(UTC), dry_run=dry_run
    )
    _show(found)
    out.print(f"{'将归档' if dry_run else '已归档'} {found.records} 条记录，清单摘要 {found.digest[:16]}")


@app.command("propose")
def propose_destruction(
    person: Person,
    reason: Annotated[str, typer.Option("--reason", help="事由")] = "",
    on: On = None,
    item: Item = None,
    dry_run: Dry = False,
) -> None:
    """提出销毁保存期已满的归档记录；由另一人执行。"""
    start_django()
    from xinlu.ledger.destroy import due, propose

    found = due(on=_day(on), item=item)
    _show(found)
    if dry_run:
        out.print(f"将销毁 {found.records} 条记录，清单摘要 {found.digest[:16]}")
        return
    order = propose(on=_day(on), item=item, reason=reason, actor=_actor(person), at=datetime.now(UTC))
    out.print(f"销毁单 {order.pk}：{order.records} 条记录，清单摘要 {order.digest[:16]}；请另一人执行")


@app.command("destroy")
def destroy_records(
    order: Annotated[int, typer.Argument(help="销毁单编号")],
    person: Person,
) -> None:
    """执行另一人提出的销毁单，并从列式副本中清除。"""
    start_django()
    from xinlu.ledger import columnar
    from xinlu.ledger.destroy import carry_out, known_order

    done = carry_out(known_order(order).pk, actor=_actor(person), at=datetime.now(UTC))
    columnar.expunge()
    out.print(f"销毁单 {done.pk}：已销毁 {done.records} 条记录，留存根；列式副本已清除")


def _day(on: datetime | None) -> date:
    return on.date() if on else datetime.now(CHINA).date()


def _actor(name: str) -> Actor:
    from xinlu.access.models import Person
    from xinlu.access.scope import Scope
    from xinlu.ledger.destroy import refuse_person

    found = Person.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise refuse_person(name)
    scope = Scope.of(found)
    if not found.destroys_records:
        raise refuse_person(name)
    return scope.actor


def _show(found: Touched) -> None:
    for (item, because), number in found.by.items():
        out.print(f"  {item:<28}{because:<10}{number:>10,}")
