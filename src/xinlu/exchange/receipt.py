"""Receipt (回执): read the platform's answer. Each row is applied, repeats what is known, or is told as wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from xinlu.access import masking
from xinlu.exchange.publicity import rule_on
from xinlu.exchange.publicity_models import PlatformReceipt, SubmissionEvent, SubmissionRow
from xinlu.exchange.publicity_problems import NotReported, told
from xinlu.intake.cells import plain_text
from xinlu.intake.columns import plain
from xinlu.intake.deliver import CHINA
from xinlu.intake.sheet import COMMAND, Cell, Limits, read_sheet
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.digest import sm3
from xinlu.journal.sequence import last_change
from xinlu.law.problem import Problem
from xinlu.law.reporting import ReceiptForm

HEAD = 5
"""The names of columns stand among the first lines."""
_KIND = SubmissionEvent.Kind
Places = Mapping[str, int]


@dataclass
class ReceiptResult:
    """What became of a receipt: ``accepted + returned + known + len(problems) == rows``."""

    receipt: int | None
    """Number; None when the very same file was read before."""
    rows: int = 0
    accepted: int = 0
    returned: int = 0
    known: int = 0
    """Rows that say what is known already."""
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    number: int
    cells: Mapping[str, str]

    def __getitem__(self, what: str) -> str:
        return self.cells.get(what, "")


def read_receipt(data: bytes, *, name: str, actor: Actor, at: datetime, limits: Limits = COMMAND) -> ReceiptResult:
    """Read one file of answers; columns and words are those of the reporting rule in force.

    1. Find each row that was told: by our number; without one, by number of the decision and party.
    2. Write the answer as an event of that row, unless it is its last event already.
    3. Tell what fits nothing. The same file again changes nothing.

    Raises:
        Refused: the file cannot be read (F…).
        NotReported: DP-001 no rule, DP-007 columns are missing.
    """
    rule = rule_on(at.astimezone(CHINA).date())
    if rule is None:
        raise NotReported("DP-001", "没有生效的双公示报送规定", file=name)
    lines = _lines(data, name, limits, rule.receipt)
    digest = sm3(data)
    with transaction.atomic():
        last_change(hold=True)
        if PlatformReceipt.objects.filter(digest=digest).exists():
            return ReceiptResult(None, rows=len(lines), known=len(lines))
        receipt = PlatformReceipt(digest=digest, file_name=masking.within(name)[:240], read_at=at, read_by=actor.key)
        receipt.save()
        result = ReceiptResult(receipt.pk, rows=len(lines))
        for line in lines:
            _apply(line, receipt, rule.receipt, result, name)
        append(
            actor=actor,
            verb="exchange.publicity.receipt-read",
            obj=f"exchange.receipt:{receipt.pk}",
            facts={
                "digest": digest,
                "rows": result.rows,
                "accepted": result.accepted,
                "returned": result.returned,
                "wrong": len(result.problems),
            },
            at=at,
        )
    return result


def _apply(line: _Line, receipt: PlatformReceipt, form: ReceiptForm, result: ReceiptResult, name: str) -> None:
    def wrong(code: str, sentence: str) -> None:
        result.problems.append(told(code, masking.within(sentence), file=name, line=line.number))

    word = line["result"].lower()
    kind = _KIND.ACCEPTED if word in map(str.lower, form.accepted) else None
    kind = _KIND.RETURNED if word in map(str.lower, form.returned) else kind
    if kind is None:
        return wrong("DP-010", f"处理结果“{line['result'][:20]}”不认识")
    row, trouble = _found(line)
    if row is None:
        return wrong(*trouble)
    sentence = masking.within(line["sentence"])[:600]
    if kind is _KIND.RETURNED and not (sentence or line["code"]):
        return wrong("DP-011", f"上报序号 {row.pk} 被退回，没有写原因")
    last = row.events.order_by("-number").first()
    if last is not None and (last.kind, last.code, last.sentence) == (kind, line["code"][:40], sentence):
        result.known += 1
        return None
    SubmissionEvent(
        row=row,
        number=last.number + 1 if last else 1,
        kind=kind,
        at=receipt.read_at,
        by=receipt.read_by,
        receipt=receipt,
        remote=line["remote"][:80],
        code=line["code"][:40],
        sentence=sentence,
    ).save()
    if kind is _KIND.ACCEPTED:
        result.accepted += 1
    else:
        result.returned += 1
    return None


def _found(line: _Line) -> tuple[SubmissionRow | None, tuple[str, str]]:
    """The row told that an answer speaks of, else what is wrong."""
    number, decision, party = line["number"], line["decision_no"], line["party"]
    if number:
        row = (
            SubmissionRow.objects.select_related("version").filter(pk=int(number)).first()
            if _is_number(number)
            else None
        )
        if row is None:
            return None, ("DP-008", f"没有上报序号 {number[:20]}")
        if decision and decision != row.version.payload.get("decision_no"):
            return None, ("DP-009", f"上报序号 {number} 的文号不是“{decision[:60]}”")
        return row, ("", "")
    if not decision or not party:
        return None, ("DP-008", "没有上报序号，也没有文号和相对人代码")
    whose = Q(version__payload__uscc=party) | Q(version__payload__person_id_no=party)
    rows = SubmissionRow.objects.filter(whose, version__payload__decision_no=decision).order_by("-pk")
    row = rows.select_related("version").first()
    if row is None:
        return None, ("DP-008", f"没有上报过文号“{decision[:60]}”与这个相对人")
    return row, ("", "")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _lines(data: bytes, name: str, limits: Limits, form: ReceiptForm) -> list[_Line]:
    sheet = read_sheet(data, name=name, limits=limits)
    lines = [(number, list(cells)) for number, cells in sheet.lines]
    start, places = 0, _places(sheet.headers or (), form)
    if sheet.headers is None:
        found = [_places([plain_text(cell) for cell in cells], form) for _, cells in lines[:HEAD]]
        best = max(range(len(found)), key=lambda place: (len(found[place]), -place), default=0)
        places, start = (found[best], best + 1) if found else ({}, 0)
    if "result" not in places or not ("number" in places or {"decision_no", "party"} <= set(places)):
        wanted = f"“{form.result[0]}”，以及“{form.number[0]}”或“{form.decision_no[0]}”和“{form.party[0]}”"
        raise NotReported("DP-007", f"缺少列 {wanted}", file=name)
    return [_Line(number, _told(cells, places)) for number, cells in lines[start:]]


def _places(names: Sequence[str], form: ReceiptForm) -> dict[str, int]:
    """What a column is → its place."""
    by_name = {plain(name): place for place, name in reversed(list(enumerate(names))) if name}
    found = {}
    for what in ("number", "decision_no", "party", "result", "code", "sentence", "remote"):
        known = [by_name[plain(word)] for word in getattr(form, what) if plain(word) in by_name]
        if known:
            found[what] = known[0]
    return found


def _told(cells: Sequence[Cell], places: Places) -> dict[str, str]:
    return {what: plain_text(cells[place]) if place < len(cells) else "" for what, place in places.items()}
