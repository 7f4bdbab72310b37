"""``/deliveries/upload/``: choose a file, look at what would become of it, then hand it over."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.archive import MEGABYTE
from xinlu.intake.deliver import deliver
from xinlu.intake.personal import masked
from xinlu.intake.preview import preview
from xinlu.intake.problems import Refused
from xinlu.intake.sheet import UPLOAD
from xinlu.ledger.models import Source
from xinlu.web.moments import now

DRAFT = "upload"
"""Where the session keeps what is being looked at: token, file name, source, item."""


class UploadForm(forms.Form):
    """A source of the own organ, what the rows are, and the file."""

    source = forms.ChoiceField(label="数据源", error_messages={"required": "请选择数据源"})
    item = forms.ChoiceField(label="信息项", required=False)
    file = forms.FileField(
        label="文件",
        help_text=f"CSV、XLSX、JSON、NDJSON；不超过 {UPLOAD.size // MEGABYTE} MB、{UPLOAD.rows:,} 行",
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.json,.ndjson"}),
        error_messages={"required": "请选择要上传的文件", "empty": "文件是空的，请确认选对了文件"},
    )

    def __init__(self, *args: object, sources: list[Source], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        items = sorted(current.catalogue().items.values(), key=lambda item: item.title)
        source, item = self.fields["source"], self.fields["item"]
        assert isinstance(source, forms.ChoiceField)
        assert isinstance(item, forms.ChoiceField)
        source.choices = [(one.code, f"{one.title}（{one.code}）") for one in sources]
        item.choices = [("", "按列名辨认"), *((one.item, one.title) for one in items)]

    def clean_file(self) -> object:
        """A file that is too large is not read at all."""
        file = self.cleaned_data["file"]
        if file.size > UPLOAD.size:
            raise forms.ValidationError(f"文件超过 {UPLOAD.size // MEGABYTE} MB，请拆成几个文件")
        return file


@login_required
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST ``step=preview``: what would happen. POST ``step=commit``: hand it over."""
    scope = Scope.of(request.user)
    own = scope.organ if scope.kind == "officer" else None
    sources = list(Source.objects.filter(organ__code=own)) if own else []
    if request.method == "POST" and request.POST.get("step") == "commit":
        return _commit(request, scope, sources)
    form = UploadForm(request.POST or None, request.FILES or None, sources=sources)
    if request.method == "POST" and form.is_valid():
        return _preview(request, scope, form)
    return _page(request, form)


def _page(request: HttpRequest, form: UploadForm, **more: object) -> HttpResponse:
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs["aria-invalid"] = "true"
    return render(
        request, "web/upload.html", {"form": form, **more}, status=422 if form.errors or more.get("problems") else 200
    )


def _preview(request: HttpRequest, scope: Scope, form: UploadForm) -> HttpResponse:
    file, wanted = form.cleaned_data["file"], form.cleaned_data
    try:
        seen = preview(
            file=file.file,
            name=file.name,
            source=wanted["source"],
            item=wanted["item"] or None,
            received_at=now(),
            scope=scope,
            limits=UPLOAD,
        )
    except Refused as refused:
        return _page(request, form, problems=refused.problems)
    _forget(request)
    _sweep(now())
    token = secrets.token_urlsafe(16)
    file.seek(0)
    default_storage.save(_place(request, token), file)
    request.session[DRAFT] = {"token": token, "name": file.name, "source": wanted["source"], "item": wanted["item"]}
    told = [(one, masking.within(one.sentence)) for one in seen.problems]
    sample = [masked(seen.carries, row) for row in seen.sample]
    return render(request, "web/upload_preview.html", {"seen": seen, "told": told, "sample": sample, "token": token})


def _commit(request: HttpRequest, scope: Scope, sources: list[Source]) -> HttpResponse:
    draft = request.session.get(DRAFT)
    if (
        not draft
        or draft["token"] != request.POST.get("token")
        or not default_storage.exists(_place(request, draft["token"]))
    ):
        messages.error(request, "预览已过期，没有写入任何数据。请重新上传。")
        return redirect("web:upload")
    whole = request.POST.get("mode") == "all_or_nothing"
    try:
        with default_storage.open(_place(request, draft["token"])) as kept:
            done = deliver(
                file=kept.file,
                name=draft["name"],
                source=draft["source"],
                item=draft["item"] or None,
                received_at=now(),
                actor=scope.actor,
                scope=scope,
                mode="all_or_nothing" if whole else "accept_good",
                limits=UPLOAD,
            )
    except Refused as refused:
        return _page(request, UploadForm(sources=sources), problems=refused.problems)
    _forget(request)
    words = f"已交付 {done.delivered} 行：入库 {done.accepted}，疑问 {done.queried}，重复 {done.duplicate}。"
    messages.success(request, words)
    return redirect("web:delivery", number=done.delivery)


def _place(request: HttpRequest, token: str) -> str:
    return f"drafts/{request.user.pk}-{token}"


def _sweep(at: datetime) -> None:
    """Drop files that were looked at and never handed over: no session is left that could."""
    if not default_storage.exists("drafts"):
        return
    for name in default_storage.listdir("drafts")[1]:
        if default_storage.get_modified_time(f"drafts/{name}") < at - timedelta(seconds=settings.SESSION_COOKIE_AGE):
            default_storage.delete(f"drafts/{name}")


def _forget(request: HttpRequest) -> None:
    """Drop the file that was looked at before."""
    if draft := request.session.pop(DRAFT, None):
        default_storage.delete(_place(request, draft["token"]))
