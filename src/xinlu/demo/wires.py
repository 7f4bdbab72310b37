"""Systems that call the open interface, in the demo: one with an agreement in force, one that waits for approval.

Nobody is told their secrets: whoever wants to try the interface on the demo issues new ones on the page 系统对接.
"""

from __future__ import annotations

from datetime import date, datetime

from xinlu.access.models import Person
from xinlu.exchange import agree, clients
from xinlu.exchange.models import Client
from xinlu.journal.actor import Actor
from xinlu.ledger.models import Source

ACTOR = Actor.system("demo")
ITEMS = ("administrative_penalty", "administrative_permit")
FROM, UNTIL = date(2026, 1, 1), date(2036, 1, 1)
"""Long, so that the demo shows an agreement in force whenever it is looked at."""
CITIES = (("jt-330100", "330100", "杭州", True), ("jt-330200", "330200", "宁波", False))


def connect(*, at: datetime) -> int:
    """Register a client for a source of each city and propose an agreement; gives how many clients there are new.

    A city whose organ has no source yet gets none.
    """
    steward, chief = (Person.objects.get(username=name) for name in ("demo-data", "demo-chief"))
    made = 0
    for organ, region, name, approved in CITIES:
        source = Source.objects.select_related("organ").filter(organ__code=organ).order_by("code").first()
        code = f"demo-{region}"
        if source is None or Client._base_manager.filter(code=code).exists():
            continue
        title = f"{name}市交通执法系统（示例）"
        clients.register(source=source, code=code, title=title, contact="示例信息科", actor=ACTOR, at=at)
        proposed = agree.propose(
            source=source,
            title=f"{name}市执法数据报送（示例）",
            items=[agree.Wanted(item) for item in ITEMS],
            purposes=["rating", "publicity"],
            regions=[region],
            valid_from=FROM,
            valid_until=UNTIL,
            daily_limit=10_000,
            proposer=steward,
            at=at,
        )
        if approved:
            agree.approve(proposed, approver=chief, at=at)
        made += 1
    return made
