"""The room ``ledger`` as Django sees it: it follows merges and splits of subjects."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Owns sources, deliveries, records and standings."""

    name = "xinlu.ledger"
    label = "ledger"
    verbose_name = "信用记录"

    def ready(self) -> None:
        from xinlu.ledger.repoint import attend

        attend()
