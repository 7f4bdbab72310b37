"""Organs (机构): the tree of the authority, and who outside it supplies or receives data.

Data: ``standards/organs.yaml``. An organ covers regions (with all below them) and sectors; an item's
``provider`` names organs by code or, as ``kind:<kind>``, all of one kind.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator

from xinlu.law.marks import read
from xinlu.law.problem import LawError, Problem
from xinlu.law.regions import Regions
from xinlu.law.shape import shape
from xinlu.law.source import Document, LawModel

BASIS = "机构表（standards/organs.yaml）"
ALL_SECTORS = "all"
KIND_PREFIX = "kind:"


class OrganKind(StrEnum):
    """What an organ is in the tree."""

    MINISTRY = "ministry"
    PROVINCE = "province"
    """The provincial department (厅)."""
    DIVISION = "division"
    """A division of the department (处室)."""
    CENTRE = "centre"
    """A provincial centre (厅属中心)."""
    CITY_BUREAU = "city_bureau"
    CITY_PORT = "city_port"
    """A city's separate port and shipping authority."""
    COUNTY_BUREAU = "county_bureau"
    EXTERNAL = "external"
    """Another authority of the province that supplies data."""
    PARTNER = "partner"
    """The transport authority of a partner province."""


class Organ(LawModel):
    """One organ."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    name: str
    short: str
    kind: OrganKind
    parent: str | None = None
    regions: tuple[str, ...]
    """Region codes it covers, each with all below it; empty: the whole country."""
    sectors: tuple[str, ...]
    """Codes of list ``sectors``; ``all`` for every sector."""
    uscc: str = ""


class OrganFile(LawModel):
    """The whole of ``standards/organs.yaml``."""

    source: Document
    organs: tuple[Organ, ...]

    @model_validator(mode="after")
    def _one_tree(self) -> OrganFile:
        seen: set[str] = set()
        for organ in self.organs:
            if organ.code in seen:
                raise ValueError(f"机构代码 {organ.code} 重复")
            if organ.parent is not None and organ.parent not in seen:
                raise ValueError(f"{organ.code} 的上级 {organ.parent} 应写在它前面")
            seen.add(organ.code)
        return self


class Organs:
    """The tree of organs, in the order of the file; parents stand before children.

    >>> from pathlib import Path
    >>> from xinlu.law.regions import load_regions
    >>> regions = load_regions(Path("standards/regions.yaml"))
    >>> organs = load_organs(Path("standards/organs.yaml"), regions=regions)
    >>> organs.covers("jt-330100", region="330106", sector="taxi")
    True
    >>> organs.covers("jt-330900", region="330902", sector="water")  # 舟山 has a port authority for that
    False
    """

    def __init__(self, file: OrganFile, regions: Regions) -> None:
        self.source = file.source
        self.all = file.organs
        self.regions = regions
        self._by_code = {o.code: o for o in file.organs}
        for organ in file.organs:
            for region in organ.regions:
                regions.get(region)

    def __contains__(self, code: object) -> bool:
        """Whether ``code`` is a known organ."""
        return code in self._by_code

    def get(self, code: str) -> Organ:
        """The organ with ``code``.

        Raises:
            LawError: ORG-001, no such organ.
        """
        if code not in self._by_code:
            raise LawError(
                Problem(
                    code="ORG-001",
                    sentence=f"没有机构代码“{code}”",
                    basis=BASIS,
                    next_step="请核对机构代码，或在机构表中补上",
                )
            )
        return self._by_code[code]

    def of_kind(self, kind: OrganKind) -> tuple[Organ, ...]:
        """All organs of a kind."""
        return tuple(o for o in self.all if o.kind is kind)

    def children(self, code: str) -> tuple[Organ, ...]:
        """Organs directly under ``code``."""
        self.get(code)
        return tuple(o for o in self.all if o.parent == code)

    def line(self, code: str) -> tuple[Organ, ...]:
        """``code`` and what stands above it, from the organ itself up."""
        found = [self.get(code)]
        while found[-1].parent is not None:
            found.append(self._by_code[found[-1].parent])
        return tuple(found)

    def below(self, code: str) -> frozenset[str]:
        """Codes of the organ and of all below it."""
        self.get(code)
        return frozenset(o.code for o in self.all if any(u.code == code for u in self.line(o.code)))

    def covers(self, code: str, *, region: str, sector: str = ALL_SECTORS) -> bool:
        """Whether an organ is competent for a region and sector.

        ``sector`` ``all`` asks about the region only.
        """
        organ = self.get(code)
        here = not organ.regions or any(self.regions.contains(r, region) for r in organ.regions)
        every = ALL_SECTORS in (sector, *organ.sectors)
        return here and (every or sector in organ.sectors)

    def competent(self, *, region: str, sector: str = ALL_SECTORS) -> tuple[Organ, ...]:
        """Bureaus and port authorities competent for a region and sector, nearest first (县 before 市),
        without the province.
        """
        nearest = (OrganKind.COUNTY_BUREAU, OrganKind.CITY_PORT, OrganKind.CITY_BUREAU)
        return tuple(
            organ
            for kind in nearest
            for organ in self.of_kind(kind)
            if self.covers(organ.code, region=region, sector=sector)
        )

    def provides(self, provider: str, code: str) -> bool:
        """Whether organ ``code`` is meant by ``provider`` of an item: a code, or ``kind:city_bureau``."""
        if provider.startswith(KIND_PREFIX):
            return self.get(code).kind == provider.removeprefix(KIND_PREFIX)
        return provider == code


def load_organs(path: Path, *, regions: Regions) -> Organs:
    """Read ``standards/organs.yaml``.

    Raises:
        LawError: the file cannot be used, or an organ covers a region that is not known.
    """
    return Organs(shape(OrganFile, read(path)), regions)
