"""Tasks that declare how they are written, when they end and where they go."""

from celery import shared_task

from declared.tasks import note


@shared_task(bind=True, compression="gzip")
def compressed(self, key: str, text: str) -> None:
    note(key, f"{self.request.compression}, {len(text):,} characters")


@shared_task
def says(key: str, text: str) -> None:
    note(key, text)
