"""Workbooks made by hand, for what no program would write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KIN = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"


def packed(parts: Mapping[str, bytes], *, comment: bytes = b"") -> bytes:
    """Parts as an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.comment = comment
    return out.getvalue()


def by_hand(
    cells: str,
    *,
    before: str = "",
    behind: str = "",
    prefix: str = "",
    shared: str = "",
    more: Mapping[str, bytes] | None = None,
) -> bytes:
    """A workbook of one sheet: ``cells`` is what stands inside ``sheetData``, ``behind`` what follows it."""
    sheet = f"<worksheet><sheetData>{cells}</sheetData>{behind}</worksheet>"
    if prefix:
        sheet = (
            sheet.replace("</", f"</{prefix}").replace("<", f"<{prefix}").replace(f"<{prefix}/{prefix}", f"</{prefix}")
        )
        sheet = sheet.replace(f"<{prefix}worksheet>", f'<{prefix}worksheet xmlns:{prefix[:-1]}="{MAIN}">')
    sheets = '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
    leads = f'<Relationship Id="rId1" Type="{KIN}/worksheet" Target="worksheets/sheet1.xml"/>'
    parts = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{KIN}">{sheets}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELS}">{leads}</Relationships>',
        "xl/worksheets/sheet1.xml": before + sheet,
    }
    if shared:
        parts["xl/sharedStrings.xml"] = shared
    return packed({**{name: text.encode() for name, text in parts.items()}, **(more or {})})
