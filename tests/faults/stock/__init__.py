"""The control: the same books, kept by Celery as it comes.

No publisher confirms, early acknowledgement, Celery's own ``delay_on_commit``, a plain beat. What it loses or
repeats under a fault is what makes our zero mean something.
"""

import os

from celery import Celery
from celery.contrib.django.task import DjangoTask

stock = Celery("stock", task_cls=DjangoTask, set_as_current=False)
stock.conf.update(
    broker_url=os.environ.get("BROKER_URL", ""),
    task_default_queue="stock",
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    # Not the fault that is tried: without it 4.3 refuses the worker's transient queues.
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    beat_schedule={"tick": {"task": "stock.tick", "schedule": 1.0, "args": ("tick",)}},
    imports=("tests.faults.stock.tasks",),
)
app = stock
