from celery import shared_task
from django.db import transaction

from orders.models import Loaf
from switchyard import once


@shared_task(name="orders.bake", bind=True)
def bake(self, name: str) -> None:
    """Idempotent by ``once``."""
    with transaction.atomic():
        if once(name):
            Loaf.objects.create(name=name, shop=self.request.shop)


@shared_task(name="orders.order_flour")
def order_flour() -> None:
    """Idempotent: does nothing."""
