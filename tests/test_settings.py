"""The settings as an operator meets them: by environment, and by what a browser is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from xinlu.settings import _database, _secret_key

ROOT = Path(__file__).resolve().parent.parent


def told(program: str, **env: str) -> str:
    """Run a line of Python under fresh settings and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"from xinlu import settings as s; {program}"],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_signing_key_is_made_once_and_is_read_by_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XINLU_SECRET_KEY", raising=False)
    first = _secret_key(tmp_path)
    assert len(first) >= 50
    assert _secret_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
    if os.name != "nt":
        assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


def test_a_database_url_becomes_a_postgresql_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINLU_DATABASE_URL", "postgresql://clerk:p%40ss@db.example:5433/credit?sslmode=require")
    made = _database(tmp_path)
    assert made["ENGINE"] == "django.db.backends.postgresql"
    assert (made["USER"], made["PASSWORD"]) == ("clerk", "p@ss")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db.example", "5433", "credit")
    assert made["OPTIONS"] == {"sslmode": "require"}


def test_a_url_of_another_kind_of_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINLU_DATABASE_URL", "mysql://clerk@db.example/credit")
    with pytest.raises(ImproperlyConfigured):
        _database(tmp_path)


def test_without_a_url_the_database_is_a_file_that_readers_and_a_writer_share(tmp_path: Path) -> None:
    program = (
        "import django; from django.conf import settings; settings.configure(DATABASES=s.DATABASES);"
        "django.setup(); from django.db import connection as c; k = c.cursor();"
        "print(c.vendor, *k.execute('pragma journal_mode').fetchone(),"
        "*k.execute('pragma foreign_keys').fetchone())"
    )
    assert told(program, XINLU_VAR=str(tmp_path)) == "sqlite wal 1"


def test_https_turns_on_everything_that_needs_it(tmp_path: Path) -> None:
    program = (
        "print(s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS >= 31536000)"
    )
    assert told(program, XINLU_VAR=str(tmp_path), XINLU_HTTPS="1") == "True True True True"
    assert told(program, XINLU_VAR=str(tmp_path)) == "False False False False"


@pytest.mark.django_db
def test_the_tests_run_on_the_database_that_was_asked_for() -> None:
    asked = "postgresql" if os.environ.get("XINLU_DATABASE_URL") else "sqlite"
    assert connection.vendor == asked


@pytest.mark.django_db
def test_every_answer_carries_the_headers_that_bind_a_browser(client: Client) -> None:
    headers = client.get("/system/login/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_five_wrong_passwords_lock_the_door(client: Client, settings: object) -> None:
    settings.AXES_ENABLED = True  # type: ignore[attr-defined]
    wrong = {"username": "nobody-here", "password": "not this one"}
    answers = [client.post("/system/login/", wrong).status_code for _ in range(6)]
    assert answers[:4] == [200] * 4
    assert answers[-1] == 429


def test_a_day_to_take_for_today_is_a_day_or_refused(tmp_path: Path) -> None:
    assert told("print(s.TODAY)", XINLU_VAR=str(tmp_path)) == "None"
    assert (
        told("print(repr(s.TODAY))", XINLU_VAR=str(tmp_path), XINLU_TODAY="2026-06-30") == "datetime.date(2026, 6, 30)"
    )
    with pytest.raises(subprocess.CalledProcessError):
        told("print(s.TODAY)", XINLU_VAR=str(tmp_path), XINLU_TODAY="30 June")
