"""The shapes that the OpenAPI document names. They describe; rows themselves are judged by intake alone."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import ConfigDict, Field

Outcome = Literal["accepted", "queried", "duplicate"]


class Row(Schema):
    """一行的去处；有问题的行另有错误码、说明、位置、依据和怎么办"""

    row: int = Field(description="行号，从 1 起；重报时沿用原回执的行号", ge=1)
    outcome: Outcome
    record: int | None = Field(description="记录编号；疑问行与试报为 null")
    code: str | None = None
    sentence: str | None = None
    place: str | None = Field(default=None, description="JSON Pointer，指向正文中的这一行或其中一项")
    basis: str | None = None
    next_step: str | None = None


class Warned(Schema):
    """对整批的提醒"""

    code: str
    sentence: str
    basis: str
    next_step: str


class ReceiptShort(Schema):
    """回执，不带各行"""

    receipt: str | None = Field(description="回执号；试报为 null")
    sandbox: bool
    item: str
    title: str
    received_at: str = Field(json_schema_extra={"format": "date-time"})
    resends: str | None = Field(description="重报的是哪一份回执的疑问行")
    delivered: int
    accepted: int
    queried: int
    duplicate: int


class ReceiptWhole(ReceiptShort):
    """回执：每一行都有去处，入库 + 疑问 + 重复 = 报送"""

    codes: dict[str, int] = Field(description="错误码 → 行数")
    warnings: list[Warned]
    rows: list[Row]


class ReceiptPage(Schema):
    """一页回执"""

    receipts: list[ReceiptShort]
    next: str | None = Field(description="下一页的 cursor；没有了为 null")


class RowPage(Schema):
    """回执的一页行"""

    rows: list[Row]
    next: str | None


class AgreedItem(Schema):
    """协议中的一个信息项"""

    item: str
    title: str
    agreement: int
    fields: list[str] = Field(description="可以报送的数据项与角色")
    key: list[str] = Field(description="业务主键；role: 开头的是角色")
    purposes: list[str]
    regions: list[str]
    region_role: str | None
    valid_from: str
    valid_until: str = Field(description="不含这一天")
    daily_limit: int
    left_today: int
    schema_at: str


class AgreedItems(Schema):
    """现在可以报送的信息项"""

    items: list[AgreedItem]
    most_rows: int
    most_bytes: int


class TokenGiven(Schema):
    """访问令牌"""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class TokenRefused(Schema):
    """RFC 6749 第 5.2 节的错误，加上错误码、依据和怎么办"""

    error: str
    error_description: str
    code: str
    title: str
    basis: str
    next_step: str


class More(Schema):
    """同一请求的另一个问题"""

    code: str
    sentence: str
    basis: str
    next_step: str


class ProblemTold(Schema):
    """RFC 9457 问题；code、place、basis、next_step 是本系统的扩展，detail 是说明"""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    place: str
    basis: str
    next_step: str
    more: list[More]
