"""The room ``web`` as Django sees it."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages, their parts and what they look like; owns no tables."""

    name = "xinlu.web"
    label = "web"
    verbose_name = "页面"
