"""What all tests share: profiles, browsers, and things made once for all workers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent

# Playwright's synchronous calls run an event loop, in which Django would refuse its database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

settings.register_profile(
    "quick",
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "long",
    max_examples=200,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def populations(request: pytest.FixtureRequest) -> int:
    """How many generated populations a test of a book draws: 10, in the long profile 200."""
    profile = request.config.getoption("--hypothesis-profile")
    return int(settings.get_profile(profile or "quick").max_examples)


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a folder once for all workers: ``made_once("province", build)``.

    ``build`` fills the folder that it is given; other workers wait for it and
    get the same folder, which nobody may change afterwards.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def make(name: str, build: Callable[[Path], None]) -> Path:
        import fasteners

        folder = shared / f"once-{name}"
        with fasteners.InterProcessLock(shared / f"once-{name}.lock"):
            if not folder.is_dir():
                draft = shared / f"draft-{name}"
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir()
                build(draft)
                draft.rename(folder)
        return folder

    return make


# --- browsers ---------------------------------------------------------------

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_BROWSER = "no Chromium on this machine"
HOW_TO_GET_ONE = (
    "To run the browser tests: apt-get install chromium fonts-noto-cjk (Debian), or\n"
    ".venv/bin/playwright install --with-deps chromium, or set XINLU_CHROMIUM to a program."
)


def chromium_program() -> str | None:
    """Return a Chromium on this machine: named, installed, or Playwright's own."""
    named = os.environ.get("XINLU_CHROMIUM")
    if named:
        return named
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    for pattern in ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/**/Chromium"):
        home = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", str(Path.home() / ".cache/ms-playwright"))
        for path in sorted(Path(home).glob(pattern), reverse=True):
            return str(path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark generated tests; leave out browser tests where there is no browser."""
    without_browser = chromium_program() is None
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)) or "populations" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.generated)
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if without_browser and item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what generated tests reached, and say loudly what was left out, why, and how to get a browser."""
    _print_tables(terminalreporter)
    left_out: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        left_out.setdefault(str(reason).removeprefix("Skipped: "), []).append(report.nodeid)
    if not left_out:
        return
    count = sum(len(names) for names in left_out.values())
    terminalreporter.section(f"LEFT OUT: {count} tests", sep="!", red=True, bold=True)
    for reason, names in sorted(left_out.items()):
        terminalreporter.line(f"{reason}:", bold=True)
        for name in sorted(names):
            terminalreporter.line(f"  {name}")
    if NO_BROWSER in left_out:
        terminalreporter.line(HOW_TO_GET_ONE, red=True)
    terminalreporter.section("all other tests did run", sep="!", red=True)


TABLES = {"coverage": "what generated populations reached", "mutants": "changes of the law that were noticed"}
"""Properties of tests that are printed as lines of one table."""


def _print_tables(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    properties = [one for report in reports for one in getattr(report, "user_properties", ())]
    for name, title in TABLES.items():
        lines = sorted(str(value) for key, value in properties if key == name)
        if lines:
            terminalreporter.section(title)
            terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    program = chromium_program()
    assert program, "left out at collection"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The sandbox cannot be had by root, as in a container.
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"] if root else [])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page as a Chinese official has it; errors on it fail the test."""
    context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1366, "height": 768})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: _note(troubles, message))
    yield page
    context.close()
    assert not troubles, f"the browser complained: {troubles}"


def _note(troubles: list[str], message: Any) -> None:
    """Keep script errors and refusals of the security policy, not failed answers (4xx)."""
    if message.type == "error" and "Failed to load resource" not in message.text:
        troubles.append(message.text)


@pytest.fixture(scope="session")
def axe_script() -> str:
    """The accessibility checker, to be run inside a page."""
    script = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is not built: python3 dev.py assets (needs a network)")
    return script.read_text(encoding="utf-8")


@pytest.fixture
def axe(axe_script: str) -> Callable[[Page], list[str]]:
    """Check a page: ``assert axe(page) == []``; each finding is a sentence.

    Rules: WCAG 2.2 A and AA, and best practices.
    """

    def check(page: Page) -> list[str]:
        page.evaluate(axe_script)
        found = page.evaluate("async () => (await axe.run(document)).violations")
        return [
            f"{rule['id']}: {rule['help']} – {', '.join(str(n['target']) for n in rule['nodes'])}" for rule in found
        ]

    return check
