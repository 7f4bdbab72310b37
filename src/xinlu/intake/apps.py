"""The room ``intake`` as Django sees it: it offers what procedures may ask of it."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Owns what firms file themselves, and offers its approval and unlocking to procedures."""

    name = "xinlu.intake"
    label = "intake"
    verbose_name = "归集"

    def ready(self) -> None:
        from xinlu.intake.filing.take import take_filing
        from xinlu.intake.filing.unlock import unlock_filing
        from xinlu.journal.effects import offer

        offer("intake.take_filing", take_filing)
        offer("intake.unlock_filing", unlock_filing)
