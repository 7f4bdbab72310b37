"""The room ``exchange`` as Django sees it."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Wires to other systems: who may use them, for what, and what became of each call."""

    name = "xinlu.exchange"
    label = "exchange"
    verbose_name = "对接"
