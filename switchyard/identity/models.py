"""Remembers which installation a database belongs to."""

from django.db import models
from django.db.models.functions import Now


class DatabaseIdentity(models.Model):
    """The newest row is the identity; the others say how it came to that. None is changed."""

    at = models.DateTimeField(db_default=Now())
    environment = models.CharField(max_length=200, help_text="SWITCHYARD_ENVIRONMENT; empty: not named")
    broker = models.CharField(max_length=600, help_text="host/vhost")
    written_by = models.CharField(max_length=200)

    class Meta:
        db_table = "switchyard_identity"

    def __str__(self) -> str:
        return f"{self.environment or 'an unnamed environment'} (broker {self.broker})"
