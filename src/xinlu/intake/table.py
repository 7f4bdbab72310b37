"""Find the line of column names in a sheet and give the lines below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from xinlu.intake import columns
from xinlu.intake.cells import plain_text
from xinlu.intake.columns import Wanted, plain, spellings
from xinlu.intake.problems import file_problem, refuse
from xinlu.intake.sheet import Limits, Line, Sheet, refuse_wide
from xinlu.intake.template import Mark, read_mark, titles
from xinlu.law.catalogue import Catalogue
from xinlu.law.item_schema import item_digest
from xinlu.law.problem import Problem

HEAD = 5
"""The names of columns stand among the first lines."""


@dataclass(frozen=True)
class Table:
    """Column names and the lines below them."""

    sheet: Sheet
    headers: tuple[str, ...]
    above: int = 0
    """Lines of the sheet down to that of the column names."""
    warnings: tuple[Problem, ...] = ()
    template: Mark | None = None
    """What a template of the catalogue says of itself."""

    @property
    def lines(self) -> Iterator[Line]:
        """The lines below, from the first on."""
        return islice(iter(self.sheet.lines), self.above, None)


def table_of(sheet: Sheet, *, catalogue: Catalogue, limits: Limits) -> Table:
    """The table in a sheet: of the first lines, the one with most known names is that of the columns.

    Raises:
        Refused: F01 no data, F05 too many rows, F09 merged cells from the names of columns on.
    """
    if sheet.headers is not None:
        return _limited(Table(sheet, sheet.headers), limits)
    lines = iter(sheet.lines)
    head = list(islice(lines, HEAD))
    if len(head) < 2:
        raise refuse("F01", "没有数据行", file=sheet.name)
    if (mark := _mark(head[0])) is not None:
        return _limited(_of_template(sheet, mark, head, catalogue), limits)
    known = _known_names(catalogue)
    scores = [sum(plain(plain_text(cell)) in known for cell in cells if cell is not None) for _, cells in head]
    place = scores.index(max(scores))
    number, cells = head[place]
    refuse_wide(len(cells), sheet.name)
    for first, last in sheet.merged:
        if last >= number:
            what = "列名" if first <= number else "数据"
            raise refuse("F09", f"第 {first} 至 {last} 行的{what}有合并单元格", file=sheet.name, line=first)
    if place == len(head) - 1:
        head.extend(islice(lines, 1))
        if place == len(head) - 1:
            raise refuse("F01", "列名之下没有数据行", file=sheet.name)
    warnings = [
        file_problem("F18", f"列名上方的“{_first(above)}”已略过", file=sheet.name, line=n) for n, above in head[:place]
    ]
    return _limited(Table(sheet, tuple(plain_text(cell) for cell in cells), place + 1, tuple(warnings)), limits)


def _mark(line: Line) -> Mark | None:
    """The mark of a template, which stands in the first line."""
    found = (read_mark(cell) for cell in line[1] if isinstance(cell, str))
    return next((one for one in found if one is not None), None)


def _of_template(sheet: Sheet, mark: Mark, head: list[Line], catalogue: Catalogue) -> Table:
    """A filled-in template: the hidden first line names the columns, the second shows their titles."""
    if head[0][0] != 1 or head[1][0] != 2 or len(head) < 3:
        raise refuse("F01", "模板里没有填写数据行", file=sheet.name)
    item = catalogue.items.get(mark.item)
    names = ["" if read_mark(plain_text(cell)) else plain_text(cell) for cell in head[0][1]]
    shown = [plain_text(cell) for cell in head[1][1]]
    refuse_wide(max(len(names), len(shown)), sheet.name)
    headers = titles([*names, *[""] * (len(shown) - len(names))], shown, item, catalogue)
    warnings: tuple[Problem, ...] = ()
    if item is None or item_digest(item, catalogue=catalogue) != mark.digest:
        told = f"模板按 {mark.edition} 版目录制作，现行为 {catalogue.edition} 版，数据项已有变动"
        warnings = (file_problem("F20", told, file=sheet.name),)
    return Table(sheet, headers, 2, warnings, mark)


def wanted_of(table: Table, wanted: Wanted, *, catalogue: Catalogue) -> Wanted:
    """What a file holds: what the sender says, else what its template says.

    Raises:
        Refused: F21, the template of another item.
    """
    mark = table.template
    if mark is None:
        return wanted
    if wanted == Wanted():
        return Wanted(item=mark.item)
    known = catalogue.items.get(mark.item)
    title = known.title if known else mark.item
    if wanted.item not in (mark.item, title):
        raise refuse("F21", f"模板是“{title}”的", file=table.sheet.name)
    return wanted


def _limited(table: Table, limits: Limits) -> Table:
    if sum(1 for _ in islice(table.lines, limits.rows + 1)) > limits.rows:
        raise refuse("F05", f"超过上限 {limits.rows} 行", file=table.sheet.name)
    return table


def _first(cells: Iterable[object]) -> str:
    return next((str(cell)[:30] for cell in cells if cell is not None), "")


_remembered: dict[int, tuple[Catalogue, frozenset[str]]] = {}


def _known_names(catalogue: Catalogue) -> frozenset[str]:
    if (found := _remembered.get(id(catalogue))) is not None and found[0] is catalogue:
        return found[1]
    fields = [one for item in catalogue.items.values() for one in item.fields]
    fields += [one for kind in catalogue.kinds.values() for one in kind.attributes]
    names = {name for one in fields for name in spellings(one)}
    for item in catalogue.items.values():
        for role in item.roles:
            names |= {role.name, role.title, f"role:{role.name}", f"subject:{role.name}"}
    names.update(columns.OPERATION, columns.KIND, columns.RELATION, columns.FROM, columns.TO)
    names.update(columns.VALID_FROM, columns.VALID_UNTIL, columns.NAME, columns.REGION, columns.TYPE_WORDS)
    known = frozenset(plain(name) for name in names)
    _remembered.clear()
    _remembered[id(catalogue)] = (catalogue, known)
    return known
