"""Write ``standards/calendar/<year>.yaml`` from the chinesecalendar library, for years that have no file.

A file that exists is never touched: after seeding, the table is edited by hand against the notice of the
State Council. Run: ``python scripts/seed_calendar.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from chinese_calendar import constants

TARGET = Path(__file__).parents[1] / "standards" / "calendar"
CHINESE = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利70周年纪念日",
}


def lines(days: Mapping[date, str], year: int) -> list[str]:
    """The days of one year as YAML lines, in order."""
    return [f'  "{day}": {CHINESE[why]}' for day, why in sorted(days.items()) if day.year == year]


def text(year: int) -> str:
    """The file of one year."""
    return "\n".join(
        [
            f"# {year} 年节假日与调休。days_off 是放假的日子（含周末），make_up_days 是周末补班的日子。",
            f"year: {year}",
            "source:",
            f"  document: 国务院办公厅关于{year}年部分节假日安排的通知",
            "  issuer: 国务院办公厅",
            "  grade: secondary",
            "  note: 由开源库 chinesecalendar 转录，请与通知原文核对",
            "days_off:",
            *lines(constants.holidays, year),
            "make_up_days:",
            *lines(constants.workdays, year),
            "",
        ]
    )


def main() -> None:
    """Write the missing years and say which."""
    for year in sorted({day.year for day in constants.holidays}):
        path = TARGET / f"{year}.yaml"
        if not path.exists():
            body = text(year).replace("make_up_days:\n\n", "make_up_days: {}\n").rstrip("\n") + "\n"
            path.write_text(body, encoding="utf-8")
            print(path.name)


if __name__ == "__main__":
    main()
