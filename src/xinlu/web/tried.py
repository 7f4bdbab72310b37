"""A draft over the records of a day: who gets which answer, and why one subject gets it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from xinlu.access.scope import Scope
from xinlu.assessment import tryout
from xinlu.engine.cases import said
from xinlu.engine.explain import as_text, explain
from xinlu.engine.run import understand_all
from xinlu.gazette.candidate import candidate, checked, drafted_piece
from xinlu.gazette.models import Edition
from xinlu.law.catalogue import Catalogue
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import queries as ledger
from xinlu.registry import queries as registry
from xinlu.web import lawbook
from xinlu.web.makers import edition_asked, for_makers, person_of
from xinlu.web.moments import now, today
from xinlu.web.parts import Badge, badge_of


def try_part(request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """The draft over the records of a day: who gets which answer."""
    key = key_of(edition)
    asked = day_of(request.GET.get("day", ""))
    days = tryout.days_tried(key)
    with candidate(edition) as law:
        book = drafted_piece(edition, law)
        if not isinstance(book, Rulebook):
            return {"book": None, "day": asked or today()}
        day = asked or (days[0] if days else _last_year(book))
        made = tryout.tried(book, key=key, as_of=day)
        return {
            "book": book,
            "day": day,
            "days": days,
            "made": made,
            "answers": [_answer_table(one, book, Scope.of(person_of(request))) for one in made.answers] if made else [],
            "impact": f"{reverse('web:impact')}?{urlencode(_beside(edition, day))}" if edition.copied_from else "",
            "sensitivity": f"{reverse('web:sensitivity')}?{urlencode({'book': f'draft:{edition.pk}', 'as_of': day})}",
            "rates_subjects": book.rates.subject is not None,
        }


@dataclass(frozen=True)
class AnswerRow:
    """One answer: how many had it, how many have it, and some of those who have it."""

    badge: Badge | None
    words: str
    before: int
    after: int
    change: int
    examples: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class AnswerTable:
    """One output over everybody."""

    title: str
    rows: tuple[AnswerRow, ...]
    spreads: tuple[tryout.Spread, tryout.Spread] | None
    total: tuple[int, int]


_STATUS = {
    "not_rated": "未评",
    "open": "待人工",
    "number": "有数值",
    "day": "有日期",
    "yes": "是",
    "no": "否",
    "none": "无",
}


def _answer_table(one: tryout.Answers, book: Rulebook, scope: Scope) -> AnswerTable:
    levels = lawbook.levels_of(book, one.output)
    order = {step.level: place for place, step in enumerate(levels)}
    wanted = {unit for units in one.examples.values() for unit in units}
    names = {found.pk: registry.shown_name(scope, found) for found in registry.subjects(scope).filter(pk__in=wanted)}
    if book.rates.subject is None:
        names = {}
    rows = []
    for answer, (before, after) in sorted(
        one.counts.items(), key=lambda pair: (order.get(pair[0], 50), pair[0] in _STATUS, pair[0])
    ):
        badge = badge_of(level=answer, levels=levels, kind=book.kind) if answer in order else None
        examples = tuple((unit, names[unit]) for unit in one.examples.get(answer, ()) if unit in names)
        rows.append(AnswerRow(badge, _STATUS.get(answer, answer), before, after, after - before, examples))
    total = sum(row.before for row in rows), sum(row.after for row in rows)
    return AnswerTable(one.title, tuple(rows), one.spreads, total)


def key_of(edition: Edition) -> str:
    return f"{edition.pk}-{edition.digest[:16]}"


def _last_year(book: Rulebook) -> date:
    """The day on which a book takes in the whole last year: its last day, or today where it asks for the last
    complete year."""
    if book.period is not None and book.period.calendar_year == "last_complete":
        return today()
    return date(today().year - 1, 12, 31)


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _beside(edition: Edition, day: date) -> dict[str, object]:
    """What the impact statement of a draft compares: the version that it was copied from, and the draft."""
    return {"before": f"{edition.identity}@{edition.copied_from}", "after": f"draft:{edition.pk}", "as_of": day}


@require_POST
@for_makers
def attempt(request: HttpRequest, number: int) -> HttpResponse:
    """Run the draft over the records of a day, beside the version that it was copied from."""
    edition = edition_asked(number)
    back = reverse("web:amendment", args=[number])
    day = day_of(request.POST.get("day", ""))
    if day is None:
        messages.error(request, "请选择试算的日期。")
        return redirect(f"{back}?tab=try")
    if checked(edition, cases=False).errors:
        messages.error(request, "法规检查还有错误，改正后才能试算。")
        return redirect(f"{back}?tab=try")
    with candidate(edition) as law:
        book = drafted_piece(edition, law)
        if not isinstance(book, Rulebook):
            raise Http404("没有可以试算的规则")
        before = law.version(edition.identity, edition.copied_from)
        tryout.try_book(law, book, key=key_of(edition), as_of=day, known_at=now(), beside=before)
    return redirect(f"{back}?tab=try&day={day}")


@require_GET
@for_makers
def tried_unit(request: HttpRequest, number: int, day: str, unit: int) -> HttpResponse:
    """Why a subject gets its answers under a draft: the arithmetic of a tryout."""
    edition, scope = edition_asked(number), Scope.of(person_of(request))
    as_of = day_of(day)
    subject = registry.subject(scope, unit)
    if as_of is None or subject is None or as_of not in tryout.days_tried(key_of(edition)):
        raise Http404("没有这次试算")
    findings = tryout.findings_of_tryout(key_of(edition), as_of, unit)
    entries = tryout.entries_of_tryout(key_of(edition), as_of, unit)
    if not findings:
        raise Http404("试算里没有这个主体")
    numbers = {entry.record for entry in entries if entry.record is not None}
    with candidate(edition) as law:
        book = drafted_piece(edition, law)
        assert isinstance(book, Rulebook)
        meaning = understand_all(law.needed(book), law.catalogue)[book.rulebook, book.version]
        named = _record_names(scope, numbers, as_of, law.catalogue)
        told = [
            (
                book.outputs[finding.output].title,
                finding,
                _badge(finding.level, book, finding.output),
                said(finding),
                _indented(
                    as_text(
                        explain(meaning, findings, entries, unit=unit, output=finding.output),
                        lambda record: named.get(record, "不在查看范围内的记录"),
                    )
                ),
            )
            for finding in findings
            if finding.output in book.outputs
        ]
    context = {
        "edition": edition, "book": book, "day": as_of, "told": told, "subject": subject,
        "name": registry.shown_name(scope, subject), "lines": len(entries),
    }  # fmt: skip
    return render(request, "web/tried_unit.html", context)


def _indented(text: str) -> str:
    """Lines with their indent as wide as Chinese letters, which a proportional font shows as wide as it is meant."""
    lines = text.splitlines()
    return "\n".join("　" * ((len(line) - len(line.lstrip())) // 2) + line.lstrip() for line in lines)


def _badge(level: str | None, book: Rulebook, output: str) -> Badge | None:
    return badge_of(level=level, levels=lawbook.levels_of(book, output), kind=book.kind) if level else None


def _record_names(scope: Scope, numbers: set[int], on: date, catalogue: Catalogue) -> dict[int, str]:
    """Records that the reader may see, by item and day."""
    found = {}
    for version in ledger.records(scope, on=on).filter(record__in=numbers):
        item = catalogue.items.get(version.item)
        found[version.record] = f"{item.title if item else version.item} {version.occurred_on}"
    return found
