"""The workbench: a rule maker changes a rule on pages, another person publishes it, and nobody else sees it."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from tests.province import at
from tests.web.seed import FIRM, PASSWORD
from tests.web.test_pages import text_of

from xinlu import standards_folder
from xinlu.access.models import Person
from xinlu.gazette import current
from xinlu.gazette.amend import draft_book
from xinlu.gazette.models import Edition
from xinlu.web.lawtext import differences, lines_between, number_groups, numbered

BOOK = "highway-design-firm"
FILE = f"rulebooks/{BOOK}/2027.yaml"
CASES = f"rulebooks/{BOOK}/2027.cases.yaml"


@pytest.fixture(scope="module")
def small_law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("law") / "standards"
    shutil.copytree(standards_folder(), folder, ignore=shutil.ignore_patterns("rulebooks", "foreign", "sample", "20*"))
    for book in (BOOK, "credit-repair-period"):
        shutil.copytree(standards_folder() / "rulebooks" / book, folder / "rulebooks" / book)
    return folder


@pytest.fixture
def draft(site, settings, small_law: Path) -> Edition:
    settings.STANDARDS = small_law
    return draft_book(
        BOOK,
        copied_from="2013",
        version="2027",
        in_force_from=date(2027, 1, 1),
        author=Person.objects.get(username="maker"),
        at=at(),
    )


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.fixture
def maker(draft: Edition) -> Client:
    return signed_in("maker")


@pytest.fixture
def chief(draft: Edition) -> Client:
    return signed_in("chief")


def page(client: Client, edition: Edition, **query: str) -> str:
    answer = client.get(reverse("web:amendment", args=[edition.pk]), query)
    assert answer.status_code == 200
    return text_of(answer)


def saved(client: Client, edition: Edition, old: str, new: str, path: str = FILE):
    file = edition.files.get(path=path)
    assert old in file.content
    text = file.content.replace(old, new)
    return client.post(
        reverse("web:amendment-save", args=[edition.pk]),
        {"file": path, "seen": file.digest, "text": text.replace("\n", "\r\n"), "words": "试改"},
        follow=True,
    )


def act(client: Client, edition: Edition, do: str, **more: str):
    return client.post(reverse("web:amendment-act", args=[edition.pk]), {"do": do, **more}, follow=True)


def test_the_workbench_is_not_there_for_anybody_else(draft: Edition, client: Client) -> None:
    for who in (signed_in("province"), signed_in("city")):
        for name, args in (("web:workbench", []), ("web:amendment", [draft.pk]), ("web:workbench-new", [])):
            assert who.get(reverse(name, args=args)).status_code == 404
        assert who.post(reverse("web:amendment-act", args=[draft.pk]), {"do": "publish"}).status_code == 404
        assert "规则工作台" not in text_of(who.get("/"))
    assert client.get(reverse("web:workbench")).status_code == 302, "who is not signed in is asked to"


def test_a_copy_is_made_from_the_list(maker: Client, draft: Edition) -> None:
    listed = maker.get(reverse("web:workbench"))
    assert "公路设计企业信用评价" in text_of(listed)
    address = reverse("web:workbench-new") + f"?plane=rulebook&of={BOOK}"
    wrong = maker.post(address, {"copied_from": "2013", "version": "2027", "in_force_from": "2028-01-01"})
    assert wrong.status_code == 422
    assert "GZ-011" in text_of(wrong)
    made = maker.post(address, {"copied_from": "2013", "version": "2028", "in_force_from": "2028-01-01"}, follow=True)
    assert "2028 版" in text_of(made)
    assert "2013 版到 2028-01-01 为止（不含）" in text_of(made)
    item = reverse("web:workbench-new") + "?plane=catalogue&of=catalogue/items/honour.yaml"
    assert "发布当日起" in text_of(maker.post(item, {"copied_from": "2024", "version": "2027.1"}, follow=True))
    for of in ("../secret", "catalogue/../organs.yaml", "nobody"):
        assert maker.get(reverse("web:workbench-new"), {"plane": "catalogue", "of": of}).status_code == 404


def test_clauses_stand_beside_the_papers_text_with_grade_and_open_points(maker: Client, draft: Edition) -> None:
    words = page(maker, draft, tab="read")
    for part in ("第十一条、第十二条", "招标人评价的投标不良行为", "依据记录", "待明确", "交公路发〔2013〕636号"):
        assert part in words


def test_a_wrong_save_is_kept_and_told_at_its_line(maker: Client, draft: Edition) -> None:
    answer = saved(maker, draft, 'D: "< 60"', 'D: "< 59"')
    assert "检查发现 1 处错误" in text_of(answer)
    line = next(n for n, text in enumerate(draft.files.get(path=FILE).content.splitlines(), 1) if "cut:" in text)
    body = answer.content.decode()
    assert f'<li id="L{line}" class="bad"' in body
    assert f'href="?tab=text&amp;file={FILE}#L{line}"' in body
    assert "LAW-402" in text_of(answer)
    refused = act(maker, draft, "submit")
    assert refused.status_code == 422
    assert "GZ-007" in text_of(refused)


def test_a_text_that_cannot_be_read_breaks_no_page(maker: Client, draft: Edition) -> None:
    saved(maker, draft, "rulebook: highway-design-firm", "rulebook: [")
    for tab in ("read", "text", "numbers", "cases", "difference", "try", "steps"):
        assert "LAW-003" in page(maker, draft, tab=tab) or tab in ("cases", "difference", "try", "steps")
    assert "改正后才能运行案例" in page(maker, draft, tab="cases", run="1")


def test_a_stale_page_saves_nothing_and_keeps_what_was_typed(maker: Client, draft: Edition) -> None:
    seen = draft.files.get(path=FILE).digest
    saved(maker, draft, "信用一般", "信用中等")
    answer = maker.post(
        reverse("web:amendment-save", args=[draft.pk]), {"file": FILE, "seen": seen, "text": "我写的\n</textarea><b>"}
    )
    assert answer.status_code == 422
    assert "GZ-006" in text_of(answer)
    assert "我写的\n&lt;/textarea&gt;&lt;b&gt;</textarea>" in answer.content.decode()


def test_numbers_are_changed_by_a_form_and_comments_stay(maker: Client, draft: Edition) -> None:
    body = maker.get(reverse("web:amendment", args=[draft.pk]), {"tab": "numbers"}).content.decode()
    fields = dict(re.findall(r'name="(v:[^"]+)" value="([^"]*)"', body))
    assert fields["v:outputs/level/bands/cut/D"] == "&lt; 60"
    seen = re.search(r'name="seen" value="(\w+)"', body)
    assert seen
    before = draft.files.get(path=FILE).content
    values = {"v:parameters/full/value": "101", "v:outputs/level/bands/cut/D": "< 60"}
    address = reverse("web:amendment-numbers", args=[draft.pk])
    maker.post(address, {"file": FILE, "seen": seen.group(1), **values})
    assert draft.files.get(path=FILE).content == before.replace("value: 100,", "value: 101,")
    wrong = maker.post(address, {"file": FILE, "seen": seen.group(1), "v:parameters/full": "1"})
    assert wrong.status_code == 422
    assert "GZ-016" in text_of(wrong)


def test_failing_cases_are_read_in_officials_words(maker: Client, draft: Edition) -> None:
    assert "全部通过" in page(maker, draft, tab="cases", run="1")
    saved(maker, draft, "value: 100,", "value: 98,")
    words = page(maker, draft, tab="cases", run="1")
    assert "履约没有不良行为的合同段得满分，等级AA" in words
    assert "“甲设计院”的综合得分应为 100，算得 98" in words


def test_a_draft_is_tried_on_the_records_of_a_day(site, maker: Client, draft: Edition) -> None:
    saved(maker, draft, 'B: "[75, 85)", C: "[60, 75)"', 'B: "[80, 85)", C: "[60, 80)"')
    saved(maker, draft, 'A: "[85, 95)", B: "[80, 85)"', 'A: "[92, 95)", B: "[80, 92)"')
    answer = maker.post(reverse("web:amendment-try", args=[draft.pk]), {"day": "2026-03-01"}, follow=True)
    words = text_of(answer)
    assert "与 2013 版（1 个）相比， 1 个的结论不同" in words
    table = next(one for one in answer.context["answers"] if one.title == "信用等级")
    assert [(row.words, row.before, row.after) for row in table.rows] == [("A", 1, 0), ("B", 0, 1)]
    assert FIRM in words
    unit = reverse("web:tried-unit", args=[draft.pk, "2026-03-01", site.firm])
    why = text_of(maker.get(unit))
    assert "90.9148" in why
    assert maker.get(reverse("web:tried-unit", args=[draft.pk, "2026-03-01", site.clean])).status_code == 404
    assert signed_in("province").get(unit).status_code == 404
    saved(maker, draft, "信用一般", "信用中等")
    assert maker.get(unit).status_code == 404, "a tryout of another text is over"


def test_two_persons_publish_and_the_pages_go_by_it(
    maker: Client, chief: Client, draft: Edition, django_capture_on_commit_callbacks
) -> None:
    saved(maker, draft, "信用一般", "信用中等")
    assert "已提交" in text_of(act(maker, draft, "submit", words="依据新办法"))
    own = act(maker, draft, "publish")
    assert own.status_code == 422
    assert "GZ-001" in text_of(own)
    assert "等您审核" in text_of(chief.get(reverse("web:workbench")))
    reading = chief.get(reverse("web:amendment", args=[draft.pk]))
    words = text_of(reading)
    for part in ("等级：信用中等 › 名称", "施行期：起", "2013 版同日失效", "发布后不能再改", "依据新办法"):
        assert part in words
    assert "GZ-012" in text_of(act(chief, draft, "refuse"))
    assert "已退回" in text_of(act(chief, draft, "refuse", words="请写明依据"))
    assert "请写明依据" in page(maker, draft, tab="text")
    act(maker, draft, "submit")
    seen = Edition.objects.get(pk=draft.pk).digest
    with django_capture_on_commit_callbacks(execute=True):
        done = act(chief, draft, "publish", seen=seen)
    assert "已发布" in text_of(done)
    public = text_of(Client().get(reverse("web:rulebook", args=[BOOK, "2027"])))
    assert "信用中等" in public
    assert "2027-01-01" in text_of(Client().get(reverse("web:rulebook", args=[BOOK, "2013"])))
    assert current.library().book(BOOK, on=date(2027, 1, 1)).version == "2027"  # type: ignore[union-attr]
    for tab in ("read", "text", "numbers", "cases", "difference", "try", "steps"):
        assert page(maker, draft, tab=tab)
    assert saved(maker, draft, "信用中等", "信用好").status_code == 422


def test_each_save_can_be_read_again_with_its_difference(maker: Client, draft: Edition) -> None:
    saved(maker, draft, "信用一般", "信用中等")
    last = draft.steps.order_by("-number").first()
    assert last is not None
    words = text_of(maker.get(reverse("web:amendment-step", args=[draft.pk, last.number])))
    for part in ("示例起草", "试改", "等级：信用中等 › 名称", "信用 一般", "信用 中等"):
        assert part in words
    assert "试改" in page(maker, draft, tab="steps")


def test_a_file_of_the_catalogue_is_added_to_a_draft(maker: Client, draft: Edition) -> None:
    item = reverse("web:workbench-new") + "?plane=catalogue&of=catalogue/items/honour.yaml"
    maker.post(item, {"copied_from": "2024", "version": "2027.1"})
    edition = Edition.objects.get(plane="catalogue")
    assert "catalogue/items/honour.yaml" in page(maker, edition, tab="text")
    added = maker.post(reverse("web:amendment-include", args=[edition.pk]), {"more": "codes/flags.yaml"}, follow=True)
    assert added.status_code == 200
    assert edition.files.filter(path="catalogue/codes/flags.yaml").exists()
    answer = maker.post(reverse("web:amendment-include", args=[edition.pk]), {"more": "../organs.yaml"})
    assert "GZ-015" in text_of(answer)


# ── texts ───────────────────────────────────────────────────────────────────


def test_parts_are_found_again_by_name_when_others_come_before_them() -> None:
    before = "levels:\n  - {level: A, title: 好}\n  - {level: B, title: 差}\n"
    after = "levels:\n  - {level: AA, title: 很好}\n  - {level: A, title: 良好}\n  - {level: B, title: 差}\n"
    told = {(one.kind, one.where) for one in differences(before, after)}
    assert told == {
        ("added", "等级：很好 › 等级"),
        ("added", "等级：很好 › 名称"),
        ("changed", "等级：良好 › 名称"),
    }


def test_a_number_or_day_is_another_one_and_not_the_same_with_some_figures_changed() -> None:
    found = differences("n: 85\nday: 2018-06-01\ntext: 扣3分的办法", "n: 95\nday: 2026-10-01\ntext: 扣5分的办法")
    assert [(one.before, one.after) for one in found[:2]] == [
        (((False, "85"),), ((False, "95"),)),
        (((False, "2018-06-01"),), ((False, "2026-10-01"),)),
    ]


def test_a_text_that_cannot_be_read_differs_as_a_whole() -> None:
    assert [one.where for one in differences("a: 1", "a: [")] == ["全文"]


def test_lines_are_numbered_in_both_texts() -> None:
    lines = lines_between("a\nb\nc", "a\nx\nc")
    assert [(line.kind, line.old, line.new) for line in lines] == [
        ("same", 1, 1),
        ("gone", 2, None),
        ("came", None, 2),
        ("same", 3, 3),
    ]
    assert [line.number for line in numbered("a\nb\n", ())] == [1, 2]


def test_numbers_are_named_by_the_titles_of_what_they_belong_to() -> None:
    text = (
        "parameters:\n  full: {value: 100, title: 起评分}\n"
        "values:\n  x: {title: 合计, parts: {t: 0.2}}\n"
        "folds:\n  t: {title: 投标}\n"
    )
    assert [(group.title, [row.words for row in group.rows]) for group in number_groups(text)] == [
        ("参数", ["起评分 › 取值"]),
        ("计算", ["合计 › 各部分权重 › 投标"]),
    ]
