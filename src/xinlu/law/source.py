"""Where a piece of law comes from and how far it may be trusted."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class LawModel(BaseModel):
    """Base of every law file model: frozen, and a key that nobody declared is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        # A version, code or level written without quotes (2013, 330100) is text where text is due.
        coerce_numbers_to_str=True,
    )


class Grade(StrEnum):
    """How the text behind a clause, band or parameter was seen, best first.

    ``official``: clause text read. ``secondary``: seen in a copy, form or report that quotes it.
    ``unverified``: known, not seen. ``sample``: proposed by this project, never law.
    A finding carries the weakest grade of what made it.
    """

    OFFICIAL = "official"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"
    SAMPLE = "sample"

    @property
    def weakness(self) -> int:
        """0 for the strongest grade, 3 for the weakest.

        >>> Grade.SAMPLE.weakness
        3
        """
        return list(Grade).index(self)

    @classmethod
    def weakest(cls, *grades: Grade) -> Grade:
        """The weakest of ``grades``; official when none is given.

        >>> Grade.weakest(Grade.OFFICIAL, Grade.SECONDARY).value
        'secondary'
        """
        return max(grades, key=lambda g: g.weakness, default=cls.OFFICIAL)


class Document(LawModel):
    """The published document behind a law file."""

    document: str
    """Document number and name, e.g. ``交公路发〔2013〕636号``."""
    issuer: str
    grade: Grade
    note: str = ""
    url: str = ""


class InForce(LawModel):
    """Days on which a version applies: ``from`` inclusive, ``until`` exclusive, None for open."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: date = Field(alias="from")
    until: date | None = None

    def covers(self, day: date) -> bool:
        """Whether ``day`` lies in the period.

        >>> InForce(**{"from": date(2024, 1, 1), "until": date(2025, 1, 1)}).covers(date(2025, 1, 1))
        False
        """
        return self.from_ <= day and (self.until is None or day < self.until)
