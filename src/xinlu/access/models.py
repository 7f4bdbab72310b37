"""Organs (机构) and the people who work in them or ask for themselves."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class Organ(models.Model):
    """An office of the authority, with the regions and sectors it answers for."""

    class Kind(models.TextChoices):
        """What the organ is in the tree; see :class:`xinlu.law.organs.OrganKind`."""

        MINISTRY = "ministry", "部"
        PROVINCE = "province", "省厅"
        DIVISION = "division", "厅机关处室"
        CENTRE = "centre", "厅属中心"
        CITY_BUREAU = "city_bureau", "设区市主管部门"
        CITY_PORT = "city_port", "设区市港航机构"
        COUNTY_BUREAU = "county_bureau", "县级主管部门"
        EXTERNAL = "external", "厅外单位"
        PARTNER = "partner", "协作省份"

    code = models.CharField("机构代码", max_length=40, unique=True)
    name = models.CharField("名称", max_length=120)
    short = models.CharField("简称", max_length=60, blank=True)
    kind = models.CharField("层级", max_length=20, choices=Kind.choices)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", verbose_name="上级"
    )  # fmt: skip
    region = models.CharField("所在地", max_length=12, blank=True, db_index=True)
    regions = models.JSONField("管辖区划", default=list, blank=True)
    """Every division code at or below what the organ covers."""
    everywhere = models.BooleanField("全省", default=False)
    """Covers the whole province, and subjects from elsewhere that have records in it."""
    sectors = models.JSONField("业务领域", default=list, blank=True)
    """Codes of business fields; ``all`` for every one."""

    class Meta:
        ordering = ["code"]
        verbose_name = verbose_name_plural = "机构"

    def __str__(self) -> str:
        return self.name

    @property
    def supervises(self) -> bool:
        """False for organs that only supply data or receive it: they see their own and what is public."""
        return self.kind not in (self.Kind.EXTERNAL, self.Kind.PARTNER)


class Person(AbstractUser):
    """Somebody who signs in: an officer of an organ, a subject for itself, or an administrator.

    The three administrators (三员) are separate roles; one person has exactly one role, so nobody holds two.
    """

    class Role(models.TextChoices):
        """What a person may do."""

        OFFICER = "officer", "经办"
        REVIEWER = "reviewer", "复核"
        CHIEF = "chief", "负责人"
        RULE_MAKER = "rule_maker", "规则管理员"
        STEWARD = "steward", "数据管理员"
        READER = "reader", "只读"
        SUBJECT = "subject", "信用主体"
        SYSTEM_ADMIN = "system_admin", "系统管理员"
        SECURITY_ADMIN = "security_admin", "安全管理员"
        AUDITOR = "auditor", "审计管理员"

    organ = models.ForeignKey(
        Organ, null=True, blank=True, on_delete=models.PROTECT, related_name="people", verbose_name="机构"
    )  # fmt: skip
    role = models.CharField("角色", max_length=20, choices=Role.choices, default=Role.READER)
    data_level = models.CharField(
        "数据级别", max_length=2, default="L2", choices=[(f"L{n}", f"L{n}") for n in range(1, 5)]
    )
    subject = models.BigIntegerField("信用主体编号", null=True, blank=True)
    """Registry number; a number and not a key, because the registry stands on a higher floor."""

    class Meta:
        verbose_name = verbose_name_plural = "人员"
        constraints = [
            models.CheckConstraint(
                name="access_person_subject_or_organ",
                condition=Q(role="subject", subject__isnull=False, organ__isnull=True)
                | (~Q(role="subject") & Q(subject__isnull=True)),
            ),
        ]

    @property
    def sees_business_data(self) -> bool:
        """False for the three administrators."""
        return self.role not in (
            self.Role.SYSTEM_ADMIN, self.Role.SECURITY_ADMIN, self.Role.AUDITOR,
        )  # fmt: skip

    @property
    def drafts_law(self) -> bool:
        """Rule makers of the province's own offices write law; in which fields, their organ says."""
        return self.is_active and self.role == self.Role.RULE_MAKER and self._makes_law

    @property
    def publishes_law(self) -> bool:
        """Another rule maker, or somebody who answers for the office, publishes it or sends it back."""
        return self.is_active and self.role in (self.Role.RULE_MAKER, self.Role.CHIEF) and self._makes_law

    @property
    def _makes_law(self) -> bool:
        offices = (Organ.Kind.PROVINCE, Organ.Kind.DIVISION, Organ.Kind.CENTRE)
        return self.organ is not None and self.organ.kind in offices

    @property
    def destroys_records(self) -> bool:
        """Data stewards and heads of offices for the whole province archive, propose and carry out destruction."""
        return (
            self.is_active
            and self.role in (self.Role.STEWARD, self.Role.CHIEF)
            and self.organ is not None
            and self.organ.everywhere
            and self.organ.supervises
        )

    @property
    def connects_systems(self) -> bool:
        """Data stewards look after the systems that hand rows over; whoever answers for an office approves, too."""
        return self.is_active and self.role in (self.Role.STEWARD, self.Role.CHIEF) and self.organ is not None

    @property
    def reads_audit(self) -> bool:
        """Only the auditor reads the journal."""
        return self.role == self.Role.AUDITOR
