"""Mistakes that people make in sheets, seeded: each is a row of its own, with the code that it must be queried with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xinlu.law import identifiers

if TYPE_CHECKING:
    from xinlu.demo.handovers import Handover
    from xinlu.demo.world import World

Cells = list[str]


@dataclass(frozen=True)
class Mistake:
    """A row that must not be taken, and why."""

    name: str
    code: str
    cells: Cells
    outcome: str = "queried"


def mistakes_for(
    world: World,
    what: str,
    header: Sequence[str],
    rows: Sequence[Cells],
    *,
    part: str = "",
    handover: Handover | None = None,
) -> list[Mistake]:
    """The rows to append to a file that has ``rows``: copies of good ones, each spoilt in one way."""
    if not rows:
        return []
    makers = _MAKERS.get(what, ())
    place = sum(map(ord, f"{part}{handover}")) if part else 0
    chosen = makers if not part else [makers[(place + step) % len(makers)] for step in range(2)] if makers else []
    made = []
    for number, maker in enumerate(chosen):
        row = dict(zip(header, rows[(place + number) % len(rows)], strict=True))
        found = maker(world, row, f"{part}{handover.folder if handover else ''}{number}")
        if found is not None:
            name, code, spoilt, outcome = found
            made.append(Mistake(name, code, [spoilt[one] for one in header], outcome))
    return made


Made = tuple[str, str, dict[str, str], str] | None
Maker = Callable[["World", dict[str, str], str], Made]


def _fresh(row: dict[str, str], mark: str) -> dict[str, str]:
    return row | {"CF_WSH": f"示错字〔{mark}〕号"}


def _wrong_digit(_world: World, row: dict[str, str], mark: str) -> Made:
    uscc = identifiers.make_uscc(700_001, region="330106")
    wrong = uscc[:-1] + ("0" if uscc[-1] != "0" else "1")
    return "bad_check_digit", "E02", _to_firm(_fresh(row, mark), wrong), "queried"


def _unknown(_world: World, row: dict[str, str], mark: str) -> Made:
    uscc = identifiers.make_uscc(700_002, region="330106")
    return "unknown_subject", "E08", _to_firm(_fresh(row, mark), uscc), "queried"


def _mangled(_world: World, row: dict[str, str], mark: str) -> Made:
    return "excel_mangled", "E17", _to_firm(_fresh(row, mark), "9.13301E+17"), "queried"


def _to_firm(row: dict[str, str], uscc: str) -> dict[str, str]:
    said = {
        "CF_XDR_LB": "法人及非法人组织",
        "CF_XDR_SHXYM": uscc,
        "CF_FRDB": "示例甲",
        "CF_XDR_ZJHM": "",
        "CF_XDR_ZJLX": "",
    }
    return row | {name: value for name, value in said.items() if name in row}


def _other_content(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "duplicate_number", "E07", row | {"CF_SY": "示例：同一文号，内容不同"}, "queried"


def _word_for_word(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "repeated_row", "", row, "duplicate"


def _yuan(_world: World, row: dict[str, str], mark: str) -> Made:
    if "CF_NR_FK" not in row:
        return None
    spoilt = {"CF_CFLB": "罚款", "CF_NR": "罚款20000元", "CF_NR_FK": "20000"}
    return "yuan_for_ten_thousand", "E27", _fresh(row, mark) | spoilt, "queried"


def _no_such_day(_world: World, row: dict[str, str], mark: str) -> Made:
    return "no_such_day", "E04", _fresh(row, mark) | {"CF_JDRQ": "2023-02-30"}, "queried"


def _empty_day(_world: World, row: dict[str, str], mark: str) -> Made:
    return "spreadsheet_day_0", "E04", _fresh(row, mark) | {"CF_JDRQ": "1900-01-00"}, "queried"


def _kind_unknown(_world: World, row: dict[str, str], mark: str) -> Made:
    return "unknown_code", "E05", _fresh(row, mark) | {"CF_CFLB": "没收作案工具（示例）"}, "queried"


def _id_in_text(_world: World, row: dict[str, str], mark: str) -> Made:
    number = identifiers.make_id_number(14_001, region="330106")
    return "id_number_in_text", "E12", _fresh(row, mark) | {"CF_SY": f"当事人（{number}）违法"}, "queried"


def _facts_missing(_world: World, row: dict[str, str], mark: str) -> Made:
    return "empty_facts", "E01", _fresh(row, mark) | {"CF_SY": ""}, "queried"


def _vehicle_scientific(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "no_plate", "E01", row | {"检测单号": "CZ-错-1", "被检车辆标识": ""}, "queried"


def _no_mass(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "negative_mass", "E16", row | {"检测单号": "CZ-错-2", "车货总质量": "-5"}, "queried"


def _tonnes_in_words(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "mass_in_words", "E13", row | {"检测单号": "CZ-错-3", "车货总质量": "约三十吨"}, "queried"


def _repeated_weighing(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "repeated_row", "", row, "duplicate"


def _wrong_firm(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "bad_check_digit", "E02", row | {TITLE_USCC: "91330106XL00000700"}, "queried"


def _end_before_start(_world: World, row: dict[str, str], _mark: str) -> Made:
    return "ends_before_it_starts", "E25", row | {"起始日期": "2021-05-01", "终止日期": "2021-04-01"}, "queried"


def _nobody(_world: World, row: dict[str, str], _mark: str) -> Made:
    nobody = identifiers.make_uscc(700_003, region="330106")
    return "unknown_subject", "E08", row | {"起点标识": nobody, "起始日期": "2021-06-01"}, "queried"


TITLE_USCC = identifiers.TITLES["uscc"]
_MAKERS: dict[str, tuple[Maker, ...]] = {
    "administrative_penalty": (
        _wrong_digit, _yuan, _other_content, _unknown, _no_such_day, _mangled, _word_for_word, _kind_unknown,
        _empty_day, _id_in_text, _facts_missing,
    ),
    "weighing": (_vehicle_scientific, _no_mass, _tonnes_in_words, _repeated_weighing),
    "enterprise": (_wrong_firm,),
    "relation": (_end_before_start, _nobody),
}  # fmt: skip
