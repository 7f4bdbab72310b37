"""What casework refuses, told so that a person knows what to do next.

``docs/errors.md`` lists the same codes; a test compares the two.
"""

from __future__ import annotations

from xinlu.law.problem import Code, Problem

_FILE = "程序文件（standards/procedures/）"
_PATH = "办件规则（docs/casework.md）"
_REASON = "退回、不予通过须写明理由（docs/casework.md）"

_ALL = (
    Code("CW-001", "没有这个程序或版本", _FILE, "请核对程序标识；当日没有有效版本的，先发布一个版本"),
    Code("CW-002", "程序没有投入办理", _FILE, "请先在程序文件中写 in_motion，并使各项效果都有对应的功能"),
    Code("CW-003", "打开页面之后已有别的办理动作", _PATH, "请刷新页面，看现在到了哪个环节，再决定怎么办"),
    Code("CW-004", "不是您的办理事项", _PATH, "请由该环节的办理单位或当事人办理"),
    Code("CW-005", "这个环节不能这样办理", _FILE, "请刷新页面，从列出的动作中选择"),
    Code("CW-006", "理由写得不够", _REASON, "请写明哪里不对、依据哪条规定、怎样改正"),
    Code("CW-007", "没有指明数据项或依据", _REASON, "请逐项指明有问题的数据项和所依据的规定"),
    Code("CW-008", "须由另一人办理", "两人办理：由程序文件的 other_than 规定", "请由同一单位或上级的另一名人员办理"),
    Code("CW-009", "缺少必需的材料", _FILE, "请补上程序要求的材料"),
    Code("CW-010", "同一事项已在办理", _PATH, "请在已有的办件中继续办理"),
    Code("CW-011", "没有写明由谁办理", _FILE, "请为程序的每个参与方指定机构或信用主体"),
    Code("CW-012", "没有这件办件", _PATH, "请从办件列表中选择"),
)  # fmt: skip

CODES: dict[str, Code] = {code.code: code for code in _ALL}


class Refused(ValueError):
    """Casework does not do it; ``problem`` says what, why and what next."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}：{sentence}")
        known = CODES[code]
        self.problem = Problem(code=code, sentence=sentence, basis=known.basis, next_step=known.next_step)
