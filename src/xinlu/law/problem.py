"""Problems found in law and facts: a stable code, a Chinese sentence, the place, the basis, the next step.

Every code that the planes of law and the facts files can raise stands in :data:`CODES`; ``docs/errors.md``
lists the same codes and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """``error`` keeps a file from being used; ``warning`` asks a person to look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Code:
    """What a code means, wherever it is raised."""

    code: str
    title: str
    basis: str
    next_step: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake, told so that the person who wrote the file can mend it."""

    code: str
    sentence: str
    file: str = ""
    line: int | None = None
    """1-based; None when the problem is not at one line (a missing file)."""
    basis: str = ""
    next_step: str = ""
    severity: Severity = Severity.ERROR

    def at(self, file: str, line: int | None) -> Problem:
        """The same problem, at another place."""
        return replace(self, file=file, line=line)

    def __str__(self) -> str:
        """One line as compilers print it: ``file:line: code sentence``."""
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.code} {self.sentence}"


class LawError(ValueError):
    """Law or facts that cannot be used; carries every problem found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


def problem(
    code: str,
    sentence: str,
    *,
    file: str = "",
    line: int | None = None,
    next_step: str | None = None,
) -> Problem:
    """A problem with the basis, severity and next step that its code has.

    ``next_step`` overrides the usual one when the place allows better advice.

    >>> p = problem("LAW-004", "键“title”重复", file="a.yaml", line=3)
    >>> str(p), p.severity.value
    ('a.yaml:3: LAW-004 键“title”重复', 'error')

    Raises:
        KeyError: the code is not in :data:`CODES`.
    """
    known = CODES[code]
    return Problem(
        code=code,
        sentence=sentence,
        file=file,
        line=line,
        basis=known.basis,
        next_step=known.next_step if next_step is None else next_step,
        severity=known.severity,
    )


def by_place(problems: tuple[Problem, ...] | list[Problem]) -> tuple[Problem, ...]:
    """Without repetitions, in the order of file, line and code."""
    return tuple(sorted(set(problems), key=lambda p: (p.file, p.line or 0, p.code, p.sentence)))


_YAML = "YAML 1.2 与本项目的法规文件格式（docs/language.md）"
_MODEL = "法规文件的键与类型（docs/language.md）"
_CATALOGUE = "信用信息目录格式（docs/language.md）"
_USES = "信用信息归集和使用规则（docs/catalogue.md）"
_LANGUAGE = "评价规则语言（docs/language.md）"
_DRAFTING = "中文数界用语：以上、以下、以内、届满含本数，超过、不足、未满不含本数"
_CASES = "每部评价规则附有案例，案例不过不得发布（docs/language.md）"
_SOURCES = "没有出处的内容不得作为规则（docs/language.md）"
_PROCEDURE = "程序文件格式（docs/language.md）"
_QUALITY = "质量规则与指标文件格式（docs/quality.md）"
_FACTS = "事实文件格式（docs/facts.md）"
_RUNS = "整批运行（docs/architecture.md）"
_WARN = Severity.WARNING

_ALL = (
    # ── files and YAML ──
    Code("LAW-001", "文件读不了", _YAML, "请确认文件存在、可读，路径写对"),
    Code("LAW-002", "编码不是 UTF-8", _YAML, "请用编辑器把文件另存为 UTF-8 编码后再试"),
    Code("LAW-003", "YAML 写法有误", _YAML, "请按提示的行列修改；缩进用空格，冒号后留一个空格"),
    Code("LAW-004", "键重复", _YAML, "请删去重复的一处，或改成不同的名字"),
    Code("LAW-005", "缩进用了制表符", _YAML, "请把制表符（Tab）换成空格"),
    Code("LAW-006", "文件过大、过深或自我引用", _YAML, "请拆分文件，去掉自我引用的锚点"),
    Code("LAW-007", "不允许的 YAML 写法", _YAML, "请去掉类型标签、多文档分隔符和非文字的键"),
    Code("LAW-008", "文件是空的", _YAML, "请写入内容，或删去这个文件"),
    # ── shape ──
    Code("LAW-201", "不认识的键", _MODEL, "请改成建议的键，或删去"),
    Code("LAW-202", "缺少必须的键", _MODEL, "请补上这个键"),
    Code("LAW-203", "值的类型不对", _MODEL, "请按提示的类型改写"),
    Code("LAW-204", "值不在允许的范围内", _MODEL, "请从列出的值中选一个"),
    Code("LAW-205", "名称不合格式", _MODEL, "名称用小写英文字母开头，只含字母、数字和下划线（文件标识用连字符）"),
    Code("LAW-206", "写法互相矛盾", _MODEL, "这几种写法只能选一种，请留下需要的一种"),
    # ── expressions and meaning ──
    Code("LAW-100", "表达式读不懂", _LANGUAGE, "请按提示的位置修改表达式"),
    Code("LAW-101", "没有这个名称", _LANGUAGE, "请改成目录、参数、汇总或数值中的名称"),
    Code("LAW-102", "类型不合", _LANGUAGE, "请让两边的类型相同，或改用合适的函数"),
    Code("LAW-103", "可能缺失而没有说明", _LANGUAGE, "缺失不等于零：请用 present() 或 coalesce() 写明缺失时怎么办"),
    Code("LAW-104", "小数位过多", _LANGUAGE, "请用 round() 或 quotient() 定小数位"),
    Code("LAW-105", "等级不在等级序列中", _LANGUAGE, "请改成等级序列中的等级，或在 levels 中补上"),
    Code("LAW-106", "代码不在代码表中", _LANGUAGE, "请改成代码表中的代码"),
    Code("LAW-107", "对照表用法不对", _LANGUAGE, "请核对表名与键的个数、类型"),
    Code("LAW-110", "循环引用", _LANGUAGE, "请去掉环上的一处引用"),
    Code("LAW-111", "写法缺项或互相矛盾", _LANGUAGE, "请按提示从几种写法中选一种"),
    Code("LAW-112", "没有这个名称", _LANGUAGE, "请改正名称，或先在目录或规则中写出"),
    Code("LAW-113", "没有这部评价规则", _LANGUAGE, "请改正规则标识，或先写出被引用的规则"),
    # ── catalogue ──
    Code("LAW-301", "目录引用了不存在的名称", _CATALOGUE, "请改正名称，或先在目录中登记"),
    Code("LAW-302", "目录名称重复", _CATALOGUE, "请改名，或删去重复的一处"),
    Code("LAW-303", "用了保留的列名", _CATALOGUE, "请给数据项换一个名称，原名可放入 aliases"),
    Code("LAW-304", "数值数据项的位数不对", _CATALOGUE, "总位数 1～38，小数位数不超过总位数"),
    Code("LAW-305", "公开的信息项缺少失信程度或公示期", _CATALOGUE, "请写明 severity 和 publicity，或改变披露方式"),
    Code("LAW-306", "代码型数据项没有代码表", _CATALOGUE, "请用 codes 指明代码表"),
    Code("LAW-307", "信息项用于评价但用途中没有评价", _CATALOGUE, "请在信息项的 uses 中加入 rating，或不用这个信息项"),
    Code("LAW-308", "文件名与标识不一致", _CATALOGUE, "请让文件名与文件内的标识相同"),
    Code("LAW-309", "用途与披露方式相抵触", _CATALOGUE, "请改 uses 或 disclosure，使两者一致"),
    Code("LAW-310", "评价规则施行时信息项不在目录中", _USES, "请给规则写上失效日，或延长信息项的施行期"),
    Code("LAW-311", "信息项不在施行的目录中", _USES, "请先把信息项列入目录并发布，再使用其记录"),
    Code("LAW-312", "目录没有允许这种用途", _USES, "请不要用这个信息项；确需使用的，先修订目录并发布"),
    Code("LAW-313", "没有主体授权", _USES, "请取得主体的授权后再查询"),
    Code("LAW-314", "没有中文字体，印不出目录", "印刷版（docs/catalogue.md）", "请先运行 python3 dev.py assets"),
    # ── rulebooks ──
    Code("LAW-401", "区间写法有误", _DRAFTING, "请写成 [85, 95)、< 60、>= 1200 这样的形式"),
    Code("LAW-402", "分档之间有空档", _DRAFTING, "请调整相邻两档的上下限，使每个数恰好落入一档"),
    Code("LAW-403", "分档互相重叠", _DRAFTING, "请调整相邻两档的上下限与括号，使每个数恰好落入一档"),
    Code("LAW-404", "分档没有盖住全部取值", _DRAFTING, "请确认该值不会超出两端；不能确认的，改成开口的一档", _WARN),
    Code("LAW-406", "条款重复", _LANGUAGE, "请删去一条，或用代码、条件把它们分开"),
    Code("LAW-407", "条款互相冲突", _LANGUAGE, "请用条件分开，或用 contests 写明保留哪一条"),
    Code("LAW-408", "永远轮不到的条件", _LANGUAGE, "请调整次序，或删去前面相同的条件"),
    Code("LAW-409", "条款没有被使用", _LANGUAGE, "请在 folds、outputs 或 contests 中引用它，或删去", _WARN),
    Code("LAW-410", "参数或表没有被使用", _LANGUAGE, "请在表达式中引用它，或删去", _WARN),
    Code("LAW-411", "版本施行期重叠", _LANGUAGE, "请给较早的版本写上 until（不含当日），使任何一天至多一个版本有效"),
    Code("LAW-412", "循环引用", _LANGUAGE, "请去掉环上的一处引用"),
    Code("LAW-413", "引用了不存在的名称", _LANGUAGE, "请改正名称，或先写出被引用的部分"),
    Code("LAW-414", "数的位数超过 38 位", _LANGUAGE, "请减少整数或小数位数"),
    Code("LAW-415", "没有出处文件", _SOURCES, "请在 source 中写明文号、名称、发布机关和等级"),
    Code("LAW-416", "条款没有写明条文出处", _SOURCES, "请在 clause 中写明第几条，或把等级改成实际的等级", _WARN),
    Code("LAW-417", "版本标识重复", _LANGUAGE, "同一评价规则的版本标识不得相同"),
    Code("LAW-418", "文件位置与标识不一致", _LANGUAGE, "请放到 rulebooks/<标识>/<版本>.yaml"),
    Code("LAW-419", "来源没有被使用", _LANGUAGE, "请在条款或汇总中引用它，或删去", _WARN),
    Code("LAW-420", "施行期颠倒", _LANGUAGE, "until 应晚于 from（不含当日）"),
    Code("LAW-421", "对照表有空档", _DRAFTING, "请补上一行，或用 otherwise 写明其余的数得什么", _WARN),
    Code("LAW-430", "规则过大", _LANGUAGE, "请拆成几部规则，用 findings 引用；同样的计分写成对照表"),
    Code("LAW-431", "来源会使行数相乘", _LANGUAGE, "请减少经过的关系，或另立一部规则先算出中间结果，用 findings 引用"),
    # ── cases ──
    Code("LAW-601", "没有案例文件", _CASES, "请在规则文件旁写 <版本>.cases.yaml"),
    Code("LAW-602", "案例少于五个", _CASES, "请补足案例，含数界两侧、没有数据和没有失信的情形"),
    Code("LAW-603", "案例不符", _CASES, "请核对条文：改规则，或改案例"),
    Code("LAW-604", "案例算不出来", _CASES, "请先改正规则或事实中的错误"),
    Code("LAW-605", "案例名称重复", _CASES, "请给案例起不同的名称"),
    Code("LAW-606", "案例与规则不是同一版本", _CASES, "请让 book、version 与旁边的规则文件相同"),
    Code("LAW-607", "案例没有期望", _CASES, "请写 expect、values 或 entries 中的至少一种"),
    # ── procedures ──
    Code("LAW-701", "环节引用了不存在的名称", _PROCEDURE, "请改正名称，或先写出被引用的环节、动作或时限"),
    Code("LAW-702", "走不到的环节", _PROCEDURE, "请写一个通向它的动作，或删去"),
    Code("LAW-703", "走不出的环节", _PROCEDURE, "请写一个离开它的动作，或把它列为终点"),
    Code("LAW-704", "时限没有办法起算或届满无人处理", _PROCEDURE, "请写明起算的动作和届满后的动作"),
    Code("LAW-705", "程序版本施行期重叠", _PROCEDURE, "请给较早的版本写上 until（不含当日）"),
    Code("LAW-706", "环节没有人办理", _PROCEDURE, "请用 queue 写明未办结的环节在谁手里；终点不写"),
    Code("LAW-707", "投入办理的程序写得不全", _PROCEDURE, "请补上 lamp；本平台还不会的写法，先不写 in_motion"),
    Code("LAW-708", "填报表单的年度或部分有误", "自主填报表单（docs/self-filing.md）", "请按提示改正日期或部分"),
    # ── quality and indicators ──
    Code("LAW-720", "质量规则或指标引用了不存在的名称", _QUALITY, "请改正名称，或先在目录中登记"),
    Code("LAW-721", "质量检查不能运行", _QUALITY, "请按提示改写这项检查"),
    Code("LAW-722", "指标的分子与分母数的不是同一种东西", _QUALITY, "请让分子、分母都数条款、记录、明细或行中的一种"),
    # ── calendar ──
    Code("LAW-801", "工作日历有误", "国务院办公厅节假日安排", "请按国务院办公厅通知改正日期"),
    # ── facts files ──
    Code("FACT-101", "事实文件的形状不对", _FACTS, "请按 docs/facts.md 的形状改写"),
    Code("FACT-102", "不认识的键", _FACTS, "请改成建议的键，或删去"),
    Code("FACT-103", "主体标识重复", _FACTS, "请给每个主体不同的 id"),
    Code("FACT-104", "主体没有登记", _FACTS, "请先在 subjects 中写出这个主体"),
    Code("FACT-105", "主体类别不对", _FACTS, "请换一个主体，或改正类别"),
    Code("FACT-106", "不认识的主体类别、关系或信息项", _FACTS, "请改成目录中的名称"),
    Code("FACT-107", "不认识的数据项或角色", _FACTS, "请改成目录中的名称"),
    Code("FACT-108", "值的类型不对", _FACTS, "请按数据项的类型改写"),
    Code("FACT-109", "数超出数据项的位数", _FACTS, "请核对单位（元、万元）与小数位数"),
    Code("FACT-110", "代码不在代码表中", _FACTS, "请改成代码表中的代码"),
    Code("FACT-111", "缺少必填的数据项、角色或日期", _FACTS, "请补上"),
    Code("FACT-112", "记录标识重复", _FACTS, "同一 id 的两行应以 recorded_at、superseded_at 首尾相接，否则请改名"),
    Code("FACT-113", "上级记录不存在或类别不对", _FACTS, "请写出上级记录，或改正 parent"),
    Code("FACT-114", "时间前后颠倒或重叠", _FACTS, "止期不含当日，应晚于起期；同一主体的各段不得重叠"),
    Code("FACT-115", "没有 as_of", _FACTS, "请在事实文件中写 as_of，或在命令中给出 --as-of"),
    Code("FACT-116", "没有这部评价规则", _FACTS, "请把规则文件放在旁边或 standards/ 中"),
    # ── runs ──
    Code("RUN-101", "磁盘已满", _RUNS, "请腾出磁盘空间后重新运行；此前的批次完好，照常可用"),
    Code(
        "RUN-102",
        "计算进程中途退出",
        _RUNS,
        "多为内存不足被系统终止：请调低 XINLU_PROCESSES，或换内存更大的机器后重新运行",
    ),
    Code("RUN-103", "内存不够", _RUNS, "请调高 XINLU_MEMORY_GIB，或调低 XINLU_PROCESSES 后重新运行"),
    Code("RUN-104", "积分明细之和与结果不符", _RUNS, "结果不可用，也没有留下；请连同法规版本报告给维护者"),
)  # fmt: skip

CODES: dict[str, Code] = {c.code: c for c in _ALL}
