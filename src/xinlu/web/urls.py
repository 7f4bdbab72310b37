"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from xinlu.web import (
    agreements,
    amending,
    amendment,
    clients,
    deliveries,
    design,
    entrance,
    home,
    impact,
    measures,
    overview,
    rulebooks,
    sensitivity,
    subject,
    tried,
    unlinked,
    upload,
    workbench,
)

app_name = "web"

urlpatterns = [
    path("", home.home, name="home"),
    path("subject/<int:number>/", subject.file, name="subject"),
    path("subject/<int:number>/standing/<int:standing>/", subject.standing, name="standing"),
    path("rulebooks/", rulebooks.index, name="rulebooks"),
    path("rulebooks/<slug:book>/", rulebooks.newest, name="rulebook-newest"),
    path("rulebooks/<slug:book>/<str:version>/", rulebooks.show, name="rulebook"),
    path("overview/", overview.overview, name="overview"),
    path("impact/", impact.impact, name="impact"),
    path("impact/statement.xlsx", impact.workbook, name="impact-file"),
    path("sensitivity/", sensitivity.turn, name="sensitivity"),
    path("measures/", measures.measures, name="measures"),
    path("deliveries/", deliveries.index, name="deliveries"),
    path("deliveries/upload/", upload.upload, name="upload"),
    path("deliveries/<int:number>/", deliveries.show, name="delivery"),
    path("deliveries/<int:number>/queried.xlsx", deliveries.queried, name="queried"),
    path("unlinked/", unlinked.index, name="unlinked"),
    path("unlinked/equal/", unlinked.equal, name="unlinked-equal"),
    path("unlinked/<int:number>/", unlinked.show, name="unlinked-row"),
    path("exchange/", clients.index, name="exchange"),
    path("exchange/clients/new/", clients.new, name="exchange-client-new"),
    path("exchange/clients/<slug:code>/", clients.show, name="exchange-client"),
    path("exchange/clients/<slug:code>/act/", clients.act, name="exchange-client-act"),
    path("exchange/agreements/new/", agreements.new, name="exchange-agreement-new"),
    path("exchange/agreements/<int:number>/", agreements.show, name="exchange-agreement"),
    path("exchange/agreements/<int:number>/act/", agreements.act, name="exchange-agreement-act"),
    path("workbench/", workbench.index, name="workbench"),
    path("workbench/new/", workbench.new, name="workbench-new"),
    path("workbench/<int:number>/", amendment.show, name="amendment"),
    path("workbench/<int:number>/save/", amending.save, name="amendment-save"),
    path("workbench/<int:number>/numbers/", amending.save_numbers, name="amendment-numbers"),
    path("workbench/<int:number>/include/", amending.include, name="amendment-include"),
    path("workbench/<int:number>/act/", amending.act, name="amendment-act"),
    path("workbench/<int:number>/try/", tried.attempt, name="amendment-try"),
    path("workbench/<int:number>/try/<str:day>/<int:unit>/", tried.tried_unit, name="tried-unit"),
    path("workbench/<int:number>/steps/<int:step>/", amending.step, name="amendment-step"),
    path("design/", design.page, name="design"),
    path("sign-in/", entrance.SignIn.as_view(), name="sign-in"),
    path("sign-out/", entrance.SignOut.as_view(), name="sign-out"),
]
