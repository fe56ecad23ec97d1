"""Declares the permissions of the pages of operations, so that they can be given to users and groups."""

from django.db import models


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
