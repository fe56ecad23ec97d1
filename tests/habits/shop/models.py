from django.db import models
from django.utils import timezone


class Note(models.Model):
    """What a task has to say, in the order in which it was said."""

    key = models.CharField(max_length=100)
    text = models.TextField(default="")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"
