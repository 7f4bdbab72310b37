"""What the open interface refuses, told so that whoever runs the other system knows what to do next.

``docs/api.md`` lists the same codes; a test compares the two. Each has the status of HTTP that it comes with.
"""

from __future__ import annotations

from collections.abc import Sequence

from xinlu.law.problem import Code, Problem

_DOOR = "开放接口的认证（docs/api.md）"
_SIGNED = "开放接口的签名（docs/api.md）"
_AGREED = "数据源协议：信息项、数据项、区划、用途、期限、每日行数（docs/api.md）"
_ONCE = "幂等键的规则（docs/api.md）"
_FORM = "开放接口的请求格式（docs/api.md）"
_TWO = "两人办理：提出与批准协议不得为同一人（docs/api.md）"
_USES = "信用信息目录的归集和使用规则（uses）"
_CARE = "接口对接的权限（docs/api.md）"

_ALL: tuple[tuple[int, Code], ...] = (
    # ── who calls ──
    (401, Code("EX-001", "没有访问令牌，或令牌无效、已过期", _DOOR, "请用客户端编号和密钥重新取得令牌")),
    (401, Code("EX-002", "缺少签名", _SIGNED, "请在请求头中给出 X-Sign-Alg、X-Timestamp、X-Nonce、X-Signature")),
    (401, Code("EX-003", "签名不符", _SIGNED, "请核对签名密钥、方法、路径（含查询部分）和正文的字节")),
    (401, Code("EX-004", "时间戳不在允许的范围内", _SIGNED, "请校准时钟，时间戳用发出时的秒数")),
    (401, Code("EX-005", "随机数已经用过", _SIGNED, "每次请求换一个随机数；重试也要重新签名")),
    (403, Code("EX-006", "客户端已停用", _DOOR, "请联系数据管理员恢复")),
    (403, Code("EX-007", "令牌没有这项权限", _DOOR, "请在取令牌时申请所需的 scope")),
    (401, Code("EX-008", "客户端编号或密钥不对，或客户端已停用", _DOOR, "请核对编号和密钥；停用的请联系数据管理员")),
    (400, Code("EX-009", "取令牌的请求有误", _DOOR, "grant_type 用 client_credentials，scope 可留空")),
    # ── what was agreed ──
    (403, Code("EX-010", "没有包含这个信息项的生效协议", _AGREED, "请由数据管理员提出协议，经另一人批准后再报送")),
    (403, Code("EX-011", "数据项不在协议内", _AGREED, "请从请求中去掉这些数据项，或变更协议")),
    (429, Code("EX-012", "超过协议的每日行数", _AGREED, "请在 Retry-After 之后再报送，或变更协议")),
    # ── the same again ──
    (400, Code("EX-020", "缺少或写错了 Idempotency-Key", _ONCE, "每批数据用一个新的键，重试用同一个键")),
    (422, Code("EX-021", "同一个键已用于另一个请求", _ONCE, "内容不同的请求换一个新的键")),
    # ── form ──
    (413, Code("EX-030", "请求正文过大", _FORM, "请分成几批报送")),
    (413, Code("EX-031", "一批的行数过多", _FORM, "请分成几批报送")),
    (415, Code("EX-032", "正文不是 JSON", _FORM, "请以 application/json 发送 UTF-8 编码的 JSON")),
    (400, Code("EX-033", "正文的形状不对", _FORM, '请写成 {"rows": [{…}, …]}，每行一个对象')),
    (400, Code("EX-034", "参数不对", _FORM, "请按接口说明改正参数")),
    (404, Code("EX-035", "没有这个地址或对象", _FORM, "请核对地址、信息项或回执号")),
    (405, Code("EX-036", "这个地址不支持这种方法", _FORM, "请按接口说明改用别的方法")),
    (422, Code("EX-037", "回执中没有这一行疑问数据", _FORM, "只能重报回执中的疑问行，请核对行号")),
    (503, Code("EX-038", "系统正忙", _FORM, "没有写入任何数据，请稍后用同一个键重试")),
    (500, Code("EX-039", "系统内部出错", _FORM, "没有写入任何数据，请用同一个键重试")),
    # ── clients and agreements, on the page of the steward ──
    (422, Code("EX-101", "提出人与批准人是同一人", _TWO, "请由另一名数据管理员或负责人批准")),
    (422, Code("EX-102", "没有办理接口对接的权限", _CARE, "请由管辖该数据源机构的数据管理员办理")),
    (422, Code("EX-103", "用途超出目录允许的范围", _USES, "请去掉这个用途或信息项；目录允许的用途见信息项的 uses")),
    (422, Code("EX-104", "目录中没有这个信息项或数据项", "信用信息目录", "请从目录中选择")),
    (422, Code("EX-105", "区划不在数据源机构的管辖范围内", _AGREED, "请选择该机构管辖的区划")),
    (422, Code("EX-106", "同一信息项已有生效期重叠的协议", _AGREED, "请先终止原协议，或改变生效期")),
    (422, Code("EX-107", "现在的状态不能这样做", _AGREED, "请刷新页面，看现在的状态")),
    (422, Code("EX-108", "没有写明理由", _AGREED, "请写明理由，让对方知道为什么")),
    (422, Code("EX-109", "协议的内容不全或有误", _AGREED, "请按提示补全")),
    (422, Code("EX-110", "没有这个数据源，或编号已被使用", _CARE, "请核对数据源代码与客户端编号")),
    (422, Code("EX-111", "协议没有包含必需的数据项", _AGREED, "必填数据项、业务主键和角色都要列入协议")),
)  # fmt: skip

CODES: dict[str, Code] = {code.code: code for _, code in _ALL}
STATUS: dict[str, int] = {code.code: status for status, code in _ALL}


class Refused(ValueError):
    """The interface does not do it. ``problem`` says what, why and what next; ``more`` lists what else was found."""

    def __init__(
        self,
        code: str,
        sentence: str,
        *,
        place: str = "",
        retry_after: int | None = None,
        more: Sequence[Problem] = (),
    ) -> None:
        super().__init__(f"{code}：{sentence}")
        known = CODES[code]
        self.problem = Problem(code=code, sentence=sentence, file=place, basis=known.basis, next_step=known.next_step)
        self.status = STATUS[code]
        self.retry_after = retry_after
        self.more = tuple(more)
