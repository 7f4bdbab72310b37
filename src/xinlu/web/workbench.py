"""``/workbench/``: a rule maker changes a rule, and another person makes it law.

Pages for those who draft or publish law; for everybody else they are not there. Each form calls one verb of the
gazette; what it refuses is told with code, basis and next step above the page that it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.assessment import tryout
from xinlu.engine.cases import said
from xinlu.engine.explain import as_text, explain
from xinlu.engine.run import understand_all
from xinlu.gazette import amend, current, queries, review
from xinlu.gazette.candidate import Checked, candidate, checked, drafted_piece, files_of
from xinlu.gazette.models import Edition, Step
from xinlu.gazette.publish import publish
from xinlu.gazette.refusal import Refused
from xinlu.law.cases import read_cases
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import CASES, Library
from xinlu.law.problem import LawError, Problem, Severity
from xinlu.law.procedure import Procedure
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import queries as ledger
from xinlu.registry import queries as registry
from xinlu.web import lawbook, lawtext
from xinlu.web.moments import now, today
from xinlu.web.parts import Badge, Tab, badge_of
from xinlu.web.rulebooks import sectors

P = ParamSpec("P")
PLANES = {"rulebook": "规则", "procedure": "程序", "catalogue": "信用信息目录"}
STATES = {"draft": "doing", "submitted": "todo", "published": "done", "withdrawn": "withdrawn"}
FILES = {"book": "规则全文", "cases": "案例全文"}


def for_makers(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for those who draft or publish law; for others there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = _person(request)
        if not (person.drafts_law or person.publishes_law):
            raise Http404("没有这个页面")
        return view(request, *args, **kwargs)

    signed_in: Callable[..., HttpResponse] = login_required(guarded)
    return signed_in


def _person(request: HttpRequest) -> Person:
    person = request.user
    assert isinstance(person, Person)
    return person


def _edition(number: int) -> Edition:
    found = queries.amendments().filter(pk=number).first()
    if found is None:
        raise Http404("没有这份草案")
    return found


# ── the list, and a new draft ───────────────────────────────────────────────


@dataclass(frozen=True)
class Copyable:
    """A book or procedure of which a draft can be made."""

    plane: str
    identity: str
    title: str
    field: str
    versions: tuple[str, ...]
    mine: bool
    """In the business field of the asker."""


@dataclass(frozen=True)
class DraftRow:
    """An amendment in the list."""

    edition: Edition
    plane: str
    state: str
    last: Step | None
    mine: bool
    to_review: bool


@require_GET
@for_makers
def index(request: HttpRequest) -> HttpResponse:
    """All drafts, those that wait for the reader first; then what can be copied."""
    person = _person(request)
    rows = [_row(edition, person) for edition in queries.amendments()]
    law = current.library()
    context = {
        "waiting": [row for row in rows if row.to_review],
        "mine": [row for row in rows if row.mine and row.state in ("doing", "todo")],
        "others": [row for row in rows if not row.to_review and not (row.mine and row.state in ("doing", "todo"))],
        "books": sorted(_copyable(law, Scope.of(person)), key=lambda one: (not one.mine, one.field, one.title)),
        "items": sorted(law.catalogue.items.values(), key=lambda one: one.title),
        "catalogue": law.catalogue,
        "drafts": person.drafts_law,
    }
    return render(request, "web/workbench.html", context)


def _row(edition: Edition, person: Person) -> DraftRow:
    return DraftRow(
        edition,
        PLANES[edition.plane],
        STATES[edition.state],
        edition.steps.order_by("-number").first(),
        edition.author_id == person.pk,
        edition.state == Edition.State.SUBMITTED and _may_review(edition, person),
    )


def _may_review(edition: Edition, person: Person) -> bool:
    try:
        review.may_review(edition, person)
    except Refused:
        return False
    return True


def _copyable(law: Library, scope: Scope) -> list[Copyable]:
    named = sectors()
    books = [
        Copyable(
            "rulebook", name, versions[-1].title, named.get(versions[-1].sector, versions[-1].sector),
            tuple(one.version for one in reversed(versions)), scope.covers_sector(versions[-1].sector),
        )
        for name, versions in law.rulebooks.items()
    ]  # fmt: skip
    all_fields = scope.covers_sector("all")
    procedures = [
        Copyable(
            "procedure", name, versions[-1].title, "程序", tuple(one.version for one in reversed(versions)), all_fields
        )
        for name, versions in law.procedures.items()
    ]
    return books + procedures


class NewForm(forms.Form):
    """Which version to copy, and what the new one is called."""

    copied_from = forms.ChoiceField(label="抄自版本", error_messages={"required": "请选择抄自哪一版"})
    version = forms.CharField(
        label="新版本的名称",
        max_length=40,
        help_text="如 2027；只用字母、数字、点和连字符",
        error_messages={"required": "请填写新版本的名称"},
    )
    in_force_from = forms.DateField(
        label="施行日",
        help_text="前一版到这一天为止（不含当日）",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "请填写施行日", "invalid": "请写成 2027-01-01 这样的日期"},
    )

    def __init__(self, *args: object, versions: list[tuple[str, str]], dated: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        chosen = self.fields["copied_from"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = versions
        if not dated:
            del self.fields["in_force_from"]


@require_http_methods(["GET", "POST"])
@for_makers
def new(request: HttpRequest) -> HttpResponse:
    """Copy a version into a draft: ``?plane=rulebook&of=taxi-driver``, of the catalogue ``of`` names a file."""
    person, law = _person(request), current.library()
    plane, of = request.GET.get("plane", ""), request.GET.get("of", "")
    title, versions = _source(law, plane, of)
    if not versions or not person.drafts_law:
        raise Http404("没有可以抄写的法规")
    dated = plane != "catalogue"
    form = NewForm(request.POST or None, versions=versions, dated=dated)
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            edition = _draft(plane, of, wanted, person)
        except Refused as error:
            refused = error
        else:
            messages.success(request, f"已从 {edition.copied_from} 版抄成草案，可以开始修改。")
            return redirect("web:amendment", number=edition.pk)
    context = {"form": form, "title": title, "plane": PLANES[plane], "refused": refused, "dated": dated}
    return render(request, "web/workbench_new.html", context, status=422 if refused or form.errors else 200)


def _source(law: Library, plane: str, of: str) -> tuple[str, list[tuple[str, str]]]:
    """Title and versions of what is to be copied."""
    found: tuple[Rulebook, ...] | tuple[Procedure, ...] = ()
    if plane == "catalogue":
        item = law.catalogue.items.get(Path(of).stem)
        known = (law.root / of).is_file() and of in {f"catalogue/{name}" for name in _catalogue_files(law)}
        title = f"{law.catalogue.title}：{item.title if item else of}"
        return title, [(law.catalogue.edition, law.catalogue.edition)] if known else []
    if plane == "rulebook":
        found = law.rulebooks.get(of, ())
    elif plane == "procedure":
        found = law.procedures.get(of, ())
    newest_first: list[Rulebook | Procedure] = [*found][::-1]
    versions = [(one.version, f"{one.version}（{one.in_force.from_} 起施行）") for one in newest_first]
    return (newest_first[0].title if newest_first else ""), versions


def _catalogue_files(law: Library) -> list[str]:
    folder = law.root / "catalogue"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


def _draft(plane: str, of: str, wanted: dict[str, object], person: Person) -> Edition:
    version, copied, at = str(wanted["version"]), str(wanted["copied_from"]), now()
    if plane == "catalogue":
        return amend.draft_catalogue(of, version=version, author=person, at=at)
    begins = wanted["in_force_from"]
    assert isinstance(begins, date)
    make = amend.draft_book if plane == "rulebook" else amend.draft_procedure
    return make(of, copied_from=copied, version=version, in_force_from=begins, author=person, at=at)


# ── one draft ───────────────────────────────────────────────────────────────

TABS = {
    "read": "条款",
    "text": "全文",
    "numbers": "数值",
    "cases": "案例",
    "difference": "差异",
    "try": "试算",
    "steps": "经过",
}


@require_GET
@for_makers
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One amendment; ``?tab=`` names its part, ``?file=`` a file of it."""
    edition = _edition(number)
    return _page(request, edition, request.GET.get("tab", ""))


def _page(
    request: HttpRequest,
    edition: Edition,
    tab: str,
    *,
    refused: Refused | None = None,
    written: str | None = None,
) -> HttpResponse:
    person = _person(request)
    tabs = _tabs(edition)
    if tab not in tabs:
        tab = "difference" if edition.state == Edition.State.SUBMITTED else next(iter(tabs))
    found = checked(edition, cases=False) if edition.state in ("draft", "submitted") else Checked((), (), 0)
    writes = edition.author_id == person.pk and edition.state == Edition.State.DRAFT
    context = {
        "edition": edition,
        "plane": PLANES[edition.plane],
        "state": STATES[edition.state],
        "tabs": [Tab(title, f"?tab={key}", None, key == tab) for key, title in tabs.items()],
        "tab": tab,
        "tab_title": tabs[tab],
        "checked": found,
        "warnings": len(found.problems) - len(found.errors),
        "told": [_told(one, edition) for one in found.problems],
        "writes": writes,
        "is_author": edition.author_id == person.pk,
        "reviews": edition.state == Edition.State.SUBMITTED and _may_review(edition, person),
        "refusal": _last_refusal(edition),
        "refused": refused,
        **_dates(edition),
        **_PARTS[tab](request, edition, written),
    }
    return render(request, "web/amendment.html", context, status=422 if refused else 200)


def _tabs(edition: Edition) -> dict[str, str]:
    if edition.plane == Edition.Plane.RULEBOOK:
        return TABS
    return {key: title for key, title in TABS.items() if key not in ("read", "cases", "try")}


def _last_refusal(edition: Edition) -> Step | None:
    if edition.state != Edition.State.DRAFT:
        return None
    last = edition.steps.exclude(kind__in=(Step.Kind.SAVED, Step.Kind.DRAFTED)).order_by("-number").first()
    return last if last is not None and last.kind == Step.Kind.REFUSED else None


def _dates(edition: Edition) -> dict[str, object]:
    """From when the new version holds, which one it ends, and whether that day is over."""
    if edition.state == Edition.State.PUBLISHED:
        file = edition.files.exclude(valid_from=None).filter(version=edition.version).first()
        return {"begins": file.valid_from if file else None}
    if edition.plane == Edition.Plane.CATALOGUE or edition.state == Edition.State.WITHDRAWN:
        return {}
    found = checked(edition, cases=False)
    return {
        "begins": found.begins,
        "ends": found.ends,
        "closes": found.closes,
        "backdated": found.begins is not None and found.begins < today(),
    }


@dataclass(frozen=True)
class Told:
    """A problem with the way to its line, where it stands in a file of the draft."""

    problem: Problem
    wrong: bool
    file: str
    address: str


def _told(one: Problem, edition: Edition) -> Told:
    inside = one.file.partition("/")[2]
    own = inside in files_of(edition)
    address = f"?tab=text&file={inside}#L{one.line or 1}" if own else ""
    return Told(one, one.severity is Severity.ERROR, inside or one.file, address)


# ── the parts of a draft ────────────────────────────────────────────────────


def _read_part(_request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """The clauses in words beside the text of the paper."""
    with candidate(edition) as law:
        book = drafted_piece(edition, law)
        if not isinstance(book, Rulebook):
            return {"book": None}
        names = lawbook.names_of(book, law.catalogue)
        filed = law.filed(book)
        file = filed.path.relative_to(law.root).as_posix()
        return {
            "book": book,
            "clauses": [(row, filed.line(("clauses", row.ident))) for row in lawbook.clause_rows(book, law.catalogue)],
            "cards": list(lawbook.output_cards(book, law.catalogue)),
            "reckonings": [
                (line, filed.line(("folds" if line.name in book.folds else "values", line.name)))
                for line in lawbook.reckonings(book, law.catalogue)
            ],
            "parameters": [
                (part, lawbook.plain(part.value), book.grade_of(part), filed.line(("parameters", name)))
                for name, part in book.parameters.items()
            ],
            "tables": [lawbook.table_view(book, table, names) for table in book.tables.values()],
            "file": file,
        }


def _text_part(request: HttpRequest, edition: Edition, written: str | None) -> dict[str, object]:
    """One file in the editor, with numbered lines and the problems at them."""
    files = files_of(edition)
    asked = request.POST.get("file") or request.GET.get("file", "")
    path = asked if asked in files else _main_file(edition, files)
    file = edition.files.get(path=path)
    text = file.content if written is None else written
    law = current.library()
    return {
        "path": path,
        "files": [(name, _file_words(name, edition), name == path) for name in _main_first(edition, files)],
        "text": text,
        "seen": file.digest,
        "lines": lawtext.numbered(text, [one for one in _problems_of(edition) if one.file.partition("/")[2] == path]),
        "more": [name for name in _catalogue_files(law) if f"catalogue/{name}" not in files]
        if edition.plane == Edition.Plane.CATALOGUE
        else [],
    }


def _problems_of(edition: Edition) -> tuple[Problem, ...]:
    if edition.state not in ("draft", "submitted"):
        return ()
    return checked(edition, cases=False).problems


def _numbers_part(request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """Every single number of one file, by section."""
    files = {path: text for path, text in files_of(edition).items() if not path.endswith(CASES)}
    asked = request.POST.get("file") or request.GET.get("file", "")
    path = asked if asked in files else _main_file(edition, files)
    return {
        "path": path,
        "files": [(name, _file_words(name, edition), name == path) for name in files],
        "seen": edition.files.get(path=path).digest,
        "groups": lawtext.number_groups(files[path]),
        "kept": {name.removeprefix("v:"): value for name, value in request.POST.items() if name.startswith("v:")},
    }


@dataclass(frozen=True)
class CaseRow:
    """One case: whether it holds, and what came out otherwise."""

    name: str
    basis: str
    line: int
    failing: tuple[str, ...]


def _cases_part(request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """The cases of a draft; ``?run=1`` runs them, and those of every book that reads it."""
    run = request.GET.get("run") == "1" and edition.state in ("draft", "submitted")
    found = checked(edition) if run else None
    rows: list[CaseRow] = []
    path = next((name for name in files_of(edition) if name.endswith(CASES)), "")
    elsewhere: list[Told] = []
    with candidate(edition) as law:
        place = law.root / path
        try:
            cases, filed = read_cases(place)
        except LawError:
            cases = None
        if cases is not None:
            own = [one for one in (found.failing if found else ()) if one.file.endswith(path)]
            rows = [
                CaseRow(
                    case.case,
                    case.basis,
                    filed.line(("cases", index)),
                    tuple(
                        one.sentence.removeprefix(f"案例“{case.case}”：")
                        for one in own
                        if one.sentence.startswith(f"案例“{case.case}”")
                    ),
                )
                for index, case in enumerate(cases.cases)
            ]
    if found is not None:
        elsewhere = [_told(one, edition) for one in found.failing if not one.file.endswith(path)]
    return {
        "ran": found,
        "cases": rows,
        "path": path,
        "elsewhere": elsewhere,
        "readable": cases is not None,
        "failed": sum(1 for row in rows if row.failing),
    }


def _difference_part(_request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """What differs from what was copied: part by part in words, then line by line."""
    copies = _copies(edition)
    files = files_of(edition)
    wordings: list[tuple[str, object]] = []
    texts = []
    for path in _main_first(edition, files):
        text = files[path]
        before = copies.get(path, "")
        if path not in copies:  # the version before, which publication closed
            before = text
        if before == text:
            continue
        wordings.append((_file_words(path, edition), lawtext.differences(before, text)))
        texts.append((_file_words(path, edition), lawtext.lines_between(before, text)))
    return {"wordings": wordings, "texts": texts, "from": edition.copied_from}


def _copies(edition: Edition) -> dict[str, str]:
    """Path → text as it was copied; of a book or procedure that is not law yet, the original with its name and days."""
    found: dict[str, str] = {}
    for path, content in edition.steps.filter(kind=Step.Kind.SAVED).values_list("path", "content"):
        found.setdefault(path, content)
    if edition.state != Edition.State.PUBLISHED and edition.plane != Edition.Plane.CATALOGUE:
        for path in found:
            original = _original(edition, path.endswith(CASES))
            if original is not None:
                found[path] = original
    return found


def _original(edition: Edition, cases: bool) -> str | None:
    """The text in use of the version that was copied, or of its cases."""
    law = current.library()
    if edition.plane == Edition.Plane.RULEBOOK:
        book = law.version(edition.identity, edition.copied_from)
        path = None if book is None else law.cases_path(book) if cases else law.filed(book).path
    else:
        versions = law.procedures.get(edition.identity, ())
        old = next((one for one in versions if one.version == edition.copied_from), None)
        path = law.filed(old).path if old else None
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else None


def _try_part(request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """The draft over the records of a day: who gets which answer."""
    key = _key(edition)
    asked = _day(request.GET.get("day", ""))
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
            "answers": [_answer_table(one, book, Scope.of(_person(request))) for one in made.answers] if made else [],
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


def _steps_part(_request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """Everything that was done, newest first."""
    return {"steps": edition.steps.select_related("person").order_by("-number")}


_PARTS: dict[str, Callable[[HttpRequest, Edition, str | None], dict[str, object]]] = {
    "read": _read_part,
    "text": _text_part,
    "numbers": _numbers_part,
    "cases": _cases_part,
    "difference": _difference_part,
    "try": _try_part,
    "steps": _steps_part,
}


def _main_file(edition: Edition, files: dict[str, str]) -> str:
    """The file that a reader wants first: the book, the procedure, the changed item."""
    names = [name for name in files if not name.endswith(CASES) and name != amend.HEAD]
    own = [name for name in names if Path(name).stem.endswith(edition.version)]
    return (own or names or list(files))[0]


def _main_first(edition: Edition, files: dict[str, str]) -> list[str]:
    main = _main_file(edition, files)
    return [main, *(name for name in files if name != main)]


def _file_words(path: str, edition: Edition) -> str:
    if edition.plane == Edition.Plane.RULEBOOK and Path(path).stem.split(".")[0] == edition.version:
        return FILES["cases" if path.endswith(CASES) else "book"]
    return path


def _key(edition: Edition) -> str:
    return f"{edition.pk}-{edition.digest[:16]}"


def _last_year(book: Rulebook) -> date:
    """The day on which a book takes in the whole last year: its last day, or today where it asks for the last
    complete year."""
    if book.period is not None and book.period.calendar_year == "last_complete":
        return today()
    return date(today().year - 1, 12, 31)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _beside(edition: Edition, day: date) -> dict[str, object]:
    """What the impact statement of a draft compares: the version that it was copied from, and the draft."""
    return {"before": f"{edition.identity}@{edition.copied_from}", "after": f"draft:{edition.pk}", "as_of": day}


# ── what is done to a draft ─────────────────────────────────────────────────


@require_POST
@for_makers
def save(request: HttpRequest, number: int) -> HttpResponse:
    """Keep a new text of one file."""
    edition = _edition(number)
    path, text = request.POST.get("file", ""), request.POST.get("text", "")
    try:
        amend.save(
            edition, path, text, seen=request.POST.get("seen", ""), author=_person(request), at=now(),
            words=request.POST.get("words", "").strip()[:400],
        )  # fmt: skip
    except Refused as refused:
        return _page(request, edition, "text", refused=refused, written=text.replace("\r\n", "\n"))
    return _saved(request, edition, f"?tab=text&file={path}")


@require_POST
@for_makers
def save_numbers(request: HttpRequest, number: int) -> HttpResponse:
    """Keep the numbers of one file that differ from what stands there."""
    edition = _edition(number)
    path = request.POST.get("file", "")
    values = {lawtext.place_of(name[2:]): str(value) for name, value in request.POST.items() if name.startswith("v:")}
    try:
        amend.save_numbers(edition, path, values, seen=request.POST.get("seen", ""), author=_person(request), at=now())
    except Refused as refused:
        return _page(request, edition, "numbers", refused=refused)
    return _saved(request, edition, f"?tab=numbers&file={path}")


def _saved(request: HttpRequest, edition: Edition, back: str) -> HttpResponse:
    held = _edition(edition.pk)
    if held.digest == edition.digest:
        messages.info(request, "没有改动，不用保存。")
    else:
        found = checked(held, cases=False)
        words = f"检查发现 {len(found.errors)} 处错误，列在下面。" if found.errors else "检查没有发现错误。"
        (messages.warning if found.errors else messages.success)(request, f"已保存。{words}")
    return redirect(reverse("web:amendment", args=[edition.pk]) + back)


@require_POST
@for_makers
def include(request: HttpRequest, number: int) -> HttpResponse:
    """Take one more file of the catalogue into a draft."""
    edition, path = _edition(number), f"catalogue/{request.POST.get('more', '')}"
    try:
        amend.include(edition, path, author=_person(request), at=now())
    except Refused as refused:
        return _page(request, edition, "text", refused=refused)
    return redirect(reverse("web:amendment", args=[number]) + f"?tab=text&file={path}")


@require_POST
@for_makers
def act(request: HttpRequest, number: int) -> HttpResponse:
    """Submit, take back, give up, send back or publish; ``do`` says which."""
    edition, person, at = _edition(number), _person(request), now()
    do, words = request.POST.get("do", ""), request.POST.get("words", "")
    try:
        match do:
            case "submit":
                review.submit(edition, author=person, at=at, words=words)
                told = "已提交，等另一人审核。"
            case "take-back":
                review.take_back(edition, author=person, at=at)
                told = "已收回，可以继续修改。"
            case "withdraw":
                review.withdraw(edition, author=person, at=at)
                told = "草案已作废；经过仍可查看。"
            case "refuse":
                review.refuse(edition, reviewer=person, at=at, reason=words)
                told = "已退回起草人。"
            case "publish":
                publish(edition, publisher=person, at=at, seen=request.POST.get("seen", ""))
                told = "已发布。各页面、试算和命令即按施行日采用。"
            case _:
                raise Http404("没有这个动作")
    except Refused as refused:
        return _page(request, edition, "cases" if refused.problem.code == "GZ-008" else "", refused=refused)
    messages.success(request, told)
    return redirect("web:amendment", number=number)


@require_POST
@for_makers
def attempt(request: HttpRequest, number: int) -> HttpResponse:
    """Run the draft over the records of a day, beside the version that it was copied from."""
    edition = _edition(number)
    back = reverse("web:amendment", args=[number])
    day = _day(request.POST.get("day", ""))
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
        tryout.try_book(law, book, key=_key(edition), as_of=day, known_at=now(), beside=before)
    return redirect(f"{back}?tab=try&day={day}")


@require_GET
@for_makers
def tried_unit(request: HttpRequest, number: int, day: str, unit: int) -> HttpResponse:
    """Why a subject gets its answers under a draft: the arithmetic of a tryout."""
    edition, scope = _edition(number), Scope.of(_person(request))
    as_of = _day(day)
    subject = registry.subject(scope, unit)
    if as_of is None or subject is None or as_of not in tryout.days_tried(_key(edition)):
        raise Http404("没有这次试算")
    findings = tryout.findings_of_tryout(_key(edition), as_of, unit)
    entries = tryout.entries_of_tryout(_key(edition), as_of, unit)
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


@require_GET
@for_makers
def step(request: HttpRequest, number: int, step: int) -> HttpResponse:
    """One save: what it changed, and the whole text after it."""
    edition = _edition(number)
    one = edition.steps.select_related("person").filter(number=step, kind=Step.Kind.SAVED).first()
    if one is None:
        raise Http404("没有这次保存")
    before = edition.steps.filter(path=one.path, number__lt=step).order_by("-number").first()
    old = before.content if before else ""
    context = {
        "edition": edition,
        "step": one,
        "before": before,
        "changes": lawtext.differences(old, one.content) if before else (),
        "lines": lawtext.lines_between(old, one.content) if before else [],
        "text": lawtext.numbered(one.content, ()),
    }
    return render(request, "web/amendment_step.html", context)
