"""All addresses: the pages of ``web``, the interface of ``exchange``, and the stock admin for system administrators."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("system/", admin.site.urls)]

if find_spec("xinlu.exchange") and find_spec("xinlu.exchange.urls"):
    urlpatterns.append(path("api/", include("xinlu.exchange.urls")))
if find_spec("xinlu.web") and find_spec("xinlu.web.urls"):
    urlpatterns.append(path("", include("xinlu.web.urls")))
