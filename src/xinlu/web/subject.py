"""``/subject/…``: one subject’s file, and every line behind one of its standings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from xinlu.access.scope import Scope
from xinlu.dossier import queries
from xinlu.dossier.arithmetic import Account, Decision, Fact, Line, Sheet
from xinlu.gazette import current
from xinlu.law.rulebook import Rulebook, Value
from xinlu.ledger import queries as ledger
from xinlu.ledger.models import Standing
from xinlu.registry import queries as registry
from xinlu.web import lawbook
from xinlu.web.moments import today
from xinlu.web.parts import Badge, Event, Pager, Tab, badge_of, page_number, shown_level
from xinlu.web.scale import Scale, scale_of
from xinlu.web.templatetags.xinlu_parts import brief
from xinlu.web.templatetags.xinlu_parts import number as figures

SIZE = 20
_IDLE = re.compile(r"(\d[\d,.…]*)（(?:缺时按|保留) [^（）]*）")
"""Behind a number that is there: what would stand for it if it were missing, and its rounding."""
LONGEST_SUM = 14
"""Terms of a sum that are written out; a longer one is told by clause in the table below it."""


@dataclass(frozen=True)
class StandingCard:
    """A standing with its badge, as the dossier shows it."""

    shown: queries.StandingShown
    badge: Badge
    address: str


def badge_for(one: Standing, book: Rulebook | None) -> Badge:
    """The badge of a standing."""
    if not one.level and one.status == "rated":
        return Badge("determined", "计分", "determined", "只有得分，没有等级")
    levels = lawbook.levels_of(book, one.output) if book else ()
    return badge_of(
        level=one.level or None, levels=levels, kind=book.kind if book else "industry_credit", status=one.status
    )


def standing_cards(number: int, standings: tuple[queries.StandingShown, ...]) -> list[StandingCard]:
    """Standings with badge and address."""
    return [
        StandingCard(shown, badge_for(shown.main, shown.book), reverse("web:standing", args=[number, shown.main.pk]))
        for shown in standings
    ]


def file(request: HttpRequest, number: int) -> HttpResponse:
    """The dossier of a subject; ``?tab=`` names its part, ``?tab=all`` shows everything, as print does."""
    scope, day = Scope.of(request.user), today()
    found = queries.dossier(scope, number, on=day)
    if found is None:
        raise Http404("没有这个主体")
    if found.absorbed_from is not None:
        return redirect("web:subject", number=found.subject.pk)
    here = request.GET.get("tab", "basic")
    names = dict(queries.SECTIONS)
    here = here if here in names else "basic"
    number = found.subject.pk
    context = {
        "dossier": found,
        "cards": standing_cards(number, found.standings),
        "here": here,
        "here_name": names[here],
        "tabs": [
            Tab(title, f"?tab={key}#part", found.counts[key] if key != "basic" else None, key == here)
            for key, title in queries.SECTIONS
        ],
        **_section(scope, found, here, request),
    }
    return render(request, "web/subject.html", context)


def _section(scope: Scope, found: queries.Dossier, here: str, request: HttpRequest) -> dict[str, object]:
    day, number = today(), found.subject.pk
    if here == "relation":
        return {"relations": queries.relations(scope, found.subject, on=day)}
    rows = queries.section_records(scope, number, here, on=day)
    pager = Pager(page_number(request.GET.get("page")), SIZE, rows.count(), {"tab": here})
    context: dict[str, object] = {"records": queries.cards(scope, rows[pager.rows]), "pager": pager}
    if here == "rating":
        context["past"] = _past(scope, found)
    return context


def _past(scope: Scope, found: queries.Dossier) -> list[tuple[StandingCard, list[Event]]]:
    """Each standing with the ones before it."""
    told = []
    for card in standing_cards(found.subject.pk, found.standings):
        history = ledger.standing_history(scope, found.subject.pk, card.shown.main.book)
        told.append((card, _events(found.subject.pk, history, card.shown.main)))
    return told


def _events(number: int, history: list[Standing] | tuple[Standing, ...], main: Standing) -> list[Event]:
    here = [one for one in history if one.jurisdiction == main.jurisdiction]
    rows = [one for one in here if one.output == main.output]
    points = {one.as_of: one.score for one in here if one.output in queries.POINTS}
    events = []
    for one in reversed(rows):
        book = queries.book_of(one.book, one.book_version)
        level = shown_level(one.level, lawbook.levels_of(book, one.output) if book else ()) if one.level else ""
        scored = one.score if one.score is not None else points.get(one.as_of)
        score = f"{brief(scored)} 分" if scored is not None and one.status == "rated" else ""
        until = f"至 {one.effective_until.isoformat()} 前" if one.effective_until else "现行"
        events.append(
            Event(
                one.effective_from,
                " · ".join(part for part in (level or _without(one), score) if part),
                "，".join(("评价日 " + one.as_of.isoformat(), *_came(one), until)),
                "done" if one.pk == main.pk else "",
                reverse("web:standing", args=[number, one.pk]),
            )
        )
    return events


def _without(one: Standing) -> str:
    """What stands where a level is missing."""
    return {"open": "待人工", "not_rated": "未评"}.get(one.status, "")


def _came(one: Standing) -> tuple[str, ...]:
    """How a level came to be; of no level, nothing."""
    return (str(one.get_kind_display()),) if one.status == "rated" else ()


# ── one standing ────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SheetView:
    """A sum ready to draw: each line with its little bar."""

    sheet: Sheet
    bars: tuple[tuple[str, str, str, str], ...]
    """Of each line: left and width of what is kept, left and width of what the line changed; percent."""
    how: str
    short: bool

    @property
    def rows(self) -> list[tuple[object, tuple[str, str, str, str]]]:
        return list(zip(self.sheet.lines, self.bars, strict=True))


@dataclass(frozen=True)
class Equation:
    """A value written out: in words, then in numbers, then what it comes to."""

    name: str
    title: str
    words: str
    numbers: str
    result: Decimal | None
    text: str
    grade: str


def standing(request: HttpRequest, number: int, standing: int) -> HttpResponse:
    """Every entry of one standing: record, clause, arithmetic."""
    scope, day = Scope.of(request.user), today()
    explained = queries.explained(scope, number, standing, on=day)
    subject = registry.subject(scope, number)
    if explained is None or subject is None:
        raise Http404("没有这条评价结果")
    main, book = explained.shown.main, explained.shown.book
    context = {
        "subject": subject,
        "name": registry.shown_name(scope, subject),
        "standing": main,
        "shown": explained.shown,
        "book": book,
        "badge": badge_for(main, book),
        "events": _events(number, explained.history, main),
        "explained": explained,
        "payload": main.version.payload,
        "source": main.version.source,
        "beside": beside(explained),
        **reasons(explained, book),
    }
    return render(request, "web/standing.html", context)


def reasons(explained: queries.Explained, book: Rulebook | None) -> dict[str, object]:
    account = explained.account
    if account is None or book is None:
        return {}
    names = lawbook.names_of(book, current.catalogue())
    views = [sheet_view(sheet, book, names) for sheet in account.sheets if sheet.lines]
    rows = {sheet.row for sheet in account.sheets if sheet.row is not None}
    return {
        "sheets": [view for view in views if view.sheet.row is None],
        "row_sheets": [view for view in views if view.sheet.row is not None],
        "equations": equations(account, book, names),
        "hero": hero(account, book, explained.shown.main.output),
        "hero_words": hero_words(account, book, names, explained.shown.main.output),
        "strip": strip(account, book, explained.shown.main.output),
        "decisions": decisions(account, book, names),
        "readings": readings(account, names),
        "hits": hit_groups(account.hits),
        "reason_words": reason_words(account, book, names, explained.shown.main.output),
        "excluded": account.excluded,
        "row_count": len(rows),
    }


@dataclass(frozen=True)
class Beside:
    """Another answer of the same book: its badge, or its number or day, and why there is none."""

    title: str
    badge: Badge | None
    words: str


def beside(explained: queries.Explained) -> list[Beside]:
    """The answers beside the level, days too, without the points that stand under it."""
    shown, told = explained.shown, []
    for title, one in shown.others:
        if one.score is not None and one.score == shown.score and one.output in queries.POINTS:
            continue
        reason = str(one.version.payload.get("reason") or "")
        if one.level or one.status != "rated":
            told.append(Beside(title, badge_for(one, shown.book), reason))
        elif one.score is not None:
            told.append(Beside(title, None, brief(one.score)))
    decided = explained.account.decisions if explained.account else ()
    return told + [Beside(one.title, None, one.day.isoformat()) for one in decided if one.kind == "output" and one.day]


@dataclass(frozen=True)
class HitGroup:
    """Hits of one clause: the clause once, then its records."""

    line: Line
    records: tuple[int, ...]
    """In the order of their days; a hit whose record the reader may not see has none."""
    others: tuple[int, ...]
    """Subjects whose findings under another book hit."""
    count: int


def hit_groups(hits: tuple[Line, ...]) -> list[HitGroup]:
    """Hits by clause and by what became of them."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in hits:
        groups.setdefault((line.clause, line.kind, line.text), []).append(line)
    return [
        HitGroup(
            lines[0],
            tuple(line.record for line in lines if line.record is not None),
            tuple(line.other for line in lines if line.other is not None),
            len(lines),
        )
        for lines in groups.values()
    ]


def reason_words(account: Account, book: Rulebook, names: dict[str, str], output: str) -> str:
    """Why the answer is what it is, in a sentence, where a condition or a move decided and no number."""
    part = book.outputs.get(output)
    for one in reversed(account.decisions):
        if part is None or one.step != output:
            continue
        if one.kind == "move" and 0 < one.place <= len(part.moves) and one.level:
            return part.moves[one.place - 1].title
        if one.kind == "condition":
            return _condition_words(one, book, names)
    return ""


def _condition_words(one: Decision, book: Rulebook, names: dict[str, str]) -> str:
    conditions = book.outputs[one.step].conditions if one.step in book.outputs else ()
    if 0 < one.place <= len(conditions):
        return lawbook.say(conditions[one.place - 1].when, names)
    return "以上条件都不符合" if conditions else ""


def sheet_view(sheet: Sheet, book: Rulebook, names: dict[str, str]) -> SheetView:
    """A sum with the bars of its balance."""
    bound = sheet.bound
    bars = []
    before = Decimal(0)
    for line in sheet.lines:
        after = line.balance if line.balance is not None else before
        low, high = sorted((abs(before), abs(after)))
        bars.append(("0%", _percent(low, bound), _percent(low, bound), _percent(high - low, bound)))
        before = after
    fold = book.folds.get(sheet.step)
    how = lawbook.fold_words(book, fold, names) if fold else ""
    return SheetView(sheet, tuple(bars), how, 0 < len(sheet.terms) <= LONGEST_SUM and not sheet.weighted)


def _percent(part: Decimal, whole: Decimal) -> str:
    return f"{(part * 100 / whole).quantize(Decimal('0.01')):f}%" if whole else "0%"


def equations(account: Account, book: Rulebook, names: dict[str, str]) -> list[Equation]:
    """Each named value with its numbers put in."""
    found = []
    for fact in account.values:
        value = book.values.get(fact.step)
        if value is None:
            continue
        put_in = _put_in(value, account, book, names) if fact.number is not None else ""
        words = lawbook.value_words(value, names)
        found.append(
            Equation(
                fact.step,
                fact.title,
                words,
                put_in if put_in != words and not (fact.number is not None and put_in == figures(fact.number)) else "",
                fact.number,
                told_text(fact.text, names),
                fact.grade,
            )
        )
    return found


def _put_in(value: Value, account: Account, book: Rulebook, names: dict[str, str]) -> str:
    """A value with the numbers in place of the names; of parts, those that are there."""
    if value.peer or any(word in (value.is_ or "") for word in ("case", "missing", "present", "null")):
        return ""
    known = {name: account.number(name) for name in (*book.folds, *book.values)}
    # A sum without a start in which nothing hit has no line and is 0.
    silent = (name for name, fold in book.folds.items() if fold.sum is not None and not (fold.start or fold.per))
    known.update({name: Decimal(0) for name in silent if known[name] is None})
    # Without thousands marks: a comma parts the arguments of a call.
    numbers = {name: brief(found).replace(",", "") for name, found in known.items() if found is not None}
    if value.parts:
        there = {name: weight for name, weight in value.parts.items() if name in numbers}
        total = sum(there.values(), Decimal(0))
        parts = " + ".join(f"{numbers[name]} × {weight}" for name, weight in there.items())
        return parts if total == 1 or not there else f"({parts}) ÷ {total}"
    given = {
        name: figures(p.value).replace(",", "") for name, p in book.parameters.items() if isinstance(p.value, Decimal)
    }
    words = lawbook.value_words(value, {**names, **given, **numbers}).replace("+ −", "− ").replace("− −", "+ ")
    return _IDLE.sub(r"\1", words)


def told_text(text: str, names: dict[str, str]) -> str:
    """A text, code or yes and no of an entry as people write it."""
    if text.startswith("["):
        return "、".join(told_text(str(one), names) for one in json.loads(text))
    return {"true": "是", "false": "否"}.get(text) or names.get(f"'{text}'", text)


def readings(account: Account, names: dict[str, str]) -> list[Fact]:
    """What was read, with names in Chinese."""
    return [
        replace(fact, title=lawbook.say(fact.title, names), text=told_text(fact.text, names))
        for fact in account.facts
        if fact.number is not None or fact.text or fact.day
    ]


def hero(account: Account, book: Rulebook, output: str) -> SheetView | None:
    """The sum that the answer rests on, where one sum is the whole of it."""
    part = book.outputs.get(output)
    wanted = (part.bands.of if part and part.bands else part.value if part else None) or ""
    named = [wanted, *(name for name in book.folds if name in wanted)]
    sums = [sheet for sheet in account.sheets if sheet.row is None and sheet.step in named and not sheet.weighted]
    return sheet_view(sums[0], book, {}) if len(sums) == 1 and sums[0].terms else None


def hero_words(account: Account, book: Rulebook, names: dict[str, str], output: str) -> Equation | None:
    """The value that the answer rests on, written out, where no single sum is the whole of it."""
    part = book.outputs.get(output)
    wanted = (part.bands.of if part and part.bands else part.value if part else None) or ""
    return next((line for line in equations(account, book, names) if line.name == wanted and line.numbers), None)


def strip(account: Account, book: Rulebook, output: str) -> Scale | None:
    """Where the number falls among the bands."""
    part = book.outputs.get(output)
    if part is None or part.bands is None:
        return None
    decided = next((d for d in account.decisions if d.kind == "band" and d.step == output), None)
    number = decided.number if decided else account.number(part.bands.of)
    return scale_of(cut=part.bands.cut, levels=lawbook.levels_of(book, output), number=number)


@dataclass(frozen=True)
class Step:
    """One step from number to answer, in words."""

    kind: str
    title: str
    words: str
    article: str
    badge: Badge | None
    same: bool
    """A move that changed nothing."""
    decision: Decision


KINDS = {"band": "按分档", "condition": "按条件", "move": "调整", "status": "没有定级", "output": "结论"}


def decisions(account: Account, book: Rulebook, names: dict[str, str]) -> list[Step]:
    """The steps of all answers; a conclusion that only repeats the step before it is left out."""
    told: list[Step] = []
    for one in account.decisions:
        levels = lawbook.levels_of(book, one.step)
        known = one.level in [step.level for step in levels]
        badge = badge_of(level=one.level, levels=levels, kind=book.kind) if known else None
        before = next((step.decision for step in reversed(told) if step.decision.step == one.step), None)
        repeats = before is not None and before.level == one.level
        if one.kind == "output" and repeats:
            continue
        title, words, article = _step_words(one, book, names, told_level=known)
        kind = "待人工" if one.kind == "status" and _asks(one, book) else KINDS[one.kind]
        told.append(Step(kind, title, words, article, badge, one.kind == "move" and repeats, one))
    return told


def _step_words(one: Decision, book: Rulebook, names: dict[str, str], *, told_level: bool) -> tuple[str, str, str]:
    """Title, words and article of a step."""
    part = book.outputs.get(one.step)
    title = "参评条件" if one.step == "rated_when" else one.title
    if one.kind == "move" and part and 0 < one.place <= len(part.moves):
        move = part.moves[one.place - 1]
        return title, move.title, one.article or move.clause
    if one.kind == "condition" and part:
        words = _condition_words(one, book, names)
        article = part.conditions[one.place - 1].clause if 0 < one.place <= len(part.conditions) else ""
        asked = "" if told_level or not one.level else f" → {told_text(one.level, names)}"
        return title, words + asked, one.article or article
    words = one.words or ("" if told_level else told_text(one.level, names))
    return title, words, one.article


def _asks(one: Decision, book: Rulebook) -> bool:
    """Whether a step ends with a question to a person."""
    asked = [line.ask for line in book.outputs[one.step].conditions] if one.step in book.outputs else []
    asked += [line.otherwise for line in book.rated_when if line.status == "open"]
    return one.level in asked
