"""Remembers which installation a database belongs to."""

from django.db import models
from django.db.models.functions import Now


class DatabaseIdentity(models.Model):
    """The newest row is the identity; the others say how it came to that. None is changed."""

    at = models.DateTimeField(db_default=Now())
    environment = models.CharField(max_length=200, help_text="SWITCHYARD_ENVIRONMENT; empty: not named")
    broker = models.CharField(max_length=600, help_text="host/vhost; empty: written by who does not know it")
    written_by = models.CharField(max_length=200)

    class Meta:
        db_table = "switchyard_identity"

    def __str__(self) -> str:
        return described(self.environment, self.broker)


def described(environment: str, broker: str = "") -> str:
    """For a person."""
    return f"{environment or 'an unnamed environment'}{f' (broker {broker})' if broker else ''}"
