"""Remembers runs that may have taken their process along."""

from django.db import models
from django.db.models.functions import Now


class RunAtRisk(models.Model):
    """A run that was lost, or that may be: of a message that was delivered before. See ``losses``.

    Gone when the run ends in any other way, so there is as a rule no row at all.
    """

    task_id = models.CharField(max_length=255)
    retries = models.IntegerField()
    process = models.CharField(max_length=32, help_text="of the worker, a new one at each start")
    began_at = models.DateTimeField(db_default=Now())
    lost = models.BooleanField(default=False, help_text="its worker saw it end so")
    given_up = models.BooleanField(default=False, help_text="the message was dead-lettered for it")

    class Meta:
        db_table = "switchyard_run_at_risk"
        indexes = (
            models.Index(fields=["task_id", "retries"], name="switchyard_run_at_risk_of"),
            # No look reads what is gone: of other workers, of ended runs, of those that are not too old.
            models.Index(fields=["process"], name="switchyard_run_at_risk_in"),
            models.Index(fields=["began_at"], name="switchyard_run_at_risk_since"),
            models.Index(fields=["id"], condition=models.Q(given_up=True), name="switchyard_given_up"),
        )

    def __str__(self) -> str:
        return f"{self.task_id} ({self.retries})"
