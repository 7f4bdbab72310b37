"""Write an amendment: copy what is in force, change its text, keep every save.

One way for the three planes of law. A rulebook or procedure is amended by a new version beside the old one, the
catalogue by a new edition of some of its files. Nothing here is law before another person publishes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.gazette.models import Edition, LawFile, Step
from xinlu.gazette.refusal import Refused
from xinlu.gazette.seal import edition_digest
from xinlu.journal.append import append
from xinlu.journal.digest import sm3
from xinlu.law.library import CASES, Library
from xinlu.law.marks import Place, parse
from xinlu.law.problem import LawError
from xinlu.law.procedure import Procedure
from xinlu.law.rewrite import CannotRewrite, put, rewrite
from xinlu.law.rulebook import Rulebook

CATALOGUE = "catalogue"
"""Identity of every amendment of the catalogue."""
HEAD = "catalogue/edition.yaml"
LARGEST = 1024 * 1024
"""Characters of one text; the largest book that ships has 60,000."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,39}")


@transaction.atomic
def draft_book(
    identity: str, *, copied_from: str, version: str, in_force_from: date, author: Person, at: datetime
) -> Edition:
    """Copy a version of a rulebook, with its cases, into a draft of a new version.

    Only name and days of the copy differ; comments and layout stay. Raises :class:`Refused`: GZ-003, 011, 015.
    """
    law = current.library()
    book = law.version(identity, copied_from)
    if book is None:
        raise Refused("GZ-015", f"没有规则“{identity}”的“{copied_from}”版")
    may_draft(author, book.sector)
    _named(version)
    taken = [one.version for one in law.rulebooks[identity]]
    path, cases = law.filed(book).path, law.cases_path(book)
    names = {path: path.with_name(f"{version}.yaml"), cases: cases.with_name(version + CASES)}
    texts = {path: _renamed(path.read_text(encoding="utf-8"), book, version, in_force_from)}
    if cases.is_file():
        texts[cases] = _cases(cases.read_text(encoding="utf-8"), book, version)
    files = {_relative(law, names[old]): (text, "") for old, text in texts.items()}
    return _drafted(
        Edition.Plane.RULEBOOK, identity, copied_from, version, files,
        title=book.title, taken=taken, author=author, at=at,
    )  # fmt: skip


@transaction.atomic
def draft_procedure(
    identity: str, *, copied_from: str, version: str, in_force_from: date, author: Person, at: datetime
) -> Edition:
    """Copy a version of a procedure into a draft of a new version. Raises :class:`Refused` as :func:`draft_book`."""
    law = current.library()
    versions = law.procedures.get(identity, ())
    old = next((one for one in versions if one.version == copied_from), None)
    if old is None:
        raise Refused("GZ-015", f"没有程序“{identity}”的“{copied_from}”版")
    may_draft(author)
    _named(version)
    path = law.filed(old).path
    text = _renamed(path.read_text(encoding="utf-8"), old, version, in_force_from)
    name = _relative(law, path.with_name(f"{identity}-{version}.yaml"))
    return _drafted(
        Edition.Plane.PROCEDURE, identity, copied_from, version, {name: (text, "")},
        title=old.title, taken=[one.version for one in versions], author=author, at=at,
    )  # fmt: skip


@transaction.atomic
def draft_catalogue(path: str, *, version: str, author: Person, at: datetime) -> Edition:
    """Copy a file of the catalogue, and its head with a new edition name, into a draft.

    ``path`` is relative to the folder of law: ``catalogue/items/honour.yaml``. More files: :func:`include`.
    """
    law = current.library()
    may_draft(author, _sector(law, path))
    _named(version)
    files = {name: _copied(law, name) for name in (HEAD, path)}
    head, replaced = files[HEAD]
    files[HEAD] = rewrite(head, ("edition",), version), replaced
    old = law.catalogue.edition
    return _drafted(
        Edition.Plane.CATALOGUE, CATALOGUE, old, version, files,
        title=law.catalogue.title, taken=[old], author=author, at=at,
    )  # fmt: skip


@transaction.atomic
def include(edition: Edition, path: str, *, author: Person, at: datetime) -> Edition:
    """Take one more file of the catalogue into a draft of it; one that is there already stays as it is."""
    held = _own(edition, author)
    if held.plane != Edition.Plane.CATALOGUE:
        raise Refused("GZ-015", "只有目录的草案可以加入别的文件")
    may_draft(author, _sector(current.library(), path))
    if not held.files.filter(path=path).exists():
        text, replaced = _copied(current.library(), path)
        _file(held, path, text, replaced)
        _redigest(held)
        note(held, Step.Kind.SAVED, author, at, words="加入文件", path=path, content=text)
    return held


@transaction.atomic
def save(
    edition: Edition, path: str, text: str, *, seen: str, author: Person, at: datetime, words: str = ""
) -> Edition:
    """Keep a new text of one file of a draft, right or wrong: what is wrong with it is told, not refused.

    ``seen`` is the digest of the text that the author had before him; another one means that it was changed
    meanwhile. An equal text is no save. Raises :class:`Refused`: GZ-001 (not the author), 005, 006, 013, 015.
    """
    held = _own(edition, author)
    file = held.files.select_for_update().filter(path=path).first()
    if file is None:
        raise Refused("GZ-015", f"草案里没有文件“{path}”")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LARGEST:
        raise Refused("GZ-013", f"文本有 {len(text):,} 个字符")
    if text == file.content:
        return held
    if file.digest != seen:
        raise Refused("GZ-006", "草案在您打开页面之后被改过，没有保存")
    file.content, file.digest = text, sm3(text)
    file.save()
    _redigest(held)
    note(held, Step.Kind.SAVED, author, at, words=words, path=path, content=text)
    return held


def save_numbers(
    edition: Edition, path: str, values: Mapping[Place, str], *, seen: str, author: Person, at: datetime
) -> Edition:
    """Change single numbers, bands, lengths or days of a draft; every other character stays. One save for all.

    Values that are as they were are passed over. Raises as :func:`save`, and GZ-016 for a place that is no single
    value or a text that cannot be read.
    """
    file = edition.files.filter(path=path).first()
    if file is None:
        raise Refused("GZ-015", f"草案里没有文件“{path}”")
    text, told = file.content, []
    try:
        for place, value in values.items():
            before = _value_at(text, place)
            if value.strip() != before:
                text = rewrite(text, place, value.strip())
                told.append(f"{' › '.join(map(str, place))}：{before} 改为 {value.strip()}")
    except CannotRewrite as error:
        raise Refused("GZ-016", str(error.args[0])) from None
    except LawError as error:
        raise Refused("GZ-016", "改后的文本读不懂", *error.problems) from None
    return save(edition, path, text, seen=seen, author=author, at=at, words="；".join(told)[:400])


def save_keys(
    edition: Edition,
    path: str,
    values: Mapping[Place, str | tuple[str, ...] | None],
    *,
    seen: str,
    author: Person,
    at: datetime,
) -> Edition:
    """Set, add or (None) take away single keys of a draft, as a form does; every other line stays. One save for all.

    Values that are as they were are passed over. Raises as :func:`save_numbers`.
    """
    file = edition.files.filter(path=path).first()
    if file is None:
        raise Refused("GZ-015", f"草案里没有文件“{path}”")
    text, told = file.content, []
    try:
        for place, value in values.items():
            before = _said_at(text, place)
            if value == before:
                continue
            text = put(text, place, value)
            told.append(f"{' › '.join(map(str, place))}：{_shown(before)} 改为 {_shown(value)}")
    except CannotRewrite as error:
        raise Refused("GZ-016", str(error.args[0])) from None
    except LawError as error:
        raise Refused("GZ-016", "改后的文本读不懂", *error.problems) from None
    return save(edition, path, text, seen=seen, author=author, at=at, words="；".join(told)[:400])


def _said_at(text: str, place: Place) -> str | tuple[str, ...] | None:
    value: Any = parse(text, file="").data
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    if value is None:
        return None
    return tuple(str(one) for one in value) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: str | tuple[str, ...] | None) -> str:
    return "（无）" if value is None else "、".join(value) if isinstance(value, tuple) else value


def may_draft(author: Person, sector: str = "all") -> None:
    """Refuse (GZ-003) who writes no law, or none of ``sector``."""
    scope = Scope.of(author)
    if not author.drafts_law or not scope.covers_sector(sector):
        raise Refused("GZ-003", "您没有起草这部法规的权限")


def note(
    edition: Edition,
    kind: Step.Kind,
    person: Person,
    at: datetime,
    *,
    words: str = "",
    path: str = "",
    content: str = "",
) -> Step:
    """Write one step of an amendment, and the same into the journal."""
    last = edition.steps.aggregate(last=Max("number"))["last"] or 0
    digest = sm3(content) if path else edition.digest
    step = Step.objects.create(
        edition=edition, number=last + 1, kind=kind, person=person, at=at, words=words, path=path,
        content=content, digest=digest,
    )  # fmt: skip
    append(
        actor=Scope.of(person).actor,
        verb=f"gazette.amendment.{kind.value}",
        obj=f"gazette.edition:{edition.pk}",
        facts={"digest": digest, "step": step.number, **({"path": path} if path else {})},
        at=at,
    )
    return step


def _drafted(
    plane: Edition.Plane,
    identity: str,
    copied_from: str,
    version: str,
    files: Mapping[str, tuple[str, str]],
    *,
    title: str,
    taken: list[str],
    author: Person,
    at: datetime,
) -> Edition:
    if version in taken:
        raise Refused("GZ-011", f"新版本不能叫“{version}”")
    try:
        with transaction.atomic():
            edition = Edition.objects.create(
                title=title, author=author, drafted_at=at, digest="", plane=plane, identity=identity,
                version=version, copied_from=copied_from,
            )  # fmt: skip
    except IntegrityError:
        raise Refused("GZ-011", f"已有名为“{version}”的草案") from None
    for path, (text, replaced) in files.items():
        _file(edition, path, text, replaced)
    _redigest(edition)
    note(edition, Step.Kind.DRAFTED, author, at, words=f"抄自 {copied_from} 版")
    for path, (text, _) in files.items():
        note(edition, Step.Kind.SAVED, author, at, words="起草时的文本", path=path, content=text)
    return edition


def _renamed(text: str, old: Rulebook | Procedure, version: str, begins: date) -> str:
    text = rewrite(text, ("version",), version)
    text = rewrite(text, ("in_force", "from"), begins.isoformat())
    if old.in_force.until is not None and old.in_force.until <= begins:
        text = rewrite(text, ("in_force", "until"), "null")
    return text


def _cases(text: str, old: Rulebook, version: str) -> str:
    """Cases copied with a version: their facts lie in its days, so that they keep these."""
    text = rewrite(text, ("version",), version)
    if "in_force" in parse(text, file="").mapping():
        return text
    until = f", until: {old.in_force.until}" if old.in_force.until else ""
    lines = text.splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if line.startswith("version:"))
    return "".join([*lines[: at + 1], f"in_force: {{from: {old.in_force.from_}{until}}}\n", *lines[at + 1 :]])


def _named(version: str) -> None:
    """A version becomes the name of a file."""
    if not _VERSION.fullmatch(version):
        raise Refused("GZ-011", f"新版本不能叫“{version}”")


def _own(edition: Edition, author: Person) -> Edition:
    """The draft, held for a change by its author."""
    held = Edition.objects.select_for_update().get(pk=edition.pk)
    if held.author_id != author.pk:
        raise Refused("GZ-003", "草案只能由起草人修改")
    if held.state != Edition.State.DRAFT:
        raise Refused("GZ-005", f"草案{held.get_state_display()}，不能修改")
    return held


def _copied(law: Library, path: str) -> tuple[str, str]:
    """Text and digest of a file of the catalogue in use."""
    known = {_relative(law, one) for one in (law.root / "catalogue").rglob("*.yaml")}
    if path not in known:
        raise Refused("GZ-015", f"目录里没有文件“{path}”")
    text = (law.root / path).read_text(encoding="utf-8")
    return text, sm3(text)


def _sector(law: Library, path: str) -> str:
    item = law.catalogue.items.get(Path(path).stem) if path.startswith("catalogue/items/") else None
    return item.sector if item else "all"


def _relative(law: Library, path: Path) -> str:
    return path.relative_to(law.root).as_posix()


def _file(edition: Edition, path: str, text: str, replaced: str) -> LawFile:
    planes = {
        Edition.Plane.RULEBOOK: LawFile.Plane.RULEBOOK,
        Edition.Plane.PROCEDURE: LawFile.Plane.PROCEDURE,
        Edition.Plane.CATALOGUE: LawFile.Plane.CATALOGUE,
    }
    main = not path.endswith(CASES)
    return LawFile.objects.create(
        edition=edition,
        plane=planes[Edition.Plane(edition.plane)] if main else LawFile.Plane.OTHER,
        identity=edition.identity if main and edition.plane != Edition.Plane.CATALOGUE else path,
        version=edition.version if main else "",
        path=path,
        content=text,
        digest=sm3(text),
        replaces=replaced,
    )


def _redigest(edition: Edition) -> None:
    edition.digest = edition_digest(dict(edition.files.values_list("path", "digest")))
    edition.save()


def _value_at(text: str, place: Place) -> str:
    value: Any = parse(text, file="").data
    try:
        for part in place:
            value = value[part]
    except (KeyError, IndexError, TypeError):
        raise CannotRewrite(f"没有“{' › '.join(map(str, place))}”这一处") from None
    return str(value)
