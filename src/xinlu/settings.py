"""Django settings: everything that an operator may change comes from the environment.

==========================  ==================================================
``XINLU_VAR``               folder of what a run leaves behind: database,
                            columnar copy, secret key (``var/`` of a checkout,
                            else ``~/.local/share/xinlu``)
``XINLU_DATABASE_URL``      ``postgresql://user:password@host/name``; without
                            it SQLite in ``XINLU_VAR``
``XINLU_SECRET_KEY``        signing key; without it one is made in ``XINLU_VAR``
``XINLU_HOSTS``             host names served, with commas
``XINLU_ORIGINS``           origins trusted for forms behind a proxy, with commas
``XINLU_HTTPS``             ``1``: secure cookies, HSTS, redirect to HTTPS
``XINLU_DEBUG``             ``1``: Django's debug pages; never on a server
``XINLU_STANDARDS``         another folder of law files
``XINLU_PROCESSES``         processes on which a run over the whole population
                            works (one a core)
``XINLU_MEMORY_GIB``        memory for all of them together, in GiB (2)
``XINLU_TODAY``             a day such as ``2026-06-30`` that pages take for
                            today; without it today, on the demo province its
                            own last day
``XINLU_TRIAL_DAYS``        after how many days ``xinlu discard`` lets
                            go of runs that nobody published (90)
``XINLU_CONNECTIONS``       file of the systems that data is pulled from
                            (``connections.yaml`` in ``XINLU_VAR``)
``XINLU_REPORT_FROM``       a day such as ``2026-01-01``: decisions before it
                            were told to the provincial platform elsewhere
                            and are not reported from here
``XINLU_WEB_FONT``          ``1``: pages bring a Chinese font with them, for
                            screens without one (costs about 30 KiB a page and
                            the slices that it needs)
==========================  ==================================================
"""

from __future__ import annotations

import os
import secrets
from datetime import date
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from xinlu import standards_folder, var_folder

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent.parent


def _listed(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _secret_key(folder: Path) -> str:
    """Return the signing key, making it on first use; two starts agree on one."""
    named = os.environ.get("XINLU_SECRET_KEY")
    if named:
        return named
    file = folder / "secret-key"
    if not file.is_file():
        draft = folder / f"secret-key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            os.link(draft, file)  # fails when another start was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text(encoding="ascii")


def _database(folder: Path) -> dict[str, Any]:
    url = os.environ.get("XINLU_DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": folder / "xinlu.sqlite3",
            "OPTIONS": {
                # A writer waits for its turn at BEGIN instead of failing later.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL;"
                    "PRAGMA synchronous=NORMAL;"
                    "PRAGMA temp_store=MEMORY;"
                    "PRAGMA mmap_size=134217728;"
                    "PRAGMA cache_size=-64000;"
                ),
            },
        }
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured("XINLU_DATABASE_URL is not a PostgreSQL URL") from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "xinlu"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": parts,
    }


def _day(name: str) -> date | None:
    named = os.environ.get(name)
    try:
        return date.fromisoformat(named) if named else None
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is no day such as 2026-06-30: {named}") from error


def _days(name: str, default: int) -> int:
    named = os.environ.get(name, str(default))
    if not named.isdecimal():
        raise ImproperlyConfigured(f"{name} is no number of days: {named}")
    return int(named)


def _number(name: str, default: float, *, least: float) -> float:
    """A number from the environment, not below ``least``."""
    named = os.environ.get(name)
    try:
        found = float(named) if named else default
    except ValueError:
        found = least - 1
    if found < least:
        raise ImproperlyConfigured(f"{name} is no number of at least {least:g}: {named}")
    return found


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


VAR = var_folder()
VAR.mkdir(parents=True, exist_ok=True)
STANDARDS = standards_folder()

DEBUG = os.environ.get("XINLU_DEBUG") == "1"
SECRET_KEY = _secret_key(VAR)
ALLOWED_HOSTS = _listed("XINLU_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = _listed("XINLU_ORIGINS")

# --- rooms ------------------------------------------------------------------

ROOMS = [
    "journal",
    "access",
    "gazette",
    "registry",
    "ledger",
    "intake",
    "assessment",
    "casework",
    "dossier",
    "exchange",
    "web",
]

INSTALLED_APPS = [
    # A room is there from the day on which it owns something.
    *(f"xinlu.{room}" for room in ROOMS if (PACKAGE / room / "__init__.py").is_file()),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "xinlu.access.keeping.keep_nothing",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "xinlu.exchange.watch.watch_calls",
]

ROOT_URLCONF = "xinlu.urls"
WSGI_APPLICATION = "xinlu.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- storage ----------------------------------------------------------------

DATABASES = {"default": _database(VAR)}

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "files"},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# Templates link built/fonts.css only then: it would outweigh the first page.
WEB_FONT = os.environ.get("XINLU_WEB_FONT") == "1"

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# What a run over the whole population may take of the machine.
PROCESSES = int(_number("XINLU_PROCESSES", _cores(), least=1))
MEMORY_GIB = _number("XINLU_MEMORY_GIB", 2.0, least=0.5)

# The columnar copy that the engine reads; rebuildable from the database.
COLUMNAR = VAR / "columnar"
CONNECTIONS = Path(os.environ.get("XINLU_CONNECTIONS") or VAR / "connections.yaml")
# How long a run that nobody published is kept.
TRIAL_DAYS = _days("XINLU_TRIAL_DAYS", 90)

# --- language and time ------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
# A day that pages take for today; None for the clock's.
TODAY = _day("XINLU_TODAY")
REPORT_FROM = _day("XINLU_REPORT_FROM")
USE_I18N = True
USE_TZ = True

# --- who comes in -----------------------------------------------------------

AUTH_USER_MODEL = "access.Person"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# GB/T 22239-2019 level 3 asks for length, expiry of idle sessions and a lock after failures.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "xinlu.access.passwords.ThreeOfFourKinds"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "web/locked.html"
# A name from an address: an office shares one address, and one colleague must not lock out all others.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

SESSION_COOKIE_AGE = 30 * 60
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "xinlu_session"
CSRF_COOKIE_NAME = "xinlu_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

# --- what a browser may do ----------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

HTTPS = os.environ.get("XINLU_HTTPS") == "1"
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- limits against flooding ----------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
