"""L, X and E of the fault matrix. Nothing here is unique but the promise: what happens twice must show."""

from django.db import models


class Promise(models.Model):
    """L: a request that was accepted, written in the transaction that also asks for its task."""

    key = models.CharField(max_length=100, unique=True)
    at = models.FloatField(help_text="Unix time in seconds")

    def __str__(self) -> str:
        return self.key


class Execution(models.Model):
    """X: one run of a task, from its first line; ``finished`` stays empty if it did not reach its last."""

    key = models.CharField(max_length=100, db_index=True)
    task_id = models.CharField(max_length=100)
    pid = models.IntegerField()
    attempt = models.IntegerField()
    started = models.FloatField()
    finished = models.FloatField(null=True)
    redelivered = models.BooleanField(
        default=False, help_text="whether the broker gave the message out before"
    )

    def __str__(self) -> str:
        return f"{self.key} in {self.pid}"


class Effect(models.Model):
    """E: what a task is for. Only ``once`` keeps it from being there twice."""

    key = models.CharField(max_length=100, db_index=True)
    at = models.FloatField()

    def __str__(self) -> str:
        return self.key
