"""What the gazette refuses, told so that a person knows what to do next.

``docs/errors.md`` lists the same codes; a test compares the two.
"""

from __future__ import annotations

from xinlu.law.problem import Code, Problem

_TWO = "两人发布：起草与发布不得为同一人（docs/workbench.md）"
_ROLES = "规则工作台的权限（docs/workbench.md）"
_PATH = "法规的起草、审核与发布（docs/workbench.md）"
_CASES = "每部评价规则附有案例，案例不过不得发布（docs/language.md）"
_FILES = "法规文件格式（docs/language.md）"

_ALL = (
    Code("GZ-001", "起草人与发布人是同一人", _TWO, "请由另一名规则管理员或负责人审核发布"),
    Code("GZ-002", "内容与摘要不符", _PATH, "请作废这份草案，重新起草，并告知审计管理员"),
    Code("GZ-003", "没有起草的权限", _ROLES, "请由本业务领域的规则管理员起草"),
    Code("GZ-004", "没有审核发布的权限", _ROLES, "请由规则管理员或负责人审核发布"),
    Code("GZ-005", "草案不在可以这样做的状态", _PATH, "请刷新页面，看草案现在的状态"),
    Code("GZ-006", "草案在打开页面之后被改过", _PATH, "请先看现在的文本，再把自己的改动加进去"),
    Code("GZ-007", "法规检查没有通过", _FILES, "请按检查结果逐条改正"),
    Code("GZ-008", "案例没有通过", _CASES, "请核对条文：改规则，或改案例"),
    Code("GZ-009", "草案与原版本没有差别", _PATH, "请先修改，或作废这份草案"),
    Code("GZ-010", "原文件在起草之后已由别的发布改动", _PATH, "请作废这份草案，从现行版本重新起草"),
    Code("GZ-011", "新版本的名称不能用", _FILES, "名称用字母、数字、点和连字符，不与已有的版本、草案相同"),
    Code("GZ-012", "退回没有写理由", _PATH, "请写明退回的理由，让起草人知道改什么"),
    Code("GZ-013", "文本过大", _FILES, "请拆分文件；一份法规文件不超过 1 MB"),
    Code("GZ-014", "文件里的标识或版本与草案不同", _FILES, "请改回草案的标识和版本；要换名称的，重新起草"),
    Code("GZ-015", "没有这个版本或文件", _PATH, "请从工作台的列表中选择"),
    Code("GZ-016", "这个数不能单独修改", _FILES, "请在全文中修改"),
)  # fmt: skip

CODES: dict[str, Code] = {code.code: code for code in _ALL}


def told(code: str, sentence: str, *, file: str = "") -> Problem:
    """A problem with the basis and next step of its code."""
    known = CODES[code]
    return Problem(code=code, sentence=sentence, file=file, basis=known.basis, next_step=known.next_step)


class Refused(ValueError):
    """The gazette does not do it; ``problem`` says what, why and what next, ``found`` what a check found."""

    def __init__(self, code: str, sentence: str, *found: Problem) -> None:
        super().__init__(f"{code}：{sentence}")
        self.problem = told(code, sentence)
        self.found = found


class SamePerson(Refused):
    """Author and publisher are one person."""

    def __init__(self) -> None:
        super().__init__("GZ-001", "起草人不能发布自己起草的版本，请由另一人发布。")


class NotAsDrafted(Refused):
    """The files are not those whose digest the draft carries."""

    def __init__(self) -> None:
        super().__init__("GZ-002", "文件内容与起草时的摘要不符，请重新起草。")
