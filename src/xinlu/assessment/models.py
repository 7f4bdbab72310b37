"""Runs: which law, on which day, with what was known, and the digests of what came out."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Run(models.Model):
    """One evaluation of one book over its whole population.

    Findings and entries are immutable Parquet files in the folder of the run; their digests stand here, with the
    digests of every law file that was read. A run is a trial until it is published; only published runs leave
    standings, and only standings reach the public.
    """

    code = models.CharField("批次编号", max_length=120, unique=True)
    book = models.CharField("评价办法", max_length=80, db_index=True)
    version = models.CharField("版本", max_length=120)
    """Versions used, several when ``governed_by`` picked per unit."""
    as_of = models.DateField("评价日")
    known_at = models.DateTimeField("所知截至")
    change = models.BigIntegerField("数据变更号")
    """Change number up to which the columnar copy was complete."""
    law = models.JSONField("所用法规摘要")
    """Law file → digest: every book that was read, and the catalogue."""
    units = models.PositiveIntegerField("评价单元数")
    lines = models.PositiveBigIntegerField("积分明细数")
    findings_digest = models.CharField("结果摘要", max_length=64)
    entries_digest = models.CharField("明细摘要", max_length=64)
    made_by = models.CharField("试算人", max_length=120)
    made_at = models.DateTimeField("试算时间")
    published_by = models.CharField("发布人", max_length=120, blank=True)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)
    effective_from = models.DateField("结果生效日", null=True, blank=True)

    class Meta:
        ordering = ["-as_of", "book", "-made_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, effective_from__isnull=True, published_by="")
                | (Q(published_at__isnull=False, effective_from__isnull=False) & ~Q(published_by="")),
                name="run_published_whole",
                violation_error_message="发布要同时写明发布人、时间和生效日",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(published_at__gte=F("made_at")),
                name="run_published_after_made",
                violation_error_message="发布不能早于试算",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_published(self) -> bool:
        """Whether its findings have become standings."""
        return self.published_at is not None
