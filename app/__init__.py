"""Switchyard: a Django service whose background work runs on separate RabbitMQ queues."""

from app.celery import app as celery_app

__all__ = ["celery_app"]
