"""The room ``casework`` as Django sees it: at the start it checks that what procedures call is there."""

from django.apps import AppConfig
from django.core import checks


class CaseworkConfig(AppConfig):
    """Owns cases, who sits in them, and their actions."""

    name = "xinlu.casework"
    label = "casework"
    verbose_name = "办件"

    def ready(self) -> None:
        from xinlu.casework.start import check_procedures

        checks.register(check_procedures)
