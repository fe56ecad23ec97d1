from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone


class Note(models.Model):
    """What a task has to say, in the order in which it was said."""

    key = models.CharField(max_length=100)
    text = models.TextField(default="")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


class Order(models.Model):
    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


@receiver(post_save, sender=Order)
def put_into_index(instance: Order, created: bool, **_: object) -> None:
    from shop.tasks import index

    if created:
        index.delay(instance.pk)
