"""What can be wrong with a delivery: one table of codes for rows (E…, W…, LD-…) and for whole files (F…).

``docs/deliveries.md`` lists the same codes; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from xinlu.law.problem import Code, Problem, Severity

_ITEM = "信用信息目录中该信息项的数据项定义"
_FORM = "交付文件格式（docs/deliveries.md）"
_RULES = "交付规则（docs/deliveries.md）"
_QUALITY = "质量规则（standards/quality/，docs/quality.md）"
_FEED = "感知数据流（docs/observations.md）"
_PUBLICITY = "发改办财金规〔2018〕424号 双公示数据标准（2018年版）"
_WARN = Severity.WARNING

_ALL = (
    # ── rows ──
    Code("E01", "必填项为空", _ITEM, "请补填后重新报送"),
    Code("E02", "统一社会信用代码有误", "GB 32100-2015 法人和其他组织统一社会信用代码编码规则", "请逐位核对后重新报送"),
    Code("E03", "公民身份号码有误", "GB 11643-1999 公民身份号码", "请逐位核对后重新报送"),
    Code("E04", "日期无法识别", _ITEM, "请写成 2024-01-31、2024/1/31 或 20240131"),
    Code("E05", "值不在代码表中", _ITEM, "请改用代码表中的代码或名称"),
    Code("E06", "超出长度", _ITEM, "请精简内容，或核对是否错列"),
    Code("E07", "同一批次业务主键重复而内容不同", _RULES, "请保留正确的一行，删去另一行后重新报送"),
    Code("E08", "主体未登记", _RULES, "请先报送主体登记文件，或核对标识后重新报送"),
    Code("E09", "超出协议约定的行政区划", "数据源协议（docs/api.md）", "请核对主体的所在地，或变更协议后重新报送"),
    Code("E10", "公示截止早于决定", _PUBLICITY, "请核对公示截止期与决定日期"),
    Code("E11", "库中已有更晚的版本", _RULES, "请核对收到时间；确需更正的，以新的批次报送"),
    Code("E12", "公开字段中疑似有个人信息", "《个人信息保护法》第二十八条", "请删去或遮盖身份证件号码后重新报送"),
    Code("E13", "不是数", _ITEM, "请只填数，不带文字"),
    Code("E14", "数超出位数", _ITEM, "请核对单位（元、万元）与小数位数"),
    Code("E15", "不是“是”或“否”", _ITEM, "请填 是 或 否"),
    Code("E16", "不满足信息项的核对规则", "信用信息目录中该信息项的核对规则（checks）", "请按提示改正矛盾的数据项"),
    Code("E17", "编号成了科学计数法或丢了位数", _FORM, "请把该列设为文本格式，从原系统重新导出；丢失的位数无法找回"),
    Code("E18", "主体类别与角色不符", "信用信息目录中该信息项的角色定义", "请核对标识是否填错列"),
    Code("E19", "上级记录不存在", "信用信息目录中该信息项的上级信息项", "请先报送上级记录，或核对编号"),
    Code("E20", "简易程序处罚不报送", _PUBLICITY, "请从文件中删去该行；简易程序作出的处罚不在报送范围"),
    Code("E21", "标识格式有误", "信用信息目录中主体类别的标识", "请核对后重新报送"),
    Code("E22", "同一行的标识指向不同主体", _RULES, "请核对各标识列，使其指向同一主体"),
    Code("E23", "操作列的值不认识", _FORM, "操作列留空表示报送；撤销写 撤销"),
    Code("E24", "行的格式有误", _FORM, "请核对该行的列数与引号"),
    Code("E25", "起止日期颠倒", _ITEM, "止期应晚于起期"),
    Code("E26", "名称与登记名称不符", _PUBLICITY, "请核对代码与名称是否属于同一主体"),
    Code("E27", "金额疑似把元当作万元", _PUBLICITY, "金额单位是万元：罚款 2000 元写作 0.2；列名写明（元）的自动换算"),
    Code("E28", "违法日期晚于收到日期", _RULES, "请核对日期"),
    Code("E29", "本批次要求全部合格才入库", _RULES, "请改正其他行后整批重新报送"),
    Code("E30", "评价结果不能由文件发布", _RULES, "外部引入的评价结果，类别填 imported；本平台的结果由评价批次发布"),
    Code("E31", "单元格里是公式或错误值", _FORM, "请改为普通文字或算好的值；以 = @ 开头的内容会被表格软件当作公式"),
    Code("E41", "相对人类别与统一社会信用代码不符", _PUBLICITY, "请核对类别：92 开头的填个体工商户，自然人不填代码"),
    Code("LD-002", "与另一数据源的记录冲突", _RULES, "请与该数据源核对，由原报送方更正或撤回"),
    Code("LD-003", "要撤回的记录不存在", _RULES, "请核对业务主键后重新报送"),
    Code("LD-005", "记录已期满归档或销毁", "生命周期（docs/life-cycle.md）", "确有差错的，请书面说明，由平台核对档案"),
    Code("O01", "号牌在当日没有登记的车辆", _FEED, "请核对号牌与日期；车辆登记补报后重新报送本行"),
    Code("O02", "号牌在当日登记在几辆车名下", _FEED, "请核对车辆登记的起止日期，更正后重新报送本行"),
    Code("O03", "设备时钟有误", _FEED, "请校准设备时钟，按真实日期重新报送"),
    Code("O04", "传感器疑似卡滞", _FEED, "请检查传感器；数据无误的，由本单位核实后分开报送"),
    Code("W01", "金额异常大，与处罚内容一致", _PUBLICITY, "请复核金额", _WARN),
    Code("W02", "历史日期超过五年", _RULES, "请确认是补报", _WARN),
    Code("W41", "逾期报送", _PUBLICITY, "请在作出决定之日起的期限内报送；本行已入库，计为逾期", _WARN),
    Code("Q01", "本批次低于质量底线，暂缓入库", _QUALITY, "请改正后整批重新报送；确认无误的，由数据管理单位放行"),
    Code("Q02", "没有质量检查适用于本批次，暂缓入库", _QUALITY, "请先在质量规则中写上检查，再由数据管理单位放行"),
    # ── a delivery that is to be taken back ──
    Code("B01", "没有这个批次", _RULES, "请核对批次号；只能撤销、撤回本机构报送的批次"),
    Code("B02", "批次已撤销或撤回", _RULES, "不必再做；需要的数据请以新的批次报送"),
    Code("B03", "已超过撤销的时限", _RULES, "收到之后二十四小时内可以撤销；此后请撤回"),
    Code("B04", "已有发布的评价结果用过这个批次", _RULES, "请撤回，并由评价机构重新评价有关主体"),
    Code("B05", "其后的批次改动过这些记录", _RULES, "请撤回：只撤下未被改动的记录"),
    Code("B06", "其他批次的记录属于这些记录", _RULES, "请先撤回属于它们的记录，再撤回本批次"),
    Code("B07", "没有写明理由", _RULES, "请写明为什么撤销或撤回，至少十个字"),
    Code("B08", "主体登记和主体关系的批次不能整批撤销", _RULES, "请以更正文件报送：注销，或写明正确的起止日期"),
    # ── files ──
    Code("F01", "文件是空的", _FORM, "请确认选对了文件；至少要有一行列名和一行数据"),
    Code("F02", "编码无法识别", _FORM, "请另存为 UTF-8 编码的 CSV，或改用 XLSX"),
    Code("F03", "文件损坏或读不了", _FORM, "请重新导出；加了密码的先去掉密码"),
    Code("F04", "文件过大", _FORM, "请拆成几个文件，或由管理员用 xinlu deliver 命令报送"),
    Code("F05", "行数过多", _FORM, "请拆成几个文件，或由管理员用 xinlu deliver 命令报送"),
    Code("F06", "压缩包展开后过大", _FORM, "请用原系统重新导出，不要用来历不明的文件"),
    Code("F07", "缺少必需的列", _ITEM, "请补上这些列；列名可用数据项名称、标准代码或别名"),
    Code("F08", "两列是同一个数据项", _FORM, "请只保留一列"),
    Code("F09", "有合并单元格", _FORM, "请取消合并单元格：列名只占一行，每行数据填满自己的格子"),
    Code("F10", "认不出是哪个信息项", _FORM, "请在报送时指明信息项，或使用该信息项的模板"),
    Code("F11", "不支持的文件格式", _FORM, "请用 CSV、XLSX、JSON 或 NDJSON"),
    Code("F12", "JSON 的形状不对", _FORM, "请写成对象的数组，或每行一个对象"),
    Code("F13", "没有这个数据源", _RULES, "请核对数据源代码；只能以本机构的数据源报送"),
    Code("F14", "有多张工作表含数据", _FORM, "一个文件只放一张数据表；说明页请命名为“填报说明”"),
    Code("F15", "没有这个信息项、主体类别或关系", "信用信息目录", "请核对名称"),
    Code("F16", "有不认识的列，未收入", _FORM, "请核对列名；确不需要的可以删去", _WARN),
    Code("F17", "数据源的机构不是提供单位", "信用信息目录的提供单位", "请确认由本机构报送", _WARN),
    Code("F18", "列名上方有其他文字，已略过", _FORM, "请把列名放在第一行", _WARN),
    Code("F19", "文件里夹带了表格以外的东西", _FORM, "请删去图片、宏、控件和嵌入的文件，只留表格，另存为新的工作簿"),
    Code("F20", "用的是旧版目录的模板", "信用信息目录的版次", "请改用现行版次的模板；新增的必填项要补填", _WARN),
    Code("F21", "模板不是这个信息项的", "信用信息目录的版次", "请核对选的信息项与所用的模板"),
)  # fmt: skip

CODES: dict[str, Code] = {c.code: c for c in _ALL}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one row: ``column`` is the header as delivered, ``field`` the catalogue's name."""

    code: str
    sentence: str
    column: str = ""
    field: str = ""


class Refused(ValueError):
    """The file as a whole cannot be taken; nothing of it was written. Carries every problem found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = problems


def file_problem(code: str, sentence: str, *, file: str = "", line: int | None = None) -> Problem:
    """A problem of a file, with basis and next step of its code.

    >>> file_problem("F01", "文件“a.csv”是空的").next_step[:8]
    '请确认选对了文件'
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


def refuse(code: str, sentence: str, *, file: str = "", line: int | None = None) -> Refused:
    """The exception for one problem of a file."""
    return Refused(file_problem(code, sentence, file=file, line=line))


def advice(code: str) -> tuple[str, str]:
    """Basis and next step of a row's code; empty texts for a code nobody knows.

    >>> advice("E01")[1]
    '请补填后重新报送'
    """
    known = CODES.get(code)
    return (known.basis, known.next_step) if known else ("", "")


def row_problem(code: str, sentence: str, *, file: str, row: int) -> Problem:
    """A queried row told as a problem, for a preview and the command line."""
    basis, next_step = advice(code)
    severity = CODES[code].severity if code in CODES else Severity.ERROR
    return Problem(
        code=code, sentence=sentence, file=file, line=row, basis=basis, next_step=next_step, severity=severity
    )
