"""Benchmark of the pages: how long the server takes for each of them, as the public, a county and the province.

``python3 dev.py bench pages [--var FOLDER] [--times 20] [--scale 0.05]``

Runs over a built demo: the folder named, else that of ``XINLU_VAR`` or of the checkout; where none is built, a
small one is made for the occasion. Each kind of page is asked for several subjects, books or words in turn, once
without counting and then ``--times`` times; ``first`` is the slowest of the uncounted requests, which fill caches.
``ratio`` is the slowest page's 95th percentile ÷ 0.3 s; ``equal`` says that every page answered 200.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BOUND = 0.3
ASKERS = (("public", ""), ("county", "demo-county"), ("province", "demo-data"))
VARIANTS = 8
"""Different addresses of one kind of page."""


def main() -> None:
    """Find or build a demo, then measure it."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--var", type=Path, help="folder of a built demo")
    words.add_argument("--times", type=int, default=20, help="counted requests of each page and asker")
    words.add_argument("--scale", type=float, default=0.05, help="of the demo that is built when there is none")
    options = words.parse_args()
    with demo_folder(options.var, options.scale) as folder:
        os.environ["XINLU_VAR"] = str(folder)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xinlu.settings")
        measure(folder, options.times)


@contextmanager
def demo_folder(named: Path | None, scale: float) -> Iterator[Path]:
    """A folder with a built demo."""
    known = [named, Path(os.environ["XINLU_VAR"]) if "XINLU_VAR" in os.environ else None]
    known.append(Path(__file__).resolve().parent.parent / "var")
    for folder in known:
        if folder is not None and (folder / "demo" / "built.json").is_file():
            yield folder.resolve()
            return
    if named is not None:
        raise SystemExit(f"no built demo in {named}")
    with tempfile.TemporaryDirectory() as made:
        env = {**os.environ, "XINLU_VAR": made, "DJANGO_SETTINGS_MODULE": "xinlu.settings"}
        print(f"no demo is built here: building one of scale {scale}", flush=True)
        for command in (["django", "migrate", "-v0"], ["xinlu", "demo", "--scale", str(scale)]):
            subprocess.run([sys.executable, "-m", *command], env=env, check=True, stdout=subprocess.DEVNULL)
        yield Path(made)


def measure(folder: Path, times: int) -> None:
    """Ask, print the table, and the figures as one JSON object."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    if not (Path(settings.STATIC_ROOT) / "staticfiles.json").is_file():
        call_command("collectstatic", interactive=False, verbosity=0)
    told = json.loads((folder / "demo" / "built.json").read_text(encoding="utf-8"))
    print(f"demo of scale {told['scale']}; {times} counted requests of each page and asker\n")
    print(f"{'page':<14}{'asker':<10}{'median ms':>11}{'p95 ms':>9}{'most ms':>9}{'first ms':>10}{'KiB':>7}")
    started, worst, whole = time.perf_counter(), 0.0, True
    for asker, username in ASKERS:
        client = signed_in(username)
        for page, addresses in pages(asker).items():
            warming = [ask(client, address) for address in addresses]
            first = max(answer[0] for answer in warming)
            answers = [ask(client, addresses[turn % len(addresses)]) for turn in range(times)]
            seconds = sorted(answer[0] for answer in answers)
            whole &= all(answer[1] == 200 for answer in (*warming, *answers))
            p95 = seconds[max(0, -(-len(seconds) * 95 // 100) - 1)]
            worst = max(worst, p95)
            size = max(answer[2] for answer in answers) / 1024
            row = (seconds[len(seconds) // 2], p95, seconds[-1], first)
            told_row = "".join(f"{one * 1000:>{width}.0f}" for one, width in zip(row, (11, 9, 9, 10), strict=True))
            print(f"{page:<14}{asker:<10}{told_row}{size:>7.0f}", flush=True)
        client.logout()
    figures = {
        "bench": "pages",
        "ratio": round(worst / BOUND, 3),
        "seconds": round(time.perf_counter() - started, 1),
        "rss_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024, 3),
        "equal": whole,
        "p95_seconds": round(worst, 4),
        "scale": told["scale"],
    }
    print(json.dumps(figures))


def signed_in(username: str) -> Any:
    """A client of the site, signed in or not; addressed as an operator would."""
    from django.test import Client

    from xinlu.access.models import Person

    client = Client(SERVER_NAME="localhost", HTTP_ACCEPT_ENCODING="gzip")
    if username:
        client.force_login(Person.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend")
    return client


def ask(client: Any, address: str) -> tuple[float, int, int]:
    """Seconds, status and bytes sent of one request."""
    began = time.perf_counter()
    answer = client.get(address)
    size = len(answer.content)
    return time.perf_counter() - began, answer.status_code, size


def pages(asker: str) -> dict[str, list[str]]:
    """Kind of page → addresses, spread evenly over what the asker may see."""
    from django.utils.http import urlencode

    from xinlu.access.models import Person
    from xinlu.access.scope import Scope
    from xinlu.gazette.current import library
    from xinlu.ledger import queries as ledger
    from xinlu.registry import queries as registry
    from xinlu.web.moments import today

    username = dict(ASKERS)[asker]
    scope = Scope.of(Person.objects.get(username=username)) if username else Scope.public()
    books = [(book.rulebook, book.version) for versions in library().rulebooks.values() for book in versions]
    firms = spread(registry.subjects(scope, kind="enterprise"))
    words = ["示例", "路", "建设", "sl", "运输有限公司", "没有这样的名字", *(firm.name for firm in firms[:2])]
    rated: list[Any] = []
    for book in sorted(library().rulebooks):
        standings = ledger.standings(scope, on=today(), book=book).exclude(run="")
        rated += spread(standings.filter(subject__in=registry.subjects(scope)), 1)
    found = {
        "home": ["/"],
        "search": ["/?" + urlencode({"q": word}) for word in words],
        "dossier": [f"/subject/{firm.pk}/" for firm in firms],
        "dossier tab": [
            f"/subject/{firm.pk}/?tab={tab}" for firm in firms[:3] for tab in ("rating", "bad", "relation")
        ],
        "standing": [f"/subject/{one.subject_id}/standing/{one.pk}/" for one in rated],
        "rulebooks": ["/rulebooks/"],
        "rulebook": [f"/rulebooks/{book}/{version}/" for book, version in books],
        "overview": ["/overview/", *(f"/overview/?book={one.book}&metric=top" for one in rated[:VARIANTS])],
        "sign-in": ["/sign-in/"] if asker == "public" else [],
    }
    if asker != "public":
        handed = spread(ledger.deliveries(scope))
        found["deliveries"] = ["/deliveries/"]
        found["delivery"] = [f"/deliveries/{one.pk}/" for one in handed]
        found["upload"] = ["/deliveries/upload/"]
    return {page: addresses for page, addresses in found.items() if addresses}


def spread(rows: Any, wanted: int = VARIANTS) -> list[Any]:
    """``wanted`` rows of a query at even distances."""
    total = rows.count()
    return [rows[total * place // wanted] for place in range(min(wanted, total))]


if __name__ == "__main__":
    main()
