"""Scope: who asks, and therefore what there is to see.

Scope is enforced once, below pages and endpoints: a scoped model's query set refuses to run before it was told
``.within(scope)``. What a scope hides does not exist for the asker: a query finds nothing, and a page says 404.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from django.db import models
from django.db.models import Q

from xinlu.journal.actor import Actor

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from xinlu.access.models import Person

DataLevel = Literal["L1", "L2", "L3", "L4"]
ALL = "all"
EVERYTHING = ~Q(pk__in=[])
"""A filter that holds for each row; an empty ``Q()`` would vanish from an *or*."""
_M = TypeVar("_M", bound=models.Model, covariant=True)


class ScopeMissing(RuntimeError):
    """A scoped model was queried without saying who asks. An error of the program, never of a person."""

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(f"{model.__name__} was queried without a scope; call .within(scope, …) before reading")


@dataclass(frozen=True)
class Scope:
    """Who asks. Made by one of the constructors below, never by hand.

    ``regions`` are all division codes in scope, ``everywhere`` lifts that limit; ``sectors`` are codes of business
    fields (``all`` for every one), ``level`` the highest data level shown. ``subject`` is the registry number of
    somebody who asks about themselves.
    """

    kind: Literal["public", "subject", "officer", "system"]
    key: str
    organ: str = ""
    regions: tuple[str, ...] = ()
    everywhere: bool = False
    sectors: tuple[str, ...] = ()
    level: DataLevel = "L1"
    subject: int | None = None
    role: str = ""
    """Of an officer: :class:`xinlu.access.models.Person.Role`. Who sees the same may still do different things."""
    reason: str = ""
    reads_audit: bool = False

    @classmethod
    def public(cls) -> Scope:
        """Anybody: what the catalogue discloses, while its publicity lasts, about non-natural persons."""
        return cls(kind="public", key="public")

    @classmethod
    def system(cls, reason: str) -> Scope:
        """The system itself: everything, for a stated reason. For verbs, not for pages."""
        if not reason:
            raise ValueError("the system reads everything only for a stated reason")
        return cls(
            kind="system",
            key=f"system:{reason}",
            everywhere=True,
            sectors=(ALL,),
            level="L4",
            reason=reason,
        )

    @classmethod
    def machine(cls, key: str, *, organ: str, sectors: tuple[str, ...] = (ALL,)) -> Scope:
        """A system of ``organ`` that calls an interface: what its own organ handed over, and nothing of a region."""
        return cls(kind="officer", key=key, organ=organ, sectors=sectors, level="L3")

    @classmethod
    def of(cls, user: Person | AnonymousUser) -> Scope:
        """The scope of a signed-in person; public for anybody else.

        Administrators of system, security and audit see no business data beyond the public's.
        """
        person: Any = user
        if not person.is_authenticated or not person.is_active:
            return cls.public()
        key = f"person:{person.pk}"
        if person.subject is not None:
            return cls(kind="subject", key=key, subject=person.subject, level="L3")
        if person.organ is None or not person.sees_business_data:
            return cls(kind="public", key=key, reads_audit=person.reads_audit)
        return cls(
            kind="officer",
            key=key,
            organ=person.organ.code,
            regions=tuple(person.organ.regions) if person.organ.supervises else (),
            everywhere=person.organ.everywhere and person.organ.supervises,
            sectors=tuple(person.organ.sectors),
            level=person.data_level,
            role=person.role,
        )

    @property
    def is_public(self) -> bool:
        """Whether nothing but the public's view applies."""
        return self.kind == "public"

    @property
    def actor(self) -> Actor:
        """The asker as the journal names him."""
        return Actor(key=self.key, organ=self.organ)

    def covers_region(self, region: str) -> bool:
        """Whether ``region`` lies in the scope. An unknown region (empty) lies only in one without limits."""
        return self.everywhere or region in self.regions

    def covers_sector(self, sector: str) -> bool:
        """Whether the scope holds ``sector``; what belongs to all sectors belongs to each."""
        return sector == ALL or ALL in self.sectors or sector in self.sectors

    def in_regions(self, column: str) -> Q:
        """Filter: the division code in ``column`` lies in the scope."""
        return EVERYTHING if self.everywhere else Q(**{f"{column}__in": self.regions})

    def sees_level(self, level: DataLevel) -> bool:
        """Whether data of ``level`` may be shown."""
        return level <= self.level


class ScopedQuerySet(models.QuerySet[_M]):
    """A query set that runs only after :meth:`within`. Subclasses say in :meth:`visible` what a scope sees."""

    _scoped: bool = False

    def within(self, scope: Scope, *, on: date | None = None) -> Self:
        """Only what ``scope`` may see on the day ``on`` (needed where publicity has a period)."""
        found = self if scope.kind == "system" else self.filter(self.visible(scope, on))
        found = found._chain()  # type: ignore[attr-defined]
        found._scoped = True
        return found

    def visible(self, scope: Scope, on: date | None) -> Q:
        """The filter of a scope that is not the system's."""
        raise NotImplementedError

    def _clone(self) -> Self:
        copy: Self = super()._clone()  # type: ignore[misc]
        copy._scoped = self._scoped
        return copy

    def _require(self) -> None:
        if not self._scoped:
            raise ScopeMissing(self.model)

    def _fetch_all(self) -> None:
        self._require()
        super()._fetch_all()

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Inside another query the rule is the same."""
        self._require()
        return super().resolve_expression(*args, **kwargs)

    def count(self) -> int:
        self._require()
        return super().count()

    def exists(self) -> bool:
        self._require()
        return super().exists()

    def iterator(self, chunk_size: int | None = None) -> Any:
        self._require()
        return super().iterator(chunk_size)

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._require()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require()
        return super().delete()
