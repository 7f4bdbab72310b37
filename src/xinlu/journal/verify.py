"""Walk the chain and say where it was broken."""

from __future__ import annotations

from dataclasses import dataclass

from xinlu.journal.append import AUDIT, GENESIS, seal
from xinlu.journal.digest import sm3
from xinlu.journal.models import Chain, Event


@dataclass(frozen=True)
class Break:
    """A place where the chain does not hold: ``code`` is stable, ``sentence`` is for people."""

    seq: int
    code: str
    sentence: str


def head() -> tuple[int, str]:
    """Number and hash of the last event; keep it elsewhere to prove later that nothing was cut off."""
    found = Chain.objects.filter(pk=AUDIT).first()
    return (found.seq, found.hash) if found else (0, GENESIS)


def verify(*, anchor: tuple[int, str] | None = None) -> tuple[Break, ...]:
    """Every break of the chain, in order; empty when it holds.

    1. Each event's facts must have its digest, and its columns its hash.
    2. Numbers run without a gap, and each event names the hash before.
    3. The last event is the head. With ``anchor``, a head kept elsewhere, that event must still be there.
    """
    breaks: list[Break] = []
    last, before, anchored = 0, GENESIS, anchor is None or anchor == (0, GENESIS)
    for event in Event.objects.order_by("seq").iterator(chunk_size=2000):
        breaks.extend(_faults(event, last, before))
        anchored = anchored or (event.seq, event.hash) == anchor
        last, before = event.seq, event.hash
    if (last, before) != head():
        breaks.append(Break(last, "JN-004", f"审计链末尾与链头不符：链头记到第 {head()[0]} 条，实际到第 {last} 条。"))
    if not anchored and anchor:
        breaks.append(Break(anchor[0], "JN-005", f"外存锚点所记的第 {anchor[0]} 条事件已不在链上。"))
    return tuple(breaks)


def _faults(event: Event, last: int, before: str) -> list[Break]:
    faults: list[Break] = []
    if event.seq != last + 1:
        faults.append(Break(event.seq, "JN-001", f"第 {last + 1} 条至第 {event.seq - 1} 条事件缺失。"))
    elif event.prev_hash != before:
        faults.append(Break(event.seq, "JN-002", f"第 {event.seq} 条事件与前一条不相连。"))
    if sm3(event.facts_text) != event.digest or seal(event) != event.hash:
        faults.append(Break(event.seq, "JN-003", f"第 {event.seq} 条事件的内容被改动过。"))
    return faults
