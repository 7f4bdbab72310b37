"""Rules for passwords beyond those of Django, for accounts that no single sign-on covers."""

from __future__ import annotations

import string
from typing import Any

from django.core.exceptions import ValidationError

CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
LEAST = 3


class ThreeOfFourKinds:
    """A password mixes three of: small letters, capitals, digits, anything else (GB/T 22239-2019, level 3)."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002 Django gives it
        """Raise ``ValidationError`` for a password of one or two kinds of signs."""
        kinds = {next((n for n, signs in enumerate(CLASSES) if sign in signs), len(CLASSES)) for sign in password}
        if len(kinds) < LEAST:
            raise ValidationError(self.get_help_text(), code="password_too_plain")

    def get_help_text(self) -> str:
        """The rule in words."""
        return "密码须含小写字母、大写字母、数字、其他符号四类中的至少三类。"
