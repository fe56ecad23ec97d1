"""As Celery's documentation has it for Django; and one line more."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "habits.settings")

app = Celery("habits")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Some have more than one module of them.
app.autodiscover_tasks(related_name="tasks_settings")

if "HABITS_STOCK" not in os.environ:
    import switchyard

    switchyard.attach(app)
