"""Addresses of the open interface."""

from __future__ import annotations

from django.urls import path

from xinlu.exchange.api import api

urlpatterns = [path("v1/", api.urls)]
