from django.db import models


class Run(models.Model):
    """One execution of a gallery task. Appended, never unique: a second run must show."""

    key = models.CharField(max_length=100, db_index=True)
    task_id = models.CharField(max_length=100)
    queue = models.CharField(max_length=20)
    worker = models.CharField(max_length=100)
    attempt = models.IntegerField()
    #: Unix times in seconds; ``finished`` stays empty when the execution did not reach its end.
    started = models.FloatField()
    finished = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"{self.key} attempt {self.attempt}"
