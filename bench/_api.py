"""The interface's part of ``bench intake``: signed batches through a real server, one after another.

``by_interface(rows=50_000, subjects=20_000, wrong=2)`` makes a database with the firms of :mod:`intake`, a client and
an agreement of two persons, starts the server in a process of its own, and sends the same penalties as the files hold,
1,000 a batch. Each row of each receipt is compared with the mistake that was made in it.

Alone: ``python bench/_api.py [--rows N] [--batch N] [--subjects N] [--wrong PERCENT] [--algorithm HMAC-SM3]``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _apart import Clock, Gauge, apart

PATH = "/api/v1/items/administrative_penalty/records"


def main() -> None:
    """Command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rows", type=int, default=20_000)
    words.add_argument("--batch", type=int, default=1000)
    words.add_argument("--subjects", type=int, default=20_000)
    words.add_argument("--wrong", type=int, default=2)
    words.add_argument("--algorithm", default="HMAC-SM3")
    words.add_argument("--prepare", type=Path)
    options = words.parse_args()
    if options.prepare:
        print(json.dumps(prepare(options)))
        return
    said = {name: getattr(options, name) for name in ("rows", "batch", "subjects", "wrong", "algorithm")}
    print(json.dumps(by_interface(**said)))


def by_interface(
    *, rows: int = 50_000, subjects: int = 20_000, wrong: int = 2, batch: int = 1000, algorithm: str = "HMAC-SM3"
) -> dict[str, Any]:
    """Send everything; gives rows and batches a second, how long a batch took, memory of the server, and ``equal``."""
    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "xinlu.settings", "XINLU_DATABASE_URL": "", "XINLU_VAR": folder}
        words = ["--rows", rows, "--subjects", subjects, "--wrong", wrong, "--prepare", folder]
        client = apart(__file__, *[str(word) for word in words])
        options = argparse.Namespace(rows=rows, subjects=subjects, wrong=wrong)
        server, port = serve()
        gauge = Gauge(server.pid)
        try:
            found = send(options, client, port=port, batch=batch, algorithm=algorithm)
        finally:
            gauge.look()
            peak = gauge.stop()
            server.terminate()
            server.wait(30)
    return {"rows": rows, "batch": batch, **found, "rss_gib": round(peak, 3)}


def prepare(options: argparse.Namespace) -> dict[str, Any]:
    """A database with firms, a client and an agreement in force; gives the client's secrets."""
    import intake

    intake.enrol(argparse.Namespace(**{**vars(options), "rows": 1, "file": options.prepare / "one.ndjson"}))
    from xinlu.access.models import Organ, Person
    from xinlu.exchange import agree, clients
    from xinlu.journal.actor import Actor
    from xinlu.ledger.models import Source

    at, office = datetime.now(UTC), Organ.objects.create(code="zj", name="示例厅", kind="province", everywhere=True)
    Organ.objects.filter(code="bench").update(regions=["330100", "330106"])
    two = [Person.objects.create_user(username=name, role="steward", organ=office) for name in ("one", "two")]
    source = Source.objects.select_related("organ").get(code="bench")
    _, made = clients.register(source=source, code="bench", title="bench", actor=Actor.system("bench"), at=at)
    proposed = agree.propose(
        source=source,
        title="bench",
        items=[agree.Wanted("administrative_penalty")],
        purposes=["rating"],
        regions=["330100"],
        valid_from=at.date() - timedelta(days=2),
        valid_until=at.date() + timedelta(days=2),
        daily_limit=10_000_000,
        proposer=two[0],
        at=at,
    )
    agree.approve(proposed, approver=two[1], at=at)
    return {"client": made.client, "secret": made.secret, "key": made.signing_key}


def serve() -> tuple[subprocess.Popen[bytes], int]:
    """The site as it is run: granian, one worker."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    command += ["--log-level", "error", "xinlu.wsgi:application"]
    server = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    for _ in range(600):
        try:
            ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "GET", "/api/v1/items", b"", {})
        except OSError:
            time.sleep(0.1)
        else:
            return server, port
    raise SystemExit("the server does not answer")


def send(
    options: argparse.Namespace, client: dict[str, str], *, port: int, batch: int, algorithm: str
) -> dict[str, Any]:
    """Every batch, over one connection."""
    from xinlu.exchange.signature import sign

    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    form = {"grant_type": "client_credentials", "client_id": client["client"], "client_secret": client["secret"]}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    token = ask(wire, "POST", "/api/v1/oauth/token", urllib.parse.urlencode(form).encode(), kind)["access_token"]
    equal, took, accepted = True, [], 0
    batches = [(json.dumps({"rows": rows}, ensure_ascii=False).encode(), codes) for rows, codes in cut(options, batch)]
    whole = Clock()
    for number, (body, codes) in enumerate(batches):
        signed = sign(
            client["key"],
            method="POST",
            path=PATH,
            body=body,
            at=datetime.now(UTC),
            nonce=f"bench-{number:016d}",
            algorithm=algorithm,
        )
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **signed.headers}
        one = Clock()
        said = ask(wire, "POST", PATH, body, {**headers, "Idempotency-Key": f"bench-{number}"})
        took.append(one.seconds)
        accepted += said["accepted"]
        told = [row.get("code", "") if row["outcome"] == "queried" else "" for row in said["rows"]]
        equal = equal and told == codes
    seconds = whole.seconds
    return {
        "algorithm": algorithm,
        "seconds": round(seconds, 2),
        "batches_a_second": round(len(batches) / seconds, 2),
        "rows_a_second": round(options.rows / seconds),
        "median": round(statistics.median(took), 3),
        "slowest": round(max(took), 3),
        "accepted": accepted,
        "equal": equal,
    }


def cut(options: argparse.Namespace, size: int) -> Iterator[tuple[list[dict[str, str]], list[str]]]:
    """The penalties of the files in batches, each with the codes that its rows must be queried with."""
    import intake

    rows: list[dict[str, str]] = []
    codes: list[str] = []
    for row, code in intake.rows_of(options):
        rows.append(row)
        codes.append(code)
        if len(rows) == size:
            yield rows, codes
            rows, codes = [], []
    if rows:
        yield rows, codes


def ask(wire: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
    """One request; the JSON of its answer."""
    wire.request(method, path, body, headers)
    return json.loads(wire.getresponse().read())


if __name__ == "__main__":
    main()
