"""Take a delivery back: undo it while nobody has made anything of it, withdraw it afterwards.

Both give back what stood before (:mod:`xinlu.ledger.undo`). They differ in what they need and in what follows:

- **Undo** (撤销) is for a slip: within a day, by the organ that delivered, while no published standing may have read
  the rows and nothing was built on them. The delivery is as if it had never been made; the same file may come again.
- **Withdraw** (撤回) is for everything else. The journal keeps which rulebooks had published meanwhile, so that whoever
  rates can rate again.

Whether a standing read a delivery is answered on the safe side: any standing published after the delivery came, under
a book that reads the item directly or through another book, counts as one that did, whoever it is about. A clean
subject, a rank or an average reads every row, too. The day is a rule of this system: no regulation gives one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.problems import Refused, file_problem
from xinlu.journal.append import append
from xinlu.law.library import Library
from xinlu.law.problem import Problem
from xinlu.ledger import queries
from xinlu.ledger.models import Delivery, Standing, TakenBack
from xinlu.ledger.undo import changed_since, children_of_others, take_back_delivery
from xinlu.ledger.versions import RATING

TIME_TO_UNDO = timedelta(hours=24)
LEAST_REASON = 10
"""Signs."""
VERB_UNDONE, VERB_WITHDRAWN = "intake.delivery.undone", "intake.delivery.withdrawn"


@dataclass(frozen=True)
class TakingBack:
    """What can be done with a delivery now. ``against_undoing`` and ``against_withdrawing`` say why not."""

    delivery: Delivery
    until: datetime
    """Until when it can be undone, if nothing else happens."""
    read_by: tuple[str, ...]
    """Titles of the books under which standings were published since."""
    done: TakenBack | None
    against_undoing: tuple[Problem, ...]
    against_withdrawing: tuple[Problem, ...]

    @property
    def can_undo(self) -> bool:
        """Whether :func:`undo` would do it."""
        return not self.against_undoing

    @property
    def can_withdraw(self) -> bool:
        """Whether :func:`withdraw` would do it."""
        return not self.against_withdrawing


def taking_back(scope: Scope, delivery: int, *, at: datetime) -> TakingBack | None:
    """What can be done with delivery number ``delivery``; None when ``scope`` may not take it back at all."""
    found = queries.delivery(scope, delivery)
    if found is None or not _may(scope, found):
        return None
    done = TakenBack._base_manager.filter(delivery=found).first()
    until = found.received_at + TIME_TO_UNDO
    books = _readers(found)
    always = _against(found, done)
    soon = list(always)
    if not always:
        if at >= until:
            soon.append(_problem("B03", "收到已满二十四小时"))
        if books:
            soon.append(_problem("B04", f"此后发布过评价结果：{'、'.join(books)}"))
        if changed := changed_since(found):
            soon.append(_problem("B05", f"其后的批次改动过 {changed} 条记录"))
    return TakingBack(found, until, books, done, tuple(soon), always)


def undo(scope: Scope, delivery: int, *, reason: str, at: datetime) -> TakenBack:
    """Undo delivery number ``delivery``.

    Raises:
        Refused: B01–B08; nothing was changed.
    """
    return _take_back(scope, delivery, TakenBack.Kind.UNDONE, reason=reason, at=at)


def withdraw(scope: Scope, delivery: int, *, reason: str, at: datetime) -> TakenBack:
    """Withdraw delivery number ``delivery``: what something later changed stays as it is.

    Raises:
        Refused: B01, B02, B06–B08; nothing was changed.
    """
    return _take_back(scope, delivery, TakenBack.Kind.WITHDRAWN, reason=reason, at=at)


@transaction.atomic
def _take_back(scope: Scope, delivery: int, kind: TakenBack.Kind, *, reason: str, at: datetime) -> TakenBack:
    found = taking_back(scope, delivery, at=at)
    if found is None:
        raise Refused(_problem("B01", f"没有批次 {delivery}"))
    against = found.against_undoing if kind == TakenBack.Kind.UNDONE else found.against_withdrawing
    if against:
        raise Refused(*against)
    if len(reason.strip()) < LEAST_REASON:
        raise Refused(_problem("B07", f"理由少于 {LEAST_REASON} 个字"))
    done = take_back_delivery(found.delivery, kind=kind, reason=reason.strip(), actor=scope.actor, at=at)
    append(
        actor=scope.actor,
        verb=VERB_UNDONE if kind == TakenBack.Kind.UNDONE else VERB_WITHDRAWN,
        obj=f"ledger.delivery:{delivery}",
        facts={"item": found.delivery.item, "read_by": list(_reading(found.delivery))},
        at=at,
    )
    return done


def _may(scope: Scope, delivery: Delivery) -> bool:
    """The organ that delivered may, and the system."""
    own = scope.kind == "officer" and delivery.source.organ.code == scope.organ
    return own or scope.kind == "system"


def _against(delivery: Delivery, done: TakenBack | None) -> tuple[Problem, ...]:
    """What stands against taking it back in any way."""
    if done is not None:
        return (_problem("B02", f"批次 {delivery.pk} {done.get_kind_display()}"),)
    if delivery.closed_at is None:
        return (_problem("B01", f"批次 {delivery.pk} 没有收完"),)
    if delivery.item.partition(":")[0] in ("kind", "relation"):
        return (_problem("B08", "这个批次是主体登记或主体关系"),)
    if delivery.way == Delivery.Way.FEED:
        return (_problem("B08", "感知数据的批次按其自己的办法撤回"),)
    if children := children_of_others(delivery):
        return (_problem("B06", f"其他批次的 {children} 条记录属于本批次的记录"),)
    return ()


def _problem(code: str, sentence: str) -> Problem:
    return file_problem(code, sentence)


# ── who has read it ─────────────────────────────────────────────────────────────────────────────


def _readers(delivery: Delivery) -> tuple[str, ...]:
    law = current.library()
    return tuple(law.rulebooks[book][-1].title for book in _reading(delivery))


def _reading(delivery: Delivery) -> tuple[str, ...]:
    """Books under which standings were published since ``delivery`` came, and that read what it carries."""
    books = books_that_read(current.library(), delivery.item)
    published = Standing._base_manager.filter(
        book__in=sorted(books), version__recorded_at__gte=delivery.received_at
    ).exclude(kind=Standing.Kind.IMPORTED)
    return tuple(sorted(set(published.values_list("book", flat=True))))


def books_that_read(law: Library, item: str) -> set[str]:
    """Rulebooks any version of which reads ``item``, directly or through another book. Standings are read by all."""
    if item == RATING:
        return set(law.rulebooks)
    reads = {
        book: {name for version in versions for one in version.sources.values() for name in (one.item, one.findings)}
        | {version.rates.record for version in versions}
        for book, versions in law.rulebooks.items()
    }
    found: set[str] = set()
    wanted = {item}
    while new := {book for book, names in reads.items() if names & wanted} - found:
        found |= new
        wanted = new
    return found
