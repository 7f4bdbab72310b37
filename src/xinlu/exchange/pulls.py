"""What others may ask of pulls. Every question takes a scope first; states are computed, never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Exists, OuterRef, QuerySet

from xinlu.access.scope import Scope
from xinlu.exchange.connections import Connection, read_connections
from xinlu.exchange.models import of_sources
from xinlu.exchange.pull import is_running
from xinlu.exchange.pull_models import Pull, PullAsked, PullStep
from xinlu.ledger.models import Source

State = Literal["never", "running", "done", "waiting", "failed", "broken"]
"""Never pulled; at it; done; done, but something was refused or must wait; failed; broken off without an end."""

STATES: dict[State, str] = {
    "never": "还没有抽取",
    "running": "正在抽取",
    "done": "完成",
    "waiting": "完成，有未取的",
    "failed": "失败",
    "broken": "中断",
}

BACKOFF = tuple(timedelta(minutes=one) for one in (5, 15, 60, 240))
"""After one failure, two, three …: when it is tried again, unless its own rhythm is quicker."""
_KIND = PullStep.Kind


@dataclass(frozen=True)
class PullTold:
    """One pull with what came of it."""

    pull: Pull
    state: State
    steps: Sequence[PullStep]

    @property
    def ended_at(self) -> datetime | None:
        """When it ended; None while it goes on or when it broke off."""
        last = self.steps[-1] if self.steps else None
        return last.at if last is not None and last.kind in PullStep.ENDS else None

    @property
    def trouble(self) -> PullStep | None:
        """The step that says what somebody should look at: why it failed, else the first refusal, else a wait."""
        for kind in (_KIND.FAILED, _KIND.REFUSED, _KIND.POSTPONED):
            if found := [one for one in self.steps if one.kind == kind]:
                return found[0]
        return None

    def rows(self, what: str = "delivered") -> int:
        """Sum over its deliveries of ``delivered``, ``accepted``, ``queried`` or ``duplicate``."""
        return sum(getattr(one.delivery, what) for one in self.steps if one.delivery is not None)

    @property
    def accepted(self) -> int:
        """Rows accepted."""
        return self.rows("accepted")

    @property
    def queried(self) -> int:
        """Rows queried."""
        return self.rows("queried")

    @property
    def duplicate(self) -> int:
        """Rows that were there before."""
        return self.rows("duplicate")

    @property
    def taken(self) -> int:
        """Pieces handed over."""
        return sum(one.kind == _KIND.TAKEN for one in self.steps)


@dataclass(frozen=True)
class ConnectionTold:
    """A connection, its last pull, and when it comes next."""

    connection: Connection
    source: Source | None
    last: PullTold | None
    due_at: datetime | None
    """When ``xinlu pull run --due`` takes it next; None: only when somebody asks."""
    asked: bool
    """Somebody asked since the last start."""
    refused: Sequence[PullStep] = ()
    """Pieces that were refused and not taken since under their name, newest first; asking again forgets them."""

    @property
    def state(self) -> State:
        """That of the last pull, unless an earlier one left something behind."""
        if self.last is None:
            return "never"
        return "waiting" if self.last.state == "done" and self.refused else self.last.state

    @property
    def trouble(self) -> PullStep | None:
        """What somebody should look at first."""
        found = self.last.trouble if self.last else None
        return found or (self.refused[0] if self.refused else None)


def connections(scope: Scope, *, at: datetime) -> list[ConnectionTold]:
    """Connections whose source the scope may see, as they stand at ``at``, in the order of the file."""
    sources = _sources(scope)
    return [
        _told(one, sources.get(one.source), at)
        for one in read_connections().connections
        if one.source in sources or scope.kind == "system"
    ]


def connection_told(scope: Scope, name: str, *, at: datetime) -> ConnectionTold | None:
    """One of them."""
    return next((one for one in connections(scope, at=at) if one.connection.name == name), None)


def pulls(scope: Scope, name: str) -> QuerySet[Pull]:
    """Pulls of a connection, newest first."""
    return Pull.objects.within(scope).filter(connection=name).order_by("-pk")


def told(pull: Pull, *, at: datetime) -> PullTold:
    """A pull, which the scope was given by a question above, with its steps."""
    steps = list(pull.steps.select_related("delivery").order_by("number"))
    return PullTold(pull, _state(pull, steps, at), steps)


def due(*, at: datetime) -> list[Connection]:
    """Connections whose turn it is: their time has come, or somebody asked. For the command, not for pages."""
    scope = Scope.system("pulls that are due")
    return [
        one.connection
        for one in connections(scope, at=at)
        if one.state != "running" and (one.asked or (one.due_at is not None and one.due_at <= at))
    ]


def _sources(scope: Scope) -> dict[str, Source]:
    found = Source.objects.select_related("organ").order_by("code")
    if scope.kind != "system":
        found = found.filter(of_sources(scope, ""))
    return {one.code: one for one in found}


def _told(one: Connection, source: Source | None, at: datetime) -> ConnectionTold:
    last = Pull._base_manager.filter(connection=one.name).order_by("-pk").first()
    asked = PullAsked._base_manager.filter(connection=one.name).order_by("-at").first()
    since = asked is not None and (last is None or asked.at > last.started_at)
    refused = _refused(one.name, asked)
    return ConnectionTold(one, source, told(last, at=at) if last else None, _due(one, last, at), since, refused)


def _refused(name: str, asked: PullAsked | None) -> list[PullStep]:
    steps = PullStep.objects.filter(connection=name)
    taken = steps.filter(kind=_KIND.TAKEN, name=OuterRef("name"), pk__gt=OuterRef("pk"))
    found = steps.filter(~Exists(taken), kind=_KIND.REFUSED).order_by("-pk")
    if asked is not None:
        found = found.filter(at__gt=asked.at)
    newest: dict[str, PullStep] = {}
    for step in found:
        newest.setdefault(step.name, step)
    return list(newest.values())


def _due(one: Connection, last: Pull | None, at: datetime) -> datetime | None:
    rhythm = one.rhythm
    if rhythm is None:
        return None
    if last is None:
        return at
    failures = 0
    for before in Pull._base_manager.filter(connection=one.name).order_by("-pk")[: len(BACKOFF)]:
        if told(before, at=at).state not in ("failed", "broken"):
            break
        failures += 1
    wait = min(rhythm, BACKOFF[failures - 1]) if failures else rhythm
    return last.started_at + wait


def _state(pull: Pull, steps: Sequence[PullStep], at: datetime) -> State:
    kinds = {one.kind for one in steps}
    if _KIND.FAILED in kinds:
        return "failed"
    if _KIND.FINISHED not in kinds:
        return "running" if is_running(pull, at) else "broken"
    return "waiting" if kinds & {_KIND.REFUSED, _KIND.POSTPONED} else "done"
