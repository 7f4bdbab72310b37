"""What is done to a draft: saved, submitted, taken back, sent back, given up, published.

Each form calls one verb of the gazette; what it refuses is told with code, basis and next step above the page that it
came from.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from xinlu.gazette import amend, review
from xinlu.gazette.candidate import checked
from xinlu.gazette.models import Edition, Step
from xinlu.gazette.publish import publish
from xinlu.gazette.refusal import Refused
from xinlu.web import lawtext
from xinlu.web.amendment import page
from xinlu.web.itemform import values_of
from xinlu.web.makers import edition_asked, for_makers, person_of
from xinlu.web.moments import now


@require_POST
@for_makers
def save(request: HttpRequest, number: int) -> HttpResponse:
    """Keep a new text of one file."""
    edition = edition_asked(number)
    path, text = request.POST.get("file", ""), request.POST.get("text", "")
    try:
        amend.save(
            edition, path, text, seen=request.POST.get("seen", ""), author=person_of(request), at=now(),
            words=request.POST.get("words", "").strip()[:400],
        )  # fmt: skip
    except Refused as refused:
        return page(request, edition, "text", refused=refused, written=text.replace("\r\n", "\n"))
    return _saved(request, edition, f"?tab=text&file={path}")


@require_POST
@for_makers
def save_numbers(request: HttpRequest, number: int) -> HttpResponse:
    """Keep the numbers of one file that differ from what stands there."""
    edition = edition_asked(number)
    path = request.POST.get("file", "")
    values = {lawtext.place_of(name[2:]): str(value) for name, value in request.POST.items() if name.startswith("v:")}
    try:
        amend.save_numbers(
            edition, path, values, seen=request.POST.get("seen", ""), author=person_of(request), at=now()
        )
    except Refused as refused:
        return page(request, edition, "numbers", refused=refused)
    return _saved(request, edition, f"?tab=numbers&file={path}")


@require_POST
@for_makers
def save_form(request: HttpRequest, number: int) -> HttpResponse:
    """Keep what the form of an item says differently from its file."""
    edition = edition_asked(number)
    path = request.POST.get("file", "")
    try:
        amend.save_keys(
            edition,
            path,
            values_of(request.POST),
            seen=request.POST.get("seen", ""),
            author=person_of(request),
            at=now(),
        )
    except Refused as refused:
        return page(request, edition, "form", refused=refused)
    return _saved(request, edition, f"?tab=form&file={path}")


def _saved(request: HttpRequest, edition: Edition, back: str) -> HttpResponse:
    held = edition_asked(edition.pk)
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
    edition, path = edition_asked(number), f"catalogue/{request.POST.get('more', '')}"
    try:
        amend.include(edition, path, author=person_of(request), at=now())
    except Refused as refused:
        return page(request, edition, "text", refused=refused)
    return redirect(reverse("web:amendment", args=[number]) + f"?tab=text&file={path}")


@require_POST
@for_makers
def act(request: HttpRequest, number: int) -> HttpResponse:
    """Submit, take back, give up, send back or publish; ``do`` says which."""
    edition, person, at = edition_asked(number), person_of(request), now()
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
        return page(request, edition, "cases" if refused.problem.code == "GZ-008" else "", refused=refused)
    messages.success(request, told)
    return redirect("web:amendment", number=number)


@require_GET
@for_makers
def step(request: HttpRequest, number: int, step: int) -> HttpResponse:
    """One save: what it changed, and the whole text after it."""
    edition = edition_asked(number)
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
