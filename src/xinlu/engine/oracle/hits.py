"""Clauses over rows: hits and their points, contests, and the limits of occasions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.engine import exact
from xinlu.engine.evaluation import Frame, Value
from xinlu.engine.oracle.setting import Hit, Row, Setting, Unit
from xinlu.engine.provenance import CLAUSES
from xinlu.engine.result import stored
from xinlu.law.rulebook import Clause, Contest, Span
from xinlu.law.source import Grade

NOTHING = Decimal(0)


def add_hits(setting: Setting, name: str) -> None:
    """Find the hits of one clause in every unit."""
    for unit in setting.units:
        for row in unit.kept(setting.meaning.book.clauses[name].hits):
            hit = _hit(setting, name, unit, row)
            if hit is not None:
                unit.hits.append(hit)


def _hit(setting: Setting, name: str, unit: Unit, row: Row) -> Hit | None:
    clause = setting.meaning.book.clauses[name]
    frame = unit.row_frame(row)
    if not _has_code(setting, clause, row) or not frame.holds("clauses", name, "when"):
        return None
    if not _has_company(setting, name, unit, row):
        return None
    weight = _weight(name, clause.span, frame, setting.as_of)
    if weight is None:
        return None
    raw, limited = _points(name, clause, frame)
    points = stored(limited * weight)
    assert points is not None
    grade = Grade.weakest(setting.provenance.clause(name), row.grade)
    number = list(setting.meaning.book.clauses).index(name)
    return Hit(name, number, row, raw, weight, points, grade)


def _has_code(setting: Setting, clause: Clause, row: Row) -> bool:
    if clause.code is None:
        return True
    codes = (clause.code,) if isinstance(clause.code, str) else clause.code
    return row.columns.get(str(setting.meaning.book.sources[clause.hits].code_field)) in codes


def _has_company(setting: Setting, name: str, unit: Unit, row: Row) -> bool:
    """Whether another row of the unit is there as ``needs`` wants, and none as ``lacks`` forbids."""
    clause = setting.meaning.book.clauses[name]
    for key, among in (("needs", clause.needs), ("lacks", clause.lacks)):
        if among is None:
            continue
        others = [r for r in unit.kept(among.source) if among.source != clause.hits or r.key != row.key]
        frame = unit.row_frame(row)
        found = any(frame.with_(other=one.columns).value("clauses", name, key, "where") is True for one in others)
        if found != (key == "needs"):
            return False
    return True


def _points(name: str, clause: Clause, frame: Frame) -> tuple[Decimal, Decimal]:
    """Signed points before and after the limit of one hit."""
    key = "plus" if clause.plus is not None else "minus"
    size = frame.value("clauses", name, key)
    if size is None:
        return NOTHING, NOTHING
    if clause.per is not None:
        size = size * frame.value("clauses", name, "per")
    raw = Decimal(size if key == "plus" else -size)
    limit = frame.value("clauses", name, "at_most")
    return raw, raw if limit is None else max(-limit, min(limit, raw))


# ── spans ───────────────────────────────────────────────────────────────────────────────────────


def _weight(name: str, span: Span | None, frame: Frame, as_of: date) -> Decimal | None:
    """The age weight of a hit on ``as_of``; None when its span does not hold that day."""
    if span is None:
        return Decimal(1)
    begins = frame.value("clauses", name, "span", "from")
    ends = frame.value("clauses", name, "span", "until")
    if begins is None or begins > as_of or (ends is not None and as_of >= ends):
        return None
    if span.for_ is not None and not _younger(begins, span.for_, span.aim, as_of):
        return None
    if not span.ages:
        return Decimal(1)
    return next((a.weight for a in span.ages if _younger(begins, a.below, span.aim, as_of)), None)


def _younger(begins: date, length: str, aim: str, as_of: date) -> bool:
    if aim == "back":
        return begins > exact.add_length(as_of, length, -1)
    return as_of < exact.add_length(begins, length)


# ── contests ────────────────────────────────────────────────────────────────────────────────────


def settle(setting: Setting, name: str) -> None:
    """Hold one contest in every unit: one hit of each group is kept, the others name it as their winner."""
    contest = setting.meaning.book.contests[name]
    for unit in setting.units:
        standing = [hit for hit in unit.hits_of(contest.among) if hit.winner is None]
        for group in groups(standing, contest.same):
            best = _best(contest, group)
            for hit in group:
                hit.winner = None if hit is best else best


def groups(hits: Iterable[Hit], columns: Iterable[str]) -> list[list[Hit]]:
    """Hits that agree in every column. One that lacks a column agrees with nobody."""
    found: dict[tuple[Any, ...], list[Hit]] = {}
    names = list(columns)
    for hit in hits:
        key: tuple[Value, ...] = tuple(hit.key_of(name) for name in names)
        found.setdefault(key if None not in key else (None, id(hit)), []).append(hit)
    return list(found.values())


def _best(contest: Contest, group: list[Hit]) -> Hit:
    if contest.keep == "last":
        latest = max(hit.row.order for hit in group)
        return min((hit for hit in group if hit.row.order == latest), key=lambda hit: hit.number)
    if contest.keep == "first":
        return min(group, key=lambda hit: hit.order)
    return min(group, key=lambda hit: (-abs(hit.points), *hit.order))


# ── entries ─────────────────────────────────────────────────────────────────────────────────────


def write_hit(unit: Unit, step: str, hit: Hit, share: Decimal, row: int | None = None) -> None:
    """The entry of one hit: as it counts in a fold, or with share 0 where it lost."""
    columns: dict[str, Any] = {"clause": hit.clause, "record": hit.row.key, "row": row, "day": hit.row.day}
    columns |= {"raw": hit.raw, "weight": hit.weight}
    if hit.winner is None:
        unit.write(step, "hit", hit.grade, share=share, **columns)
    else:
        loss = {"lost_to": hit.winner.row.key, "text": hit.winner.clause}
        unit.write(step, "lost", hit.grade, share=NOTHING, **columns, **loss)


def write_unused(setting: Setting, unit: Unit) -> None:
    """Hits of clauses that no sum or running fold takes up: evidence of moves, conditions and counts."""
    for hit in unit.hits_of(setting.meaning.book.clauses.keys() - setting.provenance.used):
        write_hit(unit, CLAUSES, hit, NOTHING)
