"""``/workbench/7/``: one draft and its parts: clauses, text, numbers, cases, difference, tryout, steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from xinlu.gazette import amend, current
from xinlu.gazette.candidate import Checked, candidate, checked, drafted_piece, files_of
from xinlu.gazette.models import Edition, Step
from xinlu.gazette.refusal import Refused
from xinlu.law.cases import read_cases
from xinlu.law.library import CASES
from xinlu.law.problem import LawError, Problem, Severity
from xinlu.law.rulebook import Rulebook
from xinlu.web import lawbook, lawtext
from xinlu.web.itemform import item_form
from xinlu.web.makers import PLANES, STATES, catalogue_files, edition_asked, for_makers, may_review, person_of
from xinlu.web.moments import today
from xinlu.web.parts import Tab
from xinlu.web.tried import try_part

FILES = {"book": "规则全文", "cases": "案例全文"}
TABS = {
    "read": "条款",
    "form": "表单",
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
    edition = edition_asked(number)
    return page(request, edition, request.GET.get("tab", ""))


def page(
    request: HttpRequest,
    edition: Edition,
    tab: str,
    *,
    refused: Refused | None = None,
    written: str | None = None,
) -> HttpResponse:
    person = person_of(request)
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
        "told": [told(one, edition) for one in found.problems],
        "writes": writes,
        "is_author": edition.author_id == person.pk,
        "reviews": edition.state == Edition.State.SUBMITTED and may_review(edition, person),
        "refusal": _last_refusal(edition),
        "asked": edition.steps.filter(kind=Step.Kind.SUBMITTED).order_by("-number").first(),
        "refused": refused,
        **_dates(edition),
        **_PARTS[tab](request, edition, written),
    }
    return render(request, "web/amendment.html", context, status=422 if refused else 200)


def _tabs(edition: Edition) -> dict[str, str]:
    absent = {
        Edition.Plane.RULEBOOK: ("form",),
        Edition.Plane.CATALOGUE: ("read", "cases", "try"),
        Edition.Plane.PROCEDURE: ("read", "form", "cases", "try"),
    }[Edition.Plane(edition.plane)]
    return {key: title for key, title in TABS.items() if key not in absent}


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


def told(one: Problem, edition: Edition) -> Told:
    inside = one.file.partition("/")[2]
    own = inside in files_of(edition)
    address = f"?tab=text&file={inside}#L{one.line or 1}" if own else ""
    return Told(one, one.severity is Severity.ERROR, inside or one.file, address)


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
        "more": [name for name in catalogue_files(law) if f"catalogue/{name}" not in files]
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


def _form_part(request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """One item of the catalogue as a form."""
    files = {path: text for path, text in files_of(edition).items() if path.startswith("catalogue/items/")}
    if not files:
        return {"form": None, "files": []}
    asked = request.POST.get("file") or request.GET.get("file", "")
    path = asked if asked in files else next(iter(files))
    return {
        "path": path,
        "files": [(name, _file_words(name, edition), name == path) for name in files],
        "seen": edition.files.get(path=path).digest,
        "form": item_form(files[path], current.catalogue()),
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
        elsewhere = [told(one, edition) for one in found.failing if not one.file.endswith(path)]
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


def _steps_part(_request: HttpRequest, edition: Edition, _written: str | None) -> dict[str, object]:
    """Everything that was done, newest first."""
    return {"steps": edition.steps.select_related("person").order_by("-number")}


_PARTS: dict[str, Callable[[HttpRequest, Edition, str | None], dict[str, object]]] = {
    "read": _read_part,
    "form": _form_part,
    "text": _text_part,
    "numbers": _numbers_part,
    "cases": _cases_part,
    "difference": _difference_part,
    "try": try_part,
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
