"""双公示: what the standard asks of a row of a permit or penalty beyond the fields of its item.

The rules stand in ``standards/reporting/``; here they meet a row. Money and summary procedure are judged for every
item that counts penalties; party kind and deadline for the items that the rule in force has a table of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from xinlu.gazette import current
from xinlu.intake.cells import plain_text
from xinlu.intake.problems import Fault
from xinlu.law.calendar import WorkingCalendar
from xinlu.law.problem import LawError
from xinlu.law.reporting import Reporting, Table, in_force, rules_under
from xinlu.ledger.models import Record

if TYPE_CHECKING:
    from xinlu.intake.columns import Column
    from xinlu.intake.rows import Parsed
    from xinlu.law.catalogue import Item

BATCH = 2000
TEN_THOUSAND = Decimal(10_000)
"""Yuan in 万元; and in 万元, one hundred million yuan."""

_SUMMARY_PROCEDURE = re.compile(r"简易程序|当场处罚|当场行政处罚")
_SUMMARY_NUMBER = re.compile(r"简罚|当罚|当场")
_FINE = re.compile(r"罚款[^\d，。；,;]{0,12}([\d,]+(?:\.\d+)?)\s*(万元|万|元)")


def rule_on(day: date) -> Reporting | None:
    """The version of the reporting rule that holds on ``day``, of the law in use."""
    return in_force(rules_under(current.library().root), on=day)


@dataclass
class PublicityRows:
    """Judges rows of one item; ``header(field)`` gives the name of a column as delivered."""

    item: Item
    received_on: date
    header: Callable[[str], str]
    procedure: Column | None = None
    """The column that names the procedure of a penalty, if the file has one."""
    rule: Reporting | None = None
    calendar: WorkingCalendar | None = None
    _dues: dict[str, date | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, item: Item, *, received_on: date, header: Callable[[str], str], procedure: Column | None
    ) -> PublicityRows | None:
        """The judge of an item; None for items that no rule speaks of."""
        rule = rule_on(received_on)
        table = rule.table(item.item) if rule else None
        if table is None and item.field("penalty_kinds") is None:
            return None
        calendar = current.library().calendar
        return cls(item, received_on, header, procedure, rule if table else None, calendar)

    @property
    def table(self) -> Table | None:
        """The sheet of the item in the standard."""
        return self.rule.table(self.item.item) if self.rule else None

    def judge(self, row: Parsed) -> None:
        """Add to the row what is wrong with it."""
        if self.item.field("penalty_kinds") is not None:
            self._summary_procedure(row)
            self._amount(row)
        if self.rule is not None:
            self._party(row, self.rule)

    def note_late(self, rows: Iterable[Parsed]) -> None:
        """Warn of rows that come for the first time after the last day. A correction is not late."""
        late = {
            row.draft.key: (row, due)
            for row in rows
            if row.draft is not None and not row.faults and not row.withdraws and (due := self._missed(row))
        }
        keys = sorted(late)
        known: set[str] = set()
        for start in range(0, len(keys), BATCH):
            found = Record._base_manager.filter(item=self.item.item, key__in=keys[start : start + BATCH])
            known.update(found.values_list("key", flat=True))
        for key in keys:
            if key not in known:
                row, due = late[key]
                row.warnings.append(self._late(due))

    def _late(self, due: date) -> Fault:
        assert self.rule is not None
        days, column = self.rule.deadline.working_days, self.header(self.rule.deadline.counted_from)
        return Fault("W41", f"应在 {due.isoformat()} 前（{days} 个工作日内）报送，收到时已逾期", column)

    def _missed(self, row: Parsed) -> date | None:
        """The last day of a row that came after it; None when it came in time or nobody knows."""
        if self.rule is None or self.calendar is None:
            return None
        said = row.payload.get(self.rule.deadline.counted_from)
        if not isinstance(said, str):
            return None
        if said not in self._dues:
            try:
                self._dues[said] = self.rule.deadline.due(date.fromisoformat(said), self.calendar)
            except LawError:
                self._dues[said] = None
        due = self._dues[said]
        return due if due is not None and self.received_on > due else None

    def _party(self, row: Parsed, rule: Reporting) -> None:
        kind, uscc = row.payload.get("party_kind"), row.payload.get("uscc")
        if not isinstance(kind, str) or not isinstance(uscc, str):
            return
        trader, person = rule.parties.sole_trader, rule.parties.natural_person
        begins = uscc.startswith(trader.uscc_begins)
        if kind == person.kind:
            sentence = "类别为自然人的不填统一社会信用代码"
        elif begins and kind != trader.kind:
            sentence = f"统一社会信用代码以 {trader.uscc_begins} 开头，类别应为个体工商户"
        elif kind == trader.kind and not begins:
            sentence = f"类别为个体工商户，统一社会信用代码却不以 {trader.uscc_begins} 开头"
        else:
            return
        row.faults.append(Fault("E41", sentence, self.header("party_kind"), "party_kind"))

    def _summary_procedure(self, row: Parsed) -> None:
        column = self.procedure
        said = plain_text(row.cells[column.place]) if column and column.place < len(row.cells) else ""
        texts = " ".join(str(row.payload.get(name, "")) for name in ("content", "remark"))
        if "简易" in said or "当场" in said or _SUMMARY_PROCEDURE.search(texts):
            where = column.header if column and said else self.header("content")
            row.faults.append(Fault("E20", "简易程序作出的处罚不报送", where, "content"))
        elif _SUMMARY_NUMBER.search(str(row.payload.get("decision_no", ""))):
            row.faults.append(Fault("E20", "文号表明是简易程序处罚，不报送", self.header("decision_no"), "decision_no"))

    def _amount(self, row: Parsed) -> None:
        text = row.payload.get("fine_amount")
        if not isinstance(text, str):
            return
        amount = Decimal(text)
        said = _FINE.search(str(row.payload.get("content", "")))
        stated = None
        if said:
            number = Decimal(said[1].replace(",", "") or 0)
            stated = number / TEN_THOUSAND if said[2] == "元" else number
        header = self.header("fine_amount")
        plainly = f"{amount.normalize():f}"
        if stated is not None and stated != amount and stated * TEN_THOUSAND == amount:
            sentence = f"罚款金额 {plainly} 万元，处罚内容写的是 {plainly} 元，相差一万倍"
            row.faults.append(Fault("E27", sentence, header, "fine_amount"))
        elif amount >= TEN_THOUSAND and stated == amount:
            row.warnings.append(Fault("W01", f"罚款金额 {plainly} 万元，请复核", header))
        elif amount >= TEN_THOUSAND:
            sentence = f"罚款金额 {plainly} 万元，即 {amount / TEN_THOUSAND:f} 亿元，处罚内容没有写明同一金额"
            row.faults.append(Fault("E27", sentence, header, "fine_amount"))
