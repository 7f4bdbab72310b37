"""Names that nobody bears: every one says 示例 (sample), made from fixed lists of signs."""

from __future__ import annotations

FIRST = "青云海松禾泽岚柏岩溪星远恒辰霖澄朗屹翎蔚"
SECOND = "禾川峰舟原途帆岭石桥洲垣驰衡屿陌汀野湾峦"
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜"
GIVEN = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"


def word(serial: int) -> str:
    """Two signs; different for serials below 400, then with a third.

    >>> word(0), word(1), word(400)
    ('青禾', '云川', '青禾云')
    """
    turn, place = divmod(serial, len(FIRST) * len(SECOND))
    row, column = divmod(place, len(FIRST))
    made = FIRST[column] + SECOND[(column + row) % len(SECOND)]
    return made + (FIRST[turn % len(FIRST)] if turn else "")


def person(serial: int) -> str:
    """A person's name with 示 in the middle.

    >>> person(0)
    '赵示甲'
    """
    return SURNAMES[serial % len(SURNAMES)] + "示" + GIVEN[serial // len(SURNAMES) % len(GIVEN)]
