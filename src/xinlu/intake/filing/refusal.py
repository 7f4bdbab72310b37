"""What self-filing refuses, told so that a person knows what to do next.

``docs/errors.md`` lists the same codes; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from xinlu.law.problem import Code, Problem

_FORM = "自主填报表单（standards/filing/）"
_RULES = "自主填报规则（docs/self-filing.md）"
_PAPERS = "附件规则（docs/self-filing.md）"

_ALL = (
    Code("SF-001", "不在填报范围", _FORM, "请核对企业登记的从事业务；有误的，向主管部门申请更正"),
    Code("SF-002", "不在填报时间内，内容已锁定", _FORM, "请申请解锁，写明要改什么、为什么"),
    Code("SF-003", "内容在别处改过", _RULES, "请刷新页面，看现在的内容，再改"),
    Code("SF-004", "内容有问题，不能提交", _RULES, "请按列出的问题逐项改正，再提交"),
    Code("SF-005", "与上一次审核通过的内容相同", _RULES, "没有变化的，不用提交"),
    Code("SF-006", "行数过多", _FORM, "请删去不需要的行；确有更多的，联系主管部门"),
    Code("SF-007", "没有这一部分、这一行或这个数据项", _FORM, "请从页面上选择"),
    Code("SF-008", "审核的不是最新提交的内容", _RULES, "请刷新页面，看最新提交的内容，再办理"),
    Code("SF-009", "没有锁定，不用解锁", _RULES, "请直接修改并提交"),
    Code("SF-010", "正在审核，不能再提交", _RULES, "请等审核结果；要改的，先撤回填报"),
    Code("SF-101", "附件过大", _PAPERS, "请压缩或分开扫描后再上传"),
    Code("SF-102", "附件不是 PDF、JPG 或 PNG", _PAPERS, "请换成这三种格式之一；按内容辨认，改扩展名没有用"),
    Code("SF-103", "图像的像素过多", _PAPERS, "请降低分辨率后再上传"),
    Code("SF-104", "附件损坏或不完整", _PAPERS, "请重新扫描或导出后再上传"),
    Code("SF-105", "附件里夹带了别的内容", _PAPERS, "请重新扫描或另存为不含脚本、附件和表单的文件"),
    Code("SF-106", "附件加了密码", _PAPERS, "请去掉密码后再上传"),
    Code("SF-107", "这一行的附件过多", _FORM, "请删去不需要的附件"),
    Code("SF-108", "附件是空的", _PAPERS, "请确认选对了文件"),
)  # fmt: skip

CODES: dict[str, Code] = {code.code: code for code in _ALL}


@dataclass(frozen=True)
class Place:
    """Where in a filing something is: part, row, field; empty for the whole."""

    part: str = ""
    row: str = ""
    field: str = ""


@dataclass(frozen=True)
class Found:
    """One thing that is wrong with a filing, and where."""

    place: Place
    code: str
    sentence: str


class FilingRefused(ValueError):
    """Self-filing does not do it; ``problem`` says what, why and what next, ``found`` each thing that is wrong."""

    def __init__(self, code: str, sentence: str, found: tuple[Found, ...] = ()) -> None:
        super().__init__(f"{code}：{sentence}")
        known = CODES[code]
        self.problem = Problem(code=code, sentence=sentence, basis=known.basis, next_step=known.next_step)
        self.found = found
