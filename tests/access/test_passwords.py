"""Rules for passwords: long, mixed, not common, not the name."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from xinlu.access.models import Person


@pytest.mark.parametrize("password", ["Xinlu-7qpw4mzt", "xinlu 7qpw4 mzt", "信路XINLU7qpw4mzt"])
def test_a_long_mixed_password_is_taken(password: str) -> None:
    validate_password(password, Person(username="zhang"))


@pytest.mark.parametrize(
    "password", ["Xl-7qpw4mzt", "xinluqpwmztkab", "xinlu7qpw4mztk", "330106199001", "zhangsan-2026", "Password1234"]
)
def test_a_short_plain_common_or_own_one_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, Person(username="zhangsan-202"))
