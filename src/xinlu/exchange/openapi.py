"""The OpenAPI 3.1 document: what django-ninja finds in the code, with what only the catalogue and the house can say."""

from __future__ import annotations

import copy
from typing import Any

from ninja.openapi.schema import OpenAPISchema

from xinlu.exchange.body import ROWS
from xinlu.exchange.shapes import ProblemTold
from xinlu.exchange.signature import ALGORITHMS
from xinlu.exchange.tokens import SCOPES
from xinlu.law.catalogue import Catalogue
from xinlu.law.item_schema import item_schema

REFUSALS = {
    400: "请求有误",
    401: "没有令牌、签名不符或过时",
    403: "没有这项权限，或协议不允许",
    404: "没有这个对象",
    413: "正文或行数过多",
    415: "正文不是 JSON",
    422: "整批不能收，或同一个键用于另一个请求",
    429: "超过协议的每日行数",
    503: "系统正忙，没有写入",
}
"""Status → what it means, for operations that take rows; the others have the first four."""


def _header(name: str, words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"in": "header", "name": name, "required": True, "description": words, "schema": schema}


SIGNED: dict[str, Any] = {
    "parameters": [
        _header("X-Sign-Alg", "签名算法", {"enum": sorted(ALGORITHMS)}),
        _header("X-Timestamp", "发出时的秒数（1970 年以来）", {"type": "string", "pattern": "^[0-9]{9,11}$"}),
        _header("X-Nonce", "只用一次的随机数", {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"}),
        _header("X-Signature", "HMAC，十六进制", {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}),
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
    },
}
KEY = _header(
    "Idempotency-Key",
    "每批数据一个键；重试用同一个键，得同一份回执",
    {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
)
RESEND = {
    "required": False,
    "description": "空：按原样重报全部疑问行",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ResentRows"}}},
}


def finished(document: OpenAPISchema, catalogue: Catalogue) -> OpenAPISchema:
    """The document with problems, security and rows said as they are."""
    paths: dict[str, dict[str, Any]] = document["paths"]
    for path, methods in paths.items():
        for operation in methods.values():
            _parameters(path, operation, catalogue)
            _responses(path, operation)
            _security(path, operation)
    document["components"] = {
        "schemas": {**document["components"]["schemas"], **_schemas(catalogue)},
        "securitySchemes": _schemes(),
    }
    return document


def _is_token(path: str) -> bool:
    return path.endswith("/oauth/token")


def _takes_rows(operation: dict[str, Any]) -> bool:
    return any(one["name"] == "X-Signature" for one in operation["parameters"])


def _parameters(path: str, operation: dict[str, Any], catalogue: Catalogue) -> None:
    operation["parameters"] = copy.deepcopy(operation["parameters"])
    for one in operation["parameters"]:
        if one["name"] == "item" and one["in"] == "path":
            one["schema"] = {"enum": sorted(catalogue.items)}
    if _takes_rows(operation) and "/sandbox/" not in path:
        operation["parameters"].append(KEY)
    if path.endswith("/resend"):
        operation["requestBody"] = RESEND


def _responses(path: str, operation: dict[str, Any]) -> None:
    if _is_token(path):
        return
    statuses = REFUSALS if _takes_rows(operation) else [400, 401, 403, 404]
    for status in statuses:
        operation["responses"][status] = {
            "description": REFUSALS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if path.endswith("/schema"):
        operation["responses"][200]["content"] = {"application/schema+json": {"schema": {"type": "object"}}}


def _security(path: str, operation: dict[str, Any]) -> None:
    if _is_token(path):
        operation["security"] = [{"client": []}, {}]
        return
    operation["security"] = [{"oauth": ["sandbox" if "/sandbox/" in path else "records"]}]


def _schemes() -> dict[str, Any]:
    flow = {"tokenUrl": "/api/v1/oauth/token", "scopes": SCOPES}
    return {
        "oauth": {"type": "oauth2", "flows": {"clientCredentials": flow}},
        "client": {"type": "http", "scheme": "basic", "description": "客户端编号与密钥"},
    }


def _schemas(catalogue: Catalogue) -> dict[str, Any]:
    """A batch, a row of any item, the row of each item, and a problem."""
    items = sorted(catalogue.items)
    rows = {"type": "array", "minItems": 1, "maxItems": ROWS}
    known = {f"Row.{name}": _embedded(item_schema(catalogue.items[name], catalogue=catalogue)) for name in items}
    numbered = {"type": "object", "properties": {"row": {"type": "integer", "minimum": 1}}, "required": ["row"]}
    anyone = {"anyOf": [{"$ref": f"#/components/schemas/Row.{name}"} for name in items]}
    return {
        **known,
        "Batch": {
            "title": "一批行",
            "type": "object",
            "properties": {"rows": {**rows, "items": anyone}},
            "required": ["rows"],
            "additionalProperties": False,
        },
        "ResentRows": {
            "title": "重报的行：row 之外与该信息项的一行相同",
            "type": "object",
            "properties": {"rows": {**rows, "items": numbered}},
            "required": ["rows"],
            "additionalProperties": False,
        },
        "Problem": _problem(),
    }


def _embedded(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema within the document: its own dialect and name are those of the document."""
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}


def _problem() -> dict[str, Any]:
    found = ProblemTold.model_json_schema()
    found["properties"]["more"]["items"] = found.pop("$defs")["More"]
    return found
