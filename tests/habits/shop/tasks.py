"""Tasks as a project has them that was made for Celery alone."""

from celery import Task, shared_task

from shop.models import Note, Order


class Audited(Task):
    """The project's own base: each end of a task is written down."""

    abstract = True

    def on_success(self, retval: object, task_id: str, args: list, kwargs: dict) -> None:
        Note.objects.create(key="audit", text=f"{self.name} succeeded")

    def on_failure(self, exc: Exception, task_id: str, args: list, kwargs: dict, einfo: object) -> None:
        Note.objects.create(key="audit", text=f"{self.name} failed: {exc}")


@shared_task(base=Audited)
def index(order_id: int) -> None:
    Note.objects.create(key=Order.objects.get(pk=order_id).name, text="indexed")


@shared_task(base=Audited)
def receipt(order_id: int) -> None:
    Note.objects.create(key=Order.objects.get(pk=order_id).name, text="receipt")


@shared_task(base=Audited, bind=True, autoretry_for=(OSError,), default_retry_delay=1, max_retries=2)
def deliver(self, name: str) -> None:
    """The carrier answers at the third attempt."""
    Note.objects.create(key=name, text=f"attempt {self.request.retries}")
    if self.request.retries < 2:
        raise OSError("the carrier is away")


@shared_task(base=Audited)
def refuse(name: str) -> None:
    raise LookupError(f"no such customer: {name}")


@shared_task
def double(number: int) -> int:
    return 2 * number


@shared_task
def total(numbers: list[int]) -> None:
    Note.objects.create(key="total", text=str(sum(numbers)))
