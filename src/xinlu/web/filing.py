"""``/filing/``: a firm fills in what it says of itself, sees what is wrong and what was returned, and submits it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xinlu.access.scope import Scope
from xinlu.casework import filing as way
from xinlu.casework.act import withdraw
from xinlu.casework.refusal import Refused
from xinlu.casework.state import Standing
from xinlu.intake.filing import content as said
from xinlu.intake.filing import draft, queries
from xinlu.intake.filing.content import Content, Resolved, Row
from xinlu.intake.filing.difference import difference
from xinlu.intake.filing.faults import faults
from xinlu.intake.filing.freeze import problems
from xinlu.intake.filing.paper import ENDINGS, hand_in, read_by, read_paper
from xinlu.intake.filing.refusal import FilingRefused, Found
from xinlu.intake.models import Filing, FilingPaper
from xinlu.intake.problems import advice
from xinlu.law.catalogue import FieldType
from xinlu.law.clock import CHINA
from xinlu.law.filing import Form, Part
from xinlu.web import filing_review
from xinlu.web.casework import LampShown, lamp_of, state_sign
from xinlu.web.moments import acting, today

P = ParamSpec("P")
NEW = "new"


def for_firms(view: Callable[Concatenate[HttpRequest, Scope, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for somebody who signs in for a subject; for others there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        scope = Scope.of(request.user)
        if scope.kind != "subject":
            raise Http404("没有这个页面")
        return view(request, scope, *args, **kwargs)

    signed_in: Callable[..., HttpResponse] = login_required(guarded)
    return signed_in


@dataclass(frozen=True)
class Control:
    """One field of a row as it is filled in. ``kind``: text, long, code, codes, yes_no, date."""

    field: Resolved
    kind: str
    value: str
    chosen: tuple[str, ...]
    kept: str
    """The masked form of a sealed value that is kept while the field stays empty."""
    faults: tuple[Found, ...]
    returned: tuple[str, ...]
    """What the reviewers said of it."""

    @property
    def ident(self) -> str:
        return f"f-{self.field.name}"

    @property
    def options(self) -> list[tuple[str, str]]:
        listed = list(self.field.codes.values.items()) if self.field.codes else [("true", "是"), ("false", "否")]
        known = {code for code, _ in listed}
        return listed + [(one, f"{one}（不在代码表中）") for one in self.chosen if one and one not in known]

    @property
    def hint(self) -> str:
        """What to write, and in which unit."""
        known = self.field.known
        told = [self.field.asked.hint]
        if known.unit:
            told.append(f"单位：{known.unit}")
        if known.type is FieldType.DATE:
            told.append("写成 2026-01-31")
        return "；".join(one for one in told if one)


@dataclass(frozen=True)
class PartShown:
    """One part of a filing on its first page."""

    name: str
    part: Part
    rows: int
    faults: int
    returned: int


@dataclass(frozen=True)
class Held:
    """A filing as its firm sees it now."""

    filing: Filing
    form: Form
    content: Content
    locks_on: date | None
    review: Standing | None
    unlock: Standing | None

    @property
    def is_open(self) -> bool:
        return self.locks_on is not None

    @property
    def returned(self) -> dict[str, list[str]]:
        """Place → what the reviewers said of it, of the return that waits for the firm."""
        found: dict[str, list[str]] = {}
        if self.review is not None and self.review.state == way.RETURNED:
            for point in self.review.actions[-1].points:
                found.setdefault(point["field"], []).append(f"{point['words']}（依据：{point['rule']}）")
        return found


def held(scope: Scope, number: int) -> Held:
    """An own filing, or 404."""
    filing, content = queries.filing(scope, number), queries.draft(scope, number)
    if filing is None or content is None:
        raise Http404("没有这份填报")
    now = acting()
    return Held(
        filing,
        said.form_of(filing.form),
        content,
        queries.locks_on(filing, on=now.astimezone(CHINA).date()),
        way.review_of(filing, now=now),
        way.unlock_of(filing, now=now),
    )


# ── the year, the parts ─────────────────────────────────────────────────────────────────────────


@require_GET
@for_firms
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    """The firm's filings by year, and the round that is open."""
    day = today()
    form = next(iter(said.forms().values()), None)
    round_ = form.newest(day) if form else None
    filings = list(queries.filings(scope))
    started = {one.year for one in filings}
    rows = [(one, held(scope, one.pk)) for one in filings]
    context = {
        "form": form,
        "round": round_,
        "may_start": round_ is not None and day < round_.locks_on and round_.year not in started,
        "rows": [(one, kept, status_of(kept)) for one, kept in rows],
        "day": day,
    }
    return render(request, "web/filing_index.html", context)


@require_POST
@for_firms
def start(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Begin the filing of a year."""
    year, form = request.POST.get("year", ""), request.POST.get("form", "")
    try:
        filing = draft.start(scope, form=form, year=int(year) if year.isdecimal() else 0, at=acting())
    except FilingRefused as refused:
        messages.error(request, f"{refused.problem.sentence}。{refused.problem.next_step}。")
        return redirect("web:filings")
    return redirect("web:filing", number=filing.pk)


@require_GET
@for_firms
def show(request: HttpRequest, scope: Scope, number: int) -> HttpResponse:
    """One filing: its parts, where it stands, its versions."""
    return _page(request, scope, held(scope, number))


def _page(
    request: HttpRequest,
    scope: Scope,
    kept: Held,
    *,
    refused: Refused | FilingRefused | None = None,
    words: str = "",
) -> HttpResponse:
    found = faults(kept.form, kept.content)
    parts = [
        PartShown(
            name,
            part,
            len(kept.content.get(name, [])),
            sum(one.place.part == name for one in found),
            sum(place.startswith(f"{name}/") for place in kept.returned),
        )
        for name, part in kept.form.parts.items()
    ]
    versions = queries.versions(scope, kept.filing.pk)
    context = {
        "kept": kept,
        "parts": parts,
        "faults": found,
        "status": status_of(kept),
        "lamp": _lamp(kept.review),
        "versions": [(one, hasattr(one, "approval")) for one in reversed(versions)],
        "refused": refused,
        "words": words,
        "returned": _returned(kept),
    }
    return render(request, "web/filing.html", context, status=422 if refused else 200)


def _returned(kept: Held) -> list[tuple[str, str, str]]:
    """(title, words, address) of each point that was returned."""
    if kept.review is None or kept.review.state != way.RETURNED:
        return []
    found = []
    for point in kept.review.actions[-1].points:
        part, _, rest = point["field"].partition("/")
        row, _, field = rest.partition("/")
        known = said.row_in(kept.content, part, row) is not None
        address = reverse("web:filing-row", args=[kept.filing.pk, part, row]) + f"#f-{field}" if known else ""
        found.append((point["title"] or point["field"], f"{point['words']}（依据：{point['rule']}）", address))
    return found


def _lamp(stands: Standing | None) -> LampShown | None:
    return lamp_of(stands.lamp, stands.now) if stands is not None and stands.is_open else None


def status_of(kept: Held) -> tuple[str, str]:
    """Which tag a filing gets, and its words."""
    review = kept.review
    if review is not None and (review.is_open or review.state != "withdrawn"):
        return state_sign(review), review.stands.title
    return ("doing", "填报中") if kept.is_open else ("inside", "已锁定")


@require_GET
@for_firms
def part(request: HttpRequest, scope: Scope, number: int, part: str) -> HttpResponse:
    """The rows of one part; the only row of a part that has one."""
    kept = held(scope, number)
    what = _part_or_404(kept, part)
    if not what.many:
        return redirect("web:filing-row", number=number, part=part, row=part)
    found = faults(kept.form, kept.content)
    fields = said.fields_of(what)[:5]
    rows = [
        (
            row,
            [said.shown(field, row["values"].get(field.name, "")) for field in fields],
            sum(one.place.part == part and one.place.row == row["row"] for one in found),
            any(place.startswith(f"{part}/{row['row']}/") for place in kept.returned),
        )
        for row in kept.content.get(part, [])
    ]
    return render(
        request, "web/filing_part.html", {"kept": kept, "part": part, "what": what, "fields": fields, "rows": rows}
    )


# ── one row ─────────────────────────────────────────────────────────────────────────────────────


@require_GET
@for_firms
def row(request: HttpRequest, scope: Scope, number: int, part: str, row: str) -> HttpResponse:
    """One row as a form; ``new`` is an empty one."""
    kept = held(scope, number)
    return _row_page(request, scope, kept, part, _row_or_404(kept, part, row))


@require_POST
@for_firms
def save(request: HttpRequest, scope: Scope, number: int, part: str) -> HttpResponse:
    """Keep a row as typed. Where a script asked, only the line that says so comes back."""
    kept = held(scope, number)
    what = _part_or_404(kept, part)
    name = request.POST.get("row", "")
    seen = request.POST.get("seen", "")
    try:
        done = draft.save_row(scope, number, part, name, _typed(request, what), seen=seen, at=acting())
    except FilingRefused as refused:
        if _by_script(request):
            return _saved(request, name, seen, refused=refused)
        return _row_page(request, scope, kept, part, _row_or_404(kept, part, name or NEW), refused=refused)
    if _by_script(request):
        return _saved(request, done["row"], said.row_digest(done))
    wrong = [one for one in faults(kept.form, _again(scope, number)) if one.place.row == done["row"]]
    words = f"已保存。还有 {len(wrong)} 处要改，标在各数据项旁。" if wrong else "已保存。"
    (messages.warning if wrong else messages.success)(request, words)
    return redirect("web:filing-row", number=number, part=part, row=done["row"])


def _saved(request: HttpRequest, row: str, seen: str, *, refused: FilingRefused | None = None) -> HttpResponse:
    context = {"row": row, "seen": seen, "at": acting(), "refused": refused, "by_script": True}
    return render(request, "web/parts/filing_saved.html", context)


def _by_script(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@require_POST
@for_firms
def remove(request: HttpRequest, scope: Scope, number: int, part: str, row: str) -> HttpResponse:
    """Take a row out."""
    kept = held(scope, number)
    try:
        draft.remove_row(scope, number, part, row, seen=request.POST.get("seen", ""), at=acting())
    except FilingRefused as refused:
        return _row_page(request, scope, kept, part, _row_or_404(kept, part, row), refused=refused)
    messages.success(request, "已删去这一行。已提交的版本里仍然保留。")
    return redirect("web:filing-part", number=number, part=part)


@require_POST
@for_firms
def attach(request: HttpRequest, scope: Scope, number: int, part: str, row: str) -> HttpResponse:
    """Put a paper to a row, or take one off (``remove``)."""
    kept = held(scope, number)
    at = acting()
    try:
        if token := request.POST.get("remove"):
            draft.detach(scope, number, part, row, token, at=at)
            messages.success(request, "已去掉附件。已提交的版本里仍然保留。")
        else:
            file = request.FILES.get("file")
            data = file.read(kept.form.papers.megabytes * 1024 * 1024 + 1) if file is not None else b""
            hand_in(scope, number, part, row, request.POST.get("title", ""), data, at=at)
            messages.success(request, "已收下附件。")
    except FilingRefused as refused:
        return _row_page(request, scope, kept, part, _row_or_404(kept, part, row), refused=refused)
    return redirect(reverse("web:filing-row", args=[number, part, row]) + "#papers")


def _row_page(
    request: HttpRequest,
    scope: Scope,
    kept: Held,
    part: str,
    row: Row,
    *,
    refused: FilingRefused | None = None,
) -> HttpResponse:
    what = kept.form.parts[part]
    written = bool(row["row"])
    found = [one for one in faults(kept.form, kept.content) if one.place.part == part and one.place.row == row["row"]]
    typed = _typed(request, what) if refused is not None and request.method == "POST" else {}
    papers = queries.papers(scope, kept.filing)
    siblings = [one["row"] for one in kept.content.get(part, [])]
    place = siblings.index(row["row"]) if written and row["row"] in siblings else -1
    context = {
        "kept": kept,
        "part": part,
        "what": what,
        "row": row["row"],
        "title": said.row_title(what, row) if written and what.many else what.title if not what.many else "新增一行",
        "seen": said.row_digest(row) if written else "",
        "controls": [_control(field, row, found, kept.returned, part, typed) for field in said.fields_of(what)],
        "papers": [papers[token] for token in row["papers"] if token in papers],
        "returned_papers": kept.returned.get(f"{part}/{row['row']}/papers", []),
        "refused": refused,
        "before": siblings[place - 1] if place > 0 else "",
        "after": siblings[place + 1] if 0 <= place < len(siblings) - 1 else "",
    }
    return render(request, "web/filing_row.html", context, status=422 if refused else 200)


def _control(
    field: Resolved,
    row: Row,
    found: Iterable[Found],
    returned: dict[str, list[str]],
    part: str,
    typed: dict[str, str | list[str]],
) -> Control:
    value = typed.get(field.name, row["values"].get(field.name, ""))
    kinds = {FieldType.CODE: "code", FieldType.YES_NO: "yes_no", FieldType.DATE: "date"}
    kind = kinds.get(field.known.type, "text")
    if kind == "code" and field.known.many:
        kind = "codes"
    if kind == "text" and (field.known.length or 0) > 200:
        kind = "long"
    kept = str(value["shown"]) if isinstance(value, dict) else ""
    text = "" if isinstance(value, dict | list) else str(value)
    chosen = tuple(value) if isinstance(value, list) else (text,)
    place = f"{part}/{row['row']}/{field.name}"
    wrong = tuple(one for one in found if one.place.field == field.name)
    return Control(field, kind, text, chosen, kept, wrong, tuple(returned.get(place, ())))


def _typed(request: HttpRequest, what: Part) -> dict[str, str | list[str]]:
    """What was typed, by field; a list of codes of which none is chosen is sent by nobody, and empty."""
    found: dict[str, str | list[str]] = {}
    for field in said.fields_of(what):
        if field.known.type is FieldType.CODE and field.known.many:
            found[field.name] = request.POST.getlist(field.name)
        elif field.name in request.POST:
            found[field.name] = request.POST.get(field.name, "")
    return found


def _part_or_404(kept: Held, part: str) -> Part:
    if part not in kept.form.parts:
        raise Http404("没有这一部分")
    return kept.form.parts[part]


def _row_or_404(kept: Held, part: str, row: str) -> Row:
    what = _part_or_404(kept, part)
    if row == NEW and what.many:
        return {"row": "", "values": {}, "papers": []}
    found = said.row_in(kept.content, part, row)
    if found is None:
        raise Http404("没有这一行")
    return found


def _again(scope: Scope, number: int) -> Content:
    content = queries.draft(scope, number)
    assert content is not None
    return content


# ── submit, take back, unlock ───────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@for_firms
def submit(request: HttpRequest, scope: Scope, number: int) -> HttpResponse:
    """GET: everything that is wrong, and what differs from the last approval. POST: submit."""
    kept = held(scope, number)
    refused: Refused | FilingRefused | None = None
    now = _not_before(kept)
    if request.method == "POST":
        try:
            stands = way.submit(scope, number, at=now)
        except (Refused, FilingRefused) as error:
            refused = error
        else:
            messages.success(request, f"已提交，办件 {stands.number}，{stands.stands.title}。")
            return redirect("web:filing", number=number)
    base = queries.base_of(kept.filing)
    papers = queries.papers(scope, kept.filing)
    found = problems(kept.filing, kept.content, at=now)
    context = {
        "kept": kept,
        "base": base,
        "changes": difference(kept.form, base.content if base else None, kept.content, papers=papers),
        "problems": [(one, _place_title(kept, one), _address(kept, one), advice(one.code)[1]) for one in found],
        "refused": refused if refused is not None and refused.problem.code != "SF-004" else None,
        "may": kept.is_open and not found and not _in_review(kept),
        "in_review": _in_review(kept),
    }
    return render(request, "web/filing_submit.html", context, status=422 if refused else 200)


def _in_review(kept: Held) -> bool:
    return kept.review is not None and kept.review.is_open and kept.review.state != way.RETURNED


def _not_before(kept: Held) -> datetime:
    """Now, yet not before the last action: on the demo, the time of day may have been later yesterday."""
    return max([acting(), *(one.since for one in (kept.review, kept.unlock) if one is not None)])


def _place_title(kept: Held, found: Found) -> str:
    what = kept.form.parts.get(found.place.part)
    if what is None:
        return ""
    row = said.row_in(kept.content, found.place.part, found.place.row)
    field = next((one.title for one in said.fields_of(what) if one.name == found.place.field), "")
    named = said.row_title(what, row) if row is not None and what.many else ""
    return " · ".join(one for one in (what.title, named, field) if one)


def _address(kept: Held, found: Found) -> str:
    if said.row_in(kept.content, found.place.part, found.place.row) is None:
        return reverse("web:filing-part", args=[kept.filing.pk, found.place.part]) if found.place.part else ""
    address = reverse("web:filing-row", args=[kept.filing.pk, found.place.part, found.place.row])
    return f"{address}#f-{found.place.field}" if found.place.field else address


@require_POST
@for_firms
def take_back(request: HttpRequest, scope: Scope, number: int) -> HttpResponse:
    """Take the filing back from review."""
    kept = held(scope, number)
    if kept.review is None or not kept.review.is_open:
        raise Http404("没有正在审核的填报")
    try:
        withdraw(scope, kept.review.number, seen=kept.review.seen, at=_not_before(kept))
    except Refused as refused:
        return _page(request, scope, kept, refused=refused)
    messages.success(request, "已撤回填报。内容没有变，可以改了再提交。")
    return redirect("web:filing", number=number)


@require_POST
@for_firms
def unlock(request: HttpRequest, scope: Scope, number: int) -> HttpResponse:
    """Ask for an unlock."""
    kept = held(scope, number)
    words = request.POST.get("words", "")[:1000]
    try:
        stands = way.ask_unlock(scope, number, words=words, at=_not_before(kept))
    except (Refused, FilingRefused) as refused:
        return _page(request, scope, kept, refused=refused, words=words)
    messages.success(request, f"已申请解锁，办件 {stands.number}，{stands.stands.title}。")
    return redirect("web:filing", number=number)


# ── versions and papers: for the firm and its reviewers ─────────────────────────────────────────


@require_GET
@login_required
def version(request: HttpRequest, number: int, version: int) -> HttpResponse:
    """What was submitted, whole, with what it changed."""
    scope = Scope.of(request.user)
    filing, found = queries.filing(scope, number), queries.version(scope, number, version)
    if filing is None or found is None:
        raise Http404("没有这个版本")
    form = said.form_of(filing.form)
    base = queries.base_of(filing, below=found)
    rows = filing_review.shown_rows(scope, filing, form, found, base, whole=True)
    context = {
        "filing": filing,
        "form": form,
        "version": found,
        "approval": queries.approval_of(found),
        "base": base,
        "rows": rows,
        "own": scope.subject == filing.subject_id,
    }
    return render(request, "web/filing_version.html", context)


@require_GET
@login_required
def paper(request: HttpRequest, token: str) -> HttpResponse:
    """One paper on a page, with what is known of it and its neighbours on the row."""
    scope = Scope.of(request.user)
    found = _paper_or_404(scope, token)
    return render(request, "web/filing_paper.html", {"paper": found, "own": scope.subject == found.filing.subject_id})


@require_GET
@login_required
def paper_content(request: HttpRequest, token: str) -> HttpResponse:
    """The bytes of a paper; who reads one of somebody else stands in the journal."""
    scope = Scope.of(request.user)
    found = _paper_or_404(scope, token)
    try:
        data = read_paper(found)
    except FilingRefused as refused:
        raise Http404(refused.problem.sentence) from None
    read_by(scope, found, at=acting())
    answer = HttpResponse(data, content_type=found.media)
    how = "inline" if found.media.startswith("image/") else "attachment"
    answer["Content-Disposition"] = f'{how}; filename="paper.{ENDINGS[found.media]}"'
    return answer


def _paper_or_404(scope: Scope, token: str) -> FilingPaper:
    found = queries.paper(scope, token)
    if found is None:
        raise Http404("没有这件附件")
    return found
