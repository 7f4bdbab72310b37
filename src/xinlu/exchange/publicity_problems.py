"""What cannot be done with 双公示 going out, and what is wrong with rows of a receipt: codes DP-…."""

from __future__ import annotations

from xinlu.law.problem import Code, Problem

_BASIS = "双公示上报（docs/double-publicity.md）"
_FORM = "平台回执的列名与用语（standards/reporting/ 的 receipt）"

_ALL = (
    Code("DP-001", "没有生效的双公示报送规定", _BASIS, "请在 standards/reporting/ 中补上当日有效的一版"),
    Code("DP-002", "没有上报的权限", _BASIS, "请由省级机构的数据管理员办理"),
    Code("DP-003", "没有这个上报批次", _BASIS, "请核对批次号"),
    Code("DP-004", "重新生成的内容与当时的摘要不符", _BASIS, "不要上传；目录的名称改过，或有人改过数据，请查明"),
    Code("DP-005", "现在的状态不能再报", _BASIS, "只有已报未回执的和被退回的可以再报；请刷新页面看现在的状态"),
    Code("DP-006", "没有写明理由", _BASIS, "请写明为什么再报，例如文件没有传上去、平台已改正"),
    Code("DP-007", "回执缺少必需的列", _FORM, "请用平台导出的原文件；列名不同的，改报送规定里的列名"),
    Code("DP-008", "回执的这一行对不上任何上报", _FORM, "请核对上报序号，或文号与相对人代码"),
    Code("DP-009", "回执的序号与文号不是同一行", _FORM, "请用平台导出的原文件，不要改动序号"),
    Code("DP-010", "不认识的处理结果", _FORM, "请在报送规定的 receipt 里补上这个用语"),
    Code("DP-011", "退回没有写原因", _FORM, "请向平台问明原因后再报"),
)  # fmt: skip

CODES: dict[str, Code] = {one.code: one for one in _ALL}


class NotReported(ValueError):
    """It cannot be done; carries one problem."""

    def __init__(self, code: str, sentence: str, *, file: str = "") -> None:
        super().__init__(f"{code} {sentence}")
        self.problem = told(code, sentence, file=file)


def told(code: str, sentence: str, *, file: str = "", line: int | None = None) -> Problem:
    """A problem with basis and next step of its code.

    >>> told("DP-006", "没有写理由").next_step[:8]
    '请写明为什么再报'
    """
    known = CODES[code]
    return Problem(code=code, sentence=sentence, file=file, line=line, basis=known.basis, next_step=known.next_step)
