"""The WSGI application; ``granian --interface wsgi xinlu.wsgi:application`` serves it."""

from __future__ import annotations

import os
from contextlib import suppress

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xinlu.settings")

application = get_wsgi_application()

from django.db import DatabaseError  # noqa: E402 - after the application is set up

from xinlu.gazette import current  # noqa: E402 - after the application is set up

# Reading all law files takes seconds: before the first visitor, not while he waits. What was published is laid out
# from the database first; a database that is not there yet has published nothing.
with suppress(DatabaseError):
    current.restore()
current.library()
