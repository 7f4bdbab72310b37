"""The real settings, with what makes tests quick and keeps them off the real data."""

from __future__ import annotations

import os
import tempfile

# Each test process has a folder of its own, gone at its end.
_folder = tempfile.TemporaryDirectory(prefix="xinlu-test-")
os.environ["XINLU_VAR"] = _folder.name

from xinlu.settings import *  # noqa: E402, F403
from xinlu.settings import STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
# A rolled back test gives change numbers back: a figure kept from it would be another test’s.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
# Tests of the lock turn it on; elsewhere a test client signs in without a request.
AXES_ENABLED = False
