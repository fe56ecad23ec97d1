"""A task for each thing that an author may declare; named after its module, as most are."""

from celery import shared_task
from shop.models import Note


def note(key: str, text: object = "") -> None:
    Note.objects.create(key=key, text=str(text))


@shared_task(bind=True, max_retries=1)
def retries_once(self, key: str) -> None:
    note(key, f"run {self.request.retries}")
    try:
        self.retry(countdown=1)
    except self.MaxRetriesExceededError:
        note(key, "gives up")
        raise


# Celery looks for modules of the name `tasks` alone.
from declared import tasks_outcomes, tasks_retries  # noqa: E402, F401
