"""What a rulebook means: every name resolved, every expression typed, every step in order.

``understand`` is the one door: checker, compiler and oracle all read its :class:`Meaning`, and share nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter

from xinlu.law.catalogue import Catalogue, FieldType, Item
from xinlu.law.catalogue import Field as CatalogueField
from xinlu.law.expression import ExpressionError, Node, parse
from xinlu.law.rulebook import Fold, Output, Rulebook, Source
from xinlu.law.types import (
    COUNT,
    DATE,
    FLAG,
    NULL,
    QUOTIENT_SCALE,
    SUBJECT,
    TEXT,
    Type,
    join,
    number,
    of_decimal,
)
from xinlu.law.typing_rules import Binding, Ref, Surroundings, TypeTrouble, assign_types, certain

Path = tuple[str | int, ...]
Step = tuple[str, str]
"""``('source', id)``, ``('clause', id)``, ``('contest', id)``, ``('fold', id)`` or ``('value', id)``."""


@dataclass(frozen=True, slots=True)
class Misunderstanding:
    """One thing in a book that has no meaning: code, Chinese sentence, path of the key, column in the text."""

    code: str
    sentence: str
    path: Path
    at: int = 0


class Misunderstood(ValueError):
    """A book that cannot be run. ``problems`` lists every misunderstanding."""

    def __init__(self, book: str, problems: Iterable[Misunderstanding]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"{p.code} {'.'.join(map(str, p.path))}: {p.sentence}" for p in self.problems)
        super().__init__(f"{book}\n{lines}")


@dataclass
class Meaning:
    """A book understood.

    ``expressions``: typed tree by path (``('clauses', 'bid', 'minus')``, ``('folds', 'T', 'ratio', 0)``,
    ``('outputs', 'level', 'moves', 0, 'when')``, ``('tables', 'uf', 'rows', 2, 'expr')`` …).
    ``columns``: typed columns of each source, ``per`` folds included. ``units``: attributes or fields of the unit.
    ``order``: steps so that each comes after what it reads. ``facts``: unit names and days that values,
    outputs and limits read, in name order.
    """

    book: Rulebook
    expressions: dict[Path, Node] = field(default_factory=dict)
    columns: dict[str, dict[str, Type]] = field(default_factory=dict)
    aliases: dict[str, dict[str, dict[str, Type]]] = field(default_factory=dict)
    """Source → alias → attribute → type."""
    units: dict[str, Type] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """Chinese titles of the unit's attributes or fields."""
    folds: dict[str, Type] = field(default_factory=dict)
    values: dict[str, Type] = field(default_factory=dict)
    outputs: dict[str, Type] = field(default_factory=dict)
    points: dict[str, Type] = field(default_factory=dict)
    """Clause → type of the signed points of one hit."""
    order: tuple[Step, ...] = ()
    facts: tuple[Ref, ...] = ()
    reads: tuple[str, ...] = ()
    """Ids of other books whose findings are read."""

    def expression(self, *path: str | int) -> Node | None:
        """The typed tree at ``path``, or None where the book has no expression."""
        return self.expressions.get(path)

    def levels_of(self, output: str) -> tuple[str, ...]:
        """Level codes of an output, best first."""
        own = self.book.outputs[output].levels or self.book.levels
        return tuple(level.level for level in own)

    def parent_source(self, source: str) -> str | None:
        """The source that ``parent.`` names speak of, or None; ``unit`` is not a source."""
        reach = self.book.sources[source].unit
        linked = reach.row or reach.parent
        return linked if linked in self.book.sources else None


def understand(book: Rulebook, catalogue: Catalogue, others: Mapping[str, Meaning] | None = None) -> Meaning:
    """The meaning of ``book`` under ``catalogue``; ``others``: meanings of the books that it reads, by id.

    Raises :class:`Misunderstood` with every problem found.
    """
    reader = _Reader(book, catalogue, others or {})
    meaning = reader.read()
    if reader.problems:
        raise Misunderstood(f"{book.rulebook} {book.version}", reader.problems)
    return meaning


def field_type(one: CatalogueField) -> Type:
    """The type of a catalogue field or attribute."""
    base = {
        FieldType.TEXT: TEXT,
        FieldType.CODE: replace(TEXT, codes=one.codes),
        FieldType.DATE: DATE,
        FieldType.YES_NO: FLAG,
        FieldType.LEVEL: Type("level"),
        FieldType.NUMBER: number((one.digits or 18) - one.scale, one.scale),
    }[one.type]
    if one.many:
        return Type("list", of=base, missing=not one.required)
    return base.or_missing(not one.required)


def item_columns(item: Item) -> dict[str, Type]:
    """Columns that a row of ``item`` shows to expressions."""
    columns = {"record": COUNT, "occurred_on": DATE, "effective_from": DATE, "effective_until": DATE.or_missing()}
    for role in item.roles:
        one = SUBJECT.or_missing(not role.required)
        columns[role.name] = Type("list", of=SUBJECT, missing=not role.required) if role.many else one
    columns.update({one.name: field_type(one) for one in item.fields})
    return columns


def finding_columns(meaning: Meaning) -> dict[str, Type]:
    """Columns of a source over the findings of another book."""
    columns = {"other": SUBJECT, "as_of_day": DATE}
    for name, found in meaning.outputs.items():
        columns[name] = found.or_missing()
        columns[f"{name}_status"] = TEXT
    return columns


class _Reader:
    def __init__(self, book: Rulebook, catalogue: Catalogue, others: Mapping[str, Meaning]) -> None:
        self.book = book
        self.catalogue = catalogue
        self.others = others
        self.meaning = Meaning(book)
        self.problems: list[Misunderstanding] = []
        self.levels = tuple(level.level for level in book.levels)
        self.codes = {name: frozenset(codes.values) for name, codes in catalogue.code_lists.items()}
        self.tables: dict[str, tuple[tuple[Type, ...], Type]] = {}
        self.parameters: dict[str, Binding] = {}
        self.unit_names: dict[str, Binding] = {}
        self.enough: frozenset[Ref] = frozenset()

    # ── problems ────────────────────────────────────────────────────────────────────────────────

    def wrong(self, code: str, sentence: str, *path: str | int, at: int = 0) -> None:
        self.problems.append(Misunderstanding(code, sentence, path, at))

    def typed(
        self,
        text: str,
        path: Path,
        names: Mapping[str, Binding],
        *kinds: str,
        missing: bool = False,
        sure: frozenset[Ref] = frozenset(),
        levels: tuple[str, ...] | None = None,
    ) -> Node | None:
        """Parse, type and keep one expression; a problem is noted and None returned.

        ``kinds``: allowed kinds (any when empty); ``missing``: whether the result may be absent."""
        around = Surroundings(names, self.tables, self.codes, self.levels if levels is None else levels)
        try:
            node = assign_types(parse(text), around, sure=sure)
        except ExpressionError as error:
            self.wrong("LAW-100", str(error), *path, at=error.at)
            return None
        except TypeTrouble as error:
            self.wrong(error.code, str(error), *path, at=error.at)
            return None
        found = node.type
        assert isinstance(found, Type)
        if kinds and found.kind not in kinds and found.kind != "null":
            self.wrong("LAW-102", f"“{text}”应得出{'、'.join(_WANTED[k] for k in kinds)}", *path)
            return None
        if found.missing and not missing:
            self.wrong("LAW-103", f"“{text}”可能缺失，这里不允许缺失，请用 coalesce() 等说明缺失时怎么办", *path)
            return None
        self.meaning.expressions[path] = node
        return node

    # ── the whole book ──────────────────────────────────────────────────────────────────────────

    def read(self) -> Meaning:
        self.read_parameters()
        self.read_tables()
        if not self.read_unit():
            return self.meaning
        try:
            order = self.sorted_steps()
        except CycleError as error:
            names = " → ".join(f"{kind}:{name}" for kind, name in error.args[1])
            self.wrong("LAW-110", f"循环引用：{names}", "rulebook")
            return self.meaning
        self.meaning.order = order
        read = {
            "source": self.read_source,
            "clause": self.read_clause,
            "contest": self.read_contest,
            "fold": self.read_fold,
            "value": self.read_value,
        }
        for kind, name in order:
            read[kind](name)
        self.read_rated_when()
        for name in self.book.outputs:
            self.read_output(name)
        self.meaning.facts = self.facts()
        return self.meaning

    def read_parameters(self) -> None:
        for name, parameter in self.book.parameters.items():
            self.parameters[name] = Binding(Ref("param", name), _constant_type(parameter.value))

    def read_tables(self) -> None:
        for name, table in self.book.tables.items():
            values: list[Type] = []
            for index, row in enumerate(table.rows):
                if row.expr is not None:
                    names = {**self.parameters, "x": Binding(Ref("x", "x"), number(18, 12))}
                    node = self.typed(row.expr, ("tables", name, "rows", index, "expr"), names, "number", missing=True)
                    values.append(_type_of(node) if node else NULL)
                elif row.value is not None:
                    values.append(_constant_type(row.value))
            if table.otherwise is not None:
                values.append(_constant_type(table.otherwise))
            keys: tuple[Type, ...] = (number(18, 12),)
            if table.by == "keys":
                columns = zip(*(row.when for row in table.rows), strict=False)
                keys = tuple(_joined([_constant_type(value) for value in column]) for column in columns)
            found = _joined(values)
            self.tables[name] = (keys, found.or_missing(table.otherwise is None))

    def read_unit(self) -> bool:
        rates = self.book.rates
        if (rates.subject is None) == (rates.record is None):
            self.wrong("LAW-111", "rates 要在 subject 与 record 中选一个", "rates")
            return False
        if rates.subject is not None:
            kind = self.catalogue.kinds.get(rates.subject)
            if kind is None:
                self.wrong("LAW-112", f"信用信息目录中没有主体类别“{rates.subject}”", "rates", "subject")
                return False
            self.meaning.units = {"region": TEXT.or_missing(), "name": TEXT.or_missing()}
            self.meaning.units |= {one.name: field_type(one) for one in kind.attributes}
            self.meaning.titles = {one.name: one.title for one in kind.attributes}
        else:
            item = self.catalogue.items.get(str(rates.record))
            if item is None:
                self.wrong("LAW-112", f"信用信息目录中没有信息项“{rates.record}”", "rates", "record")
                return False
            self.meaning.units = item_columns(item)
            self.meaning.titles = {role.name: role.title for role in item.roles}
            self.meaning.titles |= {one.name: one.title for one in item.fields}
        for name, found in self.meaning.units.items():
            self.unit_names[name] = Binding(Ref("unit", name), found)
        self.read_unit_expressions()
        return True

    def read_unit_expressions(self) -> None:
        names = {**self.unit_scope(), **_days(with_period=False)}
        if self.book.rates.where is not None:
            self.typed(self.book.rates.where, ("rates", "where"), names, "flag")
        self.typed(self.book.governed_by, ("governed_by",), names, "date")
        period = self.book.period
        if period is None:
            return
        chosen = [k for k in ("calendar_year", "rolling", "anniversary", "since") if getattr(period, k) is not None]
        if len(chosen) != 1:
            self.wrong("LAW-111", "period 要给且只给一种规则", "period")
        if period.anniversary is not None:
            self.typed(period.of or "null", ("period", "of"), names, "date", missing=True)
        if period.since is not None:
            self.typed(period.since, ("period", "since"), names, "date", missing=True)

    # ── scopes ──────────────────────────────────────────────────────────────────────────────────

    def unit_scope(self) -> dict[str, Binding]:
        """Names of unit expressions before folds and values."""
        names = dict(self.parameters)
        for name, binding in self.unit_names.items():
            names[name] = binding
            names[f"unit.{name}"] = binding
        if self.book.rates.subject is not None:
            names["unit"] = Binding(Ref("unit", "unit"), SUBJECT)
        return names | self.days()

    def days(self) -> dict[str, Binding]:
        return _days(with_period=self.book.period is not None)

    def computed_scope(self) -> dict[str, Binding]:
        """Names of unit expressions: attributes, folds and values read so far, parameters, days."""
        names = self.unit_scope()
        names |= {name: Binding(Ref("fold", name), found) for name, found in self.meaning.folds.items()}
        names |= {name: Binding(Ref("value", name), found) for name, found in self.meaning.values.items()}
        return names

    def row_scope(self, source: str) -> dict[str, Binding]:
        """Names of row expressions over ``source``."""
        names = dict(self.parameters) | self.days()
        for name, binding in self.unit_names.items():
            names[f"unit.{name}"] = binding
        if self.book.rates.subject is not None:
            names["unit"] = Binding(Ref("unit", "unit"), SUBJECT)
        for alias, attributes in self.meaning.aliases.get(source, {}).items():
            for name, found in attributes.items():
                names[f"{alias}.{name}"] = Binding(Ref("attr", name, alias), found)
        parent = self.meaning.parent_source(source)
        if parent is not None:
            for name, found in self.meaning.columns.get(parent, {}).items():
                names[f"parent.{name}"] = Binding(Ref("parent", name, "parent"), found)
        names |= {name: Binding(Ref("row", name), found) for name, found in self.meaning.columns[source].items()}
        return names

    # ── sources ─────────────────────────────────────────────────────────────────────────────────

    def read_source(self, name: str) -> None:
        source = self.book.sources[name]
        columns = self.source_columns(name, source)
        if columns is None:
            self.meaning.columns[name] = {}
            return
        self.meaning.columns[name] = columns
        self.read_reach(name, source)
        self.meaning.aliases[name] = self.read_attributes(name, source)
        names = self.row_scope(name)
        path: Path = ("sources", name)
        if source.unit.at is not None:
            self.typed(source.unit.at, (*path, "unit", "at"), names, "date")
        if source.on is not None:
            self.typed(source.on, (*path, "on"), self.unit_scope(), "date")
        else:
            self.typed(self.date_text(source), (*path, "date"), names, "date")
        for alias, attributes in source.attributes.items():
            self.typed(attributes.at, (*path, "attributes", alias, "at"), names, "date")
        sure: frozenset[Ref] = frozenset()
        if source.where is not None:
            node = self.typed(source.where, (*path, "where"), names, "flag")
            sure = certain(node, True) if node else sure
        for index, exclude in enumerate(source.exclude):
            self.typed(exclude.when, (*path, "exclude", index, "when"), names, "flag", sure=sure)
        for ref in sure:
            if ref.space == "row":
                self.meaning.columns[name][ref.name] = columns[ref.name].sure()

    @staticmethod
    def date_text(source: Source) -> str:
        """The date expression of a source, with the default of its kind."""
        if source.date != "occurred_on":
            return source.date
        if source.relation is not None:
            return "valid_from"
        return "as_of_day" if source.findings is not None else "occurred_on"

    def source_columns(self, name: str, source: Source) -> dict[str, Type] | None:
        if sum(one is not None for one in (source.item, source.findings)) > 1:
            self.wrong("LAW-111", "来源要在 item、relation、findings 中选一个", "sources", name)
            return None
        if source.item is not None:
            item = self.catalogue.items.get(source.item)
            if item is None:
                self.wrong("LAW-112", f"信用信息目录中没有信息项“{source.item}”", "sources", name, "item")
                return None
            columns = item_columns(item)
            if source.each is not None:
                listed = columns.get(source.each)
                if listed is None or listed.kind != "list" or listed.of is None:
                    self.wrong("LAW-112", f"“{source.each}”不是多值字段", "sources", name, "each")
                else:
                    columns[source.each] = listed.of
            return columns
        if source.findings is not None:
            other = self.others.get(source.findings)
            if other is None:
                self.wrong("LAW-113", f"没有评价办法“{source.findings}”可引用", "sources", name, "findings")
                return None
            if source.findings not in self.meaning.reads:
                self.meaning.reads = (*self.meaning.reads, source.findings)
            return finding_columns(other)
        if source.relation is not None:
            return {"other": SUBJECT, "valid_from": DATE, "valid_until": DATE.or_missing()}
        self.wrong("LAW-111", "来源要在 item、relation、findings 中选一个", "sources", name)
        return None

    def read_reach(self, name: str, source: Source) -> None:
        reach, path = source.unit, ("sources", name, "unit")
        relation = source.relation or reach.relation
        if relation is not None:
            if relation not in self.catalogue.relations:
                self.wrong("LAW-112", f"信用信息目录中没有关系“{relation}”", *path, "relation")
            if reach.unit_end is None:
                self.wrong("LAW-111", "经由关系时要写明评价单元在哪一端（unit_end）", *path)
        item = self.catalogue.items.get(source.item or "")
        if item is not None and reach.role is not None and item.role(reach.role) is None:
            self.wrong("LAW-112", f"信息项“{item.title}”没有角色“{reach.role}”", *path, "role")
        linked = reach.row or (reach.parent if reach.parent != "unit" else None)
        if linked is not None and linked not in self.book.sources:
            self.wrong("LAW-112", f"没有名为“{linked}”的来源", *path)
        columns = self.meaning.columns.get(reach.row or "", {})
        if reach.row is not None and reach.column not in columns:
            self.wrong("LAW-112", f"来源“{reach.row}”没有列“{reach.column}”", *path, "column")
        elif reach.row is not None and columns[str(reach.column)].kind != SUBJECT.kind:
            self.wrong("LAW-431", f"“{reach.column}”不是主体，不能据以找到行", *path, "column")
        if (several := self.fans(name, frozenset())) > _FANS:
            self.wrong("LAW-431", f"每个评价单元经 {several} 重一对多才到这里的行，至多 {_FANS} 重", *path)
        if reach.unit_role is not None and reach.unit_role not in self.meaning.units:
            self.wrong("LAW-112", f"评价单元没有角色“{reach.unit_role}”", *path, "unit_role")

    def fans(self, name: str, above: frozenset[str]) -> int:
        """How many times one unit may become several on the way to the rows of a source, its own rows left out:
        through a relation, through the rows of another source, through several values of a role or field."""
        source = self.book.sources.get(name)
        if source is None or name in above:
            return 0
        reach = source.unit
        own = (source.relation is not None or reach.relation is not None) + (source.each is not None)
        if reach.row is not None:
            return own + 1 + self.fans(reach.row, above | {name})
        if reach.parent is not None and reach.parent != "unit":
            return own + self.fans(reach.parent, above | {name})
        return own

    def read_attributes(self, name: str, source: Source) -> dict[str, dict[str, Type]]:
        found: dict[str, dict[str, Type]] = {}
        for alias, attributes in source.attributes.items():
            kind = self.catalogue.kinds.get(attributes.kind)
            if kind is None:
                self.wrong("LAW-112", f"没有主体类别“{attributes.kind}”", "sources", name, "attributes", alias, "kind")
                continue
            columns = {"region": TEXT.or_missing(), "name": TEXT.or_missing()}
            columns |= {one.name: field_type(one).or_missing() for one in kind.attributes}
            found[alias] = columns
        return found

    # ── clauses and contests ────────────────────────────────────────────────────────────────────

    def read_clause(self, name: str) -> None:
        clause = self.book.clauses[name]
        path: Path = ("clauses", name)
        if clause.hits not in self.meaning.columns:
            self.wrong("LAW-112", f"没有名为“{clause.hits}”的来源", *path, "hits")
            return
        names = self.row_scope(clause.hits)
        source = self.book.sources[clause.hits]
        if clause.code is not None and source.code_field is None:
            self.wrong("LAW-111", f"来源“{clause.hits}”没有 code_field，条款不能用 code", *path, "code")
        sure: frozenset[Ref] = frozenset()
        if clause.when is not None:
            node = self.typed(clause.when, (*path, "when"), names, "flag")
            sure = certain(node, True) if node else sure
        if clause.minus is not None and clause.plus is not None:
            self.wrong("LAW-111", "minus 与 plus 只能写一个", *path)
        found = number(1, 0)
        for key in ("minus", "plus", "per"):
            text = getattr(clause, key)
            if text is None:
                continue
            node = self.typed(text, (*path, key), names, "number", sure=sure)
            if node is not None:
                one = _type_of(node)
                found = number(found.whole_digits + one.whole_digits, found.scale + one.scale)
        if clause.at_most is not None:
            node = self.typed(clause.at_most, (*path, "at_most"), names, "number", sure=sure)
            if node is not None:
                found = number(found.whole_digits, max(found.scale, _type_of(node).scale))
        self.read_span(name, names, sure)
        self.read_among(name)
        if clause.cap is not None:
            node = self.typed(clause.cap.limit, (*path, "cap", "limit"), self.unit_scope(), "number")
            for column in clause.cap.per:
                self.row_column(clause.hits, column, (*path, "cap", "per"))
        ages = clause.span.ages if clause.span else ()
        weight = _joined([of_decimal(age.weight) for age in ages]) if ages else number(1, 0)
        self.meaning.points[name] = number(found.whole_digits + weight.whole_digits, found.scale + weight.scale)

    def row_column(self, source: str, column: str, path: Path) -> None:
        if column not in {"unit", "record", "parent"} and column not in self.meaning.columns.get(source, {}):
            self.wrong("LAW-101", f"来源“{source}”没有字段“{column}”", *path)

    def read_span(self, name: str, names: Mapping[str, Binding], sure: frozenset[Ref]) -> None:
        clause = self.book.clauses[name]
        if clause.span is None:
            return
        path: Path = ("clauses", name, "span")
        text = clause.span.from_ or self.date_text(self.book.sources[clause.hits])
        self.typed(text, (*path, "from"), names, "date", sure=sure)
        if clause.span.until is not None:
            self.typed(clause.span.until, (*path, "until"), names, "date", missing=True)

    def read_among(self, name: str) -> None:
        clause = self.book.clauses[name]
        for key in ("needs", "lacks"):
            among = getattr(clause, key)
            if among is None:
                continue
            path: Path = ("clauses", name, key)
            if among.source not in self.meaning.columns:
                self.wrong("LAW-112", f"没有名为“{among.source}”的来源", *path, "source")
                continue
            names = self.row_scope(clause.hits)
            for column, found in self.meaning.columns[among.source].items():
                names[f"other.{column}"] = Binding(Ref("other", column, "other"), found)
            self.typed(among.where, (*path, "where"), names, "flag")

    def read_contest(self, name: str) -> None:
        contest = self.book.contests[name]
        for clause in contest.among:
            source = self.book.clauses[clause].hits if clause in self.book.clauses else ""
            for column in contest.same:
                self.row_column(source, column, ("contests", name, "same"))

    # ── folds ───────────────────────────────────────────────────────────────────────────────────

    def read_fold(self, name: str) -> None:
        fold = self.book.folds[name]
        path: Path = ("folds", name)
        given = [key for key in _FOLD_OPERATIONS if getattr(fold, key) not in (None, False)]
        if fold.tally is not None and "distinct" in given:
            given.remove("distinct")
        if len(given) != 1:
            self.wrong("LAW-111", f"折算要给且只给一种运算，现有：{'、'.join(given) or '无'}", *path)
            self.meaning.folds[name] = NULL
            return
        found = self.fold_type(name, fold, given[0])
        if fold.per is not None:
            self.meaning.columns.setdefault(fold.per, {})[name] = found
        else:
            self.meaning.folds[name] = found

    def fold_type(self, name: str, fold: Fold, operation: str) -> Type:
        path: Path = ("folds", name)
        if operation == "sum":
            return self.sum_type(fold.sum or (), path, fold.start, fold.ceiling, fold.floor)
        if operation == "running" and fold.running is not None:
            running = fold.running
            return self.sum_type(running.clauses, (*path, "running"), running.start, running.ceiling, running.floor)
        if operation == "crossings" and fold.at_or_below is not None:
            self.typed(fold.at_or_below, (*path, "at_or_below"), self.unit_scope(), "number")
        if operation == "tally" and fold.distinct is not None:
            self.tallied(fold, path)
        if operation in {"tally", "crossings"}:
            return COUNT
        if fold.over is None or fold.over not in self.meaning.columns:
            self.wrong("LAW-112", f"折算要写明来源（over），没有“{fold.over}”", *path, "over")
            return NULL
        names = self.row_scope(fold.over)
        sure: frozenset[Ref] = frozenset()
        if fold.where is not None:
            node = self.typed(fold.where, (*path, "where"), names, "flag")
            sure = certain(node, True) if node else sure
        if operation == "count":
            return COUNT
        return self.row_fold_type(fold, operation, path, names, sure)

    def tallied(self, fold: Fold, path: Path) -> None:
        """Type what a tally counts different values of; its clauses share one source."""
        sources = {self.book.clauses[one].hits for one in fold.tally or () if one in self.book.clauses}
        if len(sources) != 1:
            self.wrong("LAW-111", "按不同值计数的条款要来自同一来源", *path, "tally")
            return
        names = self.row_scope(sources.pop())
        self.typed(str(fold.distinct), (*path, "distinct"), names, missing=True)

    def row_fold_type(
        self, fold: Fold, operation: str, path: Path, names: Mapping[str, Binding], sure: frozenset[Ref]
    ) -> Type:
        if operation == "ratio" and fold.ratio is not None:
            parts = [
                self.typed(text, (*path, "ratio", index), names, "number", sure=sure, missing=True)
                for index, text in enumerate(fold.ratio)
            ]
            whole = _type_of(parts[0]).whole_digits if parts[0] else 18
            return number(whole + 7, QUOTIENT_SCALE, missing=True)
        kinds: tuple[str, ...] = {"share": ("flag",), "distinct": (), "first": (), "last": ()}.get(
            operation, ("number",)
        )
        if operation in {"min", "max"}:
            kinds = ("number", "date", "level")
        node = self.typed(
            str(getattr(fold, operation)), (*path, operation), names, *kinds, sure=sure, missing=operation != "share"
        )
        found = _type_of(node) if node else NULL
        if fold.weight is not None:
            self.typed(fold.weight, (*path, "weight"), names, "number", sure=sure, missing=True)
        if operation == "distinct":
            return COUNT
        if operation == "share":
            return number(1, QUOTIENT_SCALE, missing=True)
        if operation in {"mean", "worst_weighted"}:
            return number(found.whole_digits, QUOTIENT_SCALE, missing=True)
        if operation == "total":
            return number(found.whole_digits + 7, found.scale, missing=True)
        return found.or_missing()

    def sum_type(
        self, clauses: tuple[str, ...], path: Path, start: str | None, ceiling: str | None, floor: str | None
    ) -> Type:
        found = number(1, 0)
        for clause in clauses:
            if clause not in self.meaning.points:
                self.wrong("LAW-112", f"没有名为“{clause}”的条款", *path)
                continue
            points = self.meaning.points[clause]
            found = number(max(found.whole_digits, points.whole_digits + 7), max(found.scale, points.scale))
        for key, text in (("start", start), ("ceiling", ceiling), ("floor", floor)):
            if text is not None:
                node = self.typed(text, (*path, key), self.unit_scope(), "number")
                if node is not None:
                    one = _type_of(node)
                    found = number(max(found.whole_digits, one.whole_digits), max(found.scale, one.scale))
        return found

    # ── values, rated_when, outputs ─────────────────────────────────────────────────────────────

    def read_value(self, name: str) -> None:
        value = self.book.values[name]
        path: Path = ("values", name)
        names = self.computed_scope()
        found = NULL
        if sum(one is not None for one in (value.is_, value.parts, value.peer)) != 1:
            self.wrong("LAW-111", "数值要在 is、parts、peer 中选一个", *path)
        elif value.is_ is not None:
            node = self.typed(value.is_, (*path, "is"), names, missing=True)
            found = _type_of(node) if node else NULL
        elif value.parts is not None:
            found = self.parts_type(value.parts, path, names)
        elif value.peer is not None:
            found = self.peer_type(name, names)
        if value.round is not None and found.kind == "number":
            found = number(found.whole_digits + 1, value.round, missing=found.missing)
        self.meaning.values[name] = found

    def parts_type(self, parts: Mapping[str, Decimal], path: Path, names: Mapping[str, Binding]) -> Type:
        whole, missing = 1, True
        for part in parts:
            binding = names.get(part)
            if binding is None or binding.type.kind != "number":
                self.wrong("LAW-101", f"没有名为“{part}”的数值", *path, "parts", part)
                continue
            whole = max(whole, binding.type.whole_digits)
            missing = missing and binding.type.missing
        return number(whole + 1, QUOTIENT_SCALE, missing=missing)

    def peer_type(self, name: str, names: Mapping[str, Binding]) -> Type:
        peer = self.book.values[name].peer
        assert peer is not None
        path: Path = ("values", name, "peer")
        node = self.typed(peer.of, (*path, "of"), names, "number", missing=True)
        if peer.among is not None:
            self.typed(peer.among, (*path, "among"), names, "flag")
        for index, text in enumerate(peer.within):
            self.typed(text, (*path, "within", index), names, missing=True)
        whole = _type_of(node).whole_digits if node else 18
        if peer.stat == "rank":
            return COUNT.or_missing()
        if peer.stat == "quantile" and node is not None:
            return _type_of(node).or_missing()
        return number(whole if peer.stat == "mean" else 1, QUOTIENT_SCALE, missing=True)

    def read_rated_when(self) -> None:
        names = self.computed_scope()
        sure: frozenset[Ref] = frozenset()
        for index, rule in enumerate(self.book.rated_when):
            node = self.typed(rule.require, ("rated_when", index, "require"), names, "flag", sure=sure)
            sure = sure | certain(node, True) if node else sure
        self.enough = sure

    def read_output(self, name: str) -> None:
        output = self.book.outputs[name]
        path: Path = ("outputs", name)
        if output.value is not None:
            names = self.computed_scope()
            sure = frozenset() if output.unrated else self.enough
            node = self.typed(output.value, (*path, "value"), names, missing=True, sure=sure)
            found = _type_of(node) if node else NULL
            if output.round is not None and found.kind == "number":
                found = number(found.whole_digits + 1, output.round, missing=found.missing)
            self.meaning.outputs[name] = found.or_missing()
            return
        self.read_level_output(name, output)

    def read_level_output(self, name: str, output: Output) -> None:
        path: Path = ("outputs", name)
        levels = self.meaning.levels_of(name)
        if not levels:
            self.wrong("LAW-105", "等级输出要有等级顺序（levels）", *path)
            return
        self.meaning.outputs[name] = Type("level", levels=levels, missing=True)
        names = self.computed_scope()
        if output.bands is not None:
            self.typed(output.bands.of, (*path, "bands", "of"), names, "number", missing=True, sure=self.enough)
        sure = self.enough
        for index, condition in enumerate(output.conditions):
            node = self.typed(
                condition.when, (*path, "conditions", index, "when"), names, "flag", sure=sure, levels=levels
            )
            sure = sure | certain(node, False) if node else sure
        self.read_moves(name, output, names, levels)
        named = [*(output.bands.cut if output.bands else ()), *(c.then for c in output.conditions), output.otherwise]
        for level in named:
            if level is not None and level not in levels:
                self.wrong("LAW-105", f"等级“{level}”不在等级顺序 {'/'.join(levels)} 中", *path)

    def read_moves(self, name: str, output: Output, names: dict[str, Binding], levels: tuple[str, ...]) -> None:
        names = {**names, "level": Binding(Ref("level", "level"), Type("level", levels=levels, missing=True))}
        for index, move in enumerate(output.moves):
            path: Path = ("outputs", name, "moves", index)
            sure = frozenset() if move.unrated else self.enough
            if move.when is not None:
                node = self.typed(move.when, (*path, "when"), names, "flag", sure=sure, levels=levels)
                sure = sure | certain(node, True) if node else sure
            verbs = [verb for verb in ("set", "at_most", "at_least") if getattr(move, verb) is not None]
            if len(verbs) != 1:
                self.wrong("LAW-111", "调整要在 set、at_most、at_least 中选一个", *path)
                continue
            text = getattr(move, verbs[0])
            quoted = f"coalesce('{text}', level)" if text in levels else text
            node = self.typed(quoted, (*path, verbs[0]), names, missing=True, sure=sure, levels=levels)
            if node is not None and text in levels:
                constant = Node("text", value=text, type=Type("level", levels=levels))
                self.meaning.expressions[(*path, verbs[0])] = constant
            elif node is not None and _type_of(node).kind == "level" and _type_of(node).levels is None:
                typed = replace(node, type=replace(_type_of(node), levels=levels))
                self.meaning.expressions[(*path, verbs[0])] = typed
            elif node is not None and _type_of(node).kind not in {"level", "null"}:
                self.wrong("LAW-105", f"“{text}”不是等级", *path, verbs[0])
            for clause in move.by:
                if clause not in self.book.clauses:
                    self.wrong("LAW-112", f"没有名为“{clause}”的条款", *path, "by")

    def facts(self) -> tuple[Ref, ...]:
        """Unit names and days that unit expressions and ``governed_by`` read; row expressions keep theirs in hits."""
        found: set[Ref] = set()
        for path, node in self.meaning.expressions.items():
            # The day that picks the version is a fact of the unit, unless it is that of the run.
            governed = path[0] == "governed_by" and self.book.governed_by != "as_of"
            if governed or path[0] in {"values", "rated_when", "outputs"}:
                found |= {n.value for n in node.walk() if n.op == "ref" and n.value.space in {"unit", "day"}}  # type: ignore[attr-defined,misc]
        return tuple(sorted(found, key=lambda ref: (ref.space, ref.name)))

    # ── order ───────────────────────────────────────────────────────────────────────────────────

    def sorted_steps(self) -> tuple[Step, ...]:
        """Every step after what it reads, in file order where the law leaves it open. Raises CycleError."""
        needs: dict[Step, set[Step]] = {}
        for kind, names, dependencies in (
            ("source", self.book.sources, self.source_needs),
            ("clause", self.book.clauses, self.clause_needs),
            ("contest", self.book.contests, self.contest_needs),
            ("fold", self.book.folds, self.fold_needs),
            ("value", self.book.values, self.value_needs),
        ):
            for name in names:
                needs[(kind, name)] = dependencies(name)
        known = set(needs)
        sorter = TopologicalSorter({step: wanted & known for step, wanted in needs.items()})
        sorter.prepare()
        position = {step: index for index, step in enumerate(needs)}
        order: list[Step] = []
        while sorter.is_active():
            for step in sorted(sorter.get_ready(), key=lambda one: position[one]):
                order.append(step)
                sorter.done(step)
        return tuple(order)

    def mentioned(self, *texts: str | None) -> set[tuple[str, ...]]:
        """Names in expression texts; text that does not parse mentions nothing (it is reported later)."""
        found: set[tuple[str, ...]] = set()
        for text in texts:
            if text is None:
                continue
            try:
                found |= {node.value for node in parse(text).walk() if node.op == "name"}  # type: ignore[misc]
            except ExpressionError:
                continue
        return found

    def columns_read(self, source: str, *texts: str | None) -> set[Step]:
        """``per`` folds whose column the texts read, on the source itself or on its parent row."""
        found: set[Step] = set()
        parent = self.meaning.parent_source(source) if source in self.book.sources else None
        for name in self.mentioned(*texts):
            fold = self.book.folds.get(name[-1])
            if fold is None or fold.per is None:
                continue
            if (len(name) == 1 and fold.per == source) or (name[0] == "parent" and fold.per == parent):
                found.add(("fold", name[-1]))
        return found

    def source_needs(self, name: str) -> set[Step]:
        source = self.book.sources[name]
        reach = source.unit
        needs: set[Step] = {("source", linked) for linked in (reach.row, reach.parent) if linked and linked != "unit"}
        texts = [source.where, source.date, *(one.when for one in source.exclude)]
        return needs | {step for step in self.columns_read(name, *texts) if self.book.folds[step[1]].per != name}

    def clause_needs(self, name: str) -> set[Step]:
        clause = self.book.clauses[name]
        needs: set[Step] = {("source", clause.hits)}
        for among in (clause.needs, clause.lacks):
            if among is not None:
                needs.add(("source", among.source))
        span = (clause.span.from_, clause.span.until) if clause.span else ()
        return needs | self.columns_read(
            clause.hits, clause.when, clause.minus, clause.plus, clause.per, clause.at_most, *span
        )

    def contest_needs(self, name: str) -> set[Step]:
        return {("clause", clause) for clause in self.book.contests[name].among}

    def settled(self, clauses: Iterable[str]) -> set[Step]:
        """The clauses and every contest in which one of them takes part."""
        chosen = set(clauses)
        needs: set[Step] = {("clause", clause) for clause in chosen}
        return needs | {("contest", n) for n, contest in self.book.contests.items() if chosen & set(contest.among)}

    def fold_needs(self, name: str) -> set[Step]:
        fold = self.book.folds[name]
        clauses = [*(fold.sum or ()), *(fold.tally or ()), *(fold.running.clauses if fold.running else ())]
        needs = self.settled(clauses)
        needs |= {("source", source) for source in (fold.over, fold.per) if source}
        if fold.crossings:
            needs.add(("fold", fold.crossings))
        texts = [fold.where, fold.total, fold.distinct, fold.min, fold.max, fold.mean, fold.weight]
        texts += [fold.worst_weighted, fold.share, fold.first, fold.last, *(fold.ratio or ())]
        return needs | self.columns_read(fold.over or "", *texts)

    def value_needs(self, name: str) -> set[Step]:
        value = self.book.values[name]
        peer = (value.peer.of, value.peer.among, *value.peer.within) if value.peer else ()
        names = {one[0] for one in self.mentioned(value.is_, *peer)} | set(value.parts or ())
        needs: set[Step] = {("fold", one) for one in names if one in self.book.folds}
        return needs | {("value", one) for one in names if one in self.book.values}


_FANS = 3
"""A merger that took over several firms, each with several results, is two; each one more multiplies the rows."""

_FOLD_OPERATIONS = (
    "sum", "total", "count", "distinct", "min", "max", "mean", "worst_weighted", "ratio", "share",
    "first", "last", "running", "tally", "crossings",
)  # fmt: skip

_WANTED = {"number": "数字", "date": "日期", "flag": "是/否", "level": "等级", "text": "文本", "subject": "主体"}


def _days(*, with_period: bool) -> dict[str, Binding]:
    return {
        "as_of": Binding(Ref("day", "as_of"), DATE),
        "period_from": Binding(Ref("day", "period_from"), DATE.or_missing(not with_period)),
        "period_until": Binding(Ref("day", "period_until"), DATE),
    }


def _constant_type(value: Decimal | date | bool | str) -> Type:
    rules: tuple[tuple[type, Callable[..., Type]], ...] = (
        (bool, lambda one: FLAG),
        (Decimal, of_decimal),
        (date, lambda one: DATE),
        (str, lambda one: TEXT),
    )
    return next(rule(value) for kind, rule in rules if isinstance(value, kind))


def _joined(types: Iterable[Type]) -> Type:
    found = NULL
    for one in types:
        found = join(found, one) or found
    return found.sure() if found.kind != "null" else found


def _type_of(node: Node | None) -> Type:
    return node.type if node is not None and isinstance(node.type, Type) else NULL
