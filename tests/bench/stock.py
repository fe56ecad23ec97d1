"""The control: Celery as it comes, with the same safety: quorum queue, confirms, late acknowledgement."""

import os

from celery import Celery
from kombu import Exchange, Queue

from tests.bench.work import HABITS

QUEUE = "stock"

stock = Celery("stock", set_as_current=False)
stock.conf.update(
    broker_url=os.environ.get("BROKER_URL", ""),
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    task_queues=[
        Queue(
            QUEUE,
            Exchange(QUEUE, type="topic", durable=True),
            routing_key=QUEUE,
            queue_arguments={"x-queue-type": "quorum"},
        )
    ],
    task_default_queue=QUEUE,
    task_default_exchange=QUEUE,
    task_default_exchange_type="topic",
    task_default_routing_key=QUEUE,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
)
for habit in HABITS:
    stock.task(name=f"stock.{habit.__name__}", shared=False)(habit)
app = stock
