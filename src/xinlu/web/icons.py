"""The icons and glyphs of the pages, drawn for this project."""
# ruff: noqa: E501 - a drawing is one line

from __future__ import annotations

# Drawn for a 24 × 24 box, strokes of 1.75.
ICONS = {
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>',
    "print": '<path d="M7 8V3.5h10V8M7 17H4V9.5A1.5 1.5 0 0 1 5.5 8h13A1.5 1.5 0 0 1 20 9.5V17h-3"/><path d="M7 14h10v6.5H7z"/>',
    "upload": '<path d="M12 15.5V4M7.5 8 12 3.5 16.5 8M4 15v4a1.5 1.5 0 0 0 1.5 1.5h13A1.5 1.5 0 0 0 20 19v-4"/>',
    "download": '<path d="M12 3.5V15m-4.5-4 4.5 4.5 4.5-4.5M4 16v3a1.5 1.5 0 0 0 1.5 1.5h13A1.5 1.5 0 0 0 20 19v-3"/>',
    "info": '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 7.6v.3"/>',
    "warn": '<path d="M12 4 2.8 20h18.4z"/><path d="M12 10v4.5M12 17.2v.3"/>',
    "check": '<path d="m4.5 12.5 5 5 10-11"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "next": '<path d="m9.5 5.5 6.5 6.5-6.5 6.5"/>',
    "back": '<path d="M14.5 5.5 8 12l6.5 6.5"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5.3l3.4 2"/>',
    "play": '<circle cx="12" cy="12" r="8.5"/><path d="M10 8.5v7l5.5-3.5z"/>',
    "undo": '<path d="M8 5 4 9l4 4"/><path d="M4.5 9H14a5.5 5.5 0 0 1 0 11H9"/>',
    "edit": '<path d="M4 20h4L19.5 8.5l-4-4L4 16z"/>',
    "eye": '<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="3"/>',
    "lock": '<rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.5V7a4 4 0 0 1 8 0v3.5"/>',
    "book": '<path d="M12 6.5C9.5 4.5 6.5 4 3.5 4v14.5c3 0 6 .5 8.5 2.5 2.5-2 5.5-2.5 8.5-2.5V4c-3 0-6 .5-8.5 2.5zM12 6.5V21"/>',
    "chart": '<path d="M4 20.5h17M6.5 17v-6M11.5 17V5M16.5 17V9"/>',
    "inbox": '<path d="M3.5 13 6 5h12l2.5 8v6a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1z"/><path d="M3.5 13.5H9a3 3 0 0 0 6 0h5.5"/>',
    "person": '<circle cx="12" cy="8" r="4"/><path d="M4 20.5c.6-4 3.8-6 8-6s7.4 2 8 6"/>',
    "parts": '<rect x="4" y="4" width="7" height="7" rx="1"/><rect x="13.5" y="4" width="7" height="7" rx="1"/><rect x="4" y="13.5" width="7" height="7" rx="1"/><path d="M17 13.5v7M13.5 17h7"/>',
    "empty": '<path d="M6 3.5h8.5L19 8v12.5H6z"/><path d="M14 3.5V8.5h5M9 13h7M9 16.5h4.5"/>',
    "star": '<path d="m12 3 2.7 5.9 6.3.7-4.7 4.3 1.3 6.3L12 17l-5.6 3.2 1.3-6.3L3 9.6l6.3-.7z"/>',
    "pause": '<path d="M8.5 6v12M15.5 6v12"/>',
    "link": '<path d="M10 14.5 14.5 10M8 11l-2.5 2.5a3.9 3.9 0 0 0 5.5 5.5L13.5 16.5M16 13l2.5-2.5A3.9 3.9 0 0 0 13 5L10.5 7.5"/>',
}

GLYPHS = {
    "disc": '<circle cx="6" cy="6" r="5.5"/>',
    "triangle": '<path d="M6 .8 11.7 11H.3z"/>',
    "diamond": '<path d="m6 .2 5.8 5.8L6 11.8.2 6z"/>',
    "square": '<path d="M1 1h10v10H1z"/>',
    "ring": '<path fill-rule="evenodd" d="M6 .5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zm0 2a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z"/>',
}
