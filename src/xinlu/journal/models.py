"""What the journal keeps: sequences, the chain of events, and who applied which event."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.db import models


class AppendOnly(TypeError):
    """Somebody tried to change or delete an event through the ORM."""


class Sequence(models.Model):
    """A named counter. Its row lock puts the writers of a sequence in commit order."""

    name = models.CharField(max_length=40, primary_key=True)
    value = models.BigIntegerField(default=0)


class Chain(models.Model):
    """The head of the chain of events: number and hash of the last one."""

    name = models.CharField(max_length=40, primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)


class Event(models.Model):
    """One thing that somebody did. ``hash`` covers every column and the hash of the event before."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=80)
    organ = models.CharField(max_length=40, blank=True)
    verb = models.CharField(max_length=80, db_index=True)
    object = models.CharField(max_length=120, db_index=True)
    facts_text = models.TextField()
    """Canonical JSON; text, so that no database changes its spelling under the digest."""
    digest = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["seq"]

    @property
    def facts(self) -> dict[str, Any]:
        """What the event says, as a mapping."""
        facts: dict[str, Any] = json.loads(self.facts_text)
        return facts

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly(f"event {self.seq} is written; it cannot change")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        raise AppendOnly(f"event {self.seq} is written; it cannot be deleted")


class Applied(models.Model):
    """A consumer has applied an event. The constraint is what makes it once."""

    consumer = models.CharField(max_length=80)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="applied")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["consumer", "event"], name="journal_applied_once"),
        ]
