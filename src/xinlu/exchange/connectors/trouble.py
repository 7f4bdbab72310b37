"""What can go wrong between here and another system: codes PU-…, each with basis and next step.

What the other system says may quote names, addresses or passwords: only its kind is told.
"""

from __future__ import annotations

from xinlu.law.problem import Code, Problem, Severity

_BASIS = "数据连接（docs/connectors.md）"

_ALL = (
    Code("PU-001", "没有这个连接", _BASIS, "请核对名称；连接写在 XINLU_CONNECTIONS 所指的文件里"),
    Code("PU-002", "连接配置读不了", _BASIS, "请按 docs/connectors.md 的样子改正"),
    Code("PU-003", "没有设置口令", _BASIS, "请设环境变量 XINLU_SECRET_…，或用 xinlu pull seal 封存"),
    Code("PU-004", "连不上对方系统", _BASIS, "请核对地址、端口和网络，确认对方服务在运行；稍后会再试"),
    Code("PU-005", "对方不认这个账号或口令", _BASIS, "请向对方核对账号，再用 xinlu pull seal 重新封存口令"),
    Code("PU-006", "服务器密钥与配置不符", _BASIS, "请先向对方核实，再改 host_key；密钥不符时不得连接"),
    Code("PU-007", "对方没有这个目录、表或列，或不许读", _BASIS, "请核对名称，并请对方给账号只读的权限"),
    Code("PU-008", "文件还在变化，这次不取", _BASIS, "不用处理：写完之后下次自会取", Severity.WARNING),
    Code("PU-009", "这个连接正在抽取", _BASIS, "请等它结束；中断的抽取一小时后可以再开始"),
    Code("PU-010", "这种数据库不能只读打开", _BASIS, "请对方导出文件，或改用 PostgreSQL、MySQL、Oracle、SQLite"),
    Code("PU-011", "增量列为空，这些行取不到", _BASIS, "请对方补上增量列，或换一个不为空的列", Severity.WARNING),
    Code("PU-012", "读到一半断了", _BASIS, "不用处理：没有读完的不会入库，下次从断处再取"),
    Code("PU-013", "文件太大", _BASIS, "请对方拆成几个文件"),
    Code("PU-014", "有一列的类型不能读", _BASIS, "请去掉这一列，或请对方在视图里转成文字、数或日期"),
    Code("PU-015", "还没有完成标记，这次不取", _BASIS, "不用处理：对方写好标记文件之后下次自会取", Severity.WARNING),
)  # fmt: skip

CODES: dict[str, Code] = {one.code: one for one in _ALL}


class Trouble(RuntimeError):
    """The other system cannot be read; carries one problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def pull_problem(code: str, sentence: str, *, file: str = "", line: int | None = None) -> Problem:
    """A problem with basis, next step and severity of its code.

    >>> pull_problem("PU-009", "正在抽取").next_step[:6]
    '请等它结束；'
    """
    known = CODES[code]
    return Problem(
        code=code,
        sentence=sentence,
        file=file,
        line=line,
        basis=known.basis,
        next_step=known.next_step,
        severity=known.severity,
    )


def trouble(code: str, sentence: str, *, file: str = "", line: int | None = None) -> Trouble:
    """The exception for one problem."""
    return Trouble(pull_problem(code, sentence, file=file, line=line))
