"""The service's Celery app, with the engine put onto it."""

import os

from celery import Celery

import switchyard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")

app = Celery("switchyard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
switchyard.attach(app)
