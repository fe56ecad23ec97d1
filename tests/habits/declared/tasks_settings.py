"""Tasks that declare how they are written, when they end and where they go."""

from celery import shared_task

from declared.tasks import note


@shared_task(bind=True, compression="gzip")
def compressed(self, key: str, text: str) -> None:
    note(key, f"{self.request.compression}, {len(text):,} characters")


@shared_task
def says(key: str, text: str) -> None:
    note(key, text)


@shared_task(bind=True, queue="celery", max_retries=1)
def named_queue(self, key: str) -> None:
    queue = self.request.delivery_info["routing_key"].rpartition(".")[2]
    note(key, f"run {self.request.retries} in {queue}")
    if not self.request.retries:
        self.retry(countdown=1)


@shared_task(rate_limit="6/m")
def limited(key: str, text: str) -> None:
    note(key, text)


@shared_task(bind=True, priority=5, max_retries=1)
def urgent(self, key: str) -> None:
    note(key, f"run {self.request.retries} at {self.request.delivery_info['priority']}")
    if not self.request.retries:
        self.retry(countdown=1)
