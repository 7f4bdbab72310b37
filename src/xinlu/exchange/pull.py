"""Pull: fetch what waits at a connection and hand it over, each piece as an ordinary delivery.

1. Start, unless the same connection is being pulled already: a pull without an end is believed while something
   happened in it within the last hour.
2. Connect, and ask for what was not handed over yet, oldest first.
3. Take each piece in through intake, with the same checks as every other way in, and write in the same transaction
   how far the connection has got. A pull that breaks off goes on from there; nothing is handed over twice.
4. A piece that is refused as a whole is not tried again until it changes or somebody asks. A piece that is still
   changing waits for the next pull.
5. End with what came of it. Trouble of the other system is told with a code and ends the pull; it never leaves half
   a piece in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.exchange.connections import Connection, secret
from xinlu.exchange.connectors.contract import Memory, Parcel, Postponed, Secrets
from xinlu.exchange.connectors.trouble import Trouble, pull_problem, trouble
from xinlu.exchange.pull_models import Pull, PullAsked, PullStep
from xinlu.exchange.rights import has_charge_of
from xinlu.intake.columns import Wanted
from xinlu.intake.deliver import DeliveryResult, deliver, deliver_sheet, known_source
from xinlu.intake.problems import Refused, refuse
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change
from xinlu.law.problem import Problem
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import Delivery, Source

VERB_ENDED = "exchange.pull.ended"
LEASE = timedelta(hours=1)
"""A pull without an end in which nothing happened for so long has broken off."""
Clock = Callable[[], datetime]
_KIND = PullStep.Kind


@dataclass
class PullResult:
    """What came of one pull."""

    connection: str
    number: int
    taken: list[DeliveryResult] = field(default_factory=list)
    postponed: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    trouble: Problem | None = None
    """Why it broke off; what was taken until then stands."""

    def count(self, what: str) -> int:
        """Sum of ``delivered``, ``accepted``, ``queried`` or ``duplicate`` over what was taken."""
        return sum(getattr(one, what) for one in self.taken)


def pull(
    one: Connection, *, actor: Actor, clock: Clock, secrets: Secrets = secret, start: str | None = None
) -> PullResult:
    """Fetch what waits at ``one``. ``start`` begins at a day or a watermark again instead of at the mark.

    Raises:
        Trouble: PU-009, it is being pulled already.
        Refused: F13, its source is not known.
    """
    begun = _begin(one, actor, clock())
    work = _Work(one, begun, actor, clock, PullResult(one.name, begun.pk), again=start is not None)
    try:
        system = one.kind_of_system
        with system.reach(one.own_settings, secrets) as reached:
            for found in reached.waiting(memory_of(one.name), start=start):
                work.note(found)
    except Trouble as error:
        work.result.trouble = error.problem
        work.step(_KIND.FAILED, code=error.problem.code, sentence=error.problem.sentence)
    except BaseException as error:
        # An error of the program, or somebody stopped it: said here, told by whoever catches it.
        work.step(_KIND.FAILED, code="PU-012", sentence=f"抽取被中断（{type(error).__name__}）")
        raise
    else:
        work.step(_KIND.FINISHED)
    finally:
        _tell(work)
    return work.result


@transaction.atomic
def ask_again(one: Connection, scope: Scope, *, at: datetime) -> PullAsked:
    """Ask for another try at the next turn of ``xinlu pull run --due``, also of what was refused.

    Raises:
        Refused: F13, the source is not one of the scope.
    """
    source = Source.objects.select_related("organ").filter(code=one.source).first()
    if source is None or not (scope.kind == "system" or has_charge_of(scope, source)):
        raise refuse("F13", f"没有数据源“{one.source}”")
    asked = PullAsked(connection=one.name, source=source, at=at, by=scope.actor.key)
    asked.save()
    append(actor=scope.actor, verb="exchange.pull.asked", obj=f"exchange.connection:{one.name}", facts={}, at=at)
    return asked


def memory_of(name: str) -> Memory:
    """What earlier pulls of a connection left."""
    steps = PullStep.objects.filter(connection=name)
    marked = steps.filter(kind=_KIND.TAKEN, mark__isnull=False).order_by("-pull", "-number").first()
    taken = set(steps.filter(kind=_KIND.TAKEN).values_list("fingerprint", flat=True))
    refused = steps.filter(kind=_KIND.REFUSED)
    asked = PullAsked._base_manager.filter(connection=name).order_by("-at").first()
    if asked is not None:
        refused = refused.filter(at__gt=asked.at)
    return Memory(
        marked.mark if marked else None, frozenset(taken | set(refused.values_list("fingerprint", flat=True)))
    )


def is_running(last: Pull, at: datetime) -> bool:
    """Whether a pull goes on: it has no end, and something happened in it within the last hour."""
    step = last.steps.order_by("-number").first()
    if step is not None and step.kind in PullStep.ENDS:
        return False
    return at - (step.at if step is not None else last.started_at) < LEASE


@transaction.atomic
def _begin(one: Connection, actor: Actor, at: datetime) -> Pull:
    # Whoever begins waits here for the other, and then sees the other's pull.
    last_change(hold=True)
    last = Pull._base_manager.filter(connection=one.name).order_by("-pk").first()
    if last is not None and is_running(last, at):
        raise trouble("PU-009", f"“{one.title}”从 {last.started_at:%H:%M}（UTC）起正在抽取")
    made = Pull(connection=one.name, source=_source(one, actor, at), started_at=at, started_by=actor.key)
    made.save()
    return made


def _source(one: Connection, actor: Actor, at: datetime) -> Source:
    if one.organ and not Source.objects.filter(code=one.source).exists():
        return register_source(
            code=one.source, title=one.title, organ=one.organ, kind=Source.Kind.PLATFORM, actor=actor, at=at
        )
    return known_source(one.source, Scope.system("pull"))


@dataclass
class _Work:
    """One pull at work."""

    one: Connection
    pull: Pull
    actor: Actor
    clock: Clock
    result: PullResult
    again: bool
    number: int = 0

    def note(self, found: Parcel | Postponed) -> None:
        """Hand over what came, or write why not."""
        if isinstance(found, Postponed):
            self.result.postponed.append(pull_problem(found.code, found.sentence, file=found.name))
            self.step(_KIND.POSTPONED, name=found.name, code=found.code, sentence=found.sentence)
            return
        before = self.number
        try:
            with transaction.atomic():
                done = self._deliver(found)
                self.step(
                    _KIND.TAKEN,
                    name=found.name,
                    fingerprint=found.fingerprint,
                    again=self._handed_over(found) if self.again or found.in_order else 0,
                    mark=found.mark,
                    delivery=Delivery._base_manager.get(pk=done.delivery),
                )
        except Refused as refused:
            self.number = before
            first = refused.problems[0]
            if found.in_order:
                raise Trouble(first) from None
            self.result.refused += refused.problems
            self.step(
                _KIND.REFUSED,
                name=found.name,
                fingerprint=found.fingerprint,
                code=first.code,
                sentence="；".join(problem.sentence for problem in refused.problems),
            )
            return
        self.result.taken.append(done)

    def _deliver(self, parcel: Parcel) -> DeliveryResult:
        one, at = self.one, self.clock()
        if parcel.sheet is not None:
            return deliver_sheet(
                parcel.sheet,
                digest=parcel.fingerprint,
                source=self.pull.source,
                wanted=Wanted(one.item, one.kind, one.relation),
                received_at=at,
                actor=self.actor,
                mode=one.mode,
                way=Delivery.Way.PULL,
            )
        return deliver(
            file=parcel.data or b"",
            name=parcel.name,
            source=self.pull.source,
            item=one.item,
            kind=one.kind,
            relation=one.relation,
            received_at=at,
            actor=self.actor,
            scope=Scope.system("pull"),
            mode=one.mode,
            way=Delivery.Way.PULL,
        )

    def _handed_over(self, parcel: Parcel) -> int:
        taken = PullStep.objects.filter(kind=_KIND.TAKEN, connection=self.one.name, fingerprint=parcel.fingerprint)
        return taken.count()

    def step(self, kind: PullStep.Kind, *, name: str = "", sentence: str = "", **facts: Any) -> None:
        """Write one step. What a file is called and what is wrong with it may hold numbers of persons: masked."""
        self.number += 1
        PullStep(
            pull=self.pull,
            number=self.number,
            kind=kind,
            at=self.clock(),
            connection=self.one.name,
            name=masking.within(name)[:240],
            sentence=masking.within(sentence)[:600],
            **facts,
        ).save()


def _tell(work: _Work) -> None:
    """Write the end of a pull into the journal."""
    result = work.result
    append(
        actor=work.actor,
        verb=VERB_ENDED,
        obj=f"exchange.pull:{work.pull.pk}",
        facts={
            "connection": work.one.name,
            "deliveries": [one.delivery for one in result.taken],
            "delivered": result.count("delivered"),
            "postponed": len(result.postponed),
            "refused": len(result.refused),
            "trouble": result.trouble.code if result.trouble else "",
        },
        at=work.clock(),
    )


def waiting(
    one: Connection, *, secrets: Secrets = secret, start: str | None = None, most: int = 20
) -> Iterator[Parcel | Postponed]:
    """What a pull would hand over now, at most so many pieces; writes nothing.

    Raises:
        Trouble: the system cannot be read.
    """
    system = one.kind_of_system
    with system.reach(one.own_settings, secrets) as reached:
        for number, found in enumerate(reached.waiting(memory_of(one.name), start=start), 1):
            yield found
            if number >= most:
                return
