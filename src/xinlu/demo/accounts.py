"""Accounts of the demo: one for each kind of work, all with one password that everybody may know."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.casework.filing import offices
from xinlu.demo import filings
from xinlu.demo.world import World
from xinlu.registry.queries import numbers_by_identifier

PASSWORD = "xinlu-demo-2026"  # noqa: S105 printed by the command: a demo has no secrets


@dataclass(frozen=True)
class Account:
    """Who signs in; ``organ`` empty: the demo's enterprise; ``first`` and ``second``: the offices that review it."""

    username: str
    title: str
    organ: str
    role: str
    level: str = "L3"


ACCOUNTS = (
    Account("demo-law", "省厅法规处（规则管理员）", "zj-law", "rule_maker"),
    Account("demo-chief", "省厅法规处（负责人）", "zj-law", "chief"),
    Account("demo-city", "杭州市局（复核）", "jt-330100", "reviewer"),
    Account("demo-county", "西湖区局（经办）", "jt-330106", "officer"),
    Account("demo-data", "省交通信息中心（数据管理员）", "zj-info-centre", "steward"),
    Account("demo-firm", "示例企业（信用主体）", "", "subject"),
    Account("demo-first", "示例企业所在县局（填报初审）", "first", "officer"),
    Account("demo-second", "示例企业所在市局（填报复核）", "second", "reviewer"),
)


def create(world: World) -> list[Account]:
    """Create the accounts that are not there yet; the enterprise is the first of those that file."""
    hashed = make_password(PASSWORD)
    reviewing = dict(zip(("first", "second"), offices(filings.county(world)), strict=True))
    for one in ACCOUNTS:
        if Person.objects.filter(username=one.username).exists():
            continue
        person = Person(username=one.username, first_name=one.title[:30], role=one.role, data_level=one.level)
        if one.organ:
            person.organ = Organ.objects.get(code=reviewing.get(one.organ, one.organ))
        else:
            person.subject = _firm(world)
        person.password = hashed
        person.save()
    return list(ACCOUNTS)


def _firm(world: World) -> int:
    key = filings.firms_of(world)[0].key
    return numbers_by_identifier(Scope.system("demo accounts"), [key])[key]
