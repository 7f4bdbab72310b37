"""Sensitivity: one number of a book changed, and the distribution that would follow, before anybody writes a draft.

The book is run as it stands and with the number changed, over everybody; nothing is kept. The numbers of a book are
found in the law itself: points, limits, caps, weights, band edges, parameters, cells of tables, and the numbers inside
its conditions.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from xinlu.access.scope import Scope
from xinlu.assessment.compare import EVERYTHING, levels_of, run_alone
from xinlu.assessment.groups import label
from xinlu.engine.compare import PLACES, Impact, lay_out, summarise
from xinlu.engine.compile.primitives import identifier
from xinlu.engine.duck import Duck
from xinlu.engine.result import ENTRIES_SCHEMA
from xinlu.engine.run import add_empty_tables, understand_all
from xinlu.gazette import current
from xinlu.law.check.bands import check_bands
from xinlu.law.check.notes import Notes
from xinlu.law.interval import IntervalError
from xinlu.law.library import Filed, Library
from xinlu.law.marks import parse
from xinlu.law.problem import LawError, Severity, problem
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import columnar

REMEMBERED = 32 * 1024 * 1024
"""Bytes of findings that a process keeps for the next question at most."""
_TOKEN = re.compile(r"'(?:[^']|'')*'|(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
"""A text literal (passed over) or a number of an expression."""
_SECTIONS = ("parameters", "tables", "clauses", "folds", "values", "rated_when", "outputs", "period", "valid")
_WORDS = ("title", "text", "clause", "note", "grade", "version", "partial", "because", "otherwise", "ask", "withheld")
_TITLES: Mapping[str, str] = {
    "minus": "扣分",
    "plus": "加分",
    "per": "乘数",
    "at_most": "单次最多",
    "limit": "累计最多",
    "for": "计入时长",
    "below": "时长",
    "weight": "权重",
    "start": "起始分",
    "ceiling": "最高",
    "floor": "最低",
    "at_or_below": "降到",
    "require": "参评条件",
    "when": "条件",
    "where": "范围",
    "value": "取值",
    "is": "算式",
    "expr": "算式",
    "in": "区间",
    "round": "保留位数",
    "out_of": "满分",
    "rolling": "评价期",
    "every": "周期",
    "q": "分位",
}
"""What a number does, by the key under which it stands."""


@dataclass(frozen=True)
class Knob:
    """One number of a book that can be changed by itself."""

    place: str
    """Keys of the file down to the text, joined by ``/``; ``#2`` for the second number of a text."""
    title: str
    """Where it stands, in words."""
    section: str
    number: Decimal
    written: str
    """The whole text in which it stands."""


@dataclass(frozen=True)
class Sensitivity:
    """What one changed number does. ``impacts``: by output, over the units that the asker may see."""

    book: Rulebook
    changed: Rulebook
    knob: Knob
    number: Decimal
    as_of: date
    impacts: tuple[Impact, ...]
    seconds: float


def knobs(book: Rulebook) -> tuple[Knob, ...]:
    """Every number of a book that can be changed by itself, in the order of the book.

    An edge that two bands share is one number.
    """
    data = _data(book)
    found: list[Knob] = []
    for section in _SECTIONS:
        if data.get(section):
            found += _in(book, section, data[section], (section,))
    seen: set[tuple[str, Decimal]] = set()
    kept = []
    for knob in found:
        edge = (knob.place.rpartition("/")[0], knob.number)
        if "/cut/" in knob.place and edge in seen:
            continue
        seen.add(edge)
        kept.append(knob)
    return tuple(kept)


def replaced(book: Rulebook, place: str, number: Decimal) -> Rulebook:
    """``book`` with another number at ``place``; of a band edge, in both bands that share it.

    Raises:
        LawError: there is no number at ``place``, or the book cannot be read or understood with the new one.
    """
    knob = next((one for one in knobs(book) if one.place == place), None)
    if knob is None:
        raise LawError(problem("LAW-113", f"“{book.title}”中“{place}”处没有可以改动的数"))
    data = _data(book)
    path = place.partition("#")[0].split("/")
    if "cut" in path:
        cut = _at(data, path[:-1])
        for level, text in cut.items():
            cut[level] = _TOKEN.sub(lambda m: _same(m, knob.number, number), text)
    else:
        holder, last = _at(data, path[:-1]), path[-1]
        key: Any = int(last) if isinstance(holder, list) else last
        holder[key] = _exchanged(holder[key], place, number) if isinstance(holder[key], str) else number
    try:
        made = Rulebook.model_validate(data)
    except ValidationError as error:
        raise LawError(problem("LAW-201", f"改成 {number} 以后规则读不通：{error.errors()[0]['msg']}")) from None
    _require_sound(made, current.library())
    return made


def sensitivity(
    book: Rulebook,
    place: str,
    number: Decimal | str,
    *,
    as_of: date,
    scope: Scope,
    known_at: datetime | None = None,
) -> Sensitivity:
    """Change the number at ``place`` of ``book`` and compare everybody's answers on ``as_of``.

    ``known_at``: with what was known then; None: with everything. Raises :class:`LawError` like :func:`replaced`.
    """
    began = perf_counter()
    wanted = _number(number)
    changed = replaced(book, place, wanted)
    knob = next(one for one in knobs(book) if one.place == place)
    library = current.library()
    change = columnar.sync().change
    known = (known_at or EVERYTHING).astimezone(UTC).replace(tzinfo=None)
    key = (book.model_dump_json(), as_of, known, change)
    old = _before.get(key)
    if old is None:
        old = _findings(library, book, as_of, known)
        if old.nbytes <= REMEMBERED:
            while len(_before) >= 8:
                _before.pop(next(iter(_before)))
            _before[key] = old
    findings = (old, _findings(library, changed, as_of, known))
    impacts = _compared(library, book, findings, as_of, known, scope)
    return Sensitivity(book, changed, knob, wanted, as_of, impacts, perf_counter() - began)


_before: dict[tuple[object, ...], pa.Table] = {}
"""Findings of books as they stand, kept in this process: whoever turns a number asks again and again."""


def _findings(library: Library, book: Rulebook, as_of: date, known: datetime) -> pa.Table:
    """Findings only: no entry is written."""
    with tempfile.TemporaryDirectory(prefix="xinlu-sensitivity-") as made:
        place = Path(made) / "run"
        return run_alone(library, book, as_of=as_of, known_at=known, folder=place, scores_only=True).table("findings")


def _compared(
    library: Library, book: Rulebook, findings: tuple[pa.Table, pa.Table], as_of: date, known: datetime, scope: Scope
) -> tuple[Impact, ...]:
    wanted = {f"subject_{book.rates.subject}", "relation"}
    duck = Duck({name: table for name, table in columnar.tables().items() if name in wanted})
    try:
        add_empty_tables(duck, library.catalogue)
        outputs = list(book.outputs)
        before, after = ((one, ENTRIES_SCHEMA.empty_table()) for one in findings)
        lay_out(duck, before, after, outputs=outputs)
        labels = label(duck, book.rates.subject, library.catalogue, as_of=as_of, known_at=known)
        duck.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {PLACES} AS SELECT p.*, coalesce(l.region, '') AS region "
            f"FROM {PLACES} p LEFT JOIN {identifier(labels.table)} l USING (unit)"
        )
        where = labels.seen_by(scope)
        return tuple(
            summarise(
                duck,
                output=name,
                population=_counted(duck, name, where),
                levels=levels_of(book, name),
                where=where,
                most=0,
            )
            for name in outputs
        )
    finally:
        duck.close()


def _counted(duck: Duck, output: str, where: str) -> int:
    ((number,),) = duck.connection.execute(
        f"SELECT count(DISTINCT unit) FROM {PLACES} WHERE output = ? AND ({where})", [output]
    ).fetchall()
    return int(number)


# ── numbers of a book ───────────────────────────────────────────────────────────────────────────


def _data(book: Rulebook) -> dict[str, Any]:
    plain: dict[str, Any] = _listed(book.model_dump(by_alias=True, exclude_unset=True))
    return plain


def _listed(data: Any) -> Any:
    """Tuples as lists, so that a part can be exchanged."""
    if isinstance(data, dict):
        return {key: _listed(value) for key, value in data.items()}
    return [_listed(value) for value in data] if isinstance(data, (list, tuple)) else data


def _at(data: Any, path: list[str]) -> Any:
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    return data


def _in(book: Rulebook, section: str, data: Any, path: tuple[str, ...]) -> Iterator[Knob]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key not in _WORDS and not (section == "tables" and key in ("when", "keys", "by")):
                yield from _in(book, section, value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _in(book, section, value, (*path, str(index)))
    elif isinstance(data, (Decimal, int)) and not isinstance(data, bool):
        yield Knob("/".join(path), _title(book, path), section, Decimal(data), f"{data:f}" if data else "0")
    elif isinstance(data, str) and not (path[-1] == "value" and section in ("parameters", "tables")):
        yield from _in_text(book, section, data, path)


def _in_text(book: Rulebook, section: str, text: str, path: tuple[str, ...]) -> Iterator[Knob]:
    """Numbers of an expression; a 0 beside other words (“缺时按 0”, “大于 0”) is grammar and no number of the law."""
    if _is_day(text):
        return
    found = [one.group() for one in _TOKEN.finditer(text) if one.group()[0] != "'"]
    for place, written in enumerate(found, 1):
        if Decimal(written) == 0 and written != text:
            continue
        mark = f"#{place}" if len(found) > 1 else ""
        title = _title(book, path) + (f"（第 {place} 个数）" if mark and "cut" not in path else "")
        yield Knob("/".join(path) + mark, title, section, Decimal(written), text)


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None


def _title(book: Rulebook, path: tuple[str, ...]) -> str:
    section, name = path[0], path[1] if len(path) > 1 else ""
    parts: Any = getattr(book, section)
    owner = parts.get(name) if isinstance(parts, dict) else None
    title = getattr(owner, "title", "") or name
    if section in ("period", "valid", "rated_when"):
        return {"period": "评价期", "valid": "结果有效期", "rated_when": "参评条件"}[section]
    if "cut" in path:
        return f"{title} 分界"
    last = next((part for part in reversed(path) if not part.isdigit()), "")
    if "parts" in path:
        part = book.folds.get(last) or book.values.get(last)
        return f"{title} 权重：{part.title if part and part.title else last}"
    if "moves" in path or "conditions" in path:
        kind = "调整" if "moves" in path else "条件"
        at = path.index("moves" if "moves" in path else "conditions")
        return f"{title} 第 {int(path[at + 1]) + 1} 项{kind}"
    if section == "tables" and "rows" in path:
        row = book.tables[name].rows[int(path[path.index("rows") + 1])]
        keys = "、".join(str(key) for key in row.when) or row.interval or ""
        return f"{title} {keys}".strip()
    if section == "parameters" or last == name:
        return title
    return f"{title} {_TITLES.get(last, last)}"


def _same(found: re.Match[str], old: Decimal, new: Decimal) -> str:
    return f"{new:f}" if found.group()[0] != "'" and Decimal(found.group()) == old else found.group()


def _exchanged(text: str, place: str, number: Decimal) -> str:
    wanted = int(place.partition("#")[2] or 1)
    count = 0

    def one(found: re.Match[str]) -> str:
        nonlocal count
        if found.group()[0] == "'":
            return found.group()
        count += 1
        return f"{number:f}" if count == wanted else found.group()

    return _TOKEN.sub(one, text)


def _number(text: Decimal | str) -> Decimal:
    try:
        number = Decimal(str(text).strip())
    except InvalidOperation:
        raise LawError(problem("LAW-201", f"“{text}”不是一个数")) from None
    if not number.is_finite() or number < 0 or number.adjusted() > 17 or number.as_tuple().exponent < -12:  # type: ignore[operator]
        raise LawError(problem("LAW-201", f"“{text}”不能用：要不小于零、不超过 18 位的数"))
    return number


def _require_sound(book: Rulebook, library: Library) -> None:
    """Bands without gap or overlap, and a book that can be understood."""
    notes = Notes(Filed(parse("{}\n", file=f"{book.rulebook} {book.version}"), Path()))
    others = [one for one in library.needed(book) if one.rulebook != book.rulebook]
    meaning = understand_all([book, *others], library.catalogue)[book.rulebook, book.version]
    try:
        check_bands(book, meaning, notes)
    except IntervalError as error:
        raise LawError(problem("LAW-201", str(error))) from None
    wrong = [one for one in notes.problems if one.severity is Severity.ERROR]
    if wrong:
        raise LawError(*wrong)
