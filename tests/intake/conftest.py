"""A small registry and two sources for the tests of intake."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from xinlu.access.models import Organ
from xinlu.access.scope import Scope
from xinlu.intake.deliver import DeliveryResult, deliver
from xinlu.journal.actor import Actor
from xinlu.law.identifiers import make_id_number, make_plate, make_uscc
from xinlu.ledger.deliver import register_source
from xinlu.registry.enrol import NewSubject, enrol_many

ACTOR = Actor.system("test")
SYSTEM = Scope.system("test")
START = datetime(2024, 6, 3, 1, 0, tzinfo=UTC)
FIRM, OTHER_FIRM = make_uscc(1, region="330106"), make_uscc(2, region="330106")
TRADER = make_uscc(3, region="330106", holder="sole_trader")
DRIVER = make_id_number(5, region="330106")
PLATE, OTHER_PLATE = make_plate(1), make_plate(2)
ORGAN = make_uscc(9, region="330100", holder="organ")


@dataclass
class Desk:
    """Where files are handed over; every delivery comes a day after the one before."""

    numbers: Mapping[str, int]
    at: datetime = START

    def hand(self, file: bytes, name: str = "a.csv", **said: Any) -> DeliveryResult:
        """Deliver ``file`` and check that every row is accounted for."""
        self.at += timedelta(days=1)
        said = {"source": "zj-penalties", "received_at": self.at, "actor": ACTOR, "scope": SYSTEM, **said}
        result = deliver(file=file, name=name, **said)
        assert result.accepted + result.queried + result.duplicate == result.delivered
        return result


@pytest.fixture
def desk(db: None) -> Desk:
    """A desk, with two firms, a sole trader, a driver and two vehicles registered."""
    return open_desk()


def open_desk() -> Desk:
    """The same for tests that make their own database."""
    Organ.objects.create(code="zj", name="示例省厅", kind="province", everywhere=True, sectors=["all"])
    Organ.objects.create(code="jt-330100", name="示例市局", kind="city_bureau", region="330100")
    for code in ("zj-penalties", "zj-other"):
        register_source(code=code, title="示例", organ="zj", kind="platform", actor=ACTOR, at=START)
    born = date(2015, 1, 1)
    subjects = [
        NewSubject("enterprise", "示例运输有限公司", "330106", {"uscc": FIRM}, born),
        NewSubject("enterprise", "示例物流有限公司", "330106", {"uscc": OTHER_FIRM, "code": "Q-2"}, born),
        NewSubject("sole_trader", "示例货运部", "330106", {"uscc": TRADER}, born),
        NewSubject("practitioner", "张示例", "330106", {"id_number": DRIVER}, born, natural_person=True),
        NewSubject("vehicle", PLATE, "330106", {"plate": PLATE}, born),
        NewSubject("vehicle", OTHER_PLATE, "330106", {"plate": OTHER_PLATE}, born),
    ]
    numbers = enrol_many(subjects, actor=ACTOR, at=START)
    names = ("firm", "other_firm", "trader", "driver", "vehicle", "other_vehicle")
    return Desk(dict(zip(names, numbers, strict=True)))


PENALTY = {
    "CF_XDR_MC": "示例运输有限公司",
    "CF_XDR_LB": "法人及非法人组织",
    "CF_XDR_SHXYM": FIRM,
    "CF_FRDB": "李示例",
    "CF_WSH": "浙杭交罚〔2024〕1号",
    "CF_WFXW": "超限运输",
    "CF_SY": "车货总质量超过限值",
    "CF_YJ": "《公路安全保护条例》第六十四条",
    "CF_CFLB": "警告;罚款",
    "CF_NR": "警告，罚款人民币2000元",
    "CF_NR_FK": "0.2",
    "CF_JDRQ": "2024/5/30",
    "CF_YXQ": "2099-12-31",
    "CF_GSJZQ": "2027-05-20",
    "CF_CFJG": "示例市交通运输局",
    "CF_CFJGDM": ORGAN,
    "CF_SJLY": "示例市交通运输局",
    "CF_SJLYDM": ORGAN,
    "BZ": "",
}


def penalty(number: int = 1, **changes: str) -> dict[str, str]:
    """A penalty that is in order, but for ``changes``."""
    return {**PENALTY, "CF_WSH": f"浙杭交罚〔2024〕{number}号", **changes}


def as_csv(rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8") -> bytes:
    """Rows as a CSV file; the columns are those of the first row and what others add."""
    headers = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, headers, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_xlsx(rows: Sequence[Sequence[Any]], *, prepare: Callable[[Any, Any], None] | None = None) -> bytes:
    """Rows of cells as a workbook; ``prepare(book, sheet)`` may do more to it."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "remove_timezone": True})
    sheet = book.add_worksheet("数据")
    for line, row in enumerate(rows):
        for place, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(
                    line,
                    place,
                    datetime(cell.year, cell.month, cell.day),
                    book.add_format({"num_format": "yyyy-mm-dd"}),
                )
            else:
                sheet.write(line, place, cell)
    if prepare is not None:
        prepare(book, sheet)
    book.close()
    return out.getvalue()
