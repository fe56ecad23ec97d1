"""The control as who wants no loss sets it up: late acknowledgement, and a quorum queue with a limit."""

import os

from celery import Celery
from celery.contrib.django.task import DjangoTask
from kombu import Queue

#: How often the broker gives a message out again.
LIMIT = 5
#: The module of its app.
LATE = "tests.faults.stock.late"

late = Celery("late", task_cls=DjangoTask, set_as_current=False)
late.conf.update(
    broker_url=os.environ.get("BROKER_URL", ""),
    task_queues=[Queue("late", queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": LIMIT})],
    task_default_queue="late",
    task_acks_late=True,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    imports=("tests.faults.stock.tasks",),
)
app = late
