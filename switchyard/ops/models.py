"""Declares the permissions of the pages of operations, and the table of what people did."""

from django.db import models
from django.db.models.functions import Now


class NoRows(models.Manager["Operations"]):
    """Has `dumpdata`, which reads every model, find none where there is no table."""

    def get_queryset(self) -> models.QuerySet["Operations"]:
        return super().get_queryset().none()


class Operations(models.Model):
    """Stands in the admin's index for the pages, and in its list of permissions for what is allowed there."""

    objects = NoRows()

    class Meta:
        managed = False
        base_manager_name = "objects"
        default_permissions = ()
        permissions = (
            ("view", "Can view the operations pages"),
            ("replay", "Can send again: dead letters, quarantined messages, entries of the schedule"),
            ("discard", "Can discard dead letters and quarantined messages"),
            ("payload", "Can see what a message holds"),
        )
        verbose_name = verbose_name_plural = "queues, dead letters, schedule, outbox"

    def __str__(self) -> str:
        return "Operations"


class AuditLine(models.Model):
    """What somebody did: who, from where, what, to what, and how it was before and after.

    Written and never changed: the database itself refuses an update and a deletion, of whoever it is.
    """

    at = models.DateTimeField(db_default=Now(), db_index=True)
    who = models.CharField(max_length=255, db_index=True)
    whence = models.CharField(max_length=100, help_text="address of the client, or the name of a command")
    what = models.CharField(max_length=50, db_index=True)
    about = models.CharField(max_length=500)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "switchyard_audit"

    def __str__(self) -> str:
        return f"{self.what} of {self.about} by {self.who}"
