"""Write the tables of the catalogue in ``docs/glossary.md`` anew, below the marker; the words above stay.

Run after adding an item, kind or relation: ``python scripts/list_catalogue.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xinlu.law.catalogue import Catalogue
from xinlu.law.library import load_catalogue

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
MARKER = "<!-- Below: written by scripts/list_catalogue.py from standards/catalogue. -->\n"


def table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """One section with one table."""
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def tables(catalogue: Catalogue) -> str:
    """All tables, in a fixed order."""
    kinds = [(f"`{k.kind}`", k.title, ", ".join(f"`{i}`" for i in k.identifiers)) for k in catalogue.kinds.values()]
    relations = [
        (f"`{r.relation}`", f"{r.title} / {r.inverse}", f"{', '.join(r.from_kinds)} → {', '.join(r.to_kinds)}")
        for r in catalogue.relations.values()
    ]
    items = [
        (f"`{i.item}`", i.title, i.source.document, i.source.grade.value)
        for i in sorted(catalogue.items.values(), key=lambda i: i.item)
    ]
    sections = [
        table("Kinds of subject", ("identifier", "Chinese", "identified by"), kinds),
        table("Relations", ("identifier", "Chinese (and read from the other end)", "joins"), relations),
        table("Items", ("identifier", "Chinese", "source", "grade"), items),
    ]
    for name in ("sectors", "penalty_kinds", "national_classes"):
        codes = catalogue.code_lists[name]
        rows = [(f"`{code}`", title) for code, title in codes.values.items()]
        sections.append(table(f"Codes: `{name}` {codes.title}", ("code", "Chinese"), rows))
    return "\n".join(sections)


def renewed(text: str, catalogue: Catalogue) -> str:
    """The glossary with its tables as the catalogue has them now."""
    return text.partition(MARKER)[0] + MARKER + "\n" + tables(catalogue)


def main() -> None:
    """Write the file."""
    catalogue = load_catalogue(ROOT / "standards")
    GLOSSARY.write_text(renewed(GLOSSARY.read_text(encoding="utf-8"), catalogue), encoding="utf-8")


if __name__ == "__main__":
    main()
