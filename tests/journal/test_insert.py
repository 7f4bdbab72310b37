"""Many rows at once arrive as single ones would."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from tests.province import at, firm, organs, source

from xinlu.access.scope import Scope
from xinlu.journal.insert import insert_many
from xinlu.ledger.models import Record, Standing

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")


def version(subject: int, owner: int, number: int) -> Record:
    return Record(
        record=number, item="x", key=f"k{number}", digest="d", subject_id=subject, occurred_on=date(2023, 1, number),
        effective_from=date(2023, 1, 1), payload={"名": ["一", "二"], "空": None}, recorded_at=at(number), change=1,
        source_id=owner, withdrawn=False,
    )  # fmt: skip


def test_each_kind_of_column_comes_back_as_it_went_in() -> None:
    organs()
    subject, owner = firm(), source().pk
    rows = [version(subject, owner, n) for n in (1, 2, 3)]
    with transaction.atomic():
        insert_many(Record, rows)
        standing = Standing(
            version=rows[1], subject_id=subject, book="b", output="o", kind="published", status="rated",
            score=Decimal("92.500000"), as_of=date(2023, 1, 1), effective_from=date(2023, 1, 1),
        )  # fmt: skip
        insert_many(Standing, [standing])
    stored = list(Record.objects.within(SYSTEM).order_by("pk"))
    assert stored == rows
    for row, back in zip(rows, stored, strict=True):
        for field in Record._meta.concrete_fields:
            assert getattr(back, field.attname) == getattr(row, field.attname), field.name
    assert Standing.objects.within(SYSTEM).get().score == Decimal("92.5")
    single = version(subject, owner, 4)
    single.save()
    assert single.pk > rows[-1].pk


def test_constraints_hold_for_many_rows_too() -> None:
    organs()
    row = version(firm(), source().pk, 1)
    row.superseded_at = row.recorded_at
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many(Record, [row])
    insert_many(Record, [])
