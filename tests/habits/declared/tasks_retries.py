"""Tasks that say of their retries what an author may; each notes how long the next one waits."""

from typing import Any

from celery import shared_task
from celery.signals import task_retry

from declared.tasks import note


@task_retry.connect
def _note_wait(sender: Any, request: Any, reason: Any, **_: Any) -> None:
    if getattr(sender, "notes_wait", False):
        note(request.args[0], f"waits {reason.when}")


@shared_task(bind=True, notes_wait=True, default_retry_delay=300)
def after_its_delay(self, key: str) -> None:
    self.retry()


@shared_task(notes_wait=True, autoretry_for=(KeyError,), default_retry_delay=300)
def by_itself_after_its_delay(key: str) -> None:
    raise KeyError(key)


@shared_task(notes_wait=True, autoretry_for=(KeyError,), retry_kwargs={"countdown": 60, "max_retries": 7})
def after_a_countdown(key: str) -> None:
    raise KeyError(key)


@shared_task(notes_wait=True, autoretry_for=(KeyError,), retry_backoff=False)
def without_back_off(key: str) -> None:
    raise KeyError(key)


@shared_task(notes_wait=True, autoretry_for=(KeyError,), retry_backoff=True, retry_jitter=False)
def with_back_off(key: str) -> None:
    raise KeyError(key)


@shared_task(notes_wait=True, autoretry_for=(KeyError,), retry_jitter=False)
def says_nothing(key: str) -> None:
    raise KeyError(key)


@shared_task(bind=True, max_retries=None)
def retries_for_ever(self, key: str) -> None:
    if self.request.retries < 8:
        self.retry(countdown=0)
    note(key, f"run {self.request.retries}")


@shared_task(bind=True, max_retries=0)
def never_retries(self, key: str) -> None:
    try:
        self.retry(countdown=0)
    except self.MaxRetriesExceededError:
        note(key, "gives up")
        raise


@shared_task(bind=True)
def says_it_at_the_call(self, key: str) -> None:
    try:
        self.retry(countdown=0, max_retries=1)
    except self.MaxRetriesExceededError:
        note(key, f"gives up in run {self.request.retries}")
        raise
