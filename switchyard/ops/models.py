"""Declares the permissions of the pages of operations, so that they can be given to users and groups."""

from django.db import models


class Operations(models.Model):
    """Stands in the admin's index for the pages, and in its list of permissions for what is allowed there."""

    class Meta:
        managed = False
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
