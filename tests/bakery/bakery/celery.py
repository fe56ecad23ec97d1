"""The project's own app, with settings under names of its own and a task base of its own."""

import os

from celery import Celery, Task

import switchyard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bakery.settings")


class TenantTask(Task):
    """Says which shop a task was called for."""

    abstract = True
    shop = "corner"

    def apply_async(self, *args, **options):
        options["headers"] = {"shop": self.shop, **(options.get("headers") or {})}
        return super().apply_async(*args, **options)


oven = Celery("bakery", task_cls=TenantTask)
oven.config_from_object("django.conf:settings", namespace="OVEN")
oven.autodiscover_tasks()
switchyard.attach(oven)


@oven.task(name="bakery.preheat", bind=True)
def preheat(self, degrees: int) -> None:
    """Idempotent: writes the same again. A task on the project's own app, not a shared one."""
    from orders.models import Loaf

    Loaf.objects.update_or_create(name=f"oven at {degrees}", defaults={"shop": self.request.shop})
