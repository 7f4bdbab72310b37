"""Discard trial runs that nobody published, some days after they were made.

A published run stays for good: standings rest on it. A trial goes with its files; the journal keeps that it was made,
what it came to (by digest) and that it was discarded, so that the same law, day and knowledge can give it again.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.run import runs_folder
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change
from xinlu.ledger.models import Standing

VERB_DISCARDED: Final = "assessment.run.discarded"
ORPHAN_AFTER: Final = timedelta(days=1)
"""What lies in the folder of runs without a run is left alone so long: somebody may be writing it."""


@dataclass(frozen=True)
class Discarded:
    """What went, or would go. ``runs``: codes of trials; ``kept``: codes of trials as old that something names;
    ``orphans``: names in the folder of runs that no run has; ``bytes``: size of all that goes."""

    runs: tuple[str, ...]
    kept: tuple[str, ...]
    orphans: tuple[str, ...]
    bytes: int


def discard_trials(
    *, actor: Actor, at: datetime, days: int | None = None, keep: Collection[str] = (), dry_run: bool = False
) -> Discarded:
    """Discard trials made more than ``days`` days before ``at`` (None: the setting ``TRIAL_DAYS``).

    1. A published run stays, and so does a trial that a standing names, or that ``keep`` names.
    2. The row goes in one transaction with its journal event; its folder goes once that is committed. A crash between
       the two leaves a folder without a run.
    3. Such orphans, and what else lies among the folders of runs, go when they are a day old.

    ``dry_run``: says what would go, and changes nothing. Raises ``ValueError`` for a negative number of days.
    """
    wanted = settings.TRIAL_DAYS if days is None else days
    if wanted < 0:
        raise ValueError(f"days must not be negative: {wanted}")
    with transaction.atomic():
        # Nobody publishes a run, or writes the folder of one, meanwhile.
        last_change(hold=True)
        old = list(
            Run.objects.filter(published_at__isnull=True, made_at__lt=at - timedelta(days=wanted)).order_by("pk")
        )
        named = set(keep) | set(
            Standing.objects.within(Scope.system(VERB_DISCARDED))
            .filter(run__in=[one.code for one in old])
            .values_list("run", flat=True)
        )
        going = [one for one in old if one.code not in named]
        orphans = sorted(_orphans(at))
        places = [runs_folder() / name for name in (*(one.code for one in going), *orphans)]
        found = Discarded(
            runs=tuple(one.code for one in going),
            kept=tuple(one.code for one in old if one.code in named),
            orphans=tuple(orphans),
            bytes=sum(map(_size, places)),
        )
        if not dry_run:
            for one in going:
                _note(one, actor, at)
            Run.objects.filter(pk__in=[one.pk for one in going]).delete()
            transaction.on_commit(partial(_remove, places))
    return found


def _note(one: Run, actor: Actor, at: datetime) -> None:
    facts = {
        "book": one.book,
        "as_of": one.as_of,
        "made_at": one.made_at,
        "units": one.units,
        "lines": one.lines,
        "findings": one.findings_digest,
        "entries": one.entries_digest,
    }
    append(actor=actor, verb=VERB_DISCARDED, obj=f"assessment.run:{one.code}", facts=facts, at=at)


def _orphans(at: datetime) -> Iterator[str]:
    folder = runs_folder()
    if not folder.is_dir():
        return
    codes = set(Run.objects.values_list("code", flat=True))
    for path in folder.iterdir():
        if path.name not in codes and path.stat().st_mtime < (at - ORPHAN_AFTER).timestamp():
            yield path.name


def _size(place: Path) -> int:
    files = [place] if place.is_file() else place.rglob("*")
    return sum(one.stat().st_size for one in files if one.is_file())


def _remove(places: Collection[Path]) -> None:
    for place in places:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
