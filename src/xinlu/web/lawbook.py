"""A rulebook as people read it: its parts with their words, in the order of the file.

Turns a :class:`~xinlu.law.rulebook.Rulebook` into plain sentences and rows for the page; decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from xinlu.gazette import current
from xinlu.law.catalogue import Catalogue
from xinlu.law.interval import parse_interval
from xinlu.law.rulebook import (
    Clause,
    Fold,
    Graded,
    Level,
    Output,
    Parameter,
    Period,
    Rulebook,
    Table,
    Value,
)
from xinlu.law.source import Grade
from xinlu.web.parts import Badge, badge_of, shown_level
from xinlu.web.scale import interval_words

KINDS = {
    "industry_credit": "行业信用评价",
    "safety_code": "安全码",
    "business_code": "业务信用码",
    "public_credit": "公共信用",
    "warning": "风险预警",
    "list": "名单认定",
    "determination": "认定与处理",
    "gate": "准入与前置判断",
    "repair": "修复期限",
    "conformity": "境外规则对照",
}

_WORDS = {
    "and": "且",
    "or": "或",
    "not": "非",
    "in": "属于",
    "between": "介于",
    "true": "是",
    "false": "否",
    "null": "缺",
    "is": "",
    "case": "",
    "when": "；若",
    "then": "则",
    "else": "；否则",
    "end": "",
    "date": "",
    "as_of": "评价日",
    "occurred_on": "发生日",
    "effective_from": "生效日",
    "effective_until": "失效日",
    "period_from": "评价期起",
    "period_until": "评价期止",
    "level": "等级",
    "unit": "本主体",
    "other": "对方",
    "record": "记录",
    "parent": "上级记录",
    "region": "所在地",
    "name": "名称",
    "subject": "主体",
}
_SIGNS = (("<>", "≠"), (">=", "≥"), ("<=", "≤"), ("*", "×"), ("/", "÷"), ("-", "−"))
_FORMS = {
    "present": "有{0}",
    "missing": "缺{0}",
    "contains": "{0}包含{1}",
    "starts_with": "{0}以{1}开头",
    "quotient": "{0} ÷ {1}",
    "coalesce": "{0}（缺时按 {1}）",
    "step": "step",
    "steps": "{0} 中整 {1} 的个数",
    "lookup": "查表（{all}）",
    "year": "{0}的年份",
    "month": "{0}的月份",
    "least": "{all} 中较小的",
    "greatest": "{all} 中较大的",
    "worst": "{all} 中较差的",
    "best": "{all} 中较优的",
    "add_months": "{0}加 {1} 个月",
    "add_days": "{0}加 {1} 日",
    "days_between": "{0}至{1}的天数",
    "months_between": "{0}至{1}的足月数",
    "round": "{0}（保留 {1} 位）",
    "floor": "{0}（舍去小数）",
    "ceil": "{0}（进一）",
    "abs": "{0}的绝对值",
    "sqrt": "√{0}",
}
_CALL = re.compile(r"\b(" + "|".join(_FORMS) + r")\(([^()]*)\)")
_TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*|[^A-Za-z_']+")


def say(expression: str | None, names: Mapping[str, str]) -> str:
    """An expression with its names in Chinese; texts keep their meaning, unknown names stay as they are.

    >>> say("points > 3 and fuel = 'cng'", {"points": "扣分", "fuel": "燃料", "'cng'": "天然气"})
    '扣分 > 3 且 燃料 = 天然气'
    """
    if not expression:
        return ""
    words = [_token(token, names) for token in _TOKEN.findall(expression)]
    text = re.sub(r"\s+", " ", "".join(words))
    while True:
        shorter = _CALL.sub(_call, text)
        if shorter == text:
            break
        text = shorter
    return text.replace("( ", "(").replace(" )", ")").replace("；；", "；").replace(" ；", "；").strip(" ；")


def _call(found: re.Match[str]) -> str:
    """A function in words; its innermost calls are already words."""
    form, parts = _FORMS[found.group(1)], [part.strip() for part in found.group(2).split(",")]
    if form == "step":
        by = parts[1].lstrip("−-")
        return f"{parts[0]} {'下降' if parts[1][0] in '−-' else '上升'} {by} 级"
    if form == _FORMS["quotient"]:
        parts = [f"({part})" if re.search(r" [+−] ", part) and part[0] != "(" else part for part in parts]
    if "{all}" in form:
        return form.replace("{all}", "、".join(parts))
    return form.format(*parts, *[""] * 3)


def _token(token: str, names: Mapping[str, str]) -> str:
    if token.startswith("'"):
        return names.get(token, "“" + token[1:-1] + "”")
    if not (token[0].isalpha() or token[0] == "_"):
        for sign, shown in _SIGNS:
            token = token.replace(sign, shown)
        return token
    return names.get(token) or _WORDS.get(token.lower(), token)


def names_of(book: Rulebook, catalogue: Catalogue) -> dict[str, str]:
    """What each name of a book means in Chinese; a text literal of a code list under its quoted spelling."""
    found: dict[str, str] = {}
    fields = [field for source in book.sources.values() for field in _fields(source.item, catalogue)]
    if book.rates.record:
        fields += _fields(book.rates.record, catalogue)
    if book.rates.subject and book.rates.subject in catalogue.kinds:
        fields += catalogue.kinds[book.rates.subject].attributes
    for field in fields:
        found.setdefault(field.name, field.title)
        if field.codes and field.codes in catalogue.code_lists:
            for code, title in catalogue.code_lists[field.codes].values.items():
                found.setdefault(f"'{code}'", title)
    named: Mapping[str, Parameter | Fold | Value | Output]
    for named in (book.parameters, book.folds, book.values, book.outputs):
        found.update({name: part.title for name, part in named.items() if part.title and name != "level"})
    found.update({name: catalogue.items[s.item].title for name, s in book.sources.items() if s.item in catalogue.items})
    found.update(
        {
            name: catalogue.relations[s.relation].title
            for name, s in book.sources.items()
            if s.relation in catalogue.relations
        }
    )
    found.update(_names_of_findings(book))
    found.update({f"'{name}'": table.title for name, table in book.tables.items() if table.title})
    found.update({f"'{step.level}'": shown_level(step.level, all_levels(book)) for step in all_levels(book)})
    return found


def _names_of_findings(book: Rulebook) -> dict[str, str]:
    """Sources that are findings of another book, and what they bring along, by their titles there."""
    found: dict[str, str] = {}
    for name, source in book.sources.items():
        for other in current.library().rulebooks.get(source.findings or "", ())[-1:]:
            found[name] = other.title
            for output, part in other.outputs.items():
                found.setdefault(output, part.title)
    return {name: title for name, title in found.items() if name not in book.outputs and name != "level"}


def _fields(item: str | None, catalogue: Catalogue) -> list:  # type: ignore[type-arg]
    return list(catalogue.items[item].fields) if item in catalogue.items else []


def all_levels(book: Rulebook) -> tuple[Level, ...]:
    """Every level that the book knows: its own set, then those of its outputs."""
    return (*book.levels, *(step for output in book.outputs.values() for step in output.levels))


def levels_of(book: Rulebook, output: str) -> tuple[Level, ...]:
    """The level set of an output, best first; empty for an output that gives no level."""
    part = book.outputs.get(output)
    if part is None or not (part.bands or part.conditions or part.moves or part.otherwise or part.withheld):
        return ()
    return part.levels or book.levels


def main_output(book: Rulebook) -> str:
    """The output that a badge stands for: the first that gives a level, else the first."""
    return next((name for name in book.outputs if levels_of(book, name)), next(iter(book.outputs)))


def weakest_grade(book: Rulebook) -> Grade:
    """The weakest grade in a book."""
    parts: list[Graded] = [
        *book.clauses.values(),
        *book.parameters.values(),
        *book.tables.values(),
        *book.folds.values(),
        *book.values.values(),
        *book.outputs.values(),
        *book.rated_when,
    ]
    return Grade.weakest(*(book.grade_of(part) for part in parts))


def period_words(period: Period | None) -> str:
    """Which days count, in words."""
    if period is None:
        return "截至评价日的全部日期"
    if period.calendar_year:
        return "上一个完整自然年" if period.calendar_year == "last_complete" else "本年 1 月 1 日至评价日"
    if period.rolling:
        return f"截至评价日的 {length_words(period.rolling)}"
    if period.anniversary:
        cycle = f"以个人日期起算、每 {length_words(period.every)} 为一周期"
        return cycle + ("，取上一个完整周期" if period.anniversary == "last_complete" else "，取当前周期")
    return "自起始日至评价日"


def length_words(text: str) -> str:
    """A length of time in words.

    >>> length_words("12 months"), length_words("730 days")
    ('12 个月', '730 日')
    """
    number, unit = text.split()
    return f"{number} {'个月' if unit == 'months' else '日'}"


# ── rows of the page ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ClauseRow:
    """One clause: article, words, what it does."""

    ident: str
    article: str
    title: str
    text: str
    effects: tuple[tuple[str, str], ...]
    grade: Grade
    note: str


def clause_rows(book: Rulebook, catalogue: Catalogue) -> Iterator[ClauseRow]:
    """The clauses of a book in its order."""
    names = names_of(book, catalogue)
    for ident, clause in book.clauses.items():
        yield ClauseRow(
            ident,
            clause.clause,
            clause.title,
            clause.text,
            tuple(_effects(book, clause, names)),
            book.grade_of(clause),
            clause.note,
        )


def _effects(book: Rulebook, clause: Clause, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "依据记录", names.get(clause.hits, clause.hits)
    if clause.code:
        codes = (clause.code,) if isinstance(clause.code, str) else clause.code
        yield "代码", "、".join(names.get(f"'{code}'", code) for code in codes)
    if clause.when:
        yield "条件", say(clause.when, names)
    if clause.minus:
        yield "扣分", say(clause.minus, names)
    if clause.plus:
        yield "加分", say(clause.plus, names)
    if clause.per:
        yield "乘以", say(clause.per, names)
    if clause.at_most:
        yield "单次最多", say(clause.at_most, names)
    if clause.cap:
        yield "累计最多", say(clause.cap.limit, names)
    if clause.span:
        if clause.span.for_:
            yield "计入时长", length_words(clause.span.for_)
        if clause.span.until:
            yield "计至", say(clause.span.until, names)
        for age in clause.span.ages:
            yield f"{length_words(age.below)}以内", f"按 {age.weight} 计"
    for title, among in (("须另有", clause.needs), ("须没有", clause.lacks)):
        if among:
            yield title, f"{names.get(among.source, among.source)}：{say(among.where, names)}"
    if any(ident in contest.among for contest in book.contests.values() for ident in [_ident(book, clause)]):
        yield "同一行为", "只计一次"


def _ident(book: Rulebook, clause: Clause) -> str:
    return next(name for name, part in book.clauses.items() if part is clause)


@dataclass(frozen=True)
class Reckoning:
    """One line of how the numbers are made."""

    name: str
    title: str
    how: str
    source: str
    """The expressions as the file has them."""
    article: str
    grade: Grade


def reckonings(book: Rulebook, catalogue: Catalogue) -> Iterator[Reckoning]:
    """Folds, then values."""
    names = names_of(book, catalogue)
    for name, fold in book.folds.items():
        yield Reckoning(
            name, fold.title or name, fold_words(book, fold, names), _raw(fold), fold.clause, book.grade_of(fold)
        )
    for name, value in book.values.items():
        yield Reckoning(
            name, value.title or name, value_words(value, names), _raw(value), value.clause, book.grade_of(value)
        )


def fold_words(book: Rulebook, fold: Fold, names: Mapping[str, str]) -> str:
    """How a fold is made, in a sentence."""
    over = names.get(fold.over or "", fold.over or "")
    where = f"（限 {say(fold.where, names)}）" if fold.where else ""
    return (_operation(book, fold, names, over) + where + _limits(fold, names)).strip("，")


def _operation(book: Rulebook, fold: Fold, names: Mapping[str, str], over: str) -> str:
    def listed(clauses: tuple[str, ...]) -> str:
        titles = [book.clauses[name].title for name in clauses if name in book.clauses]
        return "、".join(titles) if len(titles) <= 4 else f"{'、'.join(titles[:3])}等 {len(titles)} 条"

    if fold.sum is not None:
        start = f"从 {say(fold.start, names)} 起，" if fold.start else ""
        each = f"按每条{names.get(fold.per, fold.per)}，" if fold.per else ""
        return f"{each}{start}加减：{listed(fold.sum)}"
    if fold.running is not None:
        return f"从 {say(fold.running.start, names)} 起，按日期逐次加减：{listed(fold.running.clauses)}"
    if fold.tally is not None:
        return f"计次：{listed(fold.tally)}"
    if fold.count:
        return f"{over}的条数"
    for words, text in (
        ("不同的", fold.distinct),
        ("合计", fold.total),
        ("最小的", fold.min),
        ("最大的", fold.max),
        ("最早一条的", fold.first),
        ("最近一条的", fold.last),
        ("倒权重平均", fold.worst_weighted),
    ):
        if text:
            return f"{over}：{words}{say(text, names)}"
    if fold.mean:
        weight = f"，以{say(fold.weight, names)}为权重" if fold.weight else ""
        return f"{over}：{say(fold.mean, names)}的平均{weight}"
    if fold.ratio:
        return f"{over}：{say(fold.ratio[0], names)} 合计 ÷ {say(fold.ratio[1], names)} 合计"
    if fold.share:
        return f"{over}中 {say(fold.share, names)} 的占比"
    return f"{names.get(fold.crossings or '', '')}降到 {say(fold.at_or_below, names)} 以下的次数"


def _limits(fold: Fold, names: Mapping[str, str]) -> str:
    limits = ""
    ceiling = fold.ceiling or (fold.running.ceiling if fold.running else None)
    floor = fold.floor or (fold.running.floor if fold.running else None)
    if ceiling:
        limits += f"，最高 {say(ceiling, names)}"
    if floor:
        limits += f"，最低 {say(floor, names)}"
    return limits


def value_words(value: Value, names: Mapping[str, str]) -> str:
    """How a value is made, in a sentence."""
    rounded = f"（保留 {value.round} 位）" if value.round is not None else ""
    if value.parts:
        parts = " + ".join(f"{names.get(name, name)} × {weight}" for name, weight in value.parts.items())
        return f"{parts}，缺项的权重归其余项{rounded}"
    if value.peer:
        stats = {
            "mean": "均值",
            "rank": "名次",
            "percent_rank": "百分位名次",
            "cume_dist": "累计占比",
            "quantile": "分位数",
            "top_share": "前列占比",
        }
        group = (
            f"，在相同的 {'、'.join(say(text, names) for text in value.peer.within)} 内" if value.peer.within else ""
        )
        return f"{say(value.peer.of, names)} 在同类中的{stats[value.peer.stat]}{group}{rounded}"
    return say(value.is_, names) + rounded


def _raw(part: Fold | Value) -> str:
    shown = part.model_dump(by_alias=True, exclude_defaults=True, exclude={"title", "clause", "grade", "note"})
    return "; ".join(f"{key}: {text}" for key, text in shown.items())


@dataclass(frozen=True)
class BandCell:
    """One level with the numbers that give it."""

    badge: Badge
    title: str
    words: str


@dataclass(frozen=True)
class OutputCard:
    """One answer: how it is decided."""

    name: str
    title: str
    value: str
    bands_of: str
    bands: tuple[BandCell, ...]
    conditions: tuple[tuple[str, Badge | None, str, str], ...]
    """Condition, badge, what is asked when a person decides, article."""
    otherwise: Badge | None
    moves: tuple[tuple[str, str, str, Grade], ...]
    """Title, when and what in words, article, grade."""
    article: str
    grade: Grade
    partial: str
    withheld: str


def output_cards(book: Rulebook, catalogue: Catalogue) -> Iterator[OutputCard]:
    """The answers of a book in its order."""
    names = names_of(book, catalogue)
    for name, output in book.outputs.items():
        yield _output_card(book, name, output, names)


def _output_card(book: Rulebook, name: str, output: Output, names: Mapping[str, str]) -> OutputCard:
    levels = levels_of(book, name)

    def badge(level: str | None) -> Badge | None:
        return badge_of(level=level, levels=levels, kind=book.kind) if level else None

    cut = output.bands.cut if output.bands else {}
    titles = {step.level: step.title for step in levels}
    value = say(output.value, names)
    if output.out_of is not None:
        value += f"（满分 {output.out_of} 分）"
    return OutputCard(
        name=name,
        title=output.title,
        value=value,
        bands_of=say(output.bands.of, names) if output.bands else "",
        bands=tuple(
            BandCell(
                badge_of(level=level, levels=levels, kind=book.kind),
                titles.get(level, ""),
                interval_words(parse_interval(text)),
            )
            for level, text in cut.items()
        ),
        conditions=tuple(
            (say(line.when, names), badge(line.then), line.ask or "", line.clause) for line in output.conditions
        ),
        otherwise=badge(output.otherwise),
        moves=tuple(
            (move.title, _move_words(book, name, move, names), move.clause, book.grade_of(move))
            for move in output.moves
        ),
        article=output.clause,
        grade=book.grade_of(output),
        partial=output.partial,
        withheld=output.withheld,
    )


def _move_words(book: Rulebook, output: str, move, names: Mapping[str, str]) -> str:  # type: ignore[no-untyped-def]
    known = [step.level for step in levels_of(book, output)]
    when = say(move.when, names) if move.when else ""
    by = "、".join(book.clauses[name].title for name in move.by if name in book.clauses)
    verb, target = next(
        (verb, text)
        for verb, text in (("定为", move.set), ("不高于", move.at_most), ("不低于", move.at_least))
        if text is not None
    )
    shown = shown_level(target, levels_of(book, output)) if target in known else say(target, names)
    cause = "，且".join(part for part in (f"有“{by}”" if by else "", when) if part)
    return f"{cause + '：' if cause else ''}{verb} {shown}"


def flat(book: Rulebook, catalogue: Catalogue) -> dict[str, str]:
    """Place → words, for telling two versions apart."""
    names = names_of(book, catalogue)
    found = {
        "名称": book.title,
        "文件": book.source.document,
        "摘要": book.summary,
        "评价期": period_words(book.period),
    }
    found["参评范围"] = say(book.rates.where, names) or "全部"
    for row in clause_rows(book, catalogue):
        found[f"条款 {row.title}"] = "；".join(
            part for part in (row.article, row.text, *(f"{title} {words}" for title, words in row.effects)) if part
        )
    for parameter in book.parameters.values():
        found[f"参数 {parameter.title}"] = f"{plain(parameter.value)}{parameter.unit}"
    for table in book.tables.values():
        for index, line in enumerate(table.rows, 1):
            key = "、".join(plain(key) for key in line.when) or line.interval or str(index)
            found[f"表 {table.title}：{key}"] = plain(line.value) if line.value is not None else say(line.expr, names)
    for reckoning in reckonings(book, catalogue):
        found[f"计算 {reckoning.title}"] = reckoning.how
    for card in output_cards(book, catalogue):
        for cell in card.bands:
            found[f"{card.title} {cell.badge.text}"] = cell.words
        for title, words, _, _ in card.moves:
            found[f"{card.title} {title}"] = words
        if card.value:
            found[f"{card.title} 取值"] = card.value
    for index, point in enumerate(book.open_points, 1):
        found[f"待明确 {index}"] = point
    return found


def plain(value: object) -> str:
    """A parameter or table value as text.

    >>> plain(Decimal("1000")), plain(True)
    ('1000', '是')
    """
    if isinstance(value, bool):
        return "是" if value else "否"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


@dataclass(frozen=True)
class TableView:
    """A lookup table of a book with its headings in Chinese."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], str, Grade, str], ...]
    """Keys, value, grade and article of each row."""
    otherwise: str
    grade: Grade
    article: str


def table_view(book: Rulebook, table: Table, names: Mapping[str, str]) -> TableView:
    """A table of a book for the page."""
    heads = tuple(names.get(key, key) for key in table.keys) or ("区间",)
    known = {step.level: shown_level(step.level, all_levels(book)) for step in all_levels(book)}

    def shown(value: object) -> str:
        text = plain(value)
        return names.get(f"'{text}'") or known.get(text, text)

    rows = []
    for row in table.rows:
        keys = tuple(shown(key) for key in row.when) or (interval_words(parse_interval(row.interval or "(,)")),)
        value = shown(row.value) if row.value is not None else say(row.expr, {**names, "x": "该数"})
        rows.append((keys, value, row.grade or book.grade_of(table), row.clause))
    otherwise = shown(table.otherwise) if table.otherwise is not None else ""
    return TableView(table.title, heads, tuple(rows), otherwise, book.grade_of(table), table.clause)
