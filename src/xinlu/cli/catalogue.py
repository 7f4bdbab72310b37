"""``xinlu catalogue``: what is made from the catalogue in force: templates, schemas, the printed edition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from xinlu.cli._screen import out, standards_folder
from xinlu.gazette.printed import NoFont, printed
from xinlu.intake.template import template
from xinlu.law.catalogue import Catalogue, Item
from xinlu.law.item_schema import item_schema
from xinlu.law.library import load_catalogue
from xinlu.law.organs import load_organs
from xinlu.law.problem import LawError, problem
from xinlu.law.regions import load_regions

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="信息项的标识，如 honour")]
Standards = Annotated[Path | None, typer.Option(help="法规文件夹；默认已发布的法规，没有发布过时为 standards/")]
Target = Annotated[Path | None, typer.Option("--out", "-o", help="写到哪个文件")]


@app.callback()
def catalogue() -> None:
    """信用信息目录：导入模板、JSON Schema、印刷版。"""


@app.command("template")
def make_template(item: Name, target: Target = None, standards: Standards = None) -> None:
    """写出一个信息项的导入模板（XLSX）。"""
    law = load_catalogue(standards_folder(standards))
    wanted = _item(law, item)
    path = target or Path(f"{wanted.item}.xlsx")
    path.write_bytes(template(wanted, law))
    out.print(f"已写出 {wanted.title} 的导入模板：{path}（目录 {law.edition} 版）")


@app.command("schema")
def show_schema(item: Name, target: Target = None, standards: Standards = None) -> None:
    """输出一个信息项的 JSON Schema（2020-12）。"""
    law = load_catalogue(standards_folder(standards))
    text = json.dumps(item_schema(_item(law, item), catalogue=law), ensure_ascii=False, indent=2)
    if target is None:
        typer.echo(text)
    else:
        target.write_text(text + "\n", encoding="utf-8")
        out.print(f"已写出：{target}")


@app.command("print")
def print_edition(target: Target = None, standards: Standards = None) -> None:
    """写出目录的印刷版（PDF）。"""
    folder = standards_folder(standards)
    law = load_catalogue(folder)
    organs = load_organs(folder / "organs.yaml", regions=load_regions(folder / "regions.yaml"))
    path = target or Path(f"catalogue-{law.edition}.pdf")
    try:
        path.write_bytes(printed(law, organs))
    except NoFont as error:
        raise LawError(problem("LAW-314", str(error.args[0]))) from None
    out.print(f"已写出目录 {law.edition} 版的印刷版：{path}（{len(law.items)} 个信息项）")


def _item(law: Catalogue, name: str) -> Item:
    found = law.items.get(name) or next((one for one in law.items.values() if one.title == name), None)
    if found is None:
        raise LawError(problem("LAW-311", f"“{name}”不在信用信息目录（{law.edition} 版）中"))
    return found
