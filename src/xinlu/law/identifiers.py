"""Identifiers (标识码) of subjects: normal form, check, and valid but fictional ones for samples.

Kinds, as in :class:`xinlu.law.catalogue.SubjectKind`: ``uscc`` (GB 32100-2015), ``organisation_code``
(GB 11714-1997), ``id_number`` (GB 11643-1999), ``plate`` (GA 36-2018), ``vessel_id`` (船舶识别号), ``mmsi``,
``certificate_no``, ``code``. A check gives None or one :class:`~xinlu.law.problem.Problem`; it says that the
form is right, never that somebody holds the identifier.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

from stdnum.cn import ric as gb11643
from stdnum.cn import uscc as gb32100
from stdnum.exceptions import ValidationError

from xinlu.law.problem import Problem

USCC_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 signs of GB 32100: no I, O, S, V, Z."""
LOOKALIKES = str.maketrans("IOSZ", "1052")
"""What somebody meant who typed a sign that the standard leaves out."""
PROVINCES = frozenset(
    {"11", "12", "13", "14", "15", "21", "22", "23"}
    | {"31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46"}
    | {"50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83"}
)
"""First two digits of GB/T 2260 and, 81–83, of the residence permits of 港澳台."""
PLATE_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

FICTIONAL_BODY = "XL"
"""First signs of the organisation code of every fictional USCC: a range that nobody issues."""
FICTIONAL_SEQUENCE = "000"
"""Sequence of every fictional ID number; real ones begin at 001."""
FICTIONAL_PLATE = "浙X"
"""No place in Zhejiang has the letter X."""
EARLIEST_BIRTH = 1880
"""Nobody who has a number was born before."""
FIRST_FICTIONAL_BIRTH = date(1960, 1, 1)
FICTIONAL_BIRTHDAYS = 15_000

Kind = Literal[
    "uscc",
    "organisation_code",
    "id_number",
    "plate",
    "vessel_id",
    "mmsi",
    "certificate_no",
    "code",
]

TITLES: dict[str, str] = {
    "uscc": "统一社会信用代码",
    "organisation_code": "组织机构代码",
    "id_number": "公民身份号码",
    "plate": "机动车号牌",
    "vessel_id": "船舶识别号",
    "mmsi": "水上移动业务标识",
    "certificate_no": "证书编号",
    "code": "编号",
}
BASES: dict[str, str] = {
    "uscc": "GB 32100-2015 法人和其他组织统一社会信用代码编码规则",
    "organisation_code": "GB 11714-1997 全国组织机构代码编制规则",
    "id_number": "GB 11643-1999 公民身份号码",
    "plate": "GA 36-2018 中华人民共和国机动车号牌",
    "vessel_id": "交通运输部令2010年第4号 船舶识别号管理规定",
    "mmsi": "ITU-R M.585 水上移动业务标识的指配和使用",
    "certificate_no": "信用信息目录",
    "code": "信用信息目录",
}
CODES: dict[str, tuple[str, str]] = {
    "ID-101": ("没有填写", "请补填"),
    "ID-102": ("成了科学计数法", "请把该列设为文本格式后从原系统重新导出；丢失的位数无法找回"),
    "ID-103": ("后几位被电子表格改成了 0", "请把该列设为文本格式后从原系统重新导出"),
    "ID-104": ("位数不对", "请核对是否多录、漏录"),
    "ID-105": ("含有不允许的字符", "请核对字母与数字是否混淆"),
    "ID-106": ("校验码不符", "请逐位核对，常见错误是一位录错或相邻两位颠倒"),
    "ID-107": ("行政区划代码不存在", "请核对前几位"),
    "ID-108": ("出生日期不存在", "请核对第 7 至 14 位"),
    "ID-109": ("是 15 位旧号", "请改填 18 位公民身份号码"),
    "ID-110": ("格式不对", "请按标准格式填写"),
}
"""Code → (what is wrong, what to do). The sentence of a problem puts the identifier's name in front."""

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]+")
_SPACES = re.compile(r"\s+")
_SEPARATORS = re.compile(r"[-‐‑–—·•∙・.．\s]+")
_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?E\+?[0-9]{1,3}")
_WHOLE_FLOAT = re.compile(r"([0-9]+)\.0+")
_ORDINARY_PLATE = re.compile(rf"[{PLATE_PROVINCES}][A-HJ-NP-Z](?:[A-HJ-NP-Z0-9]{{5}}|[A-HJ-NP-Z0-9]{{4}}[挂学警港澳])")
_NEW_ENERGY_PLATE = re.compile(rf"[{PLATE_PROVINCES}][A-HJ-NP-Z](?:[A-HJK][A-HJ-NP-Z0-9][0-9]{{4}}|[0-9]{{5}}[A-HJK])")
_VESSEL_ID = re.compile(r"CN([0-9]{4})([0-9]{7})")
_MMSI = re.compile(r"[2-7][0-9]{8}")


def half_width(text: str) -> str:
    """Full-width letters, digits and signs as half-width ones; blanks at the ends and invisible signs gone.

    >>> half_width("　９１３３ＡＢ ")
    '9133AB'
    """
    visible = _INVISIBLE.sub("", text)
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", visible)).strip()


def normalise(kind: Kind, text: str) -> str:
    """The form in which an identifier is stored and compared; wrong ones stay wrong.

    Blanks, hyphens and dots inside go (not in ``certificate_no`` and ``code``), letters become upper case, and
    ``…0`` that a spreadsheet appended to a whole number goes.

    >>> normalise("uscc", "９１ 330106-xl00000746")
    '91330106XL00000746'
    >>> normalise("plate", "浙a·12345")
    '浙A12345'
    >>> normalise("mmsi", "412990001.0")
    '412990001'
    """
    plain = half_width(text)
    if kind in ("certificate_no", "code"):
        return plain
    if whole := _WHOLE_FLOAT.fullmatch(plain):
        plain = whole[1]
    if is_scientific(plain):
        return plain.upper()
    # Once more NFKC: what stood apart may now combine, and a normal form stays as it is.
    return unicodedata.normalize("NFKC", _SEPARATORS.sub("", plain).upper())


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet has turned a long number into ``3.30106E+17``.

    >>> is_scientific("3.30106E+17"), is_scientific("91330106XL00000E17")
    (True, False)
    """
    return _SCIENTIFIC.fullmatch(half_width(text).upper()) is not None


def check(kind: Kind, text: str) -> Problem | None:
    """What is wrong with an identifier, or None. ``text`` is brought to its normal form first.

    >>> check("id_number", "11010519491231002X") is None
    True
    >>> str(check("uscc", "9.13301E+17"))
    'ID-102 统一社会信用代码“9.13301E+17”成了科学计数法'
    """
    value = normalise(kind, text)
    if not value:
        return _wrong("ID-101", kind, value)
    if is_scientific(value) and kind not in ("plate", "code", "certificate_no"):
        return _wrong("ID-102", kind, value)
    return _CHECKS[kind](value)


def is_valid(kind: Kind, text: str) -> bool:
    """Whether :func:`check` finds nothing wrong."""
    return check(kind, text) is None


def recognise(text: str) -> Kind | None:
    """Which kind of identifier a text is, when its form leaves no doubt; for a search box.

    >>> recognise("浙X00001"), recognise("某某运输有限公司")
    ('plate', None)
    """
    kinds: tuple[Kind, ...] = ("uscc", "id_number", "plate", "vessel_id", "mmsi", "organisation_code")
    return next((k for k in kinds if is_valid(k, text)), None)


# ── checks of each kind ─────────────────────────────────────────────────────────────────────────


def _wrong(code: str, kind: Kind, value: str, *, hint: str = "", next_step: str = "") -> Problem:
    what, usual = CODES[code]
    shown = f"“{value}”" if value else ""
    return Problem(
        code=code,
        sentence=f"{TITLES[kind]}{shown}{what}{hint}",
        basis=BASES[kind],
        next_step=next_step or usual,
    )


def _check_uscc(value: str) -> Problem | None:
    if len(value) != 18:
        return _wrong("ID-104", "uscc", value, hint=f"，应为 18 位，现为 {len(value)} 位")
    if any(sign not in USCC_SIGNS for sign in value):
        meant = value.translate(LOOKALIKES)
        better = f"是不是“{meant}”？请核对" if is_valid("uscc", meant) else ""
        return _wrong("ID-105", "uscc", value, hint="（不用字母 I、O、S、V、Z）", next_step=better)
    if not value[2:8].isdigit() or value[2:4] not in PROVINCES | {"10"}:
        return _wrong("ID-107", "uscc", value, hint="（第 3 至 8 位）")
    if value[-1] != gb32100.calc_check_digit(value[:17]):
        return _checksum("uscc", value)
    return None


def _checksum(kind: Kind, value: str) -> Problem:
    lost = value.isdigit() and value.endswith("000")
    return _wrong("ID-103" if lost else "ID-106", kind, value)


def _check_organisation_code(value: str) -> Problem | None:
    if len(value) != 9:
        return _wrong("ID-104", "organisation_code", value, hint=f"，应为 9 位，现为 {len(value)} 位")
    if not value.isascii() or not value[:8].isalnum() or not (value[8].isdigit() or value[8] == "X"):
        return _wrong("ID-105", "organisation_code", value)
    if value[8] != organisation_check_digit(value[:8]):
        return _wrong("ID-106", "organisation_code", value)
    return None


def _check_id_number(value: str) -> Problem | None:
    if len(value) == 15 and value.isdigit():
        return _wrong("ID-109", "id_number", value)
    if len(value) != 18:
        return _wrong("ID-104", "id_number", value, hint=f"，应为 18 位，现为 {len(value)} 位")
    if not (value.isascii() and value[:17].isdigit() and (value[17].isdigit() or value[17] == "X")):
        return _wrong("ID-105", "id_number", value)
    if value[:2] not in PROVINCES:
        return _wrong("ID-107", "id_number", value, hint="（前 6 位）")
    # The county table of the library compares with the year of birth, yet codes were first given out in the
    # 1980s and children of 2021 have counties that are newer than it: only the province is held against it.
    try:
        possible = gb11643.get_birth_date(value).year >= EARLIEST_BIRTH
    except ValidationError:
        possible = False
    if not possible:
        return _wrong("ID-108", "id_number", value)
    if value[17] != gb11643.calc_check_digit(value):
        return _checksum("id_number", value)
    return None


def _check_plate(value: str) -> Problem | None:
    if _ORDINARY_PLATE.fullmatch(value) or _NEW_ENERGY_PLATE.fullmatch(value):
        return None
    return _wrong(
        "ID-110", "plate", value, next_step="请写省份简称、发牌机关字母和 5 位（新能源 6 位）序号，如 浙X12345"
    )


def _check_vessel_id(value: str) -> Problem | None:
    # The rule names the eleventh digit as a check digit without saying how it is made, so it is not checked.
    found = _VESSEL_ID.fullmatch(value)
    if found and 1900 <= int(found[1]) <= 2199:
        return None
    return _wrong("ID-110", "vessel_id", value, next_step="请写 CN 加 11 位数字，前 4 位是安放龙骨的年份")


def _check_mmsi(value: str) -> Problem | None:
    if _MMSI.fullmatch(value):
        return None
    return _wrong("ID-110", "mmsi", value, next_step="请写 9 位数字，船舶电台以 2 至 7 开头，如 412、413")


def _nothing_to_check(_value: str) -> Problem | None:
    return None


_CHECKS: dict[str, Callable[[str], Problem | None]] = {
    "uscc": _check_uscc,
    "organisation_code": _check_organisation_code,
    "id_number": _check_id_number,
    "plate": _check_plate,
    "vessel_id": _check_vessel_id,
    "mmsi": _check_mmsi,
    "certificate_no": _nothing_to_check,
    "code": _nothing_to_check,
}


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def organisation_check_digit(body: str) -> str:
    """Check digit of the first eight signs of an organisation code (GB 11714).

    >>> organisation_check_digit("60003734")
    '1'
    """
    values = (int(sign, 36) for sign in body)
    total = sum(v * w for v, w in zip(values, ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def region_of(kind: Kind, text: str) -> str | None:
    """The region code inside a valid USCC or ID number; None for other kinds and wrong ones.

    It is where the code was given out, which may differ from where the subject is now.
    """
    value = normalise(kind, text)
    if not is_valid(kind, value):
        return None
    return {"uscc": value[2:8], "id_number": value[:6]}.get(kind)


def born_on(text: str) -> date | None:
    """The birth date inside a valid ID number, else None."""
    value = normalise("id_number", text)
    if not is_valid("id_number", value):
        return None
    return date(int(value[6:10]), int(value[10:12]), int(value[12:14]))


# ── fictional ones, for samples and tests ───────────────────────────────────────────────────────


def make_organisation_code(serial: int) -> str:
    """A valid organisation code in the range that nobody issues.

    Raises:
        ValueError: ``serial`` is not in 0 … 999 999.
    """
    body = f"{FICTIONAL_BODY}{_digits(serial, 6)}"
    return body + organisation_check_digit(body)


def make_uscc(
    serial: int,
    *,
    region: str,
    holder: Literal["enterprise", "sole_trader", "organ", "institution"] = "enterprise",
) -> str:
    """A valid USCC that nobody holds: 91 (92, 11, 12) + region + ``XL`` + serial + check digits.

    >>> code = make_uscc(7, region="330106")
    >>> code, is_valid("uscc", code), is_fictional("uscc", code)
    ('91330106XL00000746', True, True)

    Raises:
        ValueError: ``serial`` is not in 0 … 999 999.
    """
    opening = {"enterprise": "91", "sole_trader": "92", "organ": "11", "institution": "12"}[holder]
    body = f"{opening}{region}{make_organisation_code(serial)}"
    return body + str(gb32100.calc_check_digit(body))


def make_id_number(serial: int, *, region: str) -> str:
    """A valid ID number with the sequence 000, which nobody is given; born between 1960 and 2001.

    Different for different (region, serial).

    Raises:
        ValueError: ``serial`` is not in 0 … 14 999.
    """
    if not 0 <= serial < FICTIONAL_BIRTHDAYS:
        raise ValueError(f"serial {serial} is not in 0 … {FICTIONAL_BIRTHDAYS - 1}")
    # 7 919 is coprime to 15 000: neighbours in serial are not neighbours in age.
    birth = FIRST_FICTIONAL_BIRTH + timedelta(days=serial * 7_919 % FICTIONAL_BIRTHDAYS)
    body = f"{region}{birth:%Y%m%d}{FICTIONAL_SEQUENCE}"
    return body + str(gb11643.calc_check_digit(body + "0"))


def make_plate(serial: int, *, new_energy: bool = False, trailer: bool = False) -> str:
    """A number plate with a letter that no place of Zhejiang has: 浙X…

    Raises:
        ValueError: ``serial`` is not in 0 … 99 999 (trailers: 9 999).
    """
    if trailer:
        return f"{FICTIONAL_PLATE}{_digits(serial, 4)}挂"
    return f"{FICTIONAL_PLATE}{_digits(serial, 5)}{'D' if new_energy else ''}"


def make_vessel_id(serial: int, *, year: int) -> str:
    """A vessel identifier with sequence 99….

    Raises:
        ValueError: ``serial`` is not in 0 … 99 999.
    """
    return f"CN{year:04d}99{_digits(serial, 5)}"


def make_mmsi(serial: int) -> str:
    """An MMSI of China with 99 after the country.

    Raises:
        ValueError: ``serial`` is not in 0 … 9 999.
    """
    return f"41299{_digits(serial, 4)}"


def is_fictional(kind: Kind, text: str) -> bool:
    """Whether an identifier lies in the range from which the functions above make theirs."""
    value = normalise(kind, text)
    marks = {
        "uscc": value[8:10] == FICTIONAL_BODY,
        "organisation_code": value[:2] == FICTIONAL_BODY,
        "id_number": value[14:17] == FICTIONAL_SEQUENCE,
        "plate": value[:2] == FICTIONAL_PLATE,
        "vessel_id": value[6:8] == "99",
        "mmsi": value[:5] == "41299",
    }
    return marks.get(kind, False)


def _digits(serial: int, length: int) -> str:
    if not 0 <= serial < 10**length:
        raise ValueError(f"serial {serial} does not fit {length} digits")
    return f"{serial:0{length}d}"
