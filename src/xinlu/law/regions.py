"""Administrative regions (行政区划): the tree that scopes, organs and subjects are placed in.

Data: ``standards/regions.yaml``. Codes are those of GB/T 2260. 义乌 stands beside the eleven cities, as the
authority treats it; where it lies on a map is its ``geographic_parent``.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import Field, model_validator

from xinlu.law.marks import read
from xinlu.law.problem import LawError, Problem
from xinlu.law.shape import shape
from xinlu.law.source import Document, LawModel

BASIS = "GB/T 2260 中华人民共和国行政区划代码（standards/regions.yaml）"


class RegionLevel(StrEnum):
    """Level of management, widest first."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"


class Region(LawModel):
    """One region."""

    code: str = Field(pattern=r"^\d{6}$")
    name: str
    short: str
    """Name without 省, 市, 县, 区: what fits on a map."""
    pinyin: str
    initials: str
    level: RegionLevel
    parent: str | None = None
    """Code of the region that manages it; None for provinces."""
    geographic_parent: str | None = None
    """Where it lies when that is not ``parent``: 义乌 lies in 金华."""
    plate_letter: str = ""
    """Letter of its number plates; cities only."""
    neighbour: bool = False
    """Outside the province: a partner of 长三角."""


class RegionFile(LawModel):
    """The whole of ``standards/regions.yaml``."""

    source: Document
    province: str
    regions: tuple[Region, ...]

    @model_validator(mode="after")
    def _one_tree(self) -> RegionFile:
        codes = [r.code for r in self.regions]
        if len(set(codes)) != len(codes):
            raise ValueError("行政区划代码重复")
        for region in self.regions:
            for other in (region.parent, region.geographic_parent):
                if other is not None and other not in codes:
                    raise ValueError(f"{region.code} 的上级 {other} 不在表中")
            if (region.parent is None) != (region.level is RegionLevel.PROVINCE):
                raise ValueError(f"{region.code} 的上级与层级不符")
        if self.province not in codes:
            raise ValueError(f"本省代码 {self.province} 不在表中")
        return self


class Regions:
    """The tree of regions, in the order of the file.

    >>> from pathlib import Path
    >>> regions = load_regions(Path("standards/regions.yaml"))
    >>> regions.get("330106").name, regions.city_of("330106").short
    ('西湖区', '杭州')
    >>> regions.contains("330700", "330782")  # 义乌 is not managed by 金华
    False
    """

    def __init__(self, file: RegionFile) -> None:
        self.source = file.source
        self.all = file.regions
        self._by_code = {r.code: r for r in file.regions}
        self.province = self._by_code[file.province]

    def __contains__(self, code: object) -> bool:
        """Whether ``code`` is a known region."""
        return code in self._by_code

    def get(self, code: str) -> Region:
        """The region with ``code``.

        Raises:
            LawError: REG-001, no such region.
        """
        if code not in self._by_code:
            raise LawError(
                Problem(
                    code="REG-001",
                    sentence=f"没有行政区划代码“{code}”",
                    basis=BASIS,
                    next_step="请核对六位代码，或在行政区划表中补上",
                )
            )
        return self._by_code[code]

    @cached_property
    def neighbours(self) -> tuple[Region, ...]:
        """The partner provinces."""
        return tuple(r for r in self.all if r.neighbour)

    @cached_property
    def cities(self) -> tuple[Region, ...]:
        """City-level regions of the province: the eleven cities and 义乌."""
        return tuple(r for r in self.all if r.level is RegionLevel.CITY)

    @cached_property
    def counties(self) -> tuple[Region, ...]:
        """County-level regions of the province, without 义乌."""
        return tuple(r for r in self.all if r.level is RegionLevel.COUNTY)

    @cached_property
    def leaves(self) -> tuple[Region, ...]:
        """Regions where subjects live: the counties and 义乌, 90 in all."""
        parents = {r.parent for r in self.all}
        return tuple(r for r in self.all if r.level is not RegionLevel.PROVINCE and r.code not in parents)

    def children(self, code: str) -> tuple[Region, ...]:
        """Regions managed by ``code`` directly."""
        self.get(code)
        return tuple(r for r in self.all if r.parent == code)

    def line(self, code: str) -> tuple[Region, ...]:
        """``code`` and what manages it, from the region itself up to its province."""
        found = [self.get(code)]
        while found[-1].parent is not None:
            found.append(self._by_code[found[-1].parent])
        return tuple(found)

    def city_of(self, code: str) -> Region | None:
        """The city-level region that ``code`` is or lies in; None for a province."""
        return next((r for r in self.line(code) if r.level is RegionLevel.CITY), None)

    def contains(self, outer: str, inner: str) -> bool:
        """Whether ``inner`` is ``outer`` or is managed by it, at any depth."""
        return any(r.code == outer for r in self.line(inner))

    def within(self, codes: Iterable[str]) -> frozenset[str]:
        """All codes at or below any of ``codes``: what a scope of regions spells out to."""
        wanted = frozenset(codes)
        for code in wanted:
            self.get(code)
        return frozenset(r.code for r in self.all if any(up.code in wanted for up in self.line(r.code)))

    def find(self, text: str) -> tuple[Region, ...]:
        """Regions whose code, name, short name, pinyin or initials is ``text``; several may share one."""
        wanted = text.strip().lower()
        return tuple(r for r in self.all if wanted in (r.code, r.name, r.short, r.pinyin, r.initials))

    def full_name(self, code: str) -> str:
        """Names from the city down: 杭州市西湖区; a province and a city have their own name."""
        parts = [r.name for r in self.line(code) if r.level is not RegionLevel.PROVINCE]
        return "".join(reversed(parts)) or self.get(code).name


def load_regions(path: Path) -> Regions:
    """Read ``standards/regions.yaml``.

    Raises:
        LawError: the file cannot be used; every mistake with its line.
    """
    return Regions(shape(RegionFile, read(path)))
