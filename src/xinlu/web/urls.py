"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from xinlu.web import design, entrance, rulebooks

app_name = "web"

urlpatterns = [
    path("", design.page, name="home"),
    path("rulebooks/", rulebooks.index, name="rulebooks"),
    path("rulebooks/<slug:book>/", rulebooks.newest, name="rulebook-newest"),
    path("rulebooks/<slug:book>/<str:version>/", rulebooks.show, name="rulebook"),
    path("overview/", design.page, name="overview"),
    path("deliveries/", design.page, name="deliveries"),
    path("deliveries/upload/", design.page, name="upload"),
    path("design/", design.page, name="design"),
    path("sign-in/", entrance.SignIn.as_view(), name="sign-in"),
    path("sign-out/", entrance.SignOut.as_view(), name="sign-out"),
]
