"""Remembers which effects have happened, so that they do not happen again."""

from django.db import models
from django.utils import timezone


class Once(models.Model):
    """The mark of one effect, committed with it. Written by ``switchyard.tasks.once``."""

    task = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["task", "key"], name="switchyard_once_for_each_key"),)

    def __str__(self) -> str:
        return f"{self.task}: {self.key}"
